import { Histogram, type Registry } from "prom-client";
import { Tally } from "./tally.ts";

/** What events are counted in. */
export interface Meters {
  readonly operations: Tally;
  readonly accepted: Tally;
  readonly recipients: Tally;
  readonly acceptSeconds: Histogram;
  readonly attempts: Tally;
  readonly attemptSeconds: Histogram;
  readonly finished: Tally;
  readonly deliverySeconds: Histogram;
  readonly notifications: Tally;
  readonly notifySeconds: Histogram;
  readonly breakerChanges: Tally;
}

/** A request is answered in milliseconds; the promise of the issue is 50 at most. */
const answerBuckets = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Up to Timer F, 32 s. RFC 3261 §17.1.2.2. */
const attemptBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 16, 33];
/** A handset may be off for days. */
const deliveryBuckets = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 3_600, 14_400, 86_400, 604_800,
];

export function makeMeters(registry: Registry): Meters {
  const registers = [registry];
  const counter = (name: string, help: string, ...labelNames: string[]): Tally =>
    new Tally(registry, name, help, labelNames);
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers });
  return {
    operations: counter(
      "ppg_pap_operations_total",
      "PAP operations answered, by element and class of the result code",
      "operation",
      "code_class",
    ),
    accepted: counter(
      "ppg_pushes_accepted_total",
      "Pushes committed and answered 1001, by push initiator",
      "initiator",
    ),
    recipients: counter(
      "ppg_recipients_accepted_total",
      "Recipients of accepted pushes, but for those rejected at once",
    ),
    acceptSeconds: histogram(
      "ppg_accept_seconds",
      "From the last octet of a push to its commit, in seconds",
      answerBuckets,
    ),
    attempts: counter("ppg_attempts_total", "SIP attempts, by status code and method", "sip_status", "via"),
    attemptSeconds: histogram("ppg_attempt_seconds", "Duration of a SIP attempt in seconds", attemptBuckets),
    finished: counter("ppg_deliveries_finished_total", "Deliveries that came to an end, by final state", "state"),
    deliverySeconds: histogram(
      "ppg_delivery_seconds",
      "From accepting a push to its delivery, in seconds",
      deliveryBuckets,
    ),
    notifications: counter("ppg_notifications_total", "Result notifications sent, by verdict", "verdict"),
    notifySeconds: histogram("ppg_notify_seconds", "Duration of a result notification in seconds", answerBuckets),
    breakerChanges: counter("ppg_breaker_changes_total", "Circuit breakers that came into a phase", "phase"),
  };
}
