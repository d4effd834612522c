import { defaultQualityOfService, encodePap, PapError, type PapMessage, type PapOperation } from "@sip-push/pap";
import { InitiatorError } from "./errors.ts";
import type { PushInitiatorOptions } from "./options.ts";
import type { Entity } from "./outcomes.ts";
import type { CapabilitiesQuery, PushContent, PushQuality, PushQuery, PushSubmission } from "./submission.ts";

/** An HTTP entity, ready to be sent. */
export interface PapEntity {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** What is the same in every message of one initiator. */
export type Dialect = Required<Pick<PushInitiatorOptions, "version">> & Pick<PushInitiatorOptions, "productName">;

const APPLICATION_ID = "X-Wap-Application-Id";

/** A push-message with its content. @throws {InitiatorError} INITIATOR_BAD_PUSH. */
export function encodeSubmission(push: PushSubmission, dialect: Dialect): PapEntity {
  const { pushId, addresses, replace, quality, deliverBefore, deliverAfter, sourceReference, notifyUrl } = push;
  const operation: PapOperation = {
    kind: "push-message",
    pushId,
    addresses,
    ...(replace !== undefined && { replacePushId: replace.pushId }),
    replaceMethod: replace?.method ?? "all",
    ...(deliverBefore !== undefined && { deliverBeforeTimestamp: deliverBefore }),
    ...(deliverAfter !== undefined && { deliverAfterTimestamp: deliverAfter }),
    ...(sourceReference !== undefined && { sourceReference }),
    ...(notifyUrl !== undefined && { ppgNotifyRequestedTo: notifyUrl }),
    progressNotesRequested: push.progressNotes ?? false,
    ...(quality !== undefined && { qualityOfService: qualityOf(quality) }),
  };
  return encode(operation, dialect, {
    content: contentOf(push.content),
    ...(push.capabilities !== undefined && { capabilities: push.capabilities }),
  });
}

/** @throws {InitiatorError} INITIATOR_BAD_PUSH. */
export function encodeCancel({ pushId, addresses = [] }: PushQuery, dialect: Dialect): PapEntity {
  return encode({ kind: "cancel-message", pushId, addresses }, dialect);
}

/** @throws {InitiatorError} INITIATOR_BAD_PUSH. */
export function encodeStatusQuery({ pushId, addresses = [] }: PushQuery, dialect: Dialect): PapEntity {
  return encode({ kind: "statusquery-message", pushId, addresses }, dialect);
}

/** @throws {InitiatorError} INITIATOR_BAD_PUSH. */
export function encodeCapabilitiesQuery(query: CapabilitiesQuery, dialect: Dialect): PapEntity {
  const { address, applicationId, queryId } = query;
  const operation: PapOperation = {
    kind: "ccq-message",
    address,
    ...(applicationId !== undefined && { appId: applicationId }),
    ...(queryId !== undefined && { queryId }),
  };
  return encode(operation, dialect);
}

function encode(
  operation: PapOperation,
  { version, productName }: Dialect,
  beside: Pick<PapMessage, "content" | "capabilities"> = {},
): PapEntity {
  try {
    return encodePap({ version, ...(productName !== undefined && { productName }), operation, ...beside });
  } catch (error) {
    if (!(error instanceof PapError)) throw error;
    throw new InitiatorError("INITIATOR_BAD_PUSH", error.problem, fieldOf(error), error);
  }
}

/** Attributes by the member that they are of; those that differ in more than their spelling. */
const fieldByAttribute: Readonly<Record<string, string>> = {
  "address-value": "addresses",
  "app-id": "applicationId",
  "deliver-after-timestamp": "deliverAfter",
  "deliver-before-timestamp": "deliverBefore",
  "ppg-notify-requested-to": "notifyUrl",
  "push-id": "pushId",
  "query-id": "queryId",
  "replace-method": "replace",
  "replace-push-id": "replace",
  "source-reference": "sourceReference",
};

function fieldOf({ attribute, element }: PapError): string {
  if (attribute !== null) return fieldByAttribute[attribute] ?? `quality.${attribute}`;
  return element?.endsWith("address") || element !== null ? "addresses" : "content";
}

function qualityOf(quality: PushQuality): NonNullable<(PapOperation & { kind: "push-message" })["qualityOfService"]> {
  const given = Object.entries(quality).filter(([, value]) => value !== undefined);
  return { ...defaultQualityOfService, ...Object.fromEntries(given) };
}

function contentOf(content: PushContent): Entity {
  const { contentType, body, applicationId, contentEncoding, contentDisposition, headers = [] } = content;
  const named = headers.some(([name]) => name.toLowerCase() === APPLICATION_ID.toLowerCase());
  if (named && applicationId != null) {
    throw new InitiatorError("INITIATOR_BAD_PUSH", `${APPLICATION_ID} stands among them already`, "content.headers");
  }
  const all = applicationId == null ? headers : [[APPLICATION_ID, applicationId] as const, ...headers];
  return {
    contentType,
    ...(contentDisposition !== undefined && { contentDisposition }),
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(all.length > 0 && { headers: all }),
    body,
  };
}
