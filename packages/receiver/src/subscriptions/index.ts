export { PushLimit } from "./push-limit.ts";
export { PushSubscriptions } from "./push-subscriptions.ts";
export type { SubscriptionEvent } from "./subscription-events.ts";
export { type PushSubscription, readSubscription, type SubscriptionOptions } from "./subscription-options.ts";
