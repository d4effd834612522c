export { InitiatorError, type InitiatorErrorCode } from "./errors.ts";
export type {
  InitiatorClock,
  InitiatorCredentials,
  InitiatorLimits,
  InitiatorLogger,
  InitiatorTls,
  PushInitiatorOptions,
} from "./options.ts";
export type * from "./outcomes.ts";
export { type AskOptions, gatewayUrl, newPushId, PushInitiator } from "./push-initiator.ts";
export { ResultListener, type ResultListenerLimits, type ResultListenerOptions } from "./result-listener.ts";
export type { PushResult } from "./results.ts";
export type { CapabilitiesQuery, PushContent, PushQuality, PushQuery, PushSubmission } from "./submission.ts";
