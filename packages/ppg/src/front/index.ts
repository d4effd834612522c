export { type Client, type ClientFinder, clientFinder } from "./clients.ts";
export { FrontError, type FrontErrorCode } from "./errors.ts";
export { type FrontStats, PpgFront } from "./front.ts";
export type { FrontAddress } from "./listener.ts";
export type { FrontLimits, HealthReport, OperationHandlers, PpgFrontOptions } from "./options.ts";
export { type Refusal, refusals } from "./refusals.ts";
export { hashPassword, isPasswordHash, sha256Hex, verifyPassword } from "./secrets.ts";
