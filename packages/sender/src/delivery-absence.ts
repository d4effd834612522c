import { type DeliveryResult, normalizeApplicationId } from "@sip-push/push";
import type { DeliveryVia } from "./options.ts";
import type { RegistrationResult } from "./registrations/index.ts";
import type { Result } from "./result.ts";
import type { SenderServices } from "./sender-services.ts";
import type { SubscriptionEnd } from "./subscriptions/index.ts";

/**
 * How a wait for a handset ended: it is there, it did not come or cannot be waited for (`reason` is for people), or somebody
 * ended the wait.
 */
export type AbsenceEnd =
  | { readonly event: "due" | "abort" | "close" }
  | { readonly event: "overdue"; readonly reason: string };

/** What to wait for. */
export interface AbsenceRequest {
  /** Request-URI of the push. */
  readonly recipient: string;
  readonly applicationId: string | null;
  readonly waitMs: number;
  /** Clock at the last attempt. */
  readonly sinceMs: number;
  /** Number of the last subscription at that time. */
  readonly afterSubscription: number;
  readonly signal: AbortSignal | undefined;
}

type Ending = SubscriptionEnd | Exclude<RegistrationResult, { kind: "registered" }>["reason"] | "registered";

const endings: Readonly<Record<Ending, AbsenceEnd>> = {
  registered: { event: "due" },
  subscribed: { event: "due" },
  deadline: { event: "overdue", reason: "the handset did not come in time" },
  overloaded: { event: "overdue", reason: "too many pushes wait for handsets" },
  unwatchable: { event: "overdue", reason: "the registrar does not tell when the handset registers" },
  aborted: { event: "abort" },
  closed: { event: "close" },
};

/** Results that a registration changes: nobody there, no answer, flow gone. */
const ABSENT: ReadonlySet<DeliveryResult> = new Set([404, 408, 410, 430, 477, 480, "SIP_TIMEOUT"]);

/** Waits for a handset that is not there: until it registers or, where pushes go by NOTIFY alone, subscribes. */
export class Absence {
  readonly #services: Pick<SenderServices, "subscriptions" | "registrations">;
  readonly #via: DeliveryVia;
  #marker: string | undefined;

  constructor(services: Pick<SenderServices, "subscriptions" | "registrations">, via: DeliveryVia) {
    this.#services = services;
    this.#via = via;
  }

  /** Whether the result says so. */
  explains({ response, row }: Result): boolean {
    if (row.action === "removeSubscription") return this.#via === "notify";
    return response === undefined ? row.on.some((each) => ABSENT.has(each)) : ABSENT.has(response.statusCode);
  }

  async end(request: AbsenceRequest): Promise<AbsenceEnd> {
    return endings[await (this.#via === "notify" ? this.#subscribed(request) : this.#registered(request))];
  }

  #subscribed({
    recipient,
    applicationId,
    waitMs,
    afterSubscription,
    signal,
  }: AbsenceRequest): Promise<SubscriptionEnd> {
    const { subscriptions } = this.#services;
    return subscriptions.whenSubscribed(recipient, applicationId, {
      waitMs,
      // One that was there did not help.
      after: afterSubscription,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #registered({ recipient, applicationId, waitMs, sinceMs, signal }: AbsenceRequest): Promise<Ending> {
    const result = await this.#services.registrations.whenRegistered(recipient, {
      waitMs,
      sinceMs,
      ...(signal === undefined ? {} : { signal }),
      ...(applicationId === null ? {} : { applicationId: normalizeApplicationId(applicationId) }),
      ...(this.#marker === undefined ? {} : { after: this.#marker }),
    });
    if (result.kind === "none") return result.reason;
    // What woke this push once does not wake it again.
    this.#marker = result.marker;
    return "registered";
  }
}
