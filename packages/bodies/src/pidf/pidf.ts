import { badElement, qvalueOf, requiredAttribute, serializeQvalue } from "../document.ts";
import { BodyError } from "../errors.ts";
import type { BodyLimits } from "../limits.ts";
import { parseXml } from "../xml/parse.ts";
import { serializeXml } from "../xml/serialize.ts";
import { attributeOf, childOf, childrenOf, childText, type XmlElement, xmlElement } from "../xml/tree.ts";
import {
  CAPS_NAMESPACE,
  PUSH_CAPS_NAMESPACE,
  readNote,
  readServiceCapabilities,
  writeNote,
  writeServiceCapabilities,
} from "./capabilities.ts";
import type { BasicStatus, PidfContact, PidfTuple, Presence } from "./types.ts";

/** Content-Type of a presence document. */
export const PIDF_TYPE = "application/pidf+xml";
/** RFC 3863 §4.1. */
const NAMESPACE = "urn:ietf:params:xml:ns:pidf";
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$/;

/**
 * Reads an application/pidf+xml. RFC 3863 §4, RFC 5196 §3.2. Tolerates any namespace of the root, missing tuple ids, statuses and
 * an empty entity, and timestamps and priorities that are none. What the model has no member for is kept as elements.
 *
 * @throws {BodyError} as `parseXml`, and BODY_BAD_DOCUMENT when the root is not `presence` or has no entity.
 */
export function decodePidf(octets: Uint8Array, limits: BodyLimits = {}): Presence {
  const { root } = parseXml(octets, limits);
  if (root.name !== "presence") throw badElement(root, "the root element is not presence");
  const { namespace } = root;
  const notes = childrenOf(root, "note", namespace).map(readNote);
  const extensions = others(root, ["tuple", "note"]);
  return {
    entity: requiredAttribute(root, "entity").trim(),
    tuples: childrenOf(root, "tuple", namespace).map(readTuple),
    ...(notes.length > 0 && { notes }),
    ...(extensions.length > 0 && { extensions }),
  };
}

function readTuple(element: XmlElement): PidfTuple {
  const { namespace } = element;
  const status = childOf(element, "status", namespace);
  const basic = status === undefined ? undefined : childText(status, "basic", namespace)?.toLowerCase();
  const contact = readContact(childOf(element, "contact", namespace));
  const notes = childrenOf(element, "note", namespace).map(readNote);
  const timestamp = dateOf(childText(element, "timestamp", namespace));
  const servcaps = childOf(element, "servcaps", CAPS_NAMESPACE);
  const statusExtensions = status === undefined ? [] : others(status, ["basic"]);
  const extensions = others(element, ["status", "contact", "note", "timestamp"]).filter((child) => child !== servcaps);
  return {
    id: attributeOf(element, "id") ?? "",
    basic: basic === "open" || basic === "closed" ? basic : null,
    ...(contact !== undefined && { contact }),
    ...(notes.length > 0 && { notes }),
    ...(timestamp !== undefined && { timestamp }),
    ...(servcaps !== undefined && { serviceCapabilities: readServiceCapabilities(servcaps) }),
    ...(statusExtensions.length > 0 && { statusExtensions }),
    ...(extensions.length > 0 && { extensions }),
  };
}

function readContact(element: XmlElement | undefined): PidfContact | undefined {
  const uri = element?.text.trim() ?? "";
  if (element === undefined || uri === "") return undefined;
  const priority = qvalueOf(attributeOf(element, "priority"));
  return priority === undefined ? { uri } : { uri, priority };
}

function others(element: XmlElement, known: readonly string[]): XmlElement[] {
  return element.children.filter(({ name, namespace }) => namespace !== element.namespace || !known.includes(name));
}

/** RFC 3339; undefined for what is none. */
function dateOf(text: string | undefined): Date | undefined {
  if (text === undefined || !DATE.test(text)) return undefined;
  const date = new Date(text.toUpperCase());
  // In UTC the year may have more digits than RFC 3339 has room for; of what is no date it is NaN.
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9999 ? date : undefined;
}

/**
 * Writes an application/pidf+xml, the elements in the order of RFC 3863 §4.4.
 *
 * @throws {BodyError} BODY_BAD_VALUE: a tuple id that is empty or stands twice (§4.1.2), a priority or date that is none.
 */
export function encodePidf({ entity, tuples, notes = [], extensions = [] }: Presence): Uint8Array {
  const ids = new Set(tuples.map(({ id }) => id));
  if (ids.size < tuples.length || ids.has("")) {
    throw new BodyError("BODY_BAD_VALUE", "tuples", "ids must be there and differ");
  }
  const root = xmlElement("presence", {
    namespace: NAMESPACE,
    attributes: { entity },
    children: [...tuples.map(writeTuple), ...notes.map((note) => writeNote("note", NAMESPACE, note)), ...extensions],
  });
  return serializeXml(root, { prefixes: { [CAPS_NAMESPACE]: "caps", [PUSH_CAPS_NAMESPACE]: "push" } });
}

function writeTuple(tuple: PidfTuple): XmlElement {
  const {
    id,
    basic,
    contact,
    notes = [],
    timestamp,
    serviceCapabilities,
    statusExtensions = [],
    extensions = [],
  } = tuple;
  const own = (name: string, init: Parameters<typeof xmlElement>[1]): XmlElement =>
    xmlElement(name, { namespace: NAMESPACE, ...init });
  const priority = contact?.priority === undefined ? undefined : serializeQvalue(contact.priority, "contact.priority");
  if (timestamp !== undefined && Number.isNaN(timestamp.getTime())) {
    throw new BodyError("BODY_BAD_VALUE", "timestamp", "is no date");
  }
  const basicElement = (value: BasicStatus): XmlElement => own("basic", { text: value });
  return own("tuple", {
    attributes: { id },
    children: [
      own("status", { children: [...(basic === null ? [] : [basicElement(basic)]), ...statusExtensions] }),
      ...(serviceCapabilities === undefined ? [] : [writeServiceCapabilities(serviceCapabilities)]),
      ...extensions,
      ...(contact === undefined ? [] : [own("contact", { text: contact.uri, attributes: { priority } })]),
      ...notes.map((note) => writeNote("note", NAMESPACE, note)),
      ...(timestamp === undefined ? [] : [own("timestamp", { text: timestamp.toISOString() })]),
    ],
  });
}
