export {
  type AddressType,
  addressTypes,
  type PapAddress,
  parsePapAddress,
  serializePapAddress,
  type UriAddress,
  uriOf,
  type WapPushAddress,
} from "./addresses.ts";
export { decodeCapabilities } from "./capabilities.ts";
export { decodePapDocument, encodePapDocument } from "./document.ts";
export { defaultQualityOfService } from "./elements.ts";
export { PapError, type PapErrorCode, type PapErrorDetails, papErrorCodes } from "./errors.ts";
export { descOf } from "./fragment.ts";
export { applicationIdsOf, contentLanguageOf, decodePap, encodePap } from "./message.ts";
export { lenient, type PapDecodeOptions, type PapLeniency, type PapLimits } from "./options.ts";
export {
  describePapCode,
  knownPapCode,
  type PapCode,
  type PapCodeClass,
  papCodeClasses,
  papCodeClassOf,
  papCodeDescriptions,
  papCodes,
} from "./pap-codes.ts";
export { isPushId, MAX_PUSH_ID_LENGTH, pushIdOf } from "./push-id.ts";
export { badMessageReply, badMessageResponse, refusalReply, replyTo } from "./replies.ts";
export { parseTimestamp, serializeTimestamp } from "./timestamp.ts";
export type * from "./types.ts";
export {
  type Bearer,
  bearerOf,
  bearers,
  type DeliveryMethod,
  deliveryMethods,
  type MessageState,
  messageStates,
  type Network,
  networkOf,
  networks,
  type Priority,
  priorities,
  type ReplaceMethod,
  replaceMethods,
} from "./values.ts";
export { bestVersion, type PapDoctype, type PapVersion, papDoctypes, papVersions, usualDoctype } from "./versions.ts";
