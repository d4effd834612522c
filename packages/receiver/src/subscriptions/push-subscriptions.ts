import {
  type DigestClient,
  encodeText,
  type Flow,
  paramValue,
  parseUri,
  type RequestSender,
  type ServerTransaction,
  type SipEndpoint,
  type SipRequest,
  type SipUri,
  Subscribers,
  urisEqual,
} from "@sip-push/sip";
import type { Answer } from "../answer.ts";
import type { PushNotification } from "../intake.ts";
import type { OwnWay } from "../own-requests.ts";
import { SubscriptionEntry } from "./subscription-entry.ts";
import type { SubscriptionEvent } from "./subscription-events.ts";
import type { PushSubscription, SubscriptionWish } from "./subscription-options.ts";

/** What the receiver is just now. */
export interface ReceiverFace {
  /** Short names of all its applications. */
  readonly applications: readonly string[];
  /** Media types for these of its applications. */
  acceptOf(applications: readonly string[]): readonly string[];
  /** A name-addr with feature tag and instance: the GRUU, else the registered or own address. */
  readonly contact: string;
  /** For Allow. */
  readonly methods: readonly string[];
  readonly way: OwnWay;
  /** The connection that alone leads here; undefined when others do. */
  readonly boundFlow: Flow | undefined;
  /** Whether NOTIFYs would find it: it is registered, or never will be. */
  readonly reachable: boolean;
}

export interface PushSubscriptionsOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly aor: string;
  readonly face: ReceiverFace;
  readonly credentials: DigestClient | undefined;
  /** Where the first SUBSCRIBE goes when there is no registered connection. */
  readonly nextHop: SipUri | undefined;
  /** Takes a push; what it gives is the answer to its NOTIFY. */
  readonly takePush: (notification: PushNotification) => Answer | Promise<Answer>;
  /** How long that may take. */
  readonly answerTimeoutMs: number;
  readonly onEvent: (event: SubscriptionEvent) => void;
  readonly random?: () => number;
}

/** Our subscriptions to `oma-push` (draft-mdolly-dispatch-oma-push-00 §11): one for each target and list of applications. */
export class PushSubscriptions {
  readonly #options: PushSubscriptionsOptions;
  readonly #subscribers: Subscribers;
  readonly #entries = new Set<SubscriptionEntry>();
  /** Those of the settings, and which of them were refused for good. */
  readonly #configured = new Set<SubscriptionWish>();
  readonly #refused = new Set<SubscriptionWish>();
  /** The address that senders know, and the connection that leads to it, as of the last registration. */
  #reached = "";
  #boundFlow: Flow | undefined;

  constructor(options: PushSubscriptionsOptions) {
    const { endpoint, sender, random } = options;
    this.#options = options;
    this.#subscribers = new Subscribers({ endpoint, sender, ...(random && { random }) });
  }

  /** Those that were not stopped and are not over. */
  get all(): readonly PushSubscription[] {
    return [...this.#entries];
  }

  /** NOTIFYs that belonged to no subscription (481), and that could not be read (400). */
  get stats(): Subscribers["stats"] {
    return this.#subscribers.stats;
  }

  /**
   * The same for one of the settings: when its SUBSCRIBE was refused for good (403, 489, …), another is sent when something has
   * changed that may change the answer: the registration came back after it had failed, the address is another, or the
   * applications are. Without such a change there is none (RFC 3261 §21.4.4), and none after a NOTIFY ended it for good.
   */
  configure(wish: SubscriptionWish): void {
    this.#configured.add(wish);
    this.subscribe(wish);
  }

  /** Subscribes, once the receiver is registered; to the same target and applications there is one subscription only. */
  subscribe(wish: SubscriptionWish): SubscriptionEntry {
    const same = this.#live().find((entry) => entry.isFor(wish.applications) && isSameTarget(entry.to, wish.to));
    if (same !== undefined) return same;
    const entry = new SubscriptionEntry(this.#options, wish, {
      subscribe: (options) => this.#subscribers.subscribe(options),
      over: (refused) => {
        this.#entries.delete(entry);
        if (refused && this.#configured.has(wish)) this.#refused.add(wish);
      },
    });
    this.#entries.add(entry);
    if (this.#options.face.reachable) entry.begin();
    return entry;
  }

  /** The subscription to `target` that has all of these applications, if there is one. */
  covering(target: string, applications: readonly string[]): SubscriptionEntry | undefined {
    return this.#live().find((entry) => entry.covers(applications) && isSameTarget(entry.to, target));
  }

  /** The subscription whose dialog has these tags, in whatever order: peers disagree on whose point of view counts. */
  byTags(callId: string, tags: readonly [string, string]): SubscriptionEntry | undefined {
    const [one, other] = tags;
    return [...this.#entries].find(
      ({ dialog }) => dialog?.holds(callId, one, other) === true || dialog?.holds(callId, other, one) === true,
    );
  }

  /** The subscription in whose dialog a request of the sender is. RFC 3261 §12.2.2. */
  ofRequest({ callId, to, from }: SipRequest): SubscriptionEntry | undefined {
    const [localTag, remoteTag] = [to, from].map(({ params }) => paramValue(params, "tag"));
    return [...this.#entries].find(({ dialog }) => dialog?.holds(callId, localTag, remoteTag) === true);
  }

  /**
   * The receiver is registered, or is so again. Begins what waited for that; where senders know another address of ours than
   * this one, tells them; where their NOTIFYs would take a connection that is gone, subscribes anew.
   *
   * @param regained it had failed before.
   */
  registered(regained = false): void {
    const { contact, boundFlow } = this.#options.face;
    const reached = addressOf(contact);
    const moved = this.#reached !== "" && this.#reached !== reached;
    const cutOff = this.#boundFlow !== undefined && this.#boundFlow !== boundFlow;
    this.#reached = reached;
    this.#boundFlow = boundFlow;
    for (const entry of this.#entries) {
      if (!entry.begin()) entry.registered(cutOff ? "cut off" : moved ? "moved" : "same");
    }
    if (regained || moved || cutOff) this.#tryRefused();
  }

  /** The applications of the receiver are others: senders get the new feature tag and list. */
  changed(): void {
    for (const entry of this.#entries) entry.refresh();
    this.#tryRefused();
  }

  /** The handler of NOTIFY. */
  handle(transaction: ServerTransaction): void {
    this.#subscribers.handle(transaction);
  }

  /** Unsubscribes within `timeoutMs`. Idempotent; nothing is left running. */
  async close(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#entries].map((entry) => entry.stop(timeoutMs)));
    await this.#subscribers.close(timeoutMs);
  }

  #tryRefused(): void {
    const wishes = [...this.#refused];
    this.#refused.clear();
    for (const wish of wishes) this.subscribe(wish);
  }

  #live(): SubscriptionEntry[] {
    return [...this.#entries].filter(({ isOver }) => !isOver);
  }
}

/** Both were checked before: `readSubscription`, `readReferral`. */
function isSameTarget(a: string, b: string): boolean {
  return urisEqual(parseUri(encodeText(a)), parseUri(encodeText(b)));
}

/** Without its parameters, which do not move the receiver. */
function addressOf(contact: string): string {
  return contact.slice(0, contact.indexOf(">"));
}
