import type { BodyPart } from "@sip-push/bodies";
import type { DeliveryMethod, MessageState, Priority, ReplaceMethod } from "./values.ts";
import type { PapVersion } from "./versions.ts";

/*
 * The elements of the PAP 2.x DTD. Members are the attributes and child elements by their names in camel case; a member that may
 * be left out is one that the DTD implies, and one with a default always has its value. `address` elements are the strings of
 * their `address-value`, which `parsePapAddress` reads. Result codes are numbers: `papCodes`.
 */

/** Wishes for the delivery of a push. Element `quality-of-service`. */
export interface QualityOfService {
  /** Default `medium`. */
  readonly priority: Priority;
  /** Default `notspecified`. */
  readonly deliveryMethod: DeliveryMethod;
  /** One of `networks`, or another name: `networkOf`. */
  readonly network?: string;
  /** Default false. */
  readonly networkRequired: boolean;
  /** One of `bearers`, or another name: `bearerOf`. */
  readonly bearer?: string;
  /** Default false. */
  readonly bearerRequired: boolean;
}

/** Submission of a push, or its replacement when there is a `replacePushId`. The content goes beside it in {@link PapMessage}. */
export interface PushMessage {
  readonly kind: "push-message";
  /** Unique for ever; customarily `token@domain` of the push initiator. */
  readonly pushId: string;
  /** The push that this one replaces. Since PAP 2.0. */
  readonly replacePushId?: string;
  /** Default `all`; means something only beside `replacePushId`. Since PAP 2.0. */
  readonly replaceMethod: ReplaceMethod;
  readonly deliverBeforeTimestamp?: Date;
  readonly deliverAfterTimestamp?: Date;
  /** Who or what stands behind the push initiator. */
  readonly sourceReference?: string;
  /** Where results are wanted, a URI; none are sent without it. */
  readonly ppgNotifyRequestedTo?: string;
  /** Whether the response shall hold progress notes. Default false. */
  readonly progressNotesRequested: boolean;
  /** At least one. */
  readonly addresses: readonly string[];
  readonly qualityOfService?: QualityOfService;
}

/** One stage of the processing. Element `progress-note`. */
export interface ProgressNote {
  readonly stage: string;
  readonly note?: string;
  readonly time?: Date;
}

/** Element `response-result`. */
export interface ResponseResult {
  readonly code: number;
  readonly desc?: string;
}

/** Answer to a {@link PushMessage}. */
export interface PushResponse {
  readonly kind: "push-response";
  readonly pushId: string;
  readonly senderAddress?: string;
  readonly senderName?: string;
  readonly replyTime?: Date;
  readonly progressNotes: readonly ProgressNote[];
  readonly responseResult: ResponseResult;
}

/** Takes a push back, for all recipients or for those named. */
export interface CancelMessage {
  readonly kind: "cancel-message";
  readonly pushId: string;
  /** None: all recipients. */
  readonly addresses: readonly string[];
}

/** What became of the cancellation for these recipients; for all when there is no address. Element `cancel-result`. */
export interface CancelResult {
  readonly code: number;
  readonly desc?: string;
  readonly addresses: readonly string[];
}

/** Answer to a {@link CancelMessage}. */
export interface CancelResponse {
  readonly kind: "cancel-response";
  readonly pushId: string;
  /** At least one. */
  readonly cancelResults: readonly CancelResult[];
}

/** What became of a push for one recipient; from the gateway to the push initiator. */
export interface ResultNotificationMessage {
  readonly kind: "resultnotification-message";
  readonly pushId: string;
  readonly senderAddress?: string;
  readonly senderName?: string;
  /** When the gateway got the push. */
  readonly receivedTime?: Date;
  /** When the push came into this state. */
  readonly eventTime?: Date;
  readonly messageState: MessageState;
  readonly code: number;
  readonly desc?: string;
  readonly address: string;
  /** How it was delivered. */
  readonly qualityOfService?: QualityOfService;
}

/** Answer to a {@link ResultNotificationMessage}. */
export interface ResultNotificationResponse {
  readonly kind: "resultnotification-response";
  /** "" when it is missing and `bareResultResponse` is on. */
  readonly pushId: string;
  /** 1000 or 2000. */
  readonly code: number;
  readonly desc?: string;
  /** "" when it is missing and `bareResultResponse` is on. */
  readonly address: string;
}

/** Asks for the state of a push, for all recipients or for those named. */
export interface StatusQueryMessage {
  readonly kind: "statusquery-message";
  readonly pushId: string;
  /** None: all recipients. */
  readonly addresses: readonly string[];
}

/** State of a push for these recipients. Element `statusquery-result`. */
export interface StatusQueryResult {
  readonly eventTime?: Date;
  readonly messageState: MessageState;
  readonly code: number;
  readonly desc?: string;
  readonly addresses: readonly string[];
  readonly qualityOfService?: QualityOfService;
}

/** Answer to a {@link StatusQueryMessage}. */
export interface StatusQueryResponse {
  readonly kind: "statusquery-response";
  readonly pushId: string;
  /** At least one. */
  readonly statusQueryResults: readonly StatusQueryResult[];
}

/** Client capabilities query: what can the handset at this address do? */
export interface CcqMessage {
  readonly kind: "ccq-message";
  readonly queryId?: string;
  /** The application asked about. */
  readonly appId?: string;
  readonly address: string;
}

/** Answer to a {@link CcqMessage}. The capabilities go beside it in {@link PapMessage}. */
export interface CcqResponse {
  readonly kind: "ccq-response";
  readonly queryId?: string;
  readonly code: number;
  readonly desc?: string;
  readonly address: string;
}

/** Answer to what could not be understood. */
export interface BadMessageResponse {
  readonly kind: "badmessage-response";
  readonly code: number;
  readonly desc?: string;
  /** Some of what was not understood. */
  readonly badMessageFragment?: string;
}

/** Exactly one of these is in a control entity. */
export type PapOperation =
  | PushMessage
  | PushResponse
  | CancelMessage
  | CancelResponse
  | ResultNotificationMessage
  | ResultNotificationResponse
  | StatusQueryMessage
  | StatusQueryResponse
  | CcqMessage
  | CcqResponse
  | BadMessageResponse;

/** A control entity: the XML document of PAP. */
export interface PapDocument {
  /** That of its DOCTYPE. */
  readonly version: PapVersion;
  /** Public identifier of its DOCTYPE; when encoding, one that belongs to the version, or left out for the usual one. */
  readonly publicId?: string;
  /** Versions that its sender takes, as written in `<?wap-pap-ver?>`: `2.1`, `2.0`, `1.*`; empty when it does not say. */
  readonly supportedVersions?: readonly string[];
  readonly productName?: string;
  readonly operation: PapOperation;
}

/** What travels in one HTTP request or response: the control entity and, of two operations, what goes with it. */
export interface PapMessage extends PapDocument {
  /** Content entity of a push-message: any MIME entity, its octets as they came. */
  readonly content?: BodyPart;
  /** Capabilities entity of a push-message or ccq-response: UAProf RDF, its octets as they came. */
  readonly capabilities?: BodyPart;
}
