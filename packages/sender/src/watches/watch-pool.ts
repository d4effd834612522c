import type { Clock, SubscriberOptions } from "@sip-push/sip";
import { type Subscribe, type SubscribeSettings, Watch, type WatchUser } from "./watch.ts";

export interface WatchPoolOptions<U extends WatchUser> {
  readonly clock: Clock;
  readonly subscribe: Subscribe;
  /** From, Contact, route set, credentials, … of each SUBSCRIBE. */
  readonly settings: SubscribeSettings;
  /** Event package. */
  readonly event: string;
  /** Media types of its documents. */
  readonly accept: readonly string[];
  /** Asked for when the settings do not say. */
  readonly expiresSeconds: number;
  /** What a new watch of `target` is for. */
  readonly open: (target: string) => U;
  /** Watches at a time. */
  readonly maxWatches: number;
  /** How long one goes on when nobody waits. */
  readonly lingerMs: number;
  /** How long a refusal is remembered. */
  readonly refusedMs: number;
}

/** Watches by user, one each. Over the limit those that nobody waits for make room, the longest idle first. */
export class WatchPool<U extends WatchUser> {
  readonly #options: WatchPoolOptions<U>;
  readonly #watches = new Map<string, Watch<U>>();
  /** In the order they became idle. */
  readonly #idle = new Set<Watch<U>>();
  #refused = 0;
  #closed = false;

  constructor(options: WatchPoolOptions<U>) {
    this.#options = options;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Watches refused because all places were taken. */
  get refused(): number {
    return this.#refused;
  }

  get(key: string): Watch<U> | undefined {
    return this.#watches.get(key);
  }

  /** Joins the watch of this user, which begins if need be. Undefined: there is no room, or the pool is closed. */
  join(key: string, target: string): Watch<U> | undefined {
    const existing = this.#watches.get(key) ?? this.#open(key, target);
    existing?.join();
    return existing;
  }

  /** Ends all watches. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const each of [...this.#watches.values()]) each.step("close");
  }

  #open(key: string, target: string): Watch<U> | undefined {
    const { clock, lingerMs, refusedMs, maxWatches, open } = this.#options;
    if (this.#closed) return undefined;
    if (this.#watches.size >= maxWatches)
      for (const longestIdle of this.#idle) {
        longestIdle.step("evict");
        break;
      }
    if (this.#watches.size >= maxWatches) {
      this.#refused++;
      return undefined;
    }
    const created: Watch<U> = new Watch(open(target), {
      clock,
      lingerMs,
      refusedMs,
      subscribe: (callbacks) => this.#options.subscribe(this.#subscriberOptions(target, callbacks)),
      idle: (idle) => {
        this.#idle.delete(created);
        if (idle) this.#idle.add(created);
      },
      forget: () => {
        this.#idle.delete(created);
        this.#watches.delete(key);
      },
    });
    this.#watches.set(key, created);
    return created;
  }

  #subscriberOptions(target: string, callbacks: Pick<SubscriberOptions, "onNotify" | "onReport">): SubscriberOptions {
    const { settings, event, accept, expiresSeconds } = this.#options;
    return { expiresSeconds, ...settings, target, event, accept, ...callbacks };
  }
}
