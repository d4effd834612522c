import { toContactParams } from "@sip-push/push";
import {
  acceptedCodings,
  type ListenAddress,
  Registration,
  type RegistrationEventReport,
  RequestSender,
  type ServerTransaction,
  SipEndpoint,
  type SipUri,
  serializeParams,
  type TransportName,
  UasCore,
} from "@sip-push/sip";
import { reply } from "./answer.ts";
import { Applications } from "./applications.ts";
import type { ReceiverEvent } from "./events.ts";
import { closingAnswer } from "./handlers.ts";
import { TrustedHops } from "./identity.ts";
import { PushIntake } from "./intake.ts";
import { defaultLimits, type PushReceiverOptions, type ReadOptions, readOptions, reportOptionsOf } from "./options.ts";
import { OwnRequests } from "./own-requests.ts";
import { Reporter, type ReportStats } from "./reports/index.ts";
import { TrustList } from "./trust-policy.ts";

/** Option tags for Supported: what this user agent understands. RFC 5626, RFC 3327, RFC 3840. */
const OPTION_TAGS = ["outbound", "path", "pref"] as const;

/** For the last reports, while the binding is removed. */
const CLOSE_MS = 900;

/**
 * Push Receiver agent (OMA SIP Push, reference point P-1): registers a handset's applications, takes pushes, and hands each over
 * once, whatever the network does with its requests.
 */
