export type {
  EventPublication,
  EventStateChange,
  EventStateLimits,
  EventStatePackage,
  PublishRefusal,
} from "./event-state.ts";
export { EventStateAgent, type EventStateAgentOptions } from "./event-state-agent.ts";
export { type PublicationState, publication } from "./publication.machine.ts";
export { Publication } from "./publication.ts";
export type {
  PublicationEvent,
  PublicationOperation,
  PublicationOptions,
  PublishedState,
} from "./publication-options.ts";
