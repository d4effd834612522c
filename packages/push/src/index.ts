export {
  allowsType,
  contentCodings,
  isContentTypeRefused,
  mediaTypeOf,
  pickRepresentation,
  type Representation,
} from "./accept.ts";
export {
  applicationUrn,
  normalizeApplicationId,
  type PushApplication,
  parseApplicationId,
  pushApplications,
} from "./application-ids.ts";
export {
  fromServiceCapabilities,
  type PresenceInit,
  type PushCapabilities,
  toPresence,
  toServiceCapabilities,
} from "./capabilities.ts";
export { PUSH_CHAIN_HEADER } from "./chain-header.ts";
export { type ContentHeaders, isContentHeader } from "./content-headers.ts";
export { applicationIdOfMediaType, mediaTypesOfApplication } from "./content-types.ts";
export { PushInputError, type PushInputErrorCode } from "./errors.ts";
export {
  type AcceptContactFlags,
  acceptContactApplications,
  PUSH_FEATURE_TAG,
  parseFeatureTagValue,
  serializeAcceptContact,
  serializeFeatureTagValue,
  toContactParams,
} from "./feature-tag.ts";
export { chargingHeaders, identityHeaders, initialHeaders } from "./identity-headers.ts";
export {
  type NotificationAttempt,
  type PushAttempt,
  type PushBinding,
  PushRequestFactory,
  type SenderRole,
  toMessageRequest,
} from "./message-request.ts";
export { type MultipartPushOptions, multipartPush, type PushPart } from "./multipart-push.ts";
export {
  hasSameApplications,
  isOmaPushPackage,
  OMA_PUSH_PACKAGE,
  type OmaPushEvent,
  type OmaPushEventInit,
  type OmaPushEventOptions,
  parseOmaPushEvent,
  type ReadOmaPushEvent,
  readOmaPushEvent,
  serializeOmaPushEvent,
} from "./oma-push-event.ts";
export { checkNumbers, type NumberRange } from "./option-number.ts";
export {
  type DeliveryAction,
  type DeliveryResult,
  type ImdnDisposition,
  isRetryable,
  type OutcomeRow,
  outcomeOf,
  outcomeTable,
  type ResultFacts,
} from "./outcomes.ts";
export { type MessageState, type PapCode, papCodes } from "./pap-codes.ts";
export { type PnParams, readPnParams, withPnParams } from "./pn-params.ts";
export {
  checkPush,
  checkRepresentation,
  DEFAULT_MAX_BODY_BYTES,
  deadlineOf,
  type PushLimits,
  type PushMessage,
  type PushPriority,
  type PushReport,
  pushPriorities,
  pushReports,
  type ReportDisposition,
  reportDispositions,
  type Validity,
  validityUntil,
} from "./push-message.ts";
export { type ApplicationIdSource, fromMessageRequest, fromRequest, type ReceivedPush } from "./received-push.ts";
export { type ReadReferral, type Referral, type ReferralInit, readReferral, referHeaders } from "./refer.ts";
export { type ReportRequestInit, withReportRequest } from "./report-envelope.ts";
