import { normalizeApplicationId, OMA_PUSH_PACKAGE, readOmaPushEvent, serializeOmaPushEvent } from "@sip-push/push";
import {
  type DigestClient,
  decodeText,
  type Flow,
  type Logger,
  type NotificationInit,
  Notifier,
  type NotifierReport,
  type NotifyOutcome,
  type RequestSender,
  type ServerTransaction,
  type SipEndpoint,
  type SubscribeDecision,
  type SubscribeRequest,
  type Subscription,
  type SubscriptionStore,
  type TrustDomain,
} from "@sip-push/sip";
import { aorKey } from "../aor.ts";
import { requestIdentity } from "../request-identity.ts";
import { dataOf, keysOf, SubscriberIndex } from "./subscriber-index.ts";

/** Who may subscribe to what. */
export interface SubscriptionPolicy {
  /** Only who is asserted by a peer of the trust domain may subscribe; others get 403. Default true (draft §11.1). */
  readonly requireAsserted?: boolean;
  /** Applications that are pushed, in any spelling; others are not confirmed. Default: any. */
  readonly applications?: readonly string[];
  /** The operator's own word on a subscriber; false is 403. */
  readonly admits?: (identity: string, applications: readonly string[]) => boolean | Promise<boolean>;
  /** Less is 423. Default 60. */
  readonly minExpiresSeconds?: number;
  /** More is shortened; also granted when nothing is asked for. Default 86400 (draft §10). */
  readonly maxExpiresSeconds?: number;
  /** Default 100000. */
  readonly maxSubscriptions?: number;
}

export interface PushSubscriptionsOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly contact: (flow: Flow | undefined) => string;
  readonly trust: TrustDomain;
  readonly policy: SubscriptionPolicy;
  /** All event packages of the sender, for Allow-Events. */
  readonly allowEvents: readonly string[];
  readonly store: SubscriptionStore | undefined;
  readonly credentials: DigestClient | undefined;
  readonly logger: Logger;
  readonly random: () => number;
  readonly onReport?: ((report: NotifierReport) => void) | undefined;
}

/** How a wait for a subscription ended. */
export type SubscriptionEnd = "subscribed" | "deadline" | "aborted" | "closed";

interface Wait {
  readonly applicationId: string;
  readonly end: (end: SubscriptionEnd) => void;
}

/** A sender that restarts is there again after so long; twice that is the most that is asked for. */
const COME_BACK_SECONDS = 30;

/** What a SUBSCRIBE cannot be granted for lack of. */
const NO_APPLICATION = "Not Acceptable Here (none of these applications)";

/**
 * The notifier of `oma-push` (draft-mdolly-dispatch-oma-push §11): takes subscriptions of handsets to their applications, and
 * hands pushes over in NOTIFY. A subscription is confirmed by one NOTIFY per application, each with exactly one event-app-id.
 */
export class PushSubscriptions {
  readonly #options: PushSubscriptionsOptions;
  readonly #applications: ReadonlySet<string> | undefined;
  readonly #index = new SubscriberIndex();
  readonly #waits = new Map<string, Set<Wait>>();
  #notifier: Notifier | undefined;
  #closed = false;

  private constructor(options: PushSubscriptionsOptions) {
    this.#options = options;
    const { applications } = options.policy;
    this.#applications = applications && new Set(applications.map((id) => normalizeApplicationId(id, "applications")));
  }

