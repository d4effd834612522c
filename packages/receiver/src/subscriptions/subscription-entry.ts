import { readOmaPushEvent } from "@sip-push/push";
import {
  type Dialog,
  encodeText,
  type Notification,
  type NotificationAnswer,
  type Subscriber,
  type SubscriberOptions,
  type SubscriberState,
  type SubscriptionReport,
} from "@sip-push/sip";
import type { PushSubscriptionsOptions } from "./push-subscriptions.ts";
import { SubscribeSettings } from "./subscribe-settings.ts";
import type { PushSubscription, SubscriptionWish } from "./subscription-options.ts";

/** What a SUBSCRIBE came to: for the one who referred us. */
export interface SubscribeResult {
  /** 200 when it was accepted; 408 for no answer, 487 when we gave it up. */
  readonly sipStatus: number;
  readonly reason: string;
}

/** What an entry needs from the list that it is in. */
export interface EntryHost {
  subscribe(options: SubscriberOptions): Subscriber;
  /** It is over and will not come back. @param refused the sender refused SUBSCRIBE for good; false when it was stopped, or ended. */
  over(refused: boolean): void;
}

/** As many as one list can name. */
const MAX_CONFIRMED = 64;

/** One subscription to `oma-push`. */
export class SubscriptionEntry implements PushSubscription {
  readonly to: string;
  readonly #options: PushSubscriptionsOptions;
  readonly #wish: SubscriptionWish;
  readonly #host: EntryHost;
  readonly #confirmed = new Set<string>();
  #subscriber: Subscriber | undefined;
  /** Of the attempt under way; a new one when that is lost. */
  #result = Promise.withResolvers<SubscribeResult>();
  #isSettled = false;
  readonly #over = Promise.withResolvers<void>();
  /** Counts subscriptions made one in place of the other. */
  #attempt = 0;
  #expiresSeconds = 0;
  /** Senders have not heard yet what changed while a SUBSCRIBE was under way. */
  #behind = false;
  /** It waits because nobody answered, which a new registration may have mended. */
  #unanswered = false;
  #stopped = false;
  #told = false;

  constructor(options: PushSubscriptionsOptions, wish: SubscriptionWish, host: EntryHost) {
    this.#options = options;
    this.#wish = wish;
    this.#host = host;
    this.to = wish.to;
  }

  get applications(): readonly string[] {
    return this.#wish.applications ?? this.#options.face.applications;
  }

