export type { Subscribe, SubscribeSettings, WatchedSubscription, WatchRefusal } from "./watch.ts";
