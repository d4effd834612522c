export * from "./capabilities/index.ts";
export { type PushSenderLimits, type PushSenderOptions } from "./options.ts";
export type { PushOutcome, RetryOptions } from "./outcome.ts";
export { type DeliverOptions, PushSender } from "./push-sender.ts";
export { parseRecipient, type Recipient, type RecipientOptions } from "./recipient.ts";
export * from "./registrations/index.ts";
export * from "./reports/index.ts";
export * from "./watches/index.ts";
