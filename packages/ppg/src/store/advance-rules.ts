import type { papCodes } from "@sip-push/pap";
import { type DeliveryGuard, type DeliveryState, deliveryTransition, isFinal } from "../delivery/delivery.machine.ts";
import { StoreError } from "./errors.ts";
import { takeBack } from "./take-back.ts";
import type { DeliveryAdvance } from "./types.ts";

/** PAP code of a handset that is not registered. Not imported as a value: the thread that has the database loads nothing else. */
const cannotReachDestination: (typeof papCodes)["cannotReachDestination"] = 5028;

/** Whether a change has a delivery wait because its handset was absent: a registration wakes it. */
export function isAbsent({ to, papCode }: Pick<DeliveryAdvance, "to" | "papCode">): boolean {
  return to === "retry-wait" && papCode === cannotReachDestination;
}

/** SQL: {@link isAbsent} of a row, in the words of the index of those. */
export const IS_ABSENT: string = `state = 'retry-wait' AND pap_code = ${cannotReachDestination}`;

/** States in which a delivery waits to be tried: not for one that its initiator took back. */
export function tryAgainAfterCancel(to: DeliveryState): boolean {
  return takeBack(to) === "cancelled";
}

/** What becomes of a delivery that is handed back in this state; undefined: nobody can hold it there. */
export function afterRelease(state: string, cancelRequested: number): DeliveryState | undefined {
  const holds = (guard: DeliveryGuard): boolean => guard === "cancelRequested" && cancelRequested !== 0;
  return deliveryTransition(state as DeliveryState, "release", holds)?.next;
}

/**
 * A final state has nothing due, another one has; `sending` is reached by a claim only. A reason phrase may hold a NUL (RFC 4475
 * §3.1.1.2 has one in a header field), which PostgreSQL takes in no text.
 *
 * @throws {StoreError} `STORE_BAD_INPUT`
 */
export function checkedAdvance(advance: DeliveryAdvance): DeliveryAdvance {
  const { to, dueAtMs, lease } = advance;
  if (to === "sending" || isFinal(to) !== (dueAtMs === null))
    throw new StoreError("STORE_BAD_INPUT", `delivery ${lease.id}: ${to}, due at ${dueAtMs}`);
  const reason = printable(advance.reason);
  return reason === advance.reason ? advance : { ...advance, reason };
}

/** A reason as it is kept. */
export function printable(reason: string): string {
  return reason.includes("\0") ? reason.replaceAll("\0", "\u{fffd}") : reason;
}
