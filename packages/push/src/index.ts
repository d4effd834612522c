export {
  contentCodings,
  isContentTypeRefused,
  mediaTypeOf,
  pickRepresentation,
  type Representation,
} from "./accept.ts";
export {
  applicationUrn,
  normalizeApplicationId,
  parseApplicationId,
  type PushApplication,
  pushApplications,
} from "./application-ids.ts";
export { applicationIdOfMediaType, mediaTypesOfApplication } from "./content-types.ts";
export { PushInputError, type PushInputErrorCode } from "./errors.ts";
export {
  acceptContactApplications,
  type AcceptContactFlags,
  parseFeatureTagValue,
  PUSH_FEATURE_TAG,
  serializeAcceptContact,
  serializeFeatureTagValue,
  toContactParams,
} from "./feature-tag.ts";
export {
  type ApplicationIdSource,
  fromMessageRequest,
  type PushAttempt,
  type PushBinding,
  PushRequestFactory,
  type ReceivedPush,
  type SenderRole,
  toMessageRequest,
} from "./message-request.ts";
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
export {
  checkPush,
  checkRepresentation,
  deadlineOf,
  DEFAULT_MAX_BODY_BYTES,
  type PushLimits,
  type PushMessage,
  type PushPriority,
  pushPriorities,
  type Validity,
  validityUntil,
} from "./push-message.ts";
