import { sameKey } from "./postgres-plans.ts";
import type { DeliveryRow } from "./rows.ts";

/** A delivery that is in the queue, or one that was. */
export type LiveRow = DeliveryRow;

const kept =
  "d.id, d.push, d.address, d.recipient, d.priority, d.call_token, d.sip_status, d.pap_code, d.reason, d.event_at";

/** Of a delivery `d` with its place `q` in the queue. */
export const LIVE_DELIVERY_COLUMNS: string = `${kept}, q.state, q.due_at, q.owner, q.version, q.attempts, q.cancel_requested`;

/** Of a delivery `d`, whether it has a place `q` in the queue or not. */
export const ANY_DELIVERY_COLUMNS: string = `${kept}, coalesce(q.state, d.state) AS state, q.due_at, q.owner,
  coalesce(q.version, d.version) AS version, coalesce(q.attempts, d.attempts) AS attempts,
  coalesce(q.cancel_requested, d.cancel_requested) AS cancel_requested`;
export const ANY_DELIVERY: string = `deliveries d LEFT JOIN queue q ON ${sameKey("q.id", "d.id")}`;
