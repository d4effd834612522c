import { papCodes } from "@sip-push/pap";
import { outcomeOf } from "@sip-push/push";
import type { PushOutcome } from "@sip-push/sender";
import {
  type DeliveryGuard,
  type DeliveryState,
  type DeliveryTransition,
  deliveryTransition,
  type FinalState,
  isFinal,
} from "../delivery/delivery.machine.ts";
import { deliveryEventOf } from "../delivery/outcome-events.ts";
import { NO_REPORT } from "../delivery/report-reasons.ts";
import { planRetry, type RetryableEvent, type RetryPlan, type RetryRules } from "../delivery/retry-policy.ts";
import type { ClaimedDelivery, DeliveryAdvance, StoredPush, TakeBackReason } from "../store/types.ts";
import { wantsReport } from "./push-message-of.ts";

/** A change of state that the delivery machine decided on, before it has a lease. */
export interface Change extends Omit<DeliveryAdvance, "lease" | "atMs" | "attemptStartedAtMs"> {
  /** The recipient is absent: its registration is news. */
  readonly awaitRegistration: boolean;
}

/** What the machine needs to know besides the delivery. */
export interface Situation {
  readonly nowMs: number;
  readonly rules: RetryRules;
  readonly random: () => number;
  readonly reportTimeoutMs: number;
  /** The initiator took it back while the attempt was under way; null: it did not, as far as the store has said. */
  readonly takenBack: TakeBackReason | null;
}

type Verdict = Pick<Change, "papCode" | "reason">;
type Facts = Readonly<Record<DeliveryGuard, boolean>>;

const nothing: Facts = {
  timeLeft: false,
  reportWanted: false,
  retryLeft: false,
  cancelRequested: false,
  overtaken: false,
  wasAbsent: false,
  handsetAnswered: false,
  confirmationRequired: false,
};

/** How a delivery that was just claimed goes on; undefined: it is sent. */
export function changeAtClaim(delivery: ClaimedDelivery, nowMs: number): Change | undefined {
  const { wokenFrom, content, sipStatus } = delivery;
  const facts: Facts = {
    ...nothing,
    timeLeft: hasTimeLeft(delivery, nowMs),
    cancelRequested: delivery.cancelRequested,
    overtaken: delivery.overtaken,
    ...answerFacts(sipStatus, content),
  };
  const event = wokenFrom === "sending" ? "leaseExpired" : "due";
  const { next } = transitionOf(wokenFrom, event, facts);
  return isFinal(next) ? finalChange(next, sipStatus, endings[wokenFrom](next, delivery)) : undefined;
}

/** Why a delivery ends without another attempt. By what it was before the claim. */
const endings: Readonly<Record<ClaimedDelivery["wokenFrom"], (next: FinalState, last: ClaimedDelivery) => Verdict>> = {
  pending: (next, last) => (next === "rejected" ? overtaken : expired(last.papCode, last.reason)),
  "retry-wait": (_, last) => expired(last.papCode, last.reason),
  sending: () => ({ papCode: papCodes.serviceFailure, reason: "the node that had it under way stopped" }),
  "waiting-report": (next, last) => ({
    papCode: overdueCodes[next] ?? last.papCode,
    reason: joined(last.reason, NO_REPORT),
  }),
};

const overtaken: Verdict = {
  papCode: papCodes.cancellationNotPossible,
  reason: "the push that it was to replace has reached this recipient",
};

const overdueCodes: Partial<Record<FinalState, number>> = {
  delivered: papCodes.ok,
  timeout: papCodes.serviceFailure,
  unknown: outcomeOf("imdn missing").papCode,
};

