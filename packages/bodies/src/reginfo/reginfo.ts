import {
  badElement,
  countOf,
  oneOf,
  qvalueOf,
  requiredAttribute,
  serializeCount,
  serializeQvalue,
} from "../document.ts";
import type { BodyLimits } from "../limits.ts";
import { parseXml } from "../xml/parse.ts";
import { serializeXml } from "../xml/serialize.ts";
import { attributeOf, childOf, childrenOf, childText, type XmlElement, xmlElement } from "../xml/tree.ts";
import type { ContactEvent, Reginfo, RegisteredContact, RegistrationInfo } from "./types.ts";

/** Content-Type of registration information. */
export const REGINFO_TYPE = "application/reginfo+xml";
/** RFC 3680 §5.1. */
const NAMESPACE = "urn:ietf:params:xml:ns:reginfo";
/** RFC 5628 §5. */
const GRUU_NAMESPACE = "urn:ietf:params:xml:ns:gruuinfo";

const events: readonly ContactEvent[] = [
  "registered",
  "created",
  "refreshed",
  "shortened",
  "expired",
  "deactivated",
  "probation",
  "unregistered",
  "rejected",
];
const MAX_VERSION = 0xffff_ffff;

/**
 * Reads an application/reginfo+xml. RFC 3680 §5, RFC 5628 §5. Tolerates any namespace of the root, a q that is none, and an
 * id that stands twice (`applyReginfo` takes both as one); ignores attributes of other namespaces (§5.1).
 *
 * @throws {BodyError} as `parseXml`, and BODY_BAD_DOCUMENT: a required attribute that is missing or has no such value.
 */
export function decodeReginfo(octets: Uint8Array, limits: BodyLimits = {}): Reginfo {
  const { root } = parseXml(octets, limits);
  if (root.name !== "reginfo") throw badElement(root, "the root element is not reginfo");
  requiredAttribute(root, "version");
  const version = countOf(root, "version") as number;
  if (version > MAX_VERSION) throw badElement(root, "the version has more than 32 bits");
  const elements = childrenOf(root, "registration", root.namespace);
  return { version, state: oneOf(root, "state", ["full", "partial"]), registrations: elements.map(readRegistration) };
}

function readRegistration(element: XmlElement): RegistrationInfo {
  const contacts = childrenOf(element, "contact", element.namespace);
  const extensions = element.children.filter(({ namespace }) => namespace !== element.namespace);
  return {
    aor: requiredAttribute(element, "aor").trim(),
    id: requiredAttribute(element, "id"),
    state: oneOf(element, "state", ["init", "active", "terminated"]),
    contacts: contacts.map(readContact),
    ...(extensions.length > 0 && { extensions }),
  };
}

function readContact(element: XmlElement): RegisteredContact {
  const { namespace } = element;
  const uri = childText(element, "uri", namespace);
  if (uri === undefined) throw badElement(element, "has no uri");
  const displayName = childText(element, "display-name", namespace);
  const unknownParams = childrenOf(element, "unknown-param", namespace);
  const callId = attributeOf(element, "callid");
  const numbers = {
    expiresSeconds: countOf(element, "expires"),
    retryAfterSeconds: countOf(element, "retry-after"),
    durationRegisteredSeconds: countOf(element, "duration-registered"),
    cseq: countOf(element, "cseq"),
    q: qvalueOf(attributeOf(element, "q")),
  };
  const others = element.children.filter(
    (child) => child.namespace !== namespace && child.namespace !== GRUU_NAMESPACE,
  );
  return {
    id: requiredAttribute(element, "id"),
    uri,
    state: oneOf(element, "state", ["active", "terminated"]),
    event: oneOf(element, "event", events),
    ...defined(numbers),
    ...(callId !== undefined && { callId }),
    ...(displayName !== undefined && { displayName }),
    ...(unknownParams.length > 0 && {
      unknownParams: unknownParams.map((param) => [requiredAttribute(param, "name"), param.text.trim()] as const),
    }),
    ...readGruus(element),
    ...(others.length > 0 && { extensions: others }),
  };
}

/** RFC 5628 §5. A GRUU without its attributes says nothing. */
function readGruus(element: XmlElement): Pick<RegisteredContact, "publicGruu" | "temporaryGruu"> {
  const publicElement = childOf(element, "pub-gruu", GRUU_NAMESPACE);
  const publicGruu = publicElement === undefined ? undefined : attributeOf(publicElement, "uri");
  const temporary = childOf(element, "temp-gruu", GRUU_NAMESPACE);
  const uri = temporary === undefined ? undefined : attributeOf(temporary, "uri");
  const firstCseq = temporary === undefined ? undefined : countOf(temporary, "first-cseq");
  return {
    ...(publicGruu !== undefined && { publicGruu }),
    ...(uri !== undefined && firstCseq !== undefined && { temporaryGruu: { uri, firstCseq } }),
  };
}

/** Without the members that are undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** Writes an application/reginfo+xml. @throws {BodyError} BODY_BAD_VALUE. */
export function encodeReginfo({ version, state, registrations }: Reginfo): Uint8Array {
  const root = xmlElement("reginfo", {
    namespace: NAMESPACE,
    attributes: { version: serializeCount(version, "version"), state },
    children: registrations.map(writeRegistration),
  });
  return serializeXml(root, { prefixes: { [GRUU_NAMESPACE]: "gr" } });
}

function writeRegistration({ aor, id, state, contacts, extensions = [] }: RegistrationInfo): XmlElement {
  const children = [...contacts.map(writeContact), ...extensions];
  return xmlElement("registration", { namespace: NAMESPACE, attributes: { aor, id, state }, children });
}

function writeContact(contact: RegisteredContact): XmlElement {
  const { id, state, event, uri, callId, displayName, unknownParams = [], q, publicGruu, temporaryGruu } = contact;
  const count = (value: number | undefined, field: string): string | undefined =>
    value === undefined ? undefined : serializeCount(value, field);
  const own = (name: string, text: string, attributes = {}): XmlElement =>
    xmlElement(name, { namespace: NAMESPACE, text, attributes });
  const gruu = (name: string, attributes: Record<string, string>): XmlElement =>
    xmlElement(name, { namespace: GRUU_NAMESPACE, attributes });
  return xmlElement("contact", {
    namespace: NAMESPACE,
    attributes: {
      id,
      state,
      event,
      expires: count(contact.expiresSeconds, "expires"),
      "retry-after": count(contact.retryAfterSeconds, "retry-after"),
      "duration-registered": count(contact.durationRegisteredSeconds, "duration-registered"),
      q: q === undefined ? undefined : serializeQvalue(q, "q"),
      callid: callId,
      cseq: count(contact.cseq, "cseq"),
    },
    children: [
      own("uri", uri),
      ...(displayName === undefined ? [] : [own("display-name", displayName)]),
      ...unknownParams.map(([name, value]) => own("unknown-param", value, { name })),
      ...(publicGruu === undefined ? [] : [gruu("pub-gruu", { uri: publicGruu })]),
      ...(temporaryGruu === undefined
        ? []
        : [
            gruu("temp-gruu", {
              uri: temporaryGruu.uri,
              "first-cseq": serializeCount(temporaryGruu.firstCseq, "first-cseq"),
            }),
          ]),
      ...(contact.extensions ?? []),
    ],
  });
}
