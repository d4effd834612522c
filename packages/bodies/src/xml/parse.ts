import sax, { type QualifiedAttribute, type QualifiedName, type QualifiedTag, type SAXParser } from "sax";
import { BodyError, type BodyErrorCode } from "../errors.ts";
import { type BodyLimits, checkOctets, DEFAULT_MAX_ELEMENTS, DEFAULT_MAX_XML_DEPTH } from "../limits.ts";
import { findDoctype } from "./doctype.ts";
import { NCNAME, XmlSource } from "./source.ts";
import type { XmlAttribute, XmlDocument, XmlElement, XmlInstruction } from "./tree.ts";

const XMLNS = "http://www.w3.org/2000/xmlns/";
/** Namespaces that no other prefix may be declared for, nor the default. Namespaces in XML §3. */
const RESERVED: ReadonlySet<string> = new Set([XMLNS, "http://www.w3.org/XML/1998/namespace"]);
/** Attributes of a start tag as written, to find the ones that the reader drops because they stand twice. */
const WRITTEN_ATTRIBUTE = /[^\s=<>"'/]+\s*=\s*(?:"[^"]*"|'[^']*')/g;

/** Of one element. */
const MAX_ATTRIBUTES = 256;
/** Characters that the reader gets at a time. */
const PIECE_LENGTH = 8192;

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/**
 * Reads an XML document with namespaces: UTF-8, or UTF-16 with its byte order mark. A DOCTYPE is kept as text; nothing that it
 * declares has an effect, and a reference to any entity but the five predefined ones is an error, so nothing ever expands.
 *
 * Spec: XML 1.0, Namespaces in XML 1.0. Skips comments; CDATA sections become text. Refuses more than 256 attributes of an
 * element, and a value, comment or instruction over 64 Ki characters.
 *
 * @throws {BodyError} `BODY_TRUNCATED`, `_TOO_LARGE`, `_BAD_CHARSET` or `_BAD_XML`, with the offset in octets and, as field,
 * the open elements (`pap/push-message`).
 */
export function parseXml(octets: Uint8Array, limits: BodyLimits = {}): XmlDocument {
  checkOctets(octets, "xml", limits);
  return new XmlReader(new XmlSource(octets), limits).read();
}

class XmlReader {
  readonly #source: XmlSource;
  readonly #maxDepth: number;
  #elementsLeft: number;
  readonly #open: OpenElement[] = [];
  #root: XmlElement | null = null;
  #doctype: string | null = null;
  readonly #instructions: XmlInstruction[] = [];
  readonly #parser: SAXParser;

  constructor(source: XmlSource, limits: BodyLimits) {
    this.#source = source;
    this.#maxDepth = limits.maxDepth ?? DEFAULT_MAX_XML_DEPTH;
    this.#elementsLeft = limits.maxElements ?? DEFAULT_MAX_ELEMENTS;
    this.#parser = this.#newParser();
  }

  read(): XmlDocument {
    const { text } = this.#source;
    try {
      this.#write(this.#withoutDoctype());
    } catch (error) {
      if (error instanceof BodyError) throw error;
      // The reader's own failures on input that it did not expect.
      this.#fail("BODY_BAD_XML", "cannot be read", this.#parser.position, error);
    }
    if (this.#root === null) this.#fail("BODY_TRUNCATED", "no root element", text.length);
    return { root: this.#root, doctype: this.#doctype, instructions: this.#instructions };
  }

  /**
   * In pieces, to look in between at the attributes of an open tag: the reader compares each with all before it, so that a
   * megabyte of them would take it a minute, and it tells of them only when the tag ends.
   */
  #write(text: string): void {
    const parser = this.#parser as SAXParser & { readonly attribList: readonly unknown[] };
    for (let at = 0; at < text.length; at += PIECE_LENGTH) {
      parser.write(text.slice(at, at + PIECE_LENGTH));
      if (parser.attribList.length > MAX_ATTRIBUTES) {
        this.#fail("BODY_TOO_LARGE", `an element has more than ${MAX_ATTRIBUTES} attributes`, parser.position);
      }
    }
    parser.close();
  }

  #newParser(): SAXParser {
    // Without strictEntities, the entities of HTML would be taken.
    const options = { xmlns: true, position: true, strictEntities: true };
    const parser = new sax.SAXParser(true, options);
    const addText = (text: string): void => this.#addText(text);
    const fail = (problem: string): never => this.#fail("BODY_BAD_XML", problem, parser.position - 1);
    const handlers: Partial<SAXParser> = {
      onerror: (error) => this.#failAsReader(error),
      onopentag: (tag) => this.#openElement(tag as QualifiedTag),
      onclosetag: () => this.#open.pop(),
      ontext: addText,
      oncdata: addText,
      ondoctype: () => fail("a DOCTYPE may stand once, before the root element"),
      onprocessinginstruction: ({ name, body }) => this.#addInstruction(name, body),
      onsgmldeclaration: () => fail("a declaration outside a DOCTYPE"),
    };
    Object.assign(parser, handlers);
    return parser;
  }

  #openElement(tag: QualifiedTag): void {
    const start = this.#parser.startTagPosition - 1;
    const attributes = Object.values(tag.attributes);
    if (attributes.length > MAX_ATTRIBUTES) {
      this.#fail("BODY_TOO_LARGE", `an element has more than ${MAX_ATTRIBUTES} attributes`, start);
    }
    this.#elementsLeft -= 1 + attributes.length;
    if (this.#elementsLeft < 0) this.#fail("BODY_TOO_LARGE", "too many elements and attributes", start);
    if (this.#open.length >= this.#maxDepth) {
      this.#fail("BODY_TOO_LARGE", `elements are nested deeper than ${this.#maxDepth}`, start);
    }
    if (this.#root !== null && this.#open.length === 0) this.#fail("BODY_BAD_XML", "a second root element", start);
    // A prefix such as `constructor` is found, undeclared, on the prototype of the reader's table.
    const names: readonly QualifiedName[] = [tag, ...attributes];
    if (names.some(({ uri }) => typeof uri !== "string")) this.#fail("BODY_BAD_XML", "unbound namespace prefix", start);
    this.#checkUnique(tag.name, attributes, start);
    const isDeclaration = ({ uri, name }: QualifiedAttribute): boolean => uri === XMLNS || name === "xmlns";
    if (attributes.some((each) => isDeclaration(each) && RESERVED.has(each.value) && each.name !== "xmlns:xml")) {
      this.#fail("BODY_BAD_XML", "a reserved namespace is declared", start);
    }
    const written = attributes.filter((each) => !isDeclaration(each)).map(toAttribute);
    if (![tag.local, ...written.map(({ name }) => name)].every((name) => NCNAME.test(name))) {
      this.#fail("BODY_BAD_XML", "a name that is none", start);
    }
    const opened: OpenElement = {
      name: tag.local,
      namespace: tag.uri,
      attributes: written,
      children: [],
      text: "",
      offset: this.#source.offsetOf(start),
    };
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = opened;
    else parent.children.push(opened);
    this.#open.push(opened);
  }

  /** No attribute twice, neither as written (XML 1.0 §3.1) nor by namespace and local name (Namespaces §6.3). */
  #checkUnique(tagName: string, attributes: readonly QualifiedAttribute[], start: number): void {
    const written = this.#source.text.slice(start + 1 + tagName.length, this.#parser.position).match(WRITTEN_ATTRIBUTE);
    const expanded = new Set(attributes.map(({ uri, local, name }) => (uri === "" ? name : `${uri} ${local}`)));
    if ((written?.length ?? 0) > attributes.length || expanded.size < attributes.length) {
      this.#fail("BODY_BAD_XML", `<${tagName}> has an attribute twice`, start);
    }
  }

  #addText(text: string): void {
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.text += text;
    else if (text.trim() !== "") this.#fail("BODY_BAD_XML", "text outside the root element", this.#parser.position - 1);
  }

  /** The text without its DOCTYPE, of the same length so that indexes stay. */
  #withoutDoctype(): string {
    const { text } = this.#source;
    const doctype = findDoctype(text);
    if (doctype === undefined) return text;
    if (doctype.end < 0) this.#fail("BODY_TRUNCATED", "the document ends inside the DOCTYPE", text.length);
    this.#doctype = doctype.text;
    for (const { target, data } of doctype.instructions) this.#addInstruction(target, data);
    return text.slice(0, doctype.start) + " ".repeat(doctype.end - doctype.start) + text.slice(doctype.end);
  }

  #addInstruction(target: string, data: string): void {
    if (this.#open.length > 0 || target.toLowerCase() === "xml") return;
    if (--this.#elementsLeft < 0) this.#fail("BODY_TOO_LARGE", "too many instructions", this.#parser.position - 1);
    this.#instructions.push({ target, data: data.trim() });
  }

  #failAsReader(error: Error): never {
    const problem = (error.message.split("\n", 1)[0] as string).toLowerCase();
    const atEnd = this.#parser.position >= this.#source.text.length;
    const truncated = atEnd && /^(?:unclosed root|unexpected end|unterminated)/.test(problem);
    if (truncated) return this.#fail("BODY_TRUNCATED", "the document ends here", this.#source.text.length, error);
    const code = problem.startsWith("max buffer length") ? "BODY_TOO_LARGE" : "BODY_BAD_XML";
    return this.#fail(code, problem, Math.max(this.#parser.position - 1, 0), error);
  }

  #fail(code: BodyErrorCode, problem: string, index: number, cause?: unknown): never {
    const field = this.#open.map(({ name }) => name).join("/") || "xml";
    throw new BodyError(code, field, problem, { offset: this.#source.offsetOf(index), cause });
  }
}

const toAttribute = ({ local, uri, value }: QualifiedAttribute): XmlAttribute => ({
  name: local,
  namespace: uri,
  value,
});