/** What an attempt that ended makes of its delivery. */
export function changeAfterAttempt(delivery: ClaimedDelivery, outcome: PushOutcome, situation: Situation): Change {
  const { content, attempts } = delivery;
  const { nowMs, rules, random, takenBack } = situation;
  const { retryAfterSeconds, sipStatus, papCode } = outcome;
  const event = deliveryEventOf(outcome);
  const { deliverBeforeMs } = content;
  const plan = isRetryable(event)
    ? planRetry(rules, { event, attempts, nowMs, deliverBeforeMs, retryAfterSeconds }, random)
    : undefined;
  const facts: Facts = {
    ...nothing,
    timeLeft: hasTimeLeft(delivery, nowMs),
    retryLeft: plan?.retryLeft ?? false,
    reportWanted: wantsReport(content),
    cancelRequested: takenBack !== null,
    ...answerFacts(sipStatus, content),
  };
  const { next, actions } = transitionOf("sending", event, facts);
  if (isFinal(next)) {
    const verdict = attemptEndings[next]?.(outcome, takenBack) ?? { papCode, reason: outcome.reason };
    return finalChange(next, sipStatus, verdict);
  }
  const reportDueMs = nowMs + situation.reportTimeoutMs;
  // What a relay has stored (202) it may deliver until deliver-before, and only then comes the handset's report.
  const overdueMs = event === "accepted" ? Math.max(reportDueMs, deliverBeforeMs ?? reportDueMs) : reportDueMs;
  const dueAtMs = actions.includes("awaitReport") ? overdueMs : dueOf(plan, nowMs);
  const awaitRegistration = actions.includes("awaitRegistration");
  return { to: next, dueAtMs, sipStatus, papCode: codeOf(next, papCode), reason: outcome.reason, awaitRegistration };
}

/** Where the outcome alone does not say it. */
const attemptEndings: Partial<Record<FinalState, (outcome: PushOutcome, takenBack: TakeBackReason | null) => Verdict>> =
  {
    expired: ({ papCode, reason, messageState }) =>
      messageState === "expired" ? { papCode, reason } : expired(papCode, reason),
    // The handset does not confirm what it has answered.
    delivered: ({ reason }) => ({ papCode: papCodes.ok, reason }),
    cancelled: ({ reason }, takenBack) => ({
      papCode: papCodes.ok,
      reason: `${takenBack ?? "cancelled"}; last: ${reason}`,
    }),
  };

/** What the last answer says of the delivery, and what it needs. */
export function answerFacts(
  sipStatus: number | null,
  { deliveryMethod }: Pick<StoredPush, "deliveryMethod">,
): Pick<Facts, "handsetAnswered" | "confirmationRequired"> {
  // RFC 3428 §4: a 202 is a relay's word.
  const handsetAnswered = sipStatus !== null && sipStatus >= 200 && sipStatus < 300 && sipStatus !== 202;
  return { handsetAnswered, confirmationRequired: deliveryMethod === "confirmed" };
}

function isRetryable(event: string): event is RetryableEvent {
  return event === "unavailable" || event === "absent" || event === "noAnswer";
}

function hasTimeLeft({ content }: ClaimedDelivery, nowMs: number): boolean {
  return content.deliverBeforeMs === null || nowMs < content.deliverBeforeMs;
}

function transitionOf(
  state: DeliveryState,
  event: Parameters<typeof deliveryTransition>[1],
  facts: Facts,
): DeliveryTransition {
  const transition = deliveryTransition(state, event, (guard) => facts[guard]);
  if (transition === undefined) throw new Error(`no transition for ${event} in ${state}`);
  return transition;
}

function finalChange(to: FinalState, sipStatus: number | null, verdict: Verdict): Change {
  return { to, dueAtMs: null, sipStatus, ...verdict, awaitRegistration: false };
}

/** What was accepted and waits for its report is not done yet. */
function codeOf(next: DeliveryState, papCode: number): number {
  return next === "waiting-report" ? papCodes.acceptedForProcessing : papCode;
}

function dueOf(plan: RetryPlan | undefined, nowMs: number): number {
  return plan?.dueAtMs ?? nowMs;
}

/** deliver-before has passed; with what was tried before, if anything. */
function expired(lastCode: number, lastReason: string): Verdict {
  const tried = lastCode !== papCodes.acceptedForProcessing;
  const passed = "deliver-before has passed";
  return tried
    ? { papCode: lastCode, reason: `${passed}; last: ${lastReason}` }
    : { papCode: papCodes.forbidden, reason: passed };
}

function joined(first: string, second: string): string {
  return first === "" ? second : `${first}; ${second}`;
}
