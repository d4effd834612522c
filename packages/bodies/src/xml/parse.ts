import { BodyError, type BodyErrorCode } from "../errors.ts";
import { type BodyLimits, checkOctets, DEFAULT_MAX_ELEMENTS, DEFAULT_MAX_XML_DEPTH } from "../limits.ts";
import { DOCTYPE_OPENING, instructionOf, isDeclaration, isGoodDeclaration, readDoctype } from "./doctype.ts";
import { type NamespaceScope, namesOf, noNamespaces } from "./namespaces.ts";
import { withoutReferences } from "./references.ts";
import { isInstructionName, XmlSource } from "./source.ts";
import { endOf, readStartTag, skipWhite, type TagReading } from "./start-tag.ts";
import type { XmlDocument, XmlElement, XmlInstruction } from "./tree.ts";

const LESS = 0x3c;
const GREATER = 0x3e;

const COMMENT = "<!--";
const CDATA = "<![CDATA[";
const CDATA_END = "]]>";
const WRITTEN_WHITE = /[\t\n]/;
const NOT_WHITE = /[^ \t\n]/g;

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

interface Open {
  readonly element: OpenElement;
  /** Name as written, with its prefix: what the end tag must say. */
  readonly written: string;
  readonly scope: NamespaceScope;
}

/**
 * Reads an XML document with namespaces: UTF-8, or UTF-16 with its byte order mark. A DOCTYPE is kept as text; nothing that it
 * declares has an effect, and a reference to any entity but the five predefined ones is an error, so nothing ever expands.
 *
 * Spec: XML 1.0 (fifth edition), Namespaces in XML 1.0. Skips comments; CDATA sections become text. Takes white space before
 * the XML declaration, which peers write there. Refuses more than 256 attributes of an element, a value, comment or instruction
 * over 64 Ki characters, a name over 1,024, and the name `__proto__`.
 *
 * @throws {BodyError} `BODY_TRUNCATED`, `_TOO_LARGE`, `_BAD_CHARSET` or `_BAD_XML`, with the offset in octets and, as field,
 * the open elements (`pap/push-message`).
 */
export function parseXml(octets: Uint8Array, limits: BodyLimits = {}): XmlDocument {
  checkOctets(octets, "xml", limits);
  return new XmlReader(new XmlSource(octets), limits).read();
}

/** One pass over the text, markup by markup. Whatever is not XML, or not taken, is an error where it stands. */
class XmlReader implements TagReading {
  readonly #source: XmlSource;
  readonly #text: string;
  readonly #maxDepth: number;
  #elementsLeft: number;
  #at = 0;
  readonly #open: Open[] = [];
  #root: XmlElement | null = null;
  #doctype: string | null = null;
  readonly #instructions: XmlInstruction[] = [];
  /** Where nothing but white space stands before. */
  readonly #first: number;

  constructor(source: XmlSource, limits: BodyLimits) {
    this.#source = source;
    this.#text = source.text;
    this.#first = skipWhite(source.text, 0);
    this.#maxDepth = limits.maxDepth ?? DEFAULT_MAX_XML_DEPTH;
    this.#elementsLeft = limits.maxElements ?? DEFAULT_MAX_ELEMENTS;
  }

