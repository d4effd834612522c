import type { TimerWheel } from "../transaction/timer-wheel.ts";
import type { SipEndpoint } from "../user-agent/endpoint.ts";
import type { RequestSender } from "../user-agent/request-sender.ts";
import type { Subscriber } from "./subscriber.ts";

/** What a subscriber needs from the registry it is in. */
export interface SubscriberHost {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly wheel: TimerWheel;
  readonly timerNMs: number;
  readonly random: () => number;
  /** NOTIFYs to this tag are for this subscriber from now on. */
  enter(localTag: string, subscriber: Subscriber): void;
  leave(localTag: string): void;
  /** It is over. */
  ended(subscriber: Subscriber): void;
}
