import type { papCodes, ReplaceMethod } from "@sip-push/pap";
import { type DeliveryState, deliveryTransition } from "../delivery/delivery.machine.ts";
import type { CancelVerdict, DeliveryAdvance, Rejection, SubmittedRecipient, TakeBackReason } from "./types.ts";

// Not imported as a value: the thread that has the database loads nothing else.
const ok: (typeof papCodes)["ok"] = 1000;
const cancellationNotPossible: (typeof papCodes)["cancellationNotPossible"] = 2008;

/** A delivery that waits for the end of another's attempt is looked at again this soon. */
export const LOOK_AGAIN_MS = 500;

/** How `cancel_requested` says it; 0: it was not taken back. */
export const takeBackNumbers: Readonly<Record<TakeBackReason, number>> = { cancelled: 1, replaced: 2 };
export const takeBackReasonOf = (number: number): TakeBackReason =>
  number === takeBackNumbers.replaced ? "replaced" : "cancelled";

/** What the delivery machine says to a cancel, or a replacement, in this state; undefined: there is no such delivery. */
export function takeBack(state: string | undefined): CancelVerdict {
  if (state === undefined) return "addressNotFound";
  const transition = deliveryTransition(state as DeliveryState, "cancel", () => false);
  if (transition === undefined) return "notPossible";
  return transition.next === "cancelled" ? "cancelled" : "requested";
}

/** Why `pending-only` does not take the place of a delivery; of others it does: at once, or once it is known not to arrive. */
const notPending: Partial<Record<CancelVerdict, string>> = {
  notPossible: "the push to replace is done there, or the handset or a relay has it",
  addressNotFound: "the push to replace does not go there",
};

/**
 * The recipients of a `pending-only` replacement, those rejected for whom nothing is pending; undefined: it goes to nobody.
 *
 * @param stateOf state of the delivery that a recipient replaces; undefined: there is none.
 */
export function pendingOnly(
  recipients: readonly SubmittedRecipient[],
  stateOf: (each: SubmittedRecipient) => string | undefined,
): SubmittedRecipient[] | undefined {
  const all = recipients.map((each) => {
    const reason = each.rejected === undefined ? notPending[takeBack(stateOf(each))] : undefined;
    return reason === undefined ? each : { ...each, rejected: { papCode: cancellationNotPossible, reason } };
  });
  return all.some(({ rejected }) => rejected === undefined) ? all : undefined;
}

/**
 * What a delivery of an old push and a recipient of its replacement have in common when the one replaces the other: where it goes,
 * however the address is written. "" for a rejected one, which goes nowhere and cannot be taken back.
 */
export function placeOf(recipient: string, isRejected: boolean): string {
  return isRejected ? "" : recipient;
}

/** A delivery that a replacement of its push finds. */
interface Replaced {
  readonly id: number;
  readonly state: string;
  /** The delivery whose attempt it waits for itself; null: none. */
  readonly behind: number | null;
}

/**
 * The delivery whose attempt one that takes the place of `old` must not overtake, and whether it goes only if that attempt does not
 * reach the recipient; undefined: it need not wait.
 */
export function placeBehind(
  old: Replaced | undefined,
  method: ReplaceMethod,
): { readonly behind: number; readonly onlyPending: number } | undefined {
  const verdict = takeBack(old?.state);
  if (verdict === "requested" && old !== undefined)
    return { behind: old.id, onlyPending: method === "pending-only" ? 1 : 0 };
  const behind = verdict === "cancelled" ? old?.behind : null;
  return behind == null ? undefined : { behind, onlyPending: 0 };
}

/** SQL: whether a delivery in this `state` has reached its recipient, as far as anybody knows who has replaced it. */
export const hasReached = (state: string): string => `${state} IN ('delivered', 'waiting-report')`;

/** How a delivery ends that its initiator took back. One that is held then was handed back: nothing was sent. */
export function cancelledChange(
  { state, sipStatus }: { readonly state: string; readonly sipStatus: number | null },
  reason: TakeBackReason,
  atMs: number,
): Omit<DeliveryAdvance, "lease"> {
  const unsent = state === "sending";
  return { to: "cancelled", atMs, dueAtMs: null, sipStatus, papCode: ok, reason, attemptStartedAtMs: null, unsent };
}

/** How a delivery ends at intake whose address reaches nobody. */
export function rejectedChange({ papCode, reason }: Rejection, atMs: number): Omit<DeliveryAdvance, "lease"> {
  return { to: "rejected", atMs, dueAtMs: null, sipStatus: null, papCode, reason, attemptStartedAtMs: null };
}
