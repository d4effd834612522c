export type { ReceiverApplication } from "./applications.ts";
export { contentHeadersOf } from "./content-headers.ts";
export type { DigestPolicy } from "./digest-policy.ts";
export {
  type DigestState,
  type HeaderFields,
  type IncomingPush,
  type PushEvent,
  type PushEventJson,
  type PushPartJson,
  type PushResource,
  pushEventToJson,
  type ReceiverEvent,
  type RefusedEvent,
} from "./events.ts";
export {
  type FleetCredentials,
  type FleetEvent,
  type FleetPace,
  type FleetStats,
  HandsetFleet,
  type HandsetFleetOptions,
  type HandsetStats,
} from "./fleet/index.ts";
export type { HandlerAnswer, PushHandler, PushHandlers } from "./handlers.ts";
export type { PushReceiverLimits, PushReceiverOptions } from "./options.ts";
export type { ReceiverRole } from "./own-requests.ts";
export type { CapabilityPublicationEvent, PublishOptions } from "./publication/index.ts";
export { PushReceiver } from "./push-receiver.ts";
export type { ReferPolicy, ReferralEvent, ReferralOrigin } from "./referrals/index.ts";
export type { DeliveryReportEvent, ReportOptions, ReportPolicy, ReportStats } from "./reports/index.ts";
export type { PushSubscription, SubscriptionEvent, SubscriptionOptions } from "./subscriptions/index.ts";
export type { PpgAddressType, TrustedApplication, TrustedPpg } from "./trust-policy.ts";
