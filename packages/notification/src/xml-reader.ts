import { NotificationError, type NotificationErrorCode } from "./errors.ts";
import { forbiddenCharacterIndex, type OpenElement, pathOf, pushElement, type SyncmlElement } from "./syncml-tree.ts";
import { decodeUtf8, toOctets } from "./utf8.ts";

// Our own small reader, because no library at hand gives what a push body needs: the octet offset of each error, a refusal of
// every cut-off document, a depth limit, and no way at all to declare an entity. The tree is that of the WBXML decoder.

const NAME = "[A-Za-z_][\\w.:-]*";
const LITERAL = `(?:"[^"<]*"|'[^'<]*')`;
const START_TAG = new RegExp(`<(${NAME})(?:\\s+${NAME}\\s*=\\s*${LITERAL})*\\s*(/?)>`, "y");
const END_TAG = new RegExp(`</(${NAME})\\s*>`, "y");
const DOCTYPE = new RegExp(`<!DOCTYPE\\s+${NAME}(?:\\s+(?:PUBLIC\\s+${LITERAL}|SYSTEM)\\s+${LITERAL})?\\s*>`, "y");
const XML_DECLARATION = /^<\?xml\s[^?]*?encoding\s*=\s*["']([^"']*)["']/;
/** A line end, which becomes one newline (XML 1.0 2.11), or a reference, or an ampersand that begins none. */
const ESCAPE = /\r\n?|&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));|&/g;
const WHITE_SPACE = /^[\t\n\r ]*$/;

const namedCharacters: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Encodings that are UTF-8, or a part of it. */
const encodings: readonly string[] = ["utf-8", "utf8", "us-ascii", "ascii"];

/**
 * Reads an XML document of the kind that SyncML is: UTF-8, with a DOCTYPE that declares nothing by itself.
 *
 * Spec: XML 1.0. Skips comments, processing instructions, attributes and namespace prefixes; understands CDATA sections,
 * character references and the five predefined entities. Refuses an internal DTD subset (so there is no entity to expand),
 * other encodings, and nesting deeper than `MAX_DEPTH`.
 *
 * @throws {NotificationError} `NOTIFICATION_TRUNCATED`, `_BAD_XML`, `_BAD_UTF8` or `_TOO_LARGE`.
 */
export function readXml(octets: Uint8Array): SyncmlElement {
  return new XmlReader(decodeUtf8(octets, "document", 0)).readDocument();
}

class XmlReader {
  readonly #text: string;
  readonly #open: OpenElement[] = [];
  #index = 0;
  #root: OpenElement | null = null;
  #hasDoctype = false;
  /** A position in the text and the octets before it. Positions are asked for in rising order, so counting goes on from here. */
  #counted = { index: 0, offset: 0 };

  constructor(text: string) {
    this.#text = text;
  }

