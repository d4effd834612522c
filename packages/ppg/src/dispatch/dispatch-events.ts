import type { PushOutcome } from "@sip-push/sender";
import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";
import type { DeliveryAdvance } from "../store/types.ts";
import type { Flight } from "./flight.ts";
import { detailsOf } from "./push-message-of.ts";

/** An attempt ended; nothing is told of one that was never sent. */
export function tellAttempt(observe: PpgObserver, flight: Flight, outcome: PushOutcome, atMs: number): void {
  if (outcome.attempts === 0) return;
  const { delivery, startedMs: startedAtMs } = flight;
  const { id, recipient, callId, attempts: attempt, content } = delivery;
  const { sipStatus, papCode, via } = outcome;
  observe({
    event: "attempt",
    push: content.id,
    pushId: content.pushId,
    initiator: content.initiator,
    delivery: id,
    recipient,
    callId,
    attempt,
    sipStatus,
    papCode,
    via,
    startedAtMs,
    atMs,
    traceparent: detailsOf(content).traceparent ?? null,
  });
}

/** A delivery changed its state, and that is committed. */
export function tellState(
  observe: PpgObserver,
  flight: Flight,
  change: Pick<DeliveryAdvance, "to" | "atMs" | "sipStatus" | "papCode" | "reason">,
): void {
  const { id, recipient, content } = flight.delivery;
  const { to, atMs, sipStatus, papCode, reason } = change;
  const from = flight.told;
  flight.told = to;
  observe({
    event: "state",
    push: content.id,
    pushId: content.pushId,
    initiator: content.initiator,
    acceptedAtMs: content.acceptedAtMs,
    delivery: id,
    recipient,
    from,
    to,
    atMs,
    sipStatus,
    papCode,
    reason,
  });
}

/** Tells of deliveries that a call of this node has ended because their initiator took them back. */
export function tellTakenBack(store: PpgStore, observe: PpgObserver): void {
  store.onTakenBack((taken) => {
    for (const each of taken) observe({ event: "state", to: "cancelled", ...each });
  });
}
