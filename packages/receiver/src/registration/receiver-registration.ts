import { type PnParams, withPnParams } from "@sip-push/push";
import {
  OutboundRegistration,
  Registration,
  type RegistrationEventReport,
  type RequestSender,
  type SipEndpoint,
  type SipUri,
} from "@sip-push/sip";
import type { ReceiverEvent } from "../events.ts";
import type { PushReceiverOptions, ReadOptions } from "../options.ts";

export interface ReceiverRegistrationOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly options: PushReceiverOptions;
  readonly read: ReadOptions;
  /** Feature parameters of the Contact. */
  readonly contactParams: ReadonlyMap<string, string | null>;
  readonly onEvent: (report: RegistrationEventReport) => void;
}

/**
 * The registration of a receiver: one binding, or with `proxies` one for each flow (RFC 5626), with its applications as feature
 * tag, which can change.
 */
export class ReceiverRegistration {
  readonly user: Registration | OutboundRegistration;
  readonly #contactParams: Map<string, string | null>;
  /** Flows whose REGISTER under way has a feature tag of before. */
  readonly #behind = new Set<number>();
  #ended = false;

  constructor({ endpoint, sender, options, read, contactParams, onEvent }: ReceiverRegistrationOptions) {
    this.#contactParams = new Map(contactParams);
    const { aor, expiresSeconds, instanceId, accessNetworkInfo, trustedAccess, pushNotificationService, stack } =
      options;
    const { proxy, proxies, credentials } = read;
    const common = {
      endpoint,
      sender,
      aor,
      contactParams: this.#contactParams,
      ...(credentials === undefined ? {} : { credentials }),
      ...(expiresSeconds === undefined ? {} : { expiresSeconds }),
      ...(accessNetworkInfo === undefined ? {} : { accessNetworkInfo }),
      ...(trustedAccess === undefined ? {} : { trustedAccess }),
      ...(pushNotificationService === undefined ? {} : { contactUriParams: pnUriParams(pushNotificationService) }),
      ...(stack?.random === undefined ? {} : { random: stack.random }),
    };
    if (proxies === undefined || instanceId === undefined) {
      this.user = new Registration({
        ...common,
        onEvent: (report) => {
          onEvent(report);
          this.#onFlowEvent(report, 1);
        },
        ...(proxy === undefined ? {} : { nextHop: proxy }),
        ...(instanceId === undefined ? {} : { instanceId }),
      });
    } else {
      const { resolver } = stack ?? {};
      this.user = new OutboundRegistration({
        ...common,
        instanceId,
        proxies,
        onEvent,
        onFlowEvent: (report, regId) => this.#onFlowEvent(report, regId),
        ...(resolver === undefined ? {} : { resolver }),
      });
    }
  }

  /** Registers anew with these parameters in the Contact, as soon as may be. RFC 3261 §10.2.4: one REGISTER at a time. */
  changeContactParams(params: ReadonlyMap<string, string | null>): void {
    this.#contactParams.clear();
    for (const [name, value] of params) this.#contactParams.set(name, value);
    for (const [index, flow] of this.#flows.entries()) {
      if (flow.state === "registering") this.#behind.add(index + 1);
      else flow.renew();
    }
  }

  /** Removes the binding, within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void> {
    this.#ended = true;
    return this.user.stop(timeoutMs);
  }

  get #flows(): readonly Registration[] {
    return this.user instanceof Registration ? [this.user] : this.user.flows;
  }

  #onFlowEvent({ kind }: RegistrationEventReport, regId: number): void {
    if (kind === "failed") {
      // The next attempt has what is known then.
      this.#behind.delete(regId);
      return;
    }
    if (kind !== "registered" || !this.#behind.delete(regId)) return;
    // Not while the registration is in the middle of its step.
    queueMicrotask(() => {
      if (!this.#ended) this.#flows[regId - 1]?.renew();
    });
  }
}

/** Parameters of a Contact URI, as on the wire. RFC 8599 §4.1. @throws {PushInputError} for a value that is empty or too long. */
export function pnUriParams(service: PnParams): ReadonlyMap<string, string | null> {
  const bare: SipUri = { scheme: "sip", host: "invalid", params: new Map(), headers: [] };
  return withPnParams(bare, service).params;
}

/** What of a report the application hears. */
export function registrationEvent(
  report: RegistrationEventReport,
  { pushNotificationService }: Pick<PushReceiverOptions, "pushNotificationService">,
): ReceiverEvent {
  const { aor } = report;
  switch (report.kind) {
    case "registered": {
      const { contact, expiresSeconds } = report;
      const event = { event: "registered", aor, contact, expiresSeconds } as const;
      return pushNotificationService === undefined ? event : { ...event, pushNotificationService };
    }
    case "failed": {
      const { sipStatus, reason, retryInMs } = report;
      return { event: "registration-failed", aor, sipStatus, reason, retryInMs };
    }
    case "ended":
      return { event: "unregistered", aor };
    default:
      return report satisfies never;
  }
}
