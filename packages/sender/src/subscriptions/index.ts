export {
  PushSubscriptions,
  type SubscriptionEnd,
  type SubscriptionPolicy,
} from "./push-subscriptions.ts";
export { subscribedApplications } from "./subscriber-index.ts";
