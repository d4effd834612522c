export { SipLocateError, type SipLocateErrorCode } from "./errors.ts";
export { type LocateOptions, locate, locateNow, sentByUri } from "./locate.ts";
export { type NaptrRecord, type Resolver, type SrvRecord, type StaticRecords, staticResolver } from "./resolver.ts";
export { type SystemResolverOptions, systemResolver } from "./system-resolver.ts";
export { TargetHealth, type TargetHealthOptions } from "./target-health.ts";
