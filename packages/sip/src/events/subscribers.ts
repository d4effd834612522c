import { paramValue, SipParseError } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { TimerWheel } from "../transaction/timer-wheel.ts";
import { defaultTimers } from "../transaction/timers.ts";
import type { SipEndpoint } from "../user-agent/endpoint.ts";
import type { RequestSender } from "../user-agent/request-sender.ts";
import { eventOf } from "./event-header.ts";
import { Subscriber } from "./subscriber.ts";
import type { SubscriberHost } from "./subscriber-host.ts";
import type { SubscriberOptions } from "./subscriber-options.ts";
import { parseSubscriptionState } from "./subscription-state.ts";

export interface SubscribersOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** Timer N, 64*T1. RFC 6665 §4.1.2.4. Default 32000. */
  readonly timerNMs?: number;
  /** For back-off. Default Math.random. */
  readonly random?: () => number;
}

/** Granularity of refreshes and waits. */
const TICK_MS = 100;

/** All subscriptions of one endpoint: subscribes, and takes the NOTIFYs that come to it. RFC 6665 §4.1. */
export class Subscribers {
  readonly #host: SubscriberHost;
  readonly #wheel: TimerWheel;
  readonly #all = new Set<Subscriber>();
  readonly #byTag = new Map<string, Subscriber>();
  #closed: Promise<void> | undefined;
  /** NOTIFYs that matched nothing (481), and those that could not be read (400). */
  readonly stats = { unmatched: 0, malformed: 0 };

  constructor(options: SubscribersOptions) {
    const { endpoint, sender, timerNMs = 64 * defaultTimers.t1Ms, random = Math.random } = options;
    this.#wheel = new TimerWheel(endpoint.clock, TICK_MS);
    this.#host = {
      endpoint,
      sender,
      timerNMs,
      random,
      wheel: this.#wheel,
      enter: (localTag, subscriber) => void this.#byTag.set(localTag, subscriber),
      leave: (localTag) => void this.#byTag.delete(localTag),
      ended: (subscriber) => void this.#all.delete(subscriber),
    };
  }

  /** Subscriptions that are not over. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Subscribes, and keeps the subscription until it is stopped; what becomes of it is told by `onReport`.
   *
   * @throws {SipParseError} for an Event value that is none.
   * @throws {TypeError} when it was closed.
   */
  subscribe(options: SubscriberOptions): Subscriber {
    if (this.#closed !== undefined) throw new TypeError("subscribers: closed");
    const subscriber = new Subscriber(this.#host, options);
    this.#all.add(subscriber);
    subscriber.start();
    return subscriber;
  }

  /** The handler of NOTIFY for a UasCore. RFC 6665 §4.1.3. */
  handle(transaction: ServerTransaction): void {
    const { headers, to } = transaction.request;
    const subscriber = this.#byTag.get(paramValue(to.params, "tag") ?? "");
    if (subscriber === undefined) {
      this.stats.unmatched++;
      transaction.reply(481);
      return;
    }
    try {
      const event = eventOf(headers);
      subscriber.receive(transaction, event, parseSubscriptionState(headers.get("Subscription-State") ?? ""));
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.stats.malformed++;
      transaction.reply(400, { reason: error.message });
    }
  }

  /** Ends all subscriptions and waits for that `timeoutMs` at most. Idempotent; nothing is left running. */
  close(timeoutMs = 900): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#all].map((subscriber) => subscriber.stop(timeoutMs)));
    this.#wheel.close();
  }
}
