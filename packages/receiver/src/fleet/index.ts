export type { FleetEvent, FleetStats } from "./fleet-events.ts";
export type { FleetCredentials, FleetPace, HandsetFleetOptions } from "./fleet-options.ts";
export type { HandsetStats } from "./handset.ts";
export { HandsetFleet } from "./handset-fleet.ts";
