/** An attribute; `namespace` is "" for one without a prefix. */
export interface XmlAttribute {
  readonly name: string;
  readonly namespace: string;
  readonly value: string;
}

/**
 * An element. `name` is local; `namespace` is "" for none. Declarations (`xmlns`) are no attributes. Of mixed content, the
 * text is one string: where the child elements stood in it is not kept.
 */
export interface XmlElement {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** Character data of the element itself, as written. */
  readonly text: string;
  /** Octets from the start of the document to the start tag; only in what was parsed. */
  readonly offset?: number;
}

/** A processing instruction. XML 1.0 §2.6. */
export interface XmlInstruction {
  readonly target: string;
  readonly data: string;
}

/** A document: the root element, and what stood before it. */
export interface XmlDocument {
  readonly root: XmlElement;
  /** What stands between `<!DOCTYPE` and its `>`, with the internal subset, as written; null when there is none. */
  readonly doctype: string | null;
  /** Processing instructions outside the root and inside the internal subset, in order; the XML declaration is none. */
  readonly instructions: readonly XmlInstruction[];
}

/** What {@link xmlElement} fills in. */
export interface XmlElementInit {
  readonly namespace?: string;
  /** By name, or with a namespace as an {@link XmlAttribute}; `undefined` values are left out. */
  readonly attributes?: Readonly<Record<string, string | undefined>> | readonly XmlAttribute[];
  readonly children?: readonly XmlElement[];
  readonly text?: string;
}

/** An element made here. */
export function xmlElement(name: string, init: XmlElementInit = {}): XmlElement {
  const { namespace = "", attributes = [], children = [], text = "" } = init;
  return {
    name,
    namespace,
    attributes: Array.isArray(attributes) ? attributes : attributesOf(attributes),
    children,
    text,
  };
}

function attributesOf(values: object): XmlAttribute[] {
  return Object.entries(values).flatMap(([name, value]: [string, unknown]) =>
    typeof value === "string" ? [{ name, namespace: "", value }] : [],
  );
}

/** The value of an attribute, or undefined. */
export function attributeOf(element: XmlElement, name: string, namespace = ""): string | undefined {
  return element.attributes.find((attribute) => attribute.name === name && attribute.namespace === namespace)?.value;
}

/** The first child element of that name; of any namespace when none is given. */
export function childOf(element: XmlElement, name: string, namespace?: string): XmlElement | undefined {
  return element.children.find((child) => isNamed(child, name, namespace));
}

/** All child elements of that name; of any namespace when none is given. */
export function childrenOf(element: XmlElement, name: string, namespace?: string): XmlElement[] {
  return element.children.filter((child) => isNamed(child, name, namespace));
}

/** Whether an element has this local name and, when given, namespace. */
export function isNamed(element: XmlElement, name: string, namespace?: string): boolean {
  return element.name === name && (namespace === undefined || element.namespace === namespace);
}

/** The trimmed text of the first child of that name; undefined when there is none. */
export function childText(element: XmlElement, name: string, namespace?: string): string | undefined {
  return childOf(element, name, namespace)?.text.trim();
}
