export {
  allowedEvents,
  type EventHeader,
  eventOf,
  eventsMatch,
  parseEvent,
  serializeAllowEvents,
  serializeEvent,
} from "./event-header.ts";
export { type NotifierEvent, type NotifierState, notifier } from "./notifier.machine.ts";
export { Notifier } from "./notifier.ts";
export { notifierHandler } from "./notifier-handler.ts";
export type {
  ImplicitSubscription,
  NotificationInit,
  NotifierOptions,
  NotifierReport,
  NotifyFailureCode,
  NotifyOutcome,
  SubscribeDecision,
  SubscribeRequest,
  Subscription,
} from "./notifier-options.ts";
export { isAccepted } from "./subscribe-checks.ts";
export { type SubscriberEvent, type SubscriberState, subscriber } from "./subscriber.machine.ts";
export { type Subscriber } from "./subscriber.ts";
export type {
  Notification,
  NotificationAnswer,
  SubscriberOptions,
  SubscriptionReport,
} from "./subscriber-options.ts";
export { Subscribers, type SubscribersOptions } from "./subscribers.ts";
export {
  parseSubscriptionState,
  type SubscriptionEndReason,
  type SubscriptionStateHeader,
  serializeSubscriptionState,
} from "./subscription-state.ts";
export {
  type JsonValue,
  MemorySubscriptionStore,
  type SubscriptionRecord,
  type SubscriptionStore,
} from "./subscription-store.ts";
export { endsSubscription, type Retry, retryAfterRefusal, ruleOfReason } from "./verdicts.ts";
