import { type DeliveryState, isFinal } from "../delivery/delivery.machine.ts";
import { StoreError } from "./errors.ts";
import type { DeliveryAdvance } from "./types.ts";

/** States in which a delivery waits to be tried: not for one that its initiator took back. */
export function tryAgainAfterCancel(to: DeliveryState): boolean {
  return to === "pending" || to === "retry-wait";
}

/**
 * A final state has nothing due, another one has; `sending` is reached by a claim only.
 *
 * @throws {StoreError} `STORE_BAD_INPUT`
 */
export function checkedAdvance(advance: DeliveryAdvance): DeliveryAdvance {
  const { to, dueAtMs, lease } = advance;
  if (to === "sending" || isFinal(to) !== (dueAtMs === null))
    throw new StoreError("STORE_BAD_INPUT", `delivery ${lease.id}: ${to}, due at ${dueAtMs}`);
  return advance;
}
