import { BodyError } from "../errors.ts";
import { decodeUtf8, utf8Length } from "../text.ts";

/** Encodings that are UTF-8 or a part of it. */
const UTF8_NAMES: readonly string[] = ["utf-8", "utf8", "us-ascii", "ascii"];
const ASCII_NAMES: readonly string[] = ["us-ascii", "ascii"];
/** Names that a document in UTF-16 may give itself. */
const UTF16_NAMES: readonly string[] = ["utf-16", "utf-16le", "utf-16be"];

/** Where a document says its encoding, as far as it goes; the declaration as a whole is looked at when it is read. */
const DECLARED_ENCODING = /^[ \t\n]*<\?xml[ \t\n][^?]*?encoding\s*=\s*(?:"([^"]*)"|'([^']*)')/;
/** NameStartChar and what NameChar has besides, without the colon. XML 1.0 (fifth edition) §2.3, Namespaces in XML §3 NCName. */
const START =
  "A-Z_a-z\\u{c0}-\\u{d6}\\u{d8}-\\u{f6}\\u{f8}-\\u{2ff}\\u{370}-\\u{37d}\\u{37f}-\\u{1fff}\\u{200c}\\u{200d}\\u{2070}-\\u{218f}" +
  "\\u{2c00}-\\u{2fef}\\u{3001}-\\u{d7ff}\\u{f900}-\\u{fdcf}\\u{fdf0}-\\u{fffd}\\u{10000}-\\u{effff}";
const FURTHER = "\\-.0-9\\u{b7}\\u{300}-\\u{36f}\\u{203f}\\u{2040}";
const NCNAME = new RegExp(`^[${START}][${START}${FURTHER}]*$`, "u");
/** The same of ASCII, which most are. */
const ASCII_NCNAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** Whether it can name an element, an attribute or a prefix. */
export function isNcName(name: string): boolean {
  return name !== "xmlns" && isInstructionName(name);
}

/** Whether it can name an instruction. Namespaces in XML §7. */
export function isInstructionName(name: string): boolean {
  return ASCII_NCNAME.test(name) || NCNAME.test(name);
}

/** What the production Char of XML 1.0 §2.2 leaves out; a lone surrogate too. */
export const FORBIDDEN: RegExp = /[[\p{Cc}--[\t\n\r\x7f-\x9f]]\ufffe\uffff\p{Surrogate}]/v;
/** The same of ASCII. */
const FORBIDDEN_ASCII = /[\p{Cc}--[\t\n\r\x7f-\x9f]]/v;

/** Text of a document with its line ends as newlines, and where its characters were in the octets. */
export class XmlSource {
  readonly text: string;
  readonly #original: string;
  /** Octets before the text: the byte order mark. */
  readonly #start: number;
  readonly #isUtf16: boolean;
  /** Every character is one octet, and none was changed. */
  readonly #isAscii: boolean;
  /** Indexes into text and original, and the octets before them. Most are asked for in rising order: count on from here. */
  #counted = { index: 0, originalIndex: 0, offset: 0 };

  /** @throws {BodyError} BODY_BAD_CHARSET, or BODY_BAD_XML for a character that XML does not allow. */
  constructor(octets: Uint8Array) {
    const utf16 = utf16Of(octets);
    this.#isUtf16 = utf16 !== undefined;
    const hasMark = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf;
    this.#start = utf16 !== undefined ? 2 : hasMark ? 3 : 0;
    const content = octets.subarray(this.#start);
    this.#original = utf16 === undefined ? decodeUtf8(content, "xml", this.#start) : decodeUtf16(content, utf16);
    // XML 1.0 §2.11. References to a carriage return stay what they are.
    this.text = this.#original.includes("\r") ? this.#original.replaceAll(/\r\n?/g, "\n") : this.#original;
    this.#isAscii = this.text.length === content.length;
    this.#checkEncoding();
    const forbidden = (this.#isAscii ? FORBIDDEN_ASCII : FORBIDDEN).exec(this.text);
    if (forbidden !== null) {
      const problem = "holds a character that XML does not allow";
      throw new BodyError("BODY_BAD_XML", "xml", problem, { offset: this.offsetOf(forbidden.index) });
    }
  }

  /** Octets from the start of the document to the character at `index` of {@link text}. */
  offsetOf(index: number): number {
    if (this.#isAscii) return this.#start + Math.min(index, this.text.length);
    if (index < this.#counted.index) this.#counted = { index: 0, originalIndex: 0, offset: 0 };
    let { originalIndex } = this.#counted;
    const from = originalIndex;
    for (let i = this.#counted.index; i < index && originalIndex < this.#original.length; i++) {
      originalIndex += this.#original.startsWith("\r\n", originalIndex) ? 2 : 1;
    }
    const passed = this.#original.slice(from, originalIndex);
    const offset = this.#counted.offset + (this.#isUtf16 ? passed.length * 2 : utf8Length(passed));
    this.#counted = { index, originalIndex, offset };
    return this.#start + offset;
  }

  #checkEncoding(): void {
    const match = DECLARED_ENCODING.exec(this.text);
    const name = match?.[1] ?? match?.[2];
    if (name === undefined) return;
    const lower = name.toLowerCase();
    const foreign = ASCII_NAMES.includes(lower) ? this.text.search(/\P{ASCII}/u) : -1;
    if (foreign >= 0) {
      throw new BodyError("BODY_BAD_CHARSET", "xml", "is not in ASCII", { offset: this.offsetOf(foreign) });
    }
    if ((this.#isUtf16 ? UTF16_NAMES : UTF8_NAMES).includes(lower)) return;
    const problem = `declares the encoding ${JSON.stringify(name.slice(0, 40))}; UTF-8, and UTF-16 with its mark, are taken`;
    throw new BodyError("BODY_BAD_CHARSET", "xml", problem, { offset: this.#start });
  }
}

function utf16Of(octets: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (octets[0] === 0xff && octets[1] === 0xfe) return "utf-16le";
  return octets[0] === 0xfe && octets[1] === 0xff ? "utf-16be" : undefined;
}

/** By hand, because a runtime built without all of ICU has no big-endian decoder. */
function decodeUtf16(octets: Uint8Array, encoding: "utf-16le" | "utf-16be"): string {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const pieces: string[] = [];
  for (let at = 0; at + 1 < octets.length; at += 8192) {
    const codes: number[] = [];
    for (let i = at; i < at + 8192 && i + 1 < octets.length; i += 2) {
      codes.push(view.getUint16(i, encoding === "utf-16le"));
    }
    pieces.push(String.fromCharCode(...codes));
  }
  const text = pieces.join("");
  if (octets.length % 2 === 1) {
    throw new BodyError("BODY_TRUNCATED", "xml", "half a character at the end", { offset: octets.length + 2 });
  }
  if (!text.isWellFormed()) throw new BodyError("BODY_BAD_CHARSET", "xml", "is not UTF-16", { offset: 2 });
  return text;
}
