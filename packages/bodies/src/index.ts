export * from "./cpim/index.ts";
export { BodyError, type BodyErrorCode, type BodyErrorDetails } from "./errors.ts";
export * from "./imdn/index.ts";
export type { BodyLimits } from "./limits.ts";
export * from "./multipart/index.ts";
export * from "./pidf/index.ts";
export * from "./reginfo/index.ts";
export * from "./sipfrag/index.ts";
export * from "./xml/index.ts";