  get confirmed(): readonly string[] {
    return [...this.#confirmed];
  }

  get state(): SubscriberState {
    return this.#subscriber?.state ?? (this.#stopped ? "ended" : "idle");
  }

  get dialog(): Dialog | undefined {
    return this.#subscriber?.dialog;
  }

  /** What the SUBSCRIBE under way, or the last one, came to. Never rejects. */
  get result(): Promise<SubscribeResult> {
    return this.#result.promise;
  }

  /** Settles when it is over for good. Never rejects. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** It is over, or on its way there: no base for anything new. */
  get isOver(): boolean {
    return this.#stopped;
  }

  /** Whether it was asked for with exactly these; undefined for all of the receiver. */
  isFor(applications: readonly string[] | undefined): boolean {
    const own = this.#wish.applications;
    if (own === undefined || applications === undefined) return own === applications;
    return own.length === applications.length && own.every((id) => applications.includes(id));
  }

  covers(applications: readonly string[]): boolean {
    const own = this.applications;
    return own.includes("*") || applications.every((id) => own.includes(id));
  }

  /** Subscribes; false when that was done before, or there is no application to do it for. */
  begin(): boolean {
    if (this.#subscriber !== undefined || this.#stopped || this.applications.length === 0) return false;
    this.#awaitResult();
    this.#subscribe();
    return true;
  }

  /**
   * Makes sure of it, when somebody refers us to what is subscribed to already: subscribes at once where it waits to try again,
   * and asks by a refresh where it is believed to stand, for the sender may have lost it. {@link result} is of that.
   */
  renew(): void {
    const { state } = this;
    if (this.#subscriber === undefined) return this.refresh();
    if (state === "waiting") return this.#subscriber.retryNow();
    this.#awaitResult();
    // Nothing happens while a SUBSCRIBE is under way, whose result it is then.
    this.#subscriber.refresh();
  }

  /** @param place where the receiver is now, as its senders see it. */
  registered(place: "same" | "moved" | "cut off"): void {
    if (this.#subscriber === undefined || this.#stopped) return;
    if (place === "cut off" && this.state !== "waiting") {
      // The route set of a dialog stays what it is (RFC 6665 §4.4.1), so it takes another dialog.
      this.#leave();
      this.#subscribe();
      return;
    }
    if (place === "moved") this.refresh();
    if (place !== "same" || this.#unanswered) this.#subscriber?.retryNow();
  }

  /** Tells the sender what the receiver is now; after the SUBSCRIBE under way, if there is one. */
  refresh(): void {
    const { state, applications } = this;
    if (this.#stopped) return;
    if (this.#subscriber === undefined) {
      if (this.#options.face.reachable) this.begin();
      return;
    }
    if (applications.length === 0) {
      this.#leave();
      this.#settle({ sipStatus: 487, reason: "Request Terminated" });
      this.#tellEnded("no applications", null);
      return;
    }
    if (state === "pending" || state === "active") this.#subscriber.refresh();
    // What waits says by itself what is true then.
    else if (state !== "waiting") this.#behind = true;
    for (const id of this.#confirmed) if (!this.#has(id)) this.#confirmed.delete(id);
  }

  async stop(timeoutMs = 900): Promise<void> {
    this.#stopped = true;
    this.#settle({ sipStatus: 487, reason: "Request Terminated" });
    if (this.#subscriber !== undefined) return this.#subscriber.stop(timeoutMs);
    this.#host.over(false);
    this.#over.resolve();
  }

  #subscribe(): void {
    const mine = ++this.#attempt;
    const options = new SubscribeSettings(this.#options, this.#wish, {
      onNotify: (notification) => this.#notified(notification),
      // What is told of one that was replaced is told of no subscription any more.
      onReport: (report) => {
        if (mine === this.#attempt) this.#reported(report);
      },
    });
    this.#subscriber = this.#host.subscribe(options);
  }

  /** Unsubscribes, for another subscription in its place, or none for now. */
  #leave(): void {
    void this.#subscriber?.stop();
    this.#attempt++;
    this.#subscriber = undefined;
    this.#confirmed.clear();
    this.#behind = false;
  }

  #has(applicationId: string): boolean {
    const { applications } = this;
    return applications.includes(applicationId) || applications.includes("*");
  }

  #notified(notification: Notification): NotificationAnswer | undefined | Promise<NotificationAnswer> {
    const { event, subscriptionState, body, request, flow } = notification;
    if (subscriptionState.state === "active") {
      const read = readOmaPushEvent(event);
      // Exactly one (draft §11.2); without any it can only be about what was asked for.
      const named = read.kind === "event" ? read.event.applicationIds : this.applications;
      for (const id of named) this.#confirm(id);
    }
    return body.length === 0 ? undefined : this.#options.takePush({ request, flow, subscribedTo: encodeText(this.to) });
  }

  #confirm(applicationId: string): void {
    if (this.#confirmed.has(applicationId) || !this.#has(applicationId)) return;
    // Who subscribes to every application hears whatever names the sender thinks of.
    if (this.#confirmed.size >= MAX_CONFIRMED) return;
    this.#confirmed.add(applicationId);
    const { to } = this;
    this.#options.onEvent({ event: "subscribed", to, applicationId, expiresSeconds: this.#expiresSeconds });
  }

  #reported(report: SubscriptionReport): void {
    switch (report.kind) {
      case "pending":
      case "active":
        this.#standing(report.expiresSeconds);
        return;
      case "terminated": {
        const { reason, retryInMs } = report;
        this.#settle({ sipStatus: 200, reason: "OK" });
        this.#lost(retryInMs, false);
        this.#tellEnded(reason, retryInMs);
        return;
      }
      case "failed": {
        const { sipStatus, reason, retryInMs } = report;
        this.#settle({ sipStatus: sipStatus ?? 408, reason });
        this.#lost(retryInMs, sipStatus === null);
        this.#tellFailed(sipStatus, reason, retryInMs);
        return;
      }
      case "ended":
        this.#ended(report.sipStatus, report.reason);
        return;
      default:
        report satisfies never;
    }
  }

  #standing(expiresSeconds: number): void {
    this.#expiresSeconds = expiresSeconds;
    this.#unanswered = false;
    this.#settle({ sipStatus: 200, reason: "OK" });
    if (!this.#behind) return;
    this.#behind = false;
    // Not while the subscriber is in the middle of its step.
    queueMicrotask(() => this.#subscriber?.refresh());
  }

  /** @param retryInMs null when there will be no other. */
  #lost(retryInMs: number | null, unanswered: boolean): void {
    this.#confirmed.clear();
    // The next SUBSCRIBE says what is true then.
    this.#behind = false;
    this.#unanswered = unanswered;
    this.#told = retryInMs === null;
    if (retryInMs !== null) this.#awaitResult();
  }

  #ended(sipStatus: number | null, reason: string): void {
    this.#confirmed.clear();
    this.#settle({ sipStatus: sipStatus ?? 408, reason });
    this.#host.over(sipStatus !== null && !this.#stopped);
    this.#over.resolve();
    if (this.#stopped) this.#tellEnded("stopped", null);
    else if (!this.#told) this.#tellFailed(sipStatus, reason, null);
    this.#stopped = true;
  }

  #settle(result: SubscribeResult): void {
    this.#isSettled = true;
    this.#result.resolve(result);
  }

  /** The next result is another; who waits for one that is still to come waits on. */
  #awaitResult(): void {
    if (!this.#isSettled) return;
    this.#isSettled = false;
    this.#result = Promise.withResolvers();
  }

  #tellEnded(reason: string | null, retryInMs: number | null): void {
    const { to, applications } = this;
    this.#options.onEvent({ event: "subscription-ended", to, applications, reason, retryInMs });
  }

  #tellFailed(sipStatus: number | null, reason: string, retryInMs: number | null): void {
    const { to, applications } = this;
    this.#options.onEvent({ event: "subscription-failed", to, applications, sipStatus, reason, retryInMs });
  }
}
