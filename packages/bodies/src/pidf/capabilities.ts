import { badElement } from "../document.ts";
import { BodyError } from "../errors.ts";
import { attributeOf, childOf, childrenOf, type XmlElement, xmlElement } from "../xml/tree.ts";
import type {
  CapabilityFlag,
  CapabilitySet,
  PidfNote,
  PriorityRange,
  PushCapabilityElements,
  ServiceCapabilities,
  SupportedSet,
} from "./types.ts";

/** RFC 5196 §3.2. */
export const CAPS_NAMESPACE = "urn:ietf:params:xml:ns:pidf:caps";
/** Ours: what RFC 5196 has no element for, and names of its sets that its schema does not list. */
export const PUSH_CAPS_NAMESPACE = "urn:sip-push:ns:capabilities";
const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";

const flags: readonly CapabilityFlag[] = [
  "audio",
  "application",
  "data",
  "control",
  "video",
  "text",
  "message",
  "automata",
  "isfocus",
];

/**
 * Names that the schema of RFC 5196 §6 has elements for, by set. Others stand as elements of another namespace (§3.2.14), ours.
 * `schemes` and `languages` hold their values as text.
 */
// biome-ignore format: a table reads best dense
const setElements: Readonly<Record<CapabilitySet, { readonly item?: string; readonly names: string }>> = {
  class: { names: "business personal" },
  duplex: { names: "full half receive-only send-only" },
  "event-packages": { names: "conference dialog kpml message-summary poc-settings presence reg refer Siemens-RTP-Stats spirits-INDPs spirits-user-prof winfo" },
  methods: { names: "ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE" },
  extensions: { names: "rel100 early-session eventlist from-change gruu hist-info join norefersub path precondition pref privacy recipient-list-invite recipient-list-subscribe replaces resource-priority sdp-anat sec-agree tdialog timer" },
  schemes: { item: "s", names: "" },
  actor: { names: "attendant information msg-taker principal" },
  languages: { item: "l", names: "" },
};
const sets = Object.keys(setElements) as CapabilitySet[];
/** Order of the schema, §6, which is a sequence. */
const ORDER =
  "actor application audio automata class control data description duplex event-packages extensions isfocus message methods " +
  "languages priority schemes text type video";
const rank = new Map(ORDER.split(" ").map((name, index) => [name, index]));
/** Option tags that the schema writes otherwise; an element name cannot begin with a digit. */
const RENAMED = [
  ["100rel", "rel100"],
  ["histinfo", "hist-info"],
] as const;

/** Reads a `servcaps` element. Values that are none are left out. @throws {BodyError} BODY_BAD_DOCUMENT. */
export function readServiceCapabilities(element: XmlElement): ServiceCapabilities {
  const child = (name: string): XmlElement | undefined => childOf(element, name, element.namespace);
  const foundFlags: Partial<Record<CapabilityFlag, boolean>> = {};
  for (const name of flags) {
    const value = booleanOf(child(name)?.text.trim());
    if (value !== undefined) foundFlags[name] = value;
  }
  const foundSets: Partial<Record<CapabilitySet, SupportedSet>> = {};
  for (const name of sets) {
    const set = child(name);
    if (set !== undefined) foundSets[name] = readSet(set, setElements[name].item);
  }
  const priority = child("priority");
  const push = childOf(element, "push", PUSH_CAPS_NAMESPACE);
  return {
    flags: foundFlags,
    sets: foundSets,
    types: childrenOf(element, "type", element.namespace).map(({ text }) => text.trim().toLowerCase()),
    ...(priority !== undefined && {
      priority: { supported: readRanges(priority, "supported"), notSupported: readRanges(priority, "notsupported") },
    }),
    descriptions: childrenOf(element, "description", element.namespace).map(readNote),
    ...(push !== undefined && { push: readPush(push) }),
    extensions: element.children.filter((each) => each.namespace !== element.namespace && each !== push),
  };
}

/** A `servcaps` element. @throws {BodyError} BODY_BAD_VALUE. */
export function writeServiceCapabilities(capabilities: ServiceCapabilities): XmlElement {
  const { types, priority, descriptions, push, extensions } = capabilities;
  const children = [
    ...flags.flatMap((name) => {
      const value = capabilities.flags[name];
      return value === undefined ? [] : [caps(name, { text: String(value) })];
    }),
    ...sets.flatMap((name) => {
      const set = capabilities.sets[name];
      return set === undefined ? [] : [writeSet(name, set)];
    }),
    ...types.map((text) => caps("type", { text })),
    ...descriptions.map((note) => writeNote("description", CAPS_NAMESPACE, note)),
    ...(priority === undefined ? [] : [writePriority(priority)]),
  ].sort((a, b) => (rank.get(a.name) as number) - (rank.get(b.name) as number));
  return caps("servcaps", { children: [...children, ...(push === undefined ? [] : [writePush(push)]), ...extensions] });
}