export class PushReceiver {
  readonly #endpoint: SipEndpoint;
  readonly #ownsEndpoint: boolean;
  readonly #registration: Registration | undefined;
  readonly #intake: PushIntake;
  readonly #reporter: Reporter;
  readonly #uas: UasCore;
  readonly #aor: SipUri;
  readonly #contactParams: ReadonlyMap<string, string | null>;
  readonly #onEvent: (event: ReceiverEvent) => void;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(
    options: PushReceiverOptions,
    read: ReadOptions,
    applications: Applications,
    endpoint: SipEndpoint,
  ) {
    const { trustedPpgs, clockToleranceSeconds = 30, expired = "refuse", eventPackages = [] } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const logger = options.logger ?? endpoint.logger;
    this.#endpoint = endpoint;
    this.#ownsEndpoint = options.endpoint === undefined;
    this.#aor = read.aor;
    this.#contactParams = toContactParams(applications.names);
    this.#onEvent = (event) => {
      try {
        options.onEvent?.(event);
      } catch (error) {
        logger.error({ err: error, event: event.event }, "receiver observer threw");
      }
    };
    const sender = new RequestSender({ ...options.stack, endpoint });
    this.#registration = options.register === false ? undefined : this.#newRegistration(options, read, sender);
    const { aor, role = "plain", stack } = options;
    const own = new OwnRequests({
      sender,
      aor,
      role,
      registration: this.#registration,
      proxy: read.proxy,
      credentials: read.credentials,
    });
    this.#reporter = new Reporter({
      ...reportOptionsOf(options),
      send: (init, signal) => own.send(init, signal),
      aor,
      clock: endpoint.clock,
      logger,
      repeatWindowMs: limits.repeatWindowMs,
      maxRemembered: limits.maxRemembered,
      ...(stack?.random === undefined ? {} : { random: stack.random }),
    });
    this.#intake = new PushIntake({
      rules: {
        applications,
        trust: trustedPpgs === undefined ? undefined : new TrustList(trustedPpgs),
        maxBodyBytes: limits.maxBodyBytes,
        expired,
        clockToleranceSeconds,
      },
      hops: new TrustedHops(options.trustedHops, read.proxy, this.#registration),
      digest: options.digest,
      handlers: options.handlers ?? {},
      limits,
      onPush: options.onPush,
      onRefused: this.#onEvent,
      reporter: this.#reporter,
      clock: endpoint.clock,
      logger,
      closing: this.#closing.signal,
    });
    this.#uas = new UasCore({
      methods: { MESSAGE: (transaction) => this.#intake.take(transaction) },
      accept: applications.accept,
      acceptEncodings: acceptedCodings,
      optionTags: OPTION_TAGS,
      optionsHeaders: () => [
        ["Contact", `<${this.contact}>${serializeParams(this.#contactParams)}`],
        ...(eventPackages.length === 0 ? [] : [["Allow-Events", eventPackages.join(", ")] as const]),
      ],
    });
  }

  /**
   * Listens, and starts to register; `registered` tells when that is done.
   *
   * @throws {PushInputError} naming the option. {@link SipTransportError} SIP_LISTEN_FAILED.
   */
  static async open(options: PushReceiverOptions): Promise<PushReceiver> {
    const read = readOptions(options);
    const applications = new Applications(options.applications ?? ["push.syncml"]);
    let receiver: PushReceiver | undefined;
    const endpoint =
      options.endpoint ??
      (await SipEndpoint.open({
        ...options.stack,
        ...(options.clock === undefined ? {} : { clock: options.clock }),
        ...(options.logger === undefined ? {} : { logger: options.logger }),
        listen: options.listen ?? [],
        onRequest: (transaction) =>
          receiver === undefined ? reply(transaction, closingAnswer) : receiver.handle(transaction),
      }));
    try {
      receiver = new PushReceiver(options, read, applications, endpoint);
    } catch (error) {
      if (options.endpoint === undefined) await endpoint.close();
      throw error;
    }
    receiver.#onEvent({ event: "listening", uri: receiver.contact });
    receiver.#registration?.start();
    return receiver;
  }

  /** What it is bound to, with real ports. */
  get listening(): readonly ListenAddress[] {
    return this.#endpoint.listening;
  }

  /** Contact URI: where requests reach this receiver directly. */
  get contact(): string {
    return this.#registration?.contact ?? directContact(this.#aor, this.#endpoint);
  }

  /** Pushes handed over, repeats, refusals; and handlers at work. */
  get stats(): {
    readonly pushes: number;
    readonly repeats: number;
    readonly refused: number;
    readonly inFlight: number;
  } {
    return { ...this.#intake.stats, inFlight: this.#intake.inFlight };
  }

  /** Delivery reports: sent, failed and dropped. */
  get reportStats(): ReportStats {
    return this.#reporter.stats;
  }

  /** Takes a request; the caller of an `endpoint` of its own passes them here. */
  handle(transaction: ServerTransaction): void {
    if (this.#closed !== undefined) reply(transaction, closingAnswer);
    else this.#uas.handle(transaction);
  }

  /** Refuses what still comes, removes the binding (within a second), ends handlers and closes. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#registration?.stop(), this.#reporter.close(CLOSE_MS)]);
    this.#closing.abort();
    // One turn, for the answers of handlers that were just ended.
    await Promise.resolve();
    if (this.#ownsEndpoint) await this.#endpoint.close();
  }

  #newRegistration(
    { aor, expiresSeconds, instanceId, stack }: PushReceiverOptions,
    { proxy, credentials }: ReadOptions,
    sender: RequestSender,
  ): Registration {
    return new Registration({
      endpoint: this.#endpoint,
      sender,
      aor,
      contactParams: this.#contactParams,
      onEvent: (report) => this.#onEvent(toReceiverEvent(report)),
      ...(proxy === undefined ? {} : { nextHop: proxy }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(expiresSeconds === undefined ? {} : { expiresSeconds }),
      ...(instanceId === undefined ? {} : { instanceId }),
      ...(stack?.random === undefined ? {} : { random: stack.random }),
    });
  }
}

function toReceiverEvent(report: RegistrationEventReport): ReceiverEvent {
  const { aor } = report;
  switch (report.kind) {
    case "registered":
      return { event: "registered", aor, contact: report.contact, expiresSeconds: report.expiresSeconds };
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

/** The Contact of a receiver that does not register: the user of the AoR at its own address. */
function directContact({ scheme, user }: SipUri, endpoint: SipEndpoint): string {
  const transport: TransportName = endpoint.transportNames[0] ?? "UDP";
  const param = transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
  return `${scheme}:${user === undefined ? "" : `${user}@`}${endpoint.sentBy(transport)}${param}`;
}
