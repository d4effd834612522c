import type { Dialog } from "../dialog/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { TimerWheel } from "../transaction/timer-wheel.ts";
import type { Flow } from "../transport/transport.ts";
import type { EventHeader } from "./event-header.ts";
import type { NotifierOptions, NotifierReport, NotifyOutcome } from "./notifier-options.ts";
import type { NotifierSubscription } from "./notifier-subscription.ts";
import type { RecordWriter } from "./record-writer.ts";
import type { JsonValue } from "./subscription-store.ts";

/** What a subscription needs from its notifier. */
export interface NotifierHost {
  readonly options: NotifierOptions;
  readonly wheel: TimerWheel;
  readonly writer: RecordWriter;
  readonly allowEvents: () => readonly string[];
  enter(subscription: NotifierSubscription): void;
  leave(subscription: NotifierSubscription): void;
  report(report: NotifierReport): void;
  /** A NOTIFY came to an end; for the counters. */
  notified(outcome: NotifyOutcome): void;
}

/** An accepted SUBSCRIBE on its way through the machine. */
export interface Accepted {
  readonly transaction: ServerTransaction;
  readonly expiresSeconds: number;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  /** The request was no SUBSCRIBE, but made a subscription by the way: answered with this status (RFC 3515 §2.4.4). */
  readonly implicitly?: number;
}

/** What a subscription starts with; the rest is in its dialog. */
export interface SubscriptionInit {
  readonly state: "respWait" | "pending" | "active";
  readonly dialog: Dialog;
  readonly event: EventHeader;
  readonly resource: string;
  readonly subscriber: string;
  readonly accept: readonly string[];
  readonly applicationData: JsonValue;
  readonly flow: Flow | undefined;
  readonly expiresSeconds: number;
}
