import { isNcName } from "./source.ts";
import type { XmlAttribute } from "./tree.ts";

const XMLNS = "http://www.w3.org/2000/xmlns/";
const XML = "http://www.w3.org/XML/1998/namespace";
/** Namespaces that no other prefix may be declared for, nor the default. Namespaces in XML §3. */
const RESERVED: ReadonlySet<string> = new Set([XMLNS, XML]);
/** Up to so many attributes are compared one by one. */
const FEW = 8;

/** Namespaces by prefix that an element declares, "" being the default; what it does not is as outside of it. */
export interface NamespaceScope {
  readonly declared: ReadonlyMap<string, string>;
  readonly outer: NamespaceScope | null;
}

/** Outside of the root. */
export const noNamespaces: NamespaceScope = { declared: new Map([["xml", XML]]), outer: null };

/** The names of a start tag, split and looked up. */
export interface Names {
  readonly name: string;
  readonly namespace: string;
  /** Without declarations. */
  readonly attributes: readonly XmlAttribute[];
  /** For what stands inside. */
  readonly scope: NamespaceScope;
}

/**
 * Splits the names of a start tag and finds their namespaces. Namespaces in XML §3 to §6.
 *
 * @param attributes with their names as written.
 * @returns what is wrong, when something is.
 */
export function namesOf(written: string, attributes: readonly XmlAttribute[], outer: NamespaceScope): Names | string {
  // Nothing with a colon, nothing declared, now or outside: names are what they are.
  if (outer === noNamespaces && isName(written) && attributes.every(({ name }) => isName(name))) {
    if (hasTwice(attributes)) return `<${written}> has an attribute twice`;
    return { name: written, namespace: "", attributes, scope: outer };
  }
  const scope = scopeOf(attributes, outer);
  if (typeof scope === "string") return scope;
  const element = split(written);
  const ofAttributes = attributes
    .filter(({ name }) => !isDeclaration(name))
    .map((each) => ({ ...split(each.name), each }));
  if (![element, ...ofAttributes].every(({ prefix, local }) => isName(local) && (prefix === null || isName(prefix)))) {
    return "a name that is none";
  }
  if (hasTwice(attributes)) return `<${written}> has an attribute twice`;
  const namespace = namespaceOf(element.prefix ?? "", scope) ?? (element.prefix === null ? "" : undefined);
  if (namespace === undefined) return "unbound namespace prefix";
  const found: XmlAttribute[] = [];
  for (const { prefix, local, each } of ofAttributes) {
    const uri = prefix === null ? "" : namespaceOf(prefix, scope);
    if (uri === undefined) return "unbound namespace prefix";
    found.push({ name: local, namespace: uri, value: each.value });
  }
  const expanded = new Set(found.map(({ name, namespace: uri }) => `${uri} ${name}`));
  if (expanded.size < found.length) return `<${written}> has an attribute twice`;
  return { name: element.local, namespace, attributes: found, scope };
}

/** A name that an object has of itself is none here: it may become the key of one. */
function isName(name: string): boolean {
  return isNcName(name) && name !== "__proto__";
}

const isDeclaration = (name: string): boolean => name === "xmlns" || name.startsWith("xmlns:");

function scopeOf(attributes: readonly XmlAttribute[], outer: NamespaceScope): NamespaceScope | string {
  let declared: Map<string, string> | undefined;
  for (const { name, value } of attributes) {
    if (!isDeclaration(name)) continue;
    const prefix = name === "xmlns" ? "" : name.slice("xmlns:".length);
    const isXml = prefix === "xml" && value === XML;
    if (!isXml && (RESERVED.has(value) || prefix === "xml")) return "a reserved namespace is declared";
    if (prefix === "" ? name !== "xmlns" : !isName(prefix)) return "a name that is none";
    if (prefix !== "" && value === "") return "a prefix is declared for no namespace";
    declared ??= new Map();
    declared.set(prefix, value);
  }
  return declared === undefined ? outer : { declared, outer };
}

function namespaceOf(prefix: string, scope: NamespaceScope): string | undefined {
  for (let at: NamespaceScope | null = scope; at !== null; at = at.outer) {
    const namespace = at.declared.get(prefix);
    if (namespace !== undefined) return namespace;
  }
  return undefined;
}

function split(name: string): { readonly prefix: string | null; readonly local: string } {
  const colon = name.indexOf(":");
  return colon < 0 ? { prefix: null, local: name } : { prefix: name.slice(0, colon), local: name.slice(colon + 1) };
}

/** Whether a name as written stands twice. XML 1.0 §3.1. */
function hasTwice(attributes: readonly XmlAttribute[]): boolean {
  if (attributes.length > FEW) return new Set(attributes.map(({ name }) => name)).size < attributes.length;
  for (let i = 1; i < attributes.length; i++) {
    for (let k = 0; k < i; k++) if (attributes[k]?.name === attributes[i]?.name) return true;
  }
  return false;
}
