export {
  ConfigError,
  type ConfigProblem,
  type ConfigWorld,
  describeProblem,
  environmentVariables,
  folderProblem,
  type HttpAddress,
  type HttpTls,
  type InitiatorConfig,
  type LogLevel,
  type NotifyAs,
  type PpgConfig,
  readPpgConfig,
  type SipConfig,
  senderOptionsOf,
  type Verifier,
} from "./config/index.ts";
export { consoleRoutes } from "./console/console-routes.ts";
export { EventBus } from "./console/event-bus.ts";
export type { ConsoleOptions } from "./console/options.ts";
export type * as consoleViews from "./console/views.ts";
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
export { type CapabilitiesPortOptions, capabilitiesPort } from "./dispatch/capabilities-port.ts";
export { Dispatcher } from "./dispatch/dispatcher.ts";
export { type DispatcherOptions, type DispatcherStats, type DispatchSender, hostOf } from "./dispatch/options.ts";
export { Places } from "./dispatch/places.ts";
export { PromptSubmissions, type PromptSubmissionsOptions } from "./dispatch/prompt-submissions.ts";
export { StoreReportBook, type StoreReportBookOptions } from "./dispatch/report-book.ts";
export type { PpgEvent, PpgObserver } from "./events.ts";
export {
  type Client,
  type ClientFinder,
  clientFinder,
  type FrontAddress,
  FrontError,
  type FrontErrorCode,
  type FrontLimits,
  type FrontStats,
  type HealthReport,
  hashPassword,
  isPasswordHash,
  type OperationHandlers,
  PpgFront,
  type PpgFrontOptions,
  type Refusal,
  refusals,
  sha256Hex,
  verifyPassword,
} from "./front/index.ts";
export { GatewayError, type GatewayErrorCode } from "./gateway/gateway-error.ts";
export { Gateway, type GatewayOptions } from "./gateway.ts";
export { Intake } from "./intake/intake.ts";
export type { CapabilitiesOf, IntakeLimits, IntakeOptions } from "./intake/options.ts";
export type * from "./intake/types.ts";
export { Health, type MetricsText, PpgMetrics } from "./operation/index.ts";
export {
  type NotifyIdentity,
  type NotifyRetry,
  type ResultLimits,
  ResultNotifier,
  type ResultNotifierOptions,
  type ResultNotifierStats,
} from "./results/index.ts";
export { StoreError, type StoreErrorCode } from "./store/errors.ts";
export { PostgresStore, type PostgresStoreOptions } from "./store/postgres-store.ts";
export { SqliteStore } from "./store/sqlite-store.ts";
export type { PpgStore } from "./store/store.ts";
export type * from "./store/types.ts";
