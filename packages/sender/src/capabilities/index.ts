export {
  CapabilityBook,
  type CapabilityBookOptions,
  type CapabilityLifetimes,
  type Learning,
} from "./capability-book.ts";
export { CapabilityPublications, type CapabilityPublicationsOptions } from "./capability-publications.ts";
export {
  type CapabilityRecord,
  type CapabilitySource,
  type CapabilityStore,
  MemoryCapabilityStore,
  type UserCapabilities,
} from "./capability-store.ts";
export type { CapabilityFacts, HandsetFacts } from "./facts.ts";
export { canTake, type KnownHandset, type PushOffer, type Verdict } from "./known-handset.ts";
export { PresenceWatch, type PresenceWatchOptions, type PresenceWatchState } from "./presence-watch.ts";
export { type CapabilityAnswer, type CapabilityQuery, queryCapabilities } from "./query.ts";
export type { RefusedFacts, RefusedRequest } from "./refusals.ts";
