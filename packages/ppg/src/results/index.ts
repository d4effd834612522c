export { ResultNotifier, type ResultNotifierStats } from "./notifier.ts";
export type { NotifyIdentity, NotifyRetry, ResultLimits, ResultNotifierOptions } from "./options.ts";
