import { BodyError } from "../errors.ts";
import { encodeUtf8 } from "../text.ts";
import { FORBIDDEN, isNcName } from "./source.ts";
import type { XmlElement } from "./tree.ts";

/** How a document is written. */
export interface XmlWriteOptions {
  /** Prefixes for namespaces by URI; "" makes one the default. The root's namespace is the default unless named here. */
  readonly prefixes?: Readonly<Record<string, string>>;
  /** What goes between `<!DOCTYPE` and `>`. */
  readonly doctype?: string;
}

const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";

/** White space in an attribute, and a carriage return anywhere, would come back as something else (XML 1.0 §2.11, §3.3.3). */
const textEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };
const attributeEscapes: Readonly<Record<string, string>> = {
  ...textEscapes,
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
};

/**
 * Writes a document in UTF-8, all on one line: what is read back is the same tree. Every namespace is declared on the root.
 *
 * @throws {BodyError} BODY_BAD_VALUE for a name that is none, or a character that XML does not allow.
 */
export function serializeXml(root: XmlElement, options: XmlWriteOptions = {}): Uint8Array {
  const prefixes = prefixesOf(root, options.prefixes ?? {});
  const doctype = options.doctype === undefined ? "" : `<!DOCTYPE ${options.doctype}>\n`;
  const declared = [...prefixes]
    .filter(([namespace]) => namespace !== "" && namespace !== XML_NAMESPACE)
    .map(([namespace, prefix]) => ` ${prefix === "" ? "xmlns" : `xmlns:${prefix}`}="${escapeAttribute(namespace)}"`);
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n${doctype}${writeElement(root, prefixes, declared.join(""))}\n`;
  return encodeUtf8(text, root.name);
}

const noPrefixes: ReadonlyMap<string, string> = new Map();

function isUnqualified({ namespace, attributes, children }: XmlElement): boolean {
  return namespace === "" && attributes.every((each) => each.namespace === "") && children.every(isUnqualified);
}

function prefixesOf(root: XmlElement, wanted: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  if (isUnqualified(root)) return noPrefixes;
  const namespaces = new Set<string>();
  let hasUnqualified = false;
  /** Namespaces of attributes: they need a prefix even when they are the default. Namespaces in XML §6.2. */
  const ofAttributes = new Set<string>();
  const visit = (element: XmlElement): void => {
    if (element.namespace === "") hasUnqualified = true;
    else namespaces.add(element.namespace);
    for (const { namespace } of element.attributes) if (namespace !== "") ofAttributes.add(namespace);
    for (const child of element.children) visit(child);
  };
  visit(root);
  const prefixes = new Map([[XML_NAMESPACE, "xml"]]);
  const taken = new Set(["xml", "xmlns"]);
  for (const namespace of [...namespaces, ...ofAttributes]) {
    if (prefixes.has(namespace)) continue;
    const isDefault = !hasUnqualified && !ofAttributes.has(namespace) && !taken.has("");
    let prefix = wanted[namespace] ?? (namespace === root.namespace ? "" : `n${prefixes.size}`);
    if (prefix === "" && !isDefault) prefix = `n${prefixes.size}`;
    for (let i = 1; taken.has(prefix); i++) prefix = `n${prefixes.size}_${i}`;
    if (prefix !== "") checkName(prefix, "prefix");
    taken.add(prefix);
    prefixes.set(namespace, prefix);
  }
  return prefixes;
}

function writeElement(element: XmlElement, prefixes: ReadonlyMap<string, string>, declared: string): string {
  const name = qualified(element.namespace, element.name, prefixes);
  let tag = name + declared;
  for (const { namespace, name: written, value } of element.attributes) {
    tag += ` ${qualified(namespace, written, prefixes)}="${escapeAttribute(value)}"`;
  }
  let inner = element.text === "" ? "" : escapeText(element.text);
  for (const child of element.children) inner += writeElement(child, prefixes, "");
  return inner === "" ? `<${tag}/>` : `<${tag}>${inner}</${name}>`;
}

function qualified(namespace: string, name: string, prefixes: ReadonlyMap<string, string>): string {
  checkName(name, "name");
  const prefix = namespace === "" ? "" : (prefixes.get(namespace) ?? "");
  return prefix === "" ? name : `${prefix}:${name}`;
}

function checkName(name: string, what: string): void {
  if (isNcName(name)) return;
  throw new BodyError("BODY_BAD_VALUE", "xml", `${JSON.stringify(name.slice(0, 80))} is no ${what}`);
}

const escapeText = (text: string): string => escape(text, /[&<>\r]/g, textEscapes);
const escapeAttribute = (text: string): string => escape(text, /[&<>\r"\t\n]/g, attributeEscapes);

/** Text that stands for itself, in content and in values. */
const PLAIN = /^[ !#-%'-;=?-~]*$/;

function escape(text: string, special: RegExp, escapes: Readonly<Record<string, string>>): string {
  if (PLAIN.test(text)) return text;
  if (FORBIDDEN.test(text)) throw new BodyError("BODY_BAD_VALUE", "xml", "holds a character that XML does not allow");
  return text.replaceAll(special, (character) => escapes[character] as string);
}
