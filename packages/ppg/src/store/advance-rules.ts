import { type DeliveryState, isFinal } from "../delivery/delivery.machine.ts";
import { StoreError } from "./errors.ts";
import type { DeliveryAdvance } from "./types.ts";

/** States in which a delivery waits to be tried: not for one that its initiator took back. */
export function tryAgainAfterCancel(to: DeliveryState): boolean {
  return to === "pending" || to === "retry-wait";
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
