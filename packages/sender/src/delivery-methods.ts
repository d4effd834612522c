import type { DeliveryVia } from "./options.ts";

/** One way to hand a push over: in a MESSAGE, or in a NOTIFY of a subscription. */
export type DeliveryMethod =
  | { readonly kind: "message" }
  | { readonly kind: "notify"; readonly subscriptionId: string };

/** Subscriptions tried for one push, the latest first: a user has a few devices. */
const MAX_SUBSCRIPTIONS = 4;

const MESSAGE: DeliveryMethod = { kind: "message" };

/** The ways to one recipient in order of preference. */
export class DeliveryMethods {
  #left: DeliveryMethod[];
  #current: DeliveryMethod | undefined;

  /** @param subscriptionIds live subscriptions of the recipient to the application, the preferred first. */
  constructor(via: DeliveryVia, subscriptionIds: readonly string[]) {
    const notify = via === "message" ? [] : subscriptionIds.slice(0, MAX_SUBSCRIPTIONS);
    this.#left = notify.map((subscriptionId) => ({ kind: "notify", subscriptionId }));
    if (via !== "notify") this.#left.push(MESSAGE);
    this.take();
  }

  /** The way now taken; undefined when the caller wants a NOTIFY and there is no subscription. */
  get current(): DeliveryMethod | undefined {
    return this.#current;
  }

  /** Whether {@link take} has another one. */
  get left(): boolean {
    return this.#left.length > 0;
  }

  /** Goes on with the next way. */
  take(): void {
    this.#current = this.#left.shift() ?? this.#current;
  }

  /** Before the first attempt: those that the handset is known not to take come last. */
  prefer(fits: (method: DeliveryMethod) => boolean): void {
    if (this.#current === undefined || !this.left) return;
    const all = [this.#current, ...this.#left];
    this.#left = [...all.filter(fits), ...all.filter((method) => !fits(method))];
    this.take();
  }
}