  /** With the subscriptions that the store has. Rejects when it cannot be read. */
  static async open(options: PushSubscriptionsOptions): Promise<PushSubscriptions> {
    const subscriptions = new PushSubscriptions(options);
    const { endpoint, sender, contact, policy, store, allowEvents, credentials } = options;
    const { minExpiresSeconds = 60, maxExpiresSeconds = 86_400, maxSubscriptions } = policy;
    subscriptions.#notifier = await Notifier.open({
      endpoint,
      sender,
      package: OMA_PUSH_PACKAGE,
      contact,
      allowEvents,
      authorize: (subscribe) => subscriptions.#authorize(subscribe),
      initialNotifications: (subscription) => confirmations(subscription),
      onReport: (report) => subscriptions.#onReport(report),
      minExpiresSeconds,
      maxExpiresSeconds,
      defaultExpiresSeconds: maxExpiresSeconds,
      ...(maxSubscriptions === undefined ? {} : { maxSubscriptions }),
      ...(store === undefined ? {} : { store }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    return subscriptions;
  }

  /** Live subscriptions. */
  get size(): number {
    // Of one that is over the last NOTIFY may still be under way; of those that a store keeps we know no more once we closed.
    return Math.min(this.#index.size, this.#notifier?.size ?? 0);
  }

  /** Takes a SUBSCRIBE to `oma-push`. */
  handle(transaction: ServerTransaction): void {
    if (this.#notifier === undefined) transaction.reply(503, { headers: [["Retry-After", "1"]] });
    else this.#notifier.handle(transaction);
  }

  /** Number of the last subscription that was made or refreshed. */
  get latest(): number {
    return this.#index.latest;
  }

  /** Ids of live subscriptions by which `uri` takes pushes for the application, the latest first; those after `after` only. */
  find(uri: string, applicationId: string | null, after = 0): string[] {
    // Most senders have none, and each push comes by here.
    if (applicationId === null || this.#index.size === 0) return [];
    const name = normalizeApplicationId(applicationId);
    return this.#index.find(uri, name, after).filter((id) => this.#notifier?.get(id)?.state === "active");
  }

  /** Sends a push in a NOTIFY. Never rejects. */
  notify(id: string, notification: NotificationInit, signal?: AbortSignal): Promise<NotifyOutcome> {
    if (this.#notifier === undefined) throw new Error("not open");
    return this.#notifier.notify(id, notification, signal);
  }

  /** Waits until there is something for {@link find}, made or refreshed after number `after`. Never rejects. */
  whenSubscribed(
    uri: string,
    applicationId: string | null,
    { waitMs, after, signal }: { readonly waitMs: number; readonly after: number; readonly signal?: AbortSignal },
  ): Promise<SubscriptionEnd> {
    if (this.#closed) return Promise.resolve("closed");
    if (applicationId === null) return Promise.resolve("deadline");
    if (this.find(uri, applicationId, after).length > 0) return Promise.resolve("subscribed");
    return new Promise((resolve) => {
      const end = (how: SubscriptionEnd): void => {
        timer.cancel();
        signal?.removeEventListener("abort", abort);
        for (const key of keys) this.#leave(key, wait);
        resolve(how);
      };
      const abort = (): void => end("aborted");
      const keys = keysOf(uri);
      const wait: Wait = { applicationId: normalizeApplicationId(applicationId), end };
      const timer = this.#options.endpoint.clock.schedule(Math.min(waitMs, MAX_TIMER_MS), () => end("deadline"));
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      for (const key of keys) this.#waits.set(key, (this.#waits.get(key) ?? new Set()).add(wait));
    });
  }

  /**
   * Stops. Subscriptions live on in a store of the caller's; without one nobody would go on with them, and each handset is told to come
   * back later (RFC 6665 §4.1.3, probation). Idempotent.
   */
  async close(): Promise<void> {
    if (!this.#closed && this.#options.store === undefined) this.#endAll();
    this.#closed = true;
    for (const waits of [...this.#waits.values()]) for (const wait of [...waits]) wait.end("closed");
    await this.#notifier?.close();
  }

  /** Not all at the same time, when they come back. */
  #endAll(): void {
    const { random } = this.#options;
    for (const { id } of [...(this.#notifier?.subscriptions() ?? [])]) {
      this.#notifier?.terminate(id, "probation", Math.round(COME_BACK_SECONDS * (1 + random())));
    }
  }

  async #authorize(subscribe: SubscribeRequest): Promise<SubscribeDecision> {
    const { request, flow, event, expiresSeconds, subscription } = subscribe;
    const { trust, policy } = this.#options;
    const identity = requestIdentity(request, flow, trust);
    const read = readOmaPushEvent(event);
    if (read.kind === "otherPackage") return { verdict: "refuse", statusCode: 489 };
    const ends = subscription !== undefined && expiresSeconds === 0;
    if (read.kind === "malformed" && !ends) {
      return { verdict: "refuse", statusCode: 400, reason: `Bad Request (Event: ${read.problem})` };
    }
    // Cores assert identities in requests that begin a dialog, and relay what comes in it as it is: then the first one holds.
    const known = subscription !== undefined && trust.has(flow) && !request.headers.has("P-Asserted-Identity");
    if (!identity.asserted && !known && (policy.requireAsserted ?? true)) {
      return { verdict: "refuse", statusCode: 403, reason: "Forbidden (nobody asserts who subscribes)" };
    }
    const identities = known
      ? dataOf(subscription.applicationData).identities
      : identity.uris.flatMap((uri) => aorKey(uri) ?? []);
    if (subscription !== undefined && !isSameUser(identities, subscription)) {
      return { verdict: "refuse", statusCode: 403, reason: "Forbidden (somebody else's subscription)" };
    }
    // Who leaves needs no leave, whatever is pushed by now.
    if (ends) return { verdict: "accept" };
    const asked = read.kind === "event" ? read.event.applicationIds : [];
    const applications = asked.filter((id) => this.#applications?.has(id) ?? true);
    if (applications.length === 0) return { verdict: "refuse", statusCode: 488, reason: NO_APPLICATION };
    const subscriber = known ? subscription.subscriber : decodeText(identity.text);
    if ((await policy.admits?.(subscriber, applications)) === false) {
      return { verdict: "refuse", statusCode: 403 };
    }
    return { verdict: "accept", subscriber, applicationData: { identities, applications } };
  }

  #onReport(report: NotifierReport): void {
    const { kind, subscription } = report;
    // One that was made and is over at once was a fetch (RFC 6665 §4.4.3), which nobody else need know.
    const known =
      kind === "ended"
        ? this.#index.delete(subscription.id)
        : kind === "notify-failed" || subscription.state === "active";
    if (!known) return;
    if (kind !== "ended" && kind !== "notify-failed") this.#enter(subscription);
    this.#options.onReport?.(report);
  }

  #enter(subscription: Subscription): void {
    this.#index.set(subscription);
    const { identities, applications } = dataOf(subscription.applicationData);
    for (const key of identities) {
      for (const wait of [...(this.#waits.get(key) ?? [])]) {
        if (applications.includes(wait.applicationId) || applications.includes("*")) wait.end("subscribed");
      }
    }
  }

  #leave(key: string, wait: Wait): void {
    const waits = this.#waits.get(key);
    if (waits?.delete(wait) === true && waits.size === 0) this.#waits.delete(key);
  }
}

/** A subscription is refreshed and ended by who made it; a dialog's identifiers are no secret on the way. */
function isSameUser(identities: readonly string[], { applicationData }: Subscription): boolean {
  return dataOf(applicationData).identities.some((key) => identities.includes(key));
}

/** A longer timer would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Draft §11.2: one NOTIFY per confirmed application, with exactly one event-app-id; there is no content yet. */
function confirmations({ applicationData }: Subscription): NotificationInit[] {
  return dataOf(applicationData).applications.map((id) => ({ event: serializeOmaPushEvent({ applicationIds: [id] }) }));
}
