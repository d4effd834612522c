export * from "./auth/index.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export * from "./locate/index.ts";
export { type Logger, silentLogger } from "./logger.ts";
export * from "./message/index.ts";
export * from "./transaction/index.ts";
export * from "./transport/index.ts";
export * from "./user-agent/index.ts";
