export * from "./capabilities/index.ts";
export type { DeliveryChain } from "./chain.ts";
export type { SenderEvent } from "./events.ts";
export type { PushAlternative } from "./offer-choice.ts";
export {
  type CapabilityOptions,
  type DeliveryVia,
  type PushSenderLimits,
  type PushSenderOptions,
  type ReadOptions,
  readOptions as readPushSenderOptions,
} from "./options.ts";
export type { PushOutcome, RetryOptions } from "./outcome.ts";
export { type DeliverOptions, PushSender } from "./push-sender.ts";
export { parseRecipient, type Recipient, type RecipientOptions } from "./recipient.ts";
export type { ReferOptions, ReferOutcome, ReferralResult } from "./referrals/index.ts";
export * from "./registrations/index.ts";
export * from "./reports/index.ts";
export type { SubscriptionPolicy } from "./subscriptions/index.ts";
export * from "./watches/index.ts";
