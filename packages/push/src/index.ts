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
  type PushApplication,
  parseApplicationId,
  pushApplications,
} from "./application-ids.ts";
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
export {
  checkPush,
  checkRepresentation,
  DEFAULT_MAX_BODY_BYTES,
  deadlineOf,
  type PushLimits,
  type PushMessage,
  type PushPriority,
  pushPriorities,
  type Validity,
  validityUntil,
} from "./push-message.ts";
