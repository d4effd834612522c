export { CAPS_NAMESPACE, PUSH_CAPS_NAMESPACE } from "./capabilities.ts";
export { decodePidf, encodePidf, PIDF_TYPE } from "./pidf.ts";
export type {
  BasicStatus,
  CapabilityFlag,
  CapabilitySet,
  PidfContact,
  PidfNote,
  PidfTuple,
  Presence,
  PriorityRange,
  PushCapabilityElements,
  ServiceCapabilities,
  SupportedSet,
} from "./types.ts";