function readSet(set: XmlElement, item: string | undefined): SupportedSet {
  const list = (name: string): string[] => {
    const children = childOf(set, name, set.namespace)?.children ?? [];
    if (item !== undefined) return children.filter(({ name: each }) => each === item).map(({ text }) => text.trim());
    return children.map(({ name: each }) => RENAMED.find(([, element]) => element === each)?.[0] ?? each);
  };
  return { supported: list("supported"), notSupported: list("notsupported") };
}

function writeSet(name: CapabilitySet, { supported, notSupported }: SupportedSet): XmlElement {
  const { item, names } = setElements[name];
  const known = names.split(" ");
  const write = (value: string): XmlElement => {
    if (item !== undefined) return caps(item, { text: value });
    const element = RENAMED.find(([tag]) => tag === value)?.[1] ?? value;
    return xmlElement(element, { namespace: known.includes(element) ? CAPS_NAMESPACE : PUSH_CAPS_NAMESPACE });
  };
  const list = (element: string, values: readonly string[]): XmlElement[] => {
    const inSchema = (value: XmlElement): number => (value.namespace === CAPS_NAMESPACE ? 0 : 1);
    const children = values.map(write).sort((a, b) => inSchema(a) - inSchema(b));
    return children.length === 0 ? [] : [caps(element, { children })];
  };
  return caps(name, { children: [...list("supported", supported), ...list("notsupported", notSupported)] });
}

function readRanges(priority: XmlElement, name: string): PriorityRange[] {
  return (childOf(priority, name)?.children ?? []).flatMap((range): PriorityRange[] => {
    const value = (attribute: string): number => {
      const text = attributeOf(range, attribute)?.trim() ?? "";
      if (!/^[+-]?[0-9]{1,15}$/.test(text)) throw badElement(range, `${attribute} is no number`);
      return Number(text);
    };
    if (range.name === "lowerthan") return [{ kind: range.name, maxValue: value("maxvalue") }];
    // The schema of RFC 5196 §6 spells it without the t.
    if (range.name === "higherthan" || range.name === "higherhan")
      return [{ kind: "higherthan", minValue: value("minvalue") }];
    if (range.name === "equals") return [{ kind: range.name, value: value("value") }];
    return range.name === "range"
      ? [{ kind: range.name, minValue: value("minvalue"), maxValue: value("maxvalue") }]
      : [];
  });
}

function writePriority(priority: NonNullable<ServiceCapabilities["priority"]>): XmlElement {
  const list = (name: string, ranges: readonly PriorityRange[]): XmlElement[] =>
    ranges.length === 0 ? [] : [caps(name, { children: ranges.map(writeRange) })];
  const children = [...list("supported", priority.supported), ...list("notsupported", priority.notSupported)];
  return caps("priority", { children });
}

function writeRange({ kind, ...values }: PriorityRange): XmlElement {
  const attributes = Object.entries(values).map(([name, value]) => ({
    name: name.toLowerCase(),
    namespace: "",
    value: String(value),
  }));
  return caps(kind, { attributes });
}

function readPush(push: XmlElement): PushCapabilityElements {
  const texts = (name: string): string[] =>
    childrenOf(push, name, PUSH_CAPS_NAMESPACE).flatMap(({ text }) => (text.trim() === "" ? [] : [text.trim()]));
  const octets = texts("max-body-octets")[0];
  return {
    applications: texts("application"),
    encodings: texts("encoding"),
    maxBodyOctets: octets !== undefined && /^[0-9]{1,15}$/.test(octets) ? Number(octets) : null,
  };
}

function writePush({ applications, encodings, maxBodyOctets }: PushCapabilityElements): XmlElement {
  const element = (name: string, text: string): XmlElement =>
    xmlElement(name, { namespace: PUSH_CAPS_NAMESPACE, text });
  if (maxBodyOctets !== null && !(Number.isSafeInteger(maxBodyOctets) && maxBodyOctets >= 0)) {
    throw new BodyError("BODY_BAD_VALUE", "push.maxBodyOctets", "must be a whole number");
  }
  const children = [
    ...applications.map((application) => element("application", application)),
    ...encodings.map((encoding) => element("encoding", encoding)),
    ...(maxBodyOctets === null ? [] : [element("max-body-octets", String(maxBodyOctets))]),
  ];
  return xmlElement("push", { namespace: PUSH_CAPS_NAMESPACE, children });
}

/** A `note` or `description`. */
export function readNote(element: XmlElement): PidfNote {
  const lang = attributeOf(element, "lang", XML_NAMESPACE);
  return lang === undefined ? { text: element.text.trim() } : { text: element.text.trim(), lang };
}

export function writeNote(name: string, namespace: string, { text, lang }: PidfNote): XmlElement {
  const attributes = lang === undefined ? [] : [{ name: "lang", namespace: XML_NAMESPACE, value: lang }];
  return xmlElement(name, { namespace, text, attributes });
}

function booleanOf(text: string | undefined): boolean | undefined {
  return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined;
}

function caps(name: string, init: Parameters<typeof xmlElement>[1]): XmlElement {
  return xmlElement(name, { namespace: CAPS_NAMESPACE, ...init });
}
