import type {
  Clock,
  Notification,
  NotificationAnswer,
  SubscriberOptions,
  SubscriptionReport,
  Timer,
} from "@sip-push/sip";
import { type WatchAction, type WatchEvent, type WatchState, watch } from "./watch.machine.ts";

/** A subscription of ours, as the stack's subscriber gives it. */
export interface WatchedSubscription {
  /** Asks for the state anew. RFC 6665 §4.1.2.2. */
  refresh(): unknown;
  /** Ends it. RFC 6665 §4.1.2.3. */
  stop(): unknown;
}

/** Begins a subscription; the stack's subscriber. */
export type Subscribe = (options: SubscriberOptions) => WatchedSubscription;

/** What a SUBSCRIBE has besides its target, its package and what is done with the NOTIFYs. */
export type SubscribeSettings = Omit<SubscriberOptions, "target" | "to" | "event" | "accept" | "onNotify" | "onReport">;

/** Why a user cannot be watched. */
export interface WatchRefusal {
  /** Status of the answer to SUBSCRIBE; null when there was none. */
  readonly sipStatus: number | null;
  readonly reason: string;
}

/** What a watch is for. */
export interface WatchUser {
  /** A NOTIFY came. `first` of its dialog: versions of documents start anew. */
  notified(notification: Notification, first: boolean, refresh: () => void): NotificationAnswer | undefined;
  /** The subscription is over, and will not be begun again for a while. */
  refused(refusal: WatchRefusal): void;
}

/** What a watch needs from its pool. */
export interface WatchHost {
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly refusedMs: number;
  subscribe(callbacks: Pick<SubscriberOptions, "onNotify" | "onReport">): WatchedSubscription;
  /** Nobody waits, or somebody does again: whether its place may be taken. */
  idle(idle: boolean): void;
  forget(): void;
}

/** Performs {@link watch}. */
export class Watch<U extends WatchUser> {
  readonly user: U;
  readonly #host: WatchHost;
  #state: WatchState = "idle";
  #joined = 0;
  #refusal: WatchRefusal | undefined;
  #subscription: WatchedSubscription | undefined;
  #timer: Timer | undefined;
  #dialog = "";

  constructor(user: U, host: WatchHost) {
    this.user = user;
    this.#host = host;
  }

  get state(): WatchState {
    return this.#state;
  }

  /** Set while the state is `refused`. */
  get refusal(): WatchRefusal | undefined {
    return this.#state === "refused" ? this.#refusal : undefined;
  }

  /** One more who wants to know; each joins once and leaves once. */
  join(): void {
    if (++this.#joined === 1) this.step("join");
  }

  leave(): void {
    if (--this.#joined === 0) this.step("left");
  }

  step(event: WatchEvent): void {
    const row = watch[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    this.#host.idle(row.next === "lingering" || row.next === "refused");
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: WatchAction): void {
    const { clock, lingerMs, refusedMs } = this.#host;
    switch (action) {
      case "subscribe":
        this.#subscribe();
        return;
      case "unsubscribe":
        this.#subscription?.stop();
        return;
      case "startLinger":
        this.#timer = clock.schedule(lingerMs, () => this.step("due"));
        return;
      case "startForget":
        this.#timer = clock.schedule(refusedMs, () => this.step("due"));
        return;
      case "stopTimer":
        this.#timer?.cancel();
        return;
      case "tellRefused":
        if (this.#refusal !== undefined) this.user.refused(this.#refusal);
        return;
      case "forget":
        this.#host.forget();
        return;
      default:
        action satisfies never;
    }
  }

  #subscribe(): void {
    try {
      this.#subscription = this.#host.subscribe({
        onNotify: (notification) => this.#notified(notification),
        onReport: (report) => this.#reported(report),
      });
    } catch (error) {
      // The stack is closed, or what was set cannot stand in a SUBSCRIBE: for who waits it is a refusal like others.
      this.#refusal = { sipStatus: null, reason: error instanceof Error ? error.message : String(error) };
      this.step("ended");
    }
  }

  #notified(notification: Notification): NotificationAnswer | undefined {
    // What comes after the end is the last word of the notifier, and for nobody.
    if (this.#state === "ended" || this.#state === "refused") return undefined;
    const { request } = notification;
    const dialog = `${request.callId} ${request.from.params.get("tag") ?? ""}`;
    const first = dialog !== this.#dialog;
    this.#dialog = dialog;
    return this.user.notified(notification, first, () => void this.#subscription?.refresh());
  }

  #reported(report: SubscriptionReport): void {
    if (report.kind !== "ended") return;
    this.#refusal = { sipStatus: report.sipStatus, reason: report.reason };
    this.step("ended");
  }
}
