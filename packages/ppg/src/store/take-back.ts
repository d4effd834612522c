import type { papCodes } from "@sip-push/pap";
import { type DeliveryState, deliveryTransition } from "../delivery/delivery.machine.ts";
import type { CancelVerdict, DeliveryAdvance, SubmittedRecipient } from "./types.ts";

// Not imported as a value: the thread that has the database loads nothing else.
const ok: (typeof papCodes)["ok"] = 1000;

/** Why a delivery was taken back: kept as its reason. */
export type TakeBackReason = "cancelled" | "replaced";

/** What the delivery machine says to a cancel, or a replacement, in this state; undefined: there is no such delivery. */
export function takeBack(state: string | undefined): CancelVerdict {
  if (state === undefined) return "addressNotFound";
  const transition = deliveryTransition(state as DeliveryState, "cancel", () => false);
  if (transition === undefined) return "notPossible";
  return transition.next === "cancelled" ? "cancelled" : "requested";
}

/**
 * What a delivery of an old push and a recipient of its replacement have in common when the one replaces the other: where it goes,
 * however the address is written. "" for a rejected one, which goes nowhere and cannot be taken back.
 */
export function placeOf(recipient: string, isRejected: boolean): string {
  return isRejected ? "" : recipient;
}

/** How a delivery ends that its initiator took back. */
export function cancelledChange(
  sipStatus: number | null,
  reason: TakeBackReason,
  atMs: number,
): Omit<DeliveryAdvance, "lease"> {
  return { to: "cancelled", atMs, dueAtMs: null, sipStatus, papCode: ok, reason, attemptStartedAtMs: null };
}

/** How a delivery ends at intake whose address reaches nobody. */
export function rejectedChange(
  { papCode, reason }: NonNullable<SubmittedRecipient["rejected"]>,
  atMs: number,
): Omit<DeliveryAdvance, "lease"> {
  return { to: "rejected", atMs, dueAtMs: null, sipStatus: null, papCode, reason, attemptStartedAtMs: null };
}
