export { CapabilityPublication } from "./capability-publication.ts";
export type { CapabilityPublicationEvent } from "./publication-events.ts";
export { type PublishOptions, readPublish } from "./publish-options.ts";
