import type { DeliveryVia } from "./options.ts";

/** One way to hand a push over: in a MESSAGE, or in a NOTIFY of a subscription. */
export type DeliveryMethod =
  | { readonly kind: "message" }
  | { readonly kind: "notify"; readonly subscriptionId: string };

/** Subscriptions tried for one push, the latest first: a user has a few devices. */
const MAX_SUBSCRIPTIONS = 4;

const MESSAGE: DeliveryMethod = { kind: "message" };
/** Most senders have no subscriptions, and most pushes one way. */
const MESSAGE_ONLY: readonly DeliveryMethod[] = [MESSAGE];

/** The ways to one recipient in order of preference. */
export class DeliveryMethods {
  #ways: readonly DeliveryMethod[];
  #taken = 0;

  /** @param subscriptionIds live subscriptions of the recipient to the application, the preferred first. */
  constructor(via: DeliveryVia, subscriptionIds: readonly string[]) {
    if (via !== "notify" && (via === "message" || subscriptionIds.length === 0)) {
      this.#ways = MESSAGE_ONLY;
      return;
    }
    const notify = subscriptionIds.slice(0, MAX_SUBSCRIPTIONS);
    const ways = notify.map((subscriptionId): DeliveryMethod => ({ kind: "notify", subscriptionId }));
    this.#ways = via === "notify" ? ways : [...ways, MESSAGE];
  }

  /** The way now taken; undefined when the caller wants a NOTIFY and there is no subscription. */
  get current(): DeliveryMethod | undefined {
    return this.#ways[this.#taken];
  }

  /** Whether {@link take} has another one. */
  get left(): boolean {
    return this.#taken < this.#ways.length - 1;
  }

  /** Goes on with the next way. */
  take(): void {
    if (this.left) this.#taken++;
  }

  /** Before the first attempt: those that the handset is known not to take come last. */
  prefer(fits: (method: DeliveryMethod) => boolean): void {
    if (!this.left) return;
    const fitting = this.#ways.filter(fits);
    this.#ways = [...fitting, ...this.#ways.filter((method) => !fitting.includes(method))];
  }
}