  read(): XmlDocument {
    const text = this.#text;
    while (this.#at < text.length) {
      if (text.charCodeAt(this.#at) === LESS) this.#markup();
      else this.#characters();
    }
    if (this.#root === null || this.#open.length > 0) return this.failAtEnd();
    return { root: this.#root, doctype: this.#doctype, instructions: this.#instructions };
  }

  #markup(): void {
    const text = this.#text;
    const start = this.#at;
    const next = text[start + 1];
    if (next === "/") this.#endTag();
    else if (next === "?") this.#instruction();
    else if (next !== "!") this.#openElement();
    else if (text.startsWith(COMMENT, start)) this.#comment();
    else if (text.startsWith(CDATA, start) && this.#open.length > 0) this.#cdata();
    else if (text.startsWith(DOCTYPE_OPENING, start)) this.#readDoctype();
    else {
      const rest = text.slice(start, start + CDATA.length);
      const isCut = start + rest.length === text.length && rest !== CDATA;
      if (isCut && [COMMENT, CDATA, DOCTYPE_OPENING].some((opening) => opening.startsWith(rest))) this.failAtEnd();
      this.fail("BODY_BAD_XML", "a declaration outside a DOCTYPE", start);
    }
  }

  #characters(): void {
    const text = this.#text;
    const next = text.indexOf("<", this.#at);
    const end = next < 0 ? text.length : next;
    const parent = this.#open.at(-1);
    if (parent === undefined) {
      NOT_WHITE.lastIndex = this.#at;
      const index = NOT_WHITE.exec(text)?.index ?? end;
      if (index < end) this.fail("BODY_BAD_XML", "text outside the root element", index);
    } else {
      parent.element.text += this.resolved(this.#at, end, next < 0 ? "last" : "text");
    }
    this.#at = end;
  }

  /** The text in between, references replaced. */
  resolved(start: number, end: number, what: "value" | "text" | "last"): string {
    const written = this.#text.slice(start, end);
    if (what !== "value" && written.includes(CDATA_END)) {
      this.fail("BODY_BAD_XML", "]]> outside a CDATA section", start + written.indexOf(CDATA_END));
    }
    const text = what === "value" && WRITTEN_WHITE.test(written) ? written.replaceAll(/[\t\n]/g, " ") : written;
    if (!text.includes("&")) return text;
    const resolved = withoutReferences(text, what === "last");
    if (typeof resolved === "string") return resolved;
    const index = start + resolved.index;
    return this.fail(index === this.#text.length ? "BODY_TRUNCATED" : "BODY_BAD_XML", resolved.problem, index);
  }

  #comment(): void {
    const text = this.#text;
    const start = this.#at;
    const end = endOf(text, "--", start + COMMENT.length, "a comment", this) + 2;
    if (text[end] !== ">") {
      if (end >= text.length) this.failAtEnd();
      this.fail("BODY_BAD_XML", "-- inside a comment", end);
    }
    this.#at = end + 1;
  }

  #cdata(): void {
    const start = this.#at + CDATA.length;
    const end = this.#text.indexOf(CDATA_END, start);
    if (end < 0) this.failAtEnd();
    const parent = this.#open.at(-1) as Open;
    parent.element.text += this.#text.slice(start, end);
    this.#at = end + CDATA_END.length;
  }

  #instruction(): void {
    const start = this.#at + 2;
    const end = endOf(this.#text, "?>", start, "an instruction", this);
    this.#at = end + 2;
    const instruction = instructionOf(this.#text.slice(start, end));
    if (!isInstructionName(instruction.target)) this.fail("BODY_BAD_XML", "an instruction without a name", start - 2);
    if (isDeclaration(instruction)) this.#checkDeclaration(instruction, start - 2);
    else if (this.#open.length === 0) this.#addInstruction(instruction, start - 2);
  }

  #checkDeclaration(declaration: XmlInstruction, index: number): void {
    if (index !== this.#first) this.fail("BODY_BAD_XML", "an XML declaration that is not the first", index);
    if (!isGoodDeclaration(declaration)) this.fail("BODY_BAD_XML", "no XML declaration", index);
  }

  #addInstruction(instruction: XmlInstruction, index: number): void {
    if (--this.#elementsLeft < 0) this.fail("BODY_TOO_LARGE", "too many instructions", index);
    this.#instructions.push(instruction);
  }

  #readDoctype(): void {
    const start = this.#at;
    if (this.#root !== null || this.#doctype !== null) {
      this.fail("BODY_BAD_XML", "a DOCTYPE may stand once, before the root element", start);
    }
    const { end, isGood, text, instructions } = readDoctype(this.#text, start);
    if (!isGood && end >= this.#text.length) this.fail("BODY_TRUNCATED", "the document ends inside the DOCTYPE", end);
    if (!isGood) this.fail("BODY_BAD_XML", "what may not stand in a DOCTYPE", end);
    this.#doctype = text;
    for (const instruction of instructions) this.#addInstruction(instruction, start);
    this.#at = end;
  }

  #endTag(): void {
    const { written } = this.#open.at(-1) ?? { written: "" };
    const text = this.#text;
    const start = this.#at + 2;
    let at = start + written.length;
    if (written === "" || !text.startsWith(written, start)) this.#failInEndTag(start);
    at = skipWhite(text, at);
    if (text.charCodeAt(at) !== GREATER) this.#failInEndTag(start);
    this.#open.pop();
    this.#at = at + 1;
  }

  #failInEndTag(start: number): never {
    const end = this.#text.indexOf(">", start);
    if (end < 0) this.failAtEnd();
    return this.fail("BODY_BAD_XML", "an end tag without its start tag", end);
  }

  #openElement(): void {
    const start = this.#at;
    const { name: written, attributes, isEmpty, end } = readStartTag(this.#text, start, this);
    this.#at = end;
    this.#elementsLeft -= 1 + attributes.length;
    if (this.#elementsLeft < 0) this.fail("BODY_TOO_LARGE", "too many elements and attributes", start);
    if (this.#open.length >= this.#maxDepth) {
      this.fail("BODY_TOO_LARGE", `elements are nested deeper than ${this.#maxDepth}`, start);
    }
    const parent = this.#open.at(-1);
    if (this.#root !== null && parent === undefined) this.fail("BODY_BAD_XML", "a second root element", start);
    const names = namesOf(written, attributes, parent?.scope ?? noNamespaces);
    if (typeof names === "string") return this.fail("BODY_BAD_XML", names, start);
    const element: OpenElement = {
      name: names.name,
      namespace: names.namespace,
      attributes: names.attributes,
      children: [],
      text: "",
      offset: this.#source.offsetOf(start),
    };
    if (parent === undefined) this.#root = element;
    else parent.element.children.push(element);
    if (!isEmpty) this.#open.push({ element, written, scope: names.scope });
  }

  failAtEnd(): never {
    const problem = this.#root === null ? "no root element" : "the document ends here";
    return this.fail("BODY_TRUNCATED", problem, this.#text.length);
  }

  fail(code: BodyErrorCode, problem: string, index: number): never {
    const field = this.#open.map(({ element: { name } }) => name).join("/") || "xml";
    throw new BodyError(code, field, problem, { offset: this.#source.offsetOf(index) });
  }
}
