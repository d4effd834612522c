import { boolean, code, enumeration, nonEmptyText, pushId, text, timestamp } from "./attribute-types.ts";
import { defaulted, type ElementRow, elementRow, implied, list, one, optional, required } from "./element-rows.ts";
import type {
  BadMessageResponse,
  CancelMessage,
  CancelResponse,
  CancelResult,
  CcqMessage,
  CcqResponse,
  PapOperation,
  ProgressNote,
  PushMessage,
  PushResponse,
  QualityOfService,
  ResponseResult,
  ResultNotificationMessage,
  ResultNotificationResponse,
  StatusQueryMessage,
  StatusQueryResponse,
  StatusQueryResult,
} from "./types.ts";
import { deliveryMethods, messageStates, priorities, replaceMethods } from "./values.ts";

/*
 * The DTD of PAP 2.1 as tables: attributes with their use, children in their order. Decoder and encoder both walk them. What a
 * version before does not have is marked with `since`.
 */

const messageState = enumeration(messageStates);
const desc = implied("desc", text);

/** Its address-value stands for it. */
const address: ElementRow<string> = {
  name: "address",
  fields: { addressValue: required("address-value", nonEmptyText) },
  only: "addressValue",
};

const qualityOfService = elementRow<QualityOfService>("quality-of-service", {
  priority: defaulted("priority", enumeration(priorities), "medium"),
  deliveryMethod: defaulted("delivery-method", enumeration(deliveryMethods), "notspecified"),
  network: implied("network", text),
  networkRequired: defaulted("network-required", boolean, false),
  bearer: implied("bearer", text),
  bearerRequired: defaulted("bearer-required", boolean, false),
});

const pushMessage = elementRow<PushMessage>("push-message", {
  pushId: required("push-id", pushId),
  replacePushId: implied("replace-push-id", pushId, { since: "2.0" }),
  replaceMethod: defaulted("replace-method", enumeration(replaceMethods), "all", { since: "2.0" }),
  deliverBeforeTimestamp: implied("deliver-before-timestamp", timestamp),
  deliverAfterTimestamp: implied("deliver-after-timestamp", timestamp),
  sourceReference: implied("source-reference", text),
  ppgNotifyRequestedTo: implied("ppg-notify-requested-to", text, { misspelled: "ppg-notifiy-requested-to" }),
  progressNotesRequested: defaulted("progress-notes-requested", boolean, false, {
    misspelled: "request-progress-notes",
  }),
  addresses: list(address, 1),
  qualityOfService: optional(qualityOfService),
});

const progressNote = elementRow<ProgressNote>("progress-note", {
  stage: required("stage", text),
  note: implied("note", text),
  time: implied("time", timestamp),
});

const responseResult = elementRow<ResponseResult>("response-result", { code: required("code", code), desc });

const pushResponse = elementRow<PushResponse>("push-response", {
  pushId: required("push-id", pushId),
  senderAddress: implied("sender-address", text),
  senderName: implied("sender-name", text),
  replyTime: implied("reply-time", timestamp),
  progressNotes: list(progressNote, 0),
  responseResult: one(responseResult),
});

const cancelMessage = elementRow<CancelMessage>("cancel-message", {
  pushId: required("push-id", pushId),
  addresses: list(address, 0),
});

const cancelResult = elementRow<CancelResult>("cancel-result", {
  code: required("code", code),
  desc,
  addresses: list(address, 0),
});

const cancelResponse = elementRow<CancelResponse>("cancel-response", {
  pushId: required("push-id", pushId),
  cancelResults: list(cancelResult, 1),
});

const resultNotificationMessage = elementRow<ResultNotificationMessage>("resultnotification-message", {
  pushId: required("push-id", pushId),
  senderAddress: implied("sender-address", text),
  senderName: implied("sender-name", text),
  receivedTime: implied("received-time", timestamp),
  eventTime: implied("event-time", timestamp),
  messageState: required("message-state", messageState),
  code: required("code", code),
  desc,
  address: one(address),
  qualityOfService: optional(qualityOfService),
});

const resultNotificationResponse = elementRow<ResultNotificationResponse>("resultnotification-response", {
  pushId: required("push-id", pushId, { waiver: "bareResultResponse" }),
  code: required("code", code),
  desc,
  address: one(address, { waiver: "bareResultResponse" }),
});

const statusQueryMessage = elementRow<StatusQueryMessage>("statusquery-message", {
  pushId: required("push-id", pushId),
  addresses: list(address, 0),
});

const statusQueryResult = elementRow<StatusQueryResult>("statusquery-result", {
  eventTime: implied("event-time", timestamp),
  messageState: required("message-state", messageState),
  code: required("code", code),
  desc,
  addresses: list(address, 0),
  qualityOfService: optional(qualityOfService),
});

const statusQueryResponse = elementRow<StatusQueryResponse>("statusquery-response", {
  pushId: required("push-id", pushId),
  statusQueryResults: list(statusQueryResult, 1),
});

const ccqMessage = elementRow<CcqMessage>("ccq-message", {
  queryId: implied("query-id", text),
  appId: implied("app-id", text),
  address: one(address),
});

const ccqResponse = elementRow<CcqResponse>("ccq-response", {
  queryId: implied("query-id", text),
  code: required("code", code),
  desc,
  address: one(address),
});

const badMessageResponse = elementRow<BadMessageResponse>("badmessage-response", {
  code: required("code", code),
  desc,
  badMessageFragment: implied("bad-message-fragment", text),
});

/** The operations, each by the name of its element. */
export const operations: { readonly [K in PapOperation["kind"]]: ElementRow<Extract<PapOperation, { kind: K }>> } = {
  "push-message": pushMessage,
  "push-response": pushResponse,
  "cancel-message": cancelMessage,
  "cancel-response": cancelResponse,
  "resultnotification-message": resultNotificationMessage,
  "resultnotification-response": resultNotificationResponse,
  "statusquery-message": statusQueryMessage,
  "statusquery-response": statusQueryResponse,
  "ccq-message": ccqMessage,
  "ccq-response": ccqResponse,
  "badmessage-response": badMessageResponse,
};

/** The row of an operation; undefined for another name. */
export function operationNamed(name: string): ElementRow<PapOperation> | undefined {
  return Object.hasOwn(operations, name) ? operations[name as PapOperation["kind"]] : undefined;
}

/** Names of all elements of the DTD. */
export const elementNames: ReadonlySet<string> = new Set(["pap", ...Object.values(operations).flatMap(namesIn)]);

function namesIn(row: ElementRow<unknown>): string[] {
  const children = Object.values(row.fields).flatMap((field) => (field.row === "child" ? namesIn(field.element) : []));
  return [row.name, ...children];
}

/** What a push without a `quality-of-service` gets. */
export const defaultQualityOfService: QualityOfService = {
  priority: "medium",
  deliveryMethod: "notspecified",
  networkRequired: false,
  bearerRequired: false,
};
