export {
  admitsAttempt,
  type BreakerAction,
  type BreakerEvent,
  type BreakerGuard,
  type BreakerPhase,
  type BreakerRule,
  type BreakerState,
  type BreakerTransition,
  breakerAfter,
  circuitBreakerMachine,
  closedBreaker,
  defaultBreakerRule,
} from "./delivery/circuit-breaker.machine.ts";
export {
  type DeliveryAction,
  type DeliveryEvent,
  type DeliveryGuard,
  type DeliveryState,
  type DeliveryTransition,
  deliveryMachine,
  deliveryTransition,
  type FinalState,
  finalStates,
  isFinal,
  isLive,
  type LiveState,
  liveStates,
  messageStateOf,
} from "./delivery/delivery.machine.ts";
export { type AttemptOutcome, deliveryEventOf } from "./delivery/outcome-events.ts";
export {
  defaultRetryRules,
  planRetry,
  type RetryableEvent,
  type RetryPlan,
  type RetryRule,
  type RetryRules,
  type RetrySituation,
} from "./delivery/retry-policy.ts";
export { StoreError, type StoreErrorCode } from "./store/errors.ts";
export { PostgresStore, type PostgresStoreOptions } from "./store/postgres-store.ts";
export { SqliteStore } from "./store/sqlite-store.ts";
export type { PpgStore } from "./store/store.ts";
export type * from "./store/types.ts";