  readDocument(): SyncmlElement {
    this.#checkDocument();
    while (this.#index < this.#text.length) this.#readMarkup();
    if (this.#root === null || this.#open.length > 0) this.#failTruncated();
    return this.#root;
  }

  #checkDocument(): void {
    const forbidden = forbiddenCharacterIndex(this.#text);
    if (forbidden >= 0) this.#fail("NOTIFICATION_BAD_XML", "holds a character that XML does not allow", forbidden);
    if (this.#text.startsWith("\uFEFF")) this.#index = 1;
    const encoding = XML_DECLARATION.exec(this.#text.slice(this.#index))?.[1];
    if (encoding !== undefined && !encodings.includes(encoding.toLowerCase())) {
      this.#fail("NOTIFICATION_BAD_XML", `encoding ${JSON.stringify(encoding)} is not UTF-8`, this.#index);
    }
  }

  #readMarkup(): void {
    const start = this.#index;
    if (!this.#isAt("<")) this.#readText();
    else if (this.#isAt("<!--")) this.#readUntil("-->", 4);
    else if (this.#isAt("<?")) this.#readUntil("?>", 2);
    else if (this.#isAt("<![CDATA[")) this.#addText(this.#readUntil("]]>", 9), start);
    else if (this.#isAt("<!")) this.#readDoctype();
    else if (this.#isAt("</")) this.#readEndTag();
    else this.#readStartTag();
  }

  #readText(): void {
    const start = this.#index;
    const end = this.#text.indexOf("<", start);
    this.#index = end < 0 ? this.#text.length : end;
    const text = this.#text.slice(start, this.#index);
    if (this.#open.length === 0 && WHITE_SPACE.test(text)) return;
    if (this.#open.length > 0 && end < 0) this.#failTruncated();
    this.#addText(this.#unescape(text, start), start);
  }

  /** Character references and the predefined entities; no other entity can have been declared. */
  #unescape(text: string, start: number): string {
    return text.replaceAll(ESCAPE, (reference: string, ...groups: unknown[]) => {
      if (reference.startsWith("\r")) return "\n";
      const [hex, decimal, name, index] = groups as [string?, string?, string?, number?];
      if (name !== undefined) return namedCharacters[name] as string;
      const digits = hex ?? decimal;
      const code = digits === undefined ? Number.NaN : Number.parseInt(digits, hex === undefined ? 10 : 16);
      if (!(code <= 0x10ffff) || forbiddenCharacterIndex(String.fromCodePoint(code)) >= 0) {
        const problem = `${reference} is no reference to a character or a predefined entity`;
        this.#fail("NOTIFICATION_BAD_XML", problem, start + (index as number));
      }
      return String.fromCodePoint(code);
    });
  }

  #addText(text: string, start: number): void {
    const parent = this.#open.at(-1) ?? this.#fail("NOTIFICATION_BAD_XML", "text outside the root", start);
    parent.text.push(text);
  }

  /** The characters up to `end`, which is read too, behind an opening of `openingLength`; line ends become newlines. */
  #readUntil(end: string, openingLength: number): string {
    const start = this.#index + openingLength;
    const endIndex = this.#text.indexOf(end, start);
    if (endIndex < 0) this.#failTruncated();
    this.#index = endIndex + end.length;
    return this.#text.slice(start, endIndex).replaceAll(/\r\n?/g, "\n");
  }

  #readDoctype(): void {
    const start = this.#index;
    this.#match(DOCTYPE, "is not a document type without an internal subset");
    if (this.#root !== null || this.#hasDoctype) {
      this.#fail("NOTIFICATION_BAD_XML", "a document type may stand once, before the root", start);
    }
    this.#hasDoctype = true;
  }

  #readStartTag(): void {
    const start = this.#index;
    const [, qualifiedName, slash] = this.#match(START_TAG, "is not a start tag");
    if (this.#root !== null && this.#open.length === 0) {
      this.#fail("NOTIFICATION_BAD_XML", "a second root", start);
    }
    const opened: OpenElement = {
      name: localName(qualifiedName as string),
      children: [],
      text: [],
      offset: this.#offsetOf(start),
    };
    this.#root ??= opened;
    pushElement(this.#open, opened);
    if (slash === "/") this.#open.pop();
  }

  #readEndTag(): void {
    const start = this.#index;
    const [, qualifiedName] = this.#match(END_TAG, "is not an end tag");
    if (this.#open.at(-1)?.name !== localName(qualifiedName as string)) {
      this.#fail("NOTIFICATION_BAD_XML", `</${qualifiedName}> closes nothing`, start);
    }
    this.#open.pop();
  }

  #match(pattern: RegExp, problem: string): RegExpExecArray {
    pattern.lastIndex = this.#index;
    const match = pattern.exec(this.#text);
    if (match === null) {
      if (!this.#text.includes(">", this.#index)) this.#failTruncated();
      return this.#fail("NOTIFICATION_BAD_XML", problem, this.#index);
    }
    this.#index = pattern.lastIndex;
    return match;
  }

  #isAt(markup: string): boolean {
    return this.#text.startsWith(markup, this.#index);
  }

  #offsetOf(index: number): number {
    const { index: from, offset } = this.#counted;
    this.#counted = { index, offset: offset + toOctets(this.#text.slice(from, index)).length };
    return this.#counted.offset;
  }

  #failTruncated(): never {
    return this.#fail("NOTIFICATION_TRUNCATED", "the document ends here", this.#text.length);
  }

  #fail(code: NotificationErrorCode, problem: string, index: number): never {
    throw new NotificationError(code, problem, { field: pathOf(this.#open), offset: this.#offsetOf(index) });
  }
}

function localName(qualifiedName: string): string {
  return qualifiedName.slice(qualifiedName.indexOf(":") + 1);
}
