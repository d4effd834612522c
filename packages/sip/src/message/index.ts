export { type NameAddr, parseNameAddr, serializeNameAddr } from "./address.ts";
export { type ChargingVectorInit, newChargingVector } from "./charging-vector.ts";
export { acceptedCodings, type UndoneCodings, undoContentCodings } from "./content-coding.ts";
export { decodeMessage } from "./decode.ts";
export { SipParseError, type SipParseErrorCode } from "./errors.ts";
export {
  type CSeq,
  type MediaType,
  parseCSeq,
  parseDecimal,
  parseMediaType,
  parseRetryAfter,
  parseSeconds,
  parseSipDate,
  parseTokenWithParams,
  serializeSipDate,
  type TokenWithParams,
} from "./fields.ts";
export { type Frame, type FramerRole, FramingError, StreamFramer } from "./framer.ts";
export { SipHeaders } from "./headers.ts";
export { defaultLimits, type MessageLimits } from "./limits.ts";
export { emptyBody, type SipMessage, SipRequest, SipResponse } from "./message.ts";
export { type Params, paramValue, parseParams, serializeParams } from "./params.ts";
export { reasonPhrases } from "./reason.ts";
export { type ResponseInit, responseTo } from "./response.ts";
export { decodeText, encodeText, quote, splitOutside, TOKEN, unquote } from "./text.ts";
export { newBranch, newCallId, newTag, randomToken } from "./tokens.ts";
export {
  bareHost,
  hostInUri,
  isNumericHost,
  type OtherUri,
  parseHostPort,
  parseUri,
  type SipUri,
  serializeUri,
  type TelUri,
  type Uri,
} from "./uri.ts";
export { canonicalHost, urisEqual } from "./uri-compare.ts";
export { isSound, type Rejection, rejectionOf } from "./validate.ts";
export { MAGIC_COOKIE, parseVia, sentByOf, serializeVia, type Via } from "./via.ts";
