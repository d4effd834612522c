export type { ReceiverApplication } from "./applications.ts";
export type { DigestPolicy } from "./digest-policy.ts";
export {
  type DigestState,
  type IncomingPush,
  type PushEvent,
  type PushEventJson,
  pushEventToJson,
  type ReceiverEvent,
  type RefusedEvent,
} from "./events.ts";
export type { HandlerAnswer, PushHandler, PushHandlers } from "./handlers.ts";
export type { PushReceiverLimits, PushReceiverOptions } from "./options.ts";
export { PushReceiver } from "./push-receiver.ts";
export type { PpgAddressType, TrustedApplication, TrustedPpg } from "./trust-policy.ts";
