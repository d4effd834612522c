import { papCodes } from "@sip-push/pap";
import { type DeliveryState, deliveryTransition } from "../delivery/delivery.machine.ts";
import type { CancelVerdict, DeliveryAdvance } from "./types.ts";

/** Why a delivery was taken back: kept as its reason. */
export type TakeBackReason = "cancelled" | "replaced";

/** What the delivery machine says to a cancel, or a replacement, in this state; undefined: there is no such delivery. */
export function takeBack(state: string | undefined): CancelVerdict {
  if (state === undefined) return "addressNotFound";
  const transition = deliveryTransition(state as DeliveryState, "cancel", () => false);
  if (transition === undefined) return "notPossible";
  return transition.next === "cancelled" ? "cancelled" : "requested";
}

/** How a delivery ends that its initiator took back. */
export function cancelledChange(
  sipStatus: number | null,
  reason: TakeBackReason,
  atMs: number,
): Omit<DeliveryAdvance, "lease"> {
  return { to: "cancelled", atMs, dueAtMs: null, sipStatus, papCode: papCodes.ok, reason, attemptStartedAtMs: null };
}
