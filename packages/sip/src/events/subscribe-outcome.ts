import { parseRetryAfter } from "../message/index.ts";
import type { SendOutcome } from "../user-agent/request-sender.ts";
import { secondsIn } from "./subscribe-request.ts";
import type { SubscriberEvent } from "./subscriber.machine.ts";
import type { SubscriptionReport } from "./subscriber-options.ts";
import { endsSubscription, type Retry, retryAfterRefusal } from "./verdicts.ts";

/** Why the subscription is gone or could not be refreshed; `ended` is local. */
export interface Loss {
  readonly kind: "terminated" | "failed" | "ended";
  readonly sipStatus: number | null;
  readonly reason: string | null;
  readonly retryAfterSeconds: number;
}

export const NO_LOSS: Loss = { kind: "ended", sipStatus: null, reason: null, retryAfterSeconds: 0 };

/** What is told about it; nothing when the end is told anyway. @param retryInMs null: never. */
export function reportOf({ kind, sipStatus, reason }: Loss, retryInMs: number | null): SubscriptionReport | undefined {
  if (kind === "terminated") return { kind, reason, retryInMs };
  return kind === "failed" && retryInMs !== null ? { kind, sipStatus, reason: reason ?? "", retryInMs } : undefined;
}

export function failed(sipStatus: number | null, reason: string, retryAfterSeconds = 0): Loss {
  return { kind: "failed", sipStatus, reason, retryAfterSeconds };
}

export const EVENT_OF_RETRY: Readonly<Record<Retry, "again" | "later" | "never">> = {
  now: "again",
  later: "later",
  never: "never",
};

/** What a SUBSCRIBE was when its outcome came. */
export interface SubscribeSent {
  /** Outside a dialog. */
  readonly initial: boolean;
  /** A NOTIFY made the dialog, before the answer perhaps. */
  readonly notified: boolean;
  readonly askedSeconds: number;
  /** It had the longer time of a 423 already. */
  readonly raised: boolean;
}

/** What the outcome of a SUBSCRIBE means, with the cause when it is no success. RFC 6665 §4.1.2.1, §4.1.2.2. */
export function judgeSubscribe(outcome: SendOutcome, sent: SubscribeSent): { event: SubscriberEvent; loss?: Loss } {
  const { initial, notified } = sent;
  if (outcome.kind === "failure") {
    const { code, reason, retryable } = outcome;
    if (code === "SIP_CLOSED") {
      return { event: "endpointClosed", loss: { ...failed(null, reason), kind: "ended" } };
    }
    const loss = failed(null, reason);
    if (initial && !notified) return { event: retryable ? "later" : "never", loss };
    return { event: code === "SIP_TIMEOUT" && !initial ? "timerN" : "refreshFailed", loss };
  }
  const { statusCode, headers, reason } = outcome.response;
  if (statusCode < 300) return { event: statusCode === 204 ? "acceptedQuietly" : "accepted" };
  // Once: a notifier that raises it again and again would be asked without end. A fetch is never too brief (§4.2.1.1).
  const tooBrief = statusCode === 423 && (secondsIn(headers, "Min-Expires") ?? 0) > sent.askedSeconds;
  if (tooBrief && !sent.raised && sent.askedSeconds > 0) return { event: "tooBrief" };
  const loss = failed(statusCode, reason, parseRetryAfter(headers.get("Retry-After")));
  // A NOTIFY was faster: there is a subscription, whatever another branch of the same SUBSCRIBE came to.
  if (initial && notified) return { event: "refreshFailed", loss };
  if (!initial && !endsSubscription(statusCode)) return { event: "refreshFailed", loss };
  // RFC 5057 §5.1, note 4: a 408 counts as a timeout.
  return { event: statusCode === 408 ? "timerN" : EVENT_OF_RETRY[retryAfterRefusal(statusCode)], loss };
}
