import { cpimValue, IMDN_CPIM_NAMESPACE } from "../cpim/header.ts";
import type { CpimHeader, CpimMessage } from "../cpim/types.ts";
import { BodyError } from "../errors.ts";
import type { BodyLimits } from "../limits.ts";
import { parseXml } from "../xml/parse.ts";
import { serializeXml } from "../xml/serialize.ts";
import { childOf, childText, type XmlElement, xmlElement } from "../xml/tree.ts";
import { type DispositionRequest, type Imdn, type ImdnStatus, type NotificationKind, statusesOf } from "./types.ts";

/** Content-Type of an IMDN document. */
export const IMDN_TYPE = "message/imdn+xml";
/** RFC 5438 §15.2. */
const NAMESPACE = "urn:ietf:params:xml:ns:imdn";

const kinds = Object.keys(statusesOf) as NotificationKind[];
const requests: readonly string[] = ["positive-delivery", "negative-delivery", "processing", "display"];
/** Children of the root that the model has members for. */
const KNOWN: ReadonlySet<string> = new Set([
  "message-id",
  "datetime",
  "recipient-uri",
  "original-recipient-uri",
  "subject",
  ...kinds.map((kind) => `${kind}-notification`),
]);

/**
 * Reads a message/imdn+xml. RFC 5438 §11. Tolerates any namespace, and everything but the message id and the status missing.
 *
 * @throws {BodyError} as `parseXml`, and BODY_BAD_DOCUMENT.
 */
export function decodeImdn(octets: Uint8Array, limits: BodyLimits = {}): Imdn {
  const { root } = parseXml(octets, limits);
  if (root.name !== "imdn") throw bad(root, "the root element is not imdn");
  const messageId = childText(root, "message-id") ?? "";
  if (messageId === "") throw bad(root, "has no message-id");
  const kind = kinds.find((each) => childOf(root, `${each}-notification`) !== undefined);
  if (kind === undefined) throw bad(root, "has no notification");
  const notification = childOf(root, `${kind}-notification`) as XmlElement;
  const statusElements = childOf(notification, "status")?.children ?? [];
  const isStatus = ({ name }: XmlElement): boolean => (statusesOf[kind] as readonly string[]).includes(name);
  const status = statusElements.find(isStatus)?.name;
  if (status === undefined) throw bad(notification, `has no status of ${statusesOf[kind].join(", ")}`);
  return {
    messageId,
    dateTime: childText(root, "datetime") ?? null,
    recipientUri: childText(root, "recipient-uri") ?? null,
    originalRecipientUri: childText(root, "original-recipient-uri") ?? null,
    subject: childText(root, "subject") ?? null,
    kind,
    status: status as ImdnStatus,
    extensions: [
      ...root.children.filter(({ name }) => !KNOWN.has(name)),
      ...statusElements.filter((element) => !isStatus(element)),
    ],
  };
}

/**
 * Writes a message/imdn+xml. RFC 5438 §11. Extensions go behind the notification.
 *
 * @throws {BodyError} BODY_BAD_VALUE for a status that this kind has not.
 */
export function encodeImdn(imdn: Imdn): Uint8Array {
  const { kind, status, messageId, dateTime, recipientUri, originalRecipientUri, subject } = imdn;
  if (messageId === "") throw new BodyError("BODY_BAD_VALUE", "messageId", "is empty");
  if (!statusesOf[kind].includes(status)) {
    throw new BodyError("BODY_BAD_VALUE", "status", `a ${kind} notification is never ${status}`);
  }
  const element = (name: string, text: string | null): XmlElement[] =>
    text === null ? [] : [xmlElement(name, { namespace: NAMESPACE, text })];
  const parent = (name: string, child: XmlElement): XmlElement =>
    xmlElement(name, { namespace: NAMESPACE, children: [child] });
  const children = [
    ...element("message-id", messageId),
    ...element("datetime", dateTime),
    ...element("recipient-uri", recipientUri),
    ...element("original-recipient-uri", originalRecipientUri),
    ...element("subject", subject),
    parent(`${kind}-notification`, parent("status", xmlElement(status, { namespace: NAMESPACE }))),
    ...imdn.extensions,
  ];
  return serializeXml(xmlElement("imdn", { namespace: NAMESPACE, children }));
}

/** The notifications that a message asks for; values that are not understood are left out. RFC 5438 §6.2, §7.2.1. */
export function dispositionRequests(message: CpimMessage): DispositionRequest[] {
  const values = (cpimValue(message, "Disposition-Notification", IMDN_CPIM_NAMESPACE) ?? "").split(",");
  const found = values.map((value) => value.trim().toLowerCase()).filter((value) => requests.includes(value));
  return [...new Set(found)] as DispositionRequest[];
}

/** The Message-ID of a message (RFC 5438 §6.3), or undefined. */
export function imdnMessageId(message: CpimMessage): string | undefined {
  return cpimValue(message, "Message-ID", IMDN_CPIM_NAMESPACE);
}

/**
 * The CPIM header fields that identify a message and ask for notifications about it.
 *
 * @param dispositions none for an IMDN: an IMDN for an IMDN is forbidden (RFC 5438 §7.2.1).
 */
export function imdnHeaders(messageId: string, dispositions: readonly DispositionRequest[] = []): CpimHeader[] {
  const header = (name: string, value: string): CpimHeader => ({ name, namespace: IMDN_CPIM_NAMESPACE, value });
  const id = header("Message-ID", messageId);
  return dispositions.length === 0 ? [id] : [id, header("Disposition-Notification", dispositions.join(", "))];
}

function bad(element: XmlElement, problem: string): BodyError {
  return new BodyError("BODY_BAD_DOCUMENT", element.name, problem, { offset: element.offset });
}
