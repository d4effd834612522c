import {
  type Flow,
  type NotificationInit,
  Notifier,
  type RequestSender,
  type SipEndpoint,
  type SipRequest,
  type SubscribeDecision,
  type SubscribeRequest,
  type Subscription,
} from "@sip-push/sip";
import { identityOf, type StandingRules } from "./event-identity.ts";
import { checkRequire, type EventArrival } from "./event-services.ts";
import { sideOf } from "./forwarder.ts";
import { wantsFlow } from "./outbound.ts";
import type { RecordRoutes } from "./record-route.ts";
import { defaultWatcherLimits, type WatcherLimits } from "./watcher-limits.ts";

/** What the notifiers of a proxy stand on. */
export interface LocalNotifierHost extends StandingRules {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly recordRoutes: RecordRoutes;
  /** All event packages served. */
  readonly allowEvents: () => readonly string[];
}

export interface LocalNotifierOptions extends LocalNotifierHost {
  readonly eventPackage: string;
  readonly contentType: string;
  /** Whether a sender may subscribe to what is the arrival's address-of-record. What it gives is kept with the subscription. */
  readonly authorize: (arrival: EventArrival) => { readonly owner: boolean } | undefined;
  /** The document that a subscriber begins with. */
  readonly initial: (subscription: Subscription) => Uint8Array;
  readonly limits: WatcherLimits;
}

const NOT_ALLOWED: SubscribeDecision = { verdict: "refuse", statusCode: 403 };

/** The notifier of one event package for the users of the domains; the resources are canonical addresses-of-record. */
export class LocalNotifier {
  readonly #options: LocalNotifierOptions;
  readonly #arrivals = new WeakMap<SipRequest, EventArrival>();
  #notifier: Notifier | undefined;

  constructor(options: LocalNotifierOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { endpoint, sender, eventPackage, contentType, initial, limits, allowEvents } = this.#options;
    const { maxSubscriptions, maxPerSubscriber } = { ...defaultWatcherLimits, ...limits };
    this.#notifier = await Notifier.open({
      ...{ endpoint, sender, maxSubscriptions, maxPerSubscriber, allowEvents },
      package: eventPackage,
      contact: (flow) => this.#contact(flow),
      contentTypes: [contentType],
      authorize: (subscribe) => this.#authorize(subscribe),
      initialNotifications: (subscription) => [{ contentType, body: initial(subscription) }],
    });
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#notifier?.size ?? 0;
  }

  /** Answers a SUBSCRIBE. */
  handle(arrival: EventArrival): void {
    const { transaction, aor } = arrival;
    const { request, flow } = transaction;
    const refusal = checkRequire(request);
    if (refusal !== undefined || this.#notifier === undefined) {
      transaction.reply(refusal?.statusCode ?? 503, refusal);
      return;
    }
    // As a proxy on the way would: a subscriber that only its own flow leads to is notified on that.
    if (aor !== undefined && wantsFlow(request, flow)) {
      const side = sideOf(flow, true);
      const [route] = this.#options.recordRoutes.values(request.callId, request.uri.scheme === "sips", side, side);
      if (route !== undefined)
        request.headers.set("Record-Route", [route, ...request.headers.getAll("Record-Route")].join(", "));
    }
    this.#arrivals.set(request, arrival);
    this.#notifier.handle(transaction);
  }

  watchers(resource: string): Subscription[] {
    return [...(this.#notifier?.subscriptions(resource) ?? [])];
  }

  /** What becomes of a NOTIFY is for the notifier to draw conclusions from. */
  notify({ id }: Subscription, body: Uint8Array): void {
    const init: NotificationInit = { contentType: this.#options.contentType, body };
    void this.#notifier?.notify(id, init);
  }

  async close(): Promise<void> {
    await this.#notifier?.close(0);
  }

  #authorize({ request, subscription }: SubscribeRequest): SubscribeDecision {
    // The dialog was made by one who may; its tags are random.
    if (subscription !== undefined) return { verdict: "accept" };
    const arrival = this.#arrivals.get(request);
    const grant = arrival && this.#options.authorize(arrival);
    if (arrival?.aor === undefined || grant === undefined) return NOT_ALLOWED;
    return {
      verdict: "accept",
      resource: arrival.aor.uri,
      subscriber: identityOf(arrival),
      applicationData: { owner: grant.owner },
    };
  }

  /** Our own address on the subscriber's transport, without a user: no address-of-record looks like that. */
  #contact(flow: Flow | undefined): string {
    const { endpoint } = this.#options;
    const transport = flow?.transport ?? endpoint.listening[0]?.transport ?? "UDP";
    const param = transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
    return `<sip:${endpoint.sentBy(transport)}${param}>`;
  }
}

/** Whether a subscription is the user's own: what `authorize` gave. */
export function isOwner({ applicationData }: Subscription): boolean {
  return (
    typeof applicationData === "object" &&
    applicationData !== null &&
    "owner" in applicationData &&
    applicationData.owner === true
  );
}
