import { OctetReader } from "./bits.ts";
import { NotificationError } from "./errors.ts";
import { type OpenElement, pushElement, type SyncmlElement } from "./syncml-tree.ts";
import { syncmlDocumentTypes } from "./syncml-versions.ts";
import { decodeUtf8 } from "./utf8.ts";
import { tagName } from "./wbxml-tokens.ts";

/** Global tokens (WBXML 1.3 7.1) that occur in SyncML. */
const SWITCH_PAGE = 0x00;
const END = 0x01;
const ENTITY = 0x02;
const STR_I = 0x03;
const LITERAL = 0x04;
const LITERAL_C = 0x44;
const STR_T = 0x83;
const OPAQUE = 0xc3;

/** Global tokens that no SyncML document holds: its code pages define no attributes, extensions or instructions. */
const refusedTokens: ReadonlyMap<number, string> = new Map([
  [0x40, "EXT_I_0"],
  [0x41, "EXT_I_1"],
  [0x42, "EXT_I_2"],
  [0x43, "PI"],
  [0x80, "EXT_T_0"],
  [0x81, "EXT_T_1"],
  [0x82, "EXT_T_2"],
  [0x84, "LITERAL_A"],
  [0xc0, "EXT_0"],
  [0xc1, "EXT_1"],
  [0xc2, "EXT_2"],
  [0xc4, "LITERAL_AC"],
]);

const ATTRIBUTES_BIT = 0x80;
const CONTENT_BIT = 0x40;
const TAG_BITS = 0x3f;

const LITERAL_NAME = /^[A-Za-z_][\w.:-]{0,63}$/;

/** WBXML 1.1 to 1.3; 1.0 has no charset field and predates SyncML. */
const MIN_VERSION = 0x01;
const MAX_VERSION = 0x03;

/** MIBenum values: unknown (the transport says UTF-8), US-ASCII, UTF-8. */
const charsets: readonly number[] = [0, 3, 106];

/** 1 is "unknown or missing": the media type has already said what the document is. */
const publicIds: readonly number[] = [
  1,
  ...Object.values(syncmlDocumentTypes).map(({ wbxmlPublicId }) => wbxmlPublicId),
];

const PUBLIC_ID = /^-\/\/SYNCML\/\/DTD[ _]SyncML[ _]1\.[0-2]\/\/EN$/i;

/**
 * Reads a WBXML document made with the SyncML code pages.
 *
 * Spec: WBXML 1.3 5 to 8, in the part that SyncML uses. Tolerates: undefined tag tokens and pages, and literal tags (elements
 * with names of no meaning here). Refuses: attributes, extensions, processing instructions, nesting deeper than `MAX_DEPTH`,
 * and text that expands (by repeated string table references) to more than `maxTextOctets`.
 *
 * @throws {NotificationError} `NOTIFICATION_TRUNCATED`, `_BAD_WBXML`, `_BAD_UTF8`, `_TOO_LARGE` or `_UNSUPPORTED_VERSION`.
 */
export function decodeWbxml(octets: Uint8Array, maxTextOctets: number): SyncmlElement {
  const decoder = new WbxmlDecoder(octets, maxTextOctets);
  decoder.readPrologue();
  return decoder.readRoot();
}

class WbxmlDecoder {
  readonly #reader: OctetReader;
  readonly #open: OpenElement[] = [];
  /** `pathOf` of each open element: every token may be an error that needs it, and to join the names each time is too slow. */
  readonly #paths: string[] = [];
  #textOctetsLeft: number;
  #stringTable: Uint8Array = new Uint8Array(0);
  #stringTableOffset = 0;
  #page = 0;
  #root: OpenElement | null = null;

  constructor(octets: Uint8Array, maxTextOctets: number) {
    this.#reader = new OctetReader(octets);
    this.#textOctetsLeft = maxTextOctets;
  }

  /** start = version publicid charset strtbl body (WBXML 1.3 5.3). */
  readPrologue(): void {
    const reader = this.#reader;
    const version = reader.uint(1, "wbxml.version");
    if (version < MIN_VERSION || version > MAX_VERSION) {
      const problem = `0x${version.toString(16)} is not WBXML 1.1, 1.2 or 1.3`;
      throw new NotificationError("NOTIFICATION_UNSUPPORTED_VERSION", problem, { field: "wbxml.version", offset: 0 });
    }
    const publicIdOffset = reader.offset;
    const publicId = this.#uintvar("wbxml.publicId");
    const publicIdIndex = publicId === 0 ? this.#uintvar("wbxml.publicId") : null;
    const charsetOffset = reader.offset;
    const charset = this.#uintvar("wbxml.charset");
    if (!charsets.includes(charset)) this.#fail(`${charset} is not UTF-8 (106)`, charsetOffset, "wbxml.charset");
    const tableLength = this.#uintvar("wbxml.stringTable");
    this.#stringTableOffset = reader.offset;
    this.#stringTable = reader.view(tableLength, "wbxml.stringTable");
    const known =
      publicIdIndex === null
        ? publicIds.includes(publicId)
        : PUBLIC_ID.test(this.#tableText(publicIdIndex, publicIdOffset, "wbxml.publicId"));
    if (!known) this.#fail("is not that of a SyncML document", publicIdOffset, "wbxml.publicId");
  }

  readRoot(): SyncmlElement {
    do this.#readToken();
    while (this.#root === null || this.#open.length > 0);
    const offset = this.#reader.offset;
    if (this.#reader.remaining > 0) this.#fail(`${this.#reader.remaining} octets follow the root`, offset);
    return this.#root;
  }

  #readToken(): void {
    const offset = this.#reader.offset;
    const token = this.#reader.uint(1, this.#path);
    switch (token) {
      case SWITCH_PAGE:
        this.#page = this.#reader.uint(1, this.#path);
        return;
      case END:
        if (this.#open.pop() === undefined) this.#fail("END without an open element", offset);
        this.#paths.pop();
        return;
      case ENTITY:
        this.#addText(this.#entity(offset), offset);
        return;
      case STR_I:
        this.#addOctets(this.#reader.untilNul(this.#path), offset + 1, offset);
        return;
      case STR_T:
        this.#addTableString(offset);
        return;
      case OPAQUE: {
        const length = this.#uintvar(this.#path);
        const start = this.#reader.offset;
        this.#addOctets(this.#reader.view(length, this.#path), start, offset);
        return;
      }
      case LITERAL:
      case LITERAL_C: {
        const name = this.#tableText(this.#uintvar(this.#path), offset, this.#path);
        // Errors name the open elements on one line; what could not be an XML name is of no meaning anyway.
        this.#openElement(LITERAL_NAME.test(name) ? name : "literal", token === LITERAL_C, offset);
        return;
      }
      default:
        this.#readTag(token, offset);
    }
  }

  #readTag(token: number, offset: number): void {
    const refused = refusedTokens.get(token);
    if (refused !== undefined) this.#fail(`${refused} has no place in a SyncML document`, offset);
    if ((token & ATTRIBUTES_BIT) !== 0) this.#fail("SyncML elements have no attributes", offset);
    const tag = token & TAG_BITS;
    const name = tagName(this.#page, tag) ?? `page${this.#page}:${tag.toString(16).padStart(2, "0")}`;
    this.#openElement(name, (token & CONTENT_BIT) !== 0, offset);
  }

  #openElement(name: string, hasContent: boolean, offset: number): void {
    const opened: OpenElement = { name, children: [], text: [], offset };
    this.#root ??= opened;
    pushElement(this.#open, opened);
    if (hasContent) this.#paths.push(this.#paths.length === 0 ? name : `${this.#path}/${name}`);
    else this.#open.pop();
  }

  /** Where the next token stands, as `pathOf` puts it. */
  get #path(): string {
    return this.#paths.at(-1) ?? "document";
  }

  #addText(text: string, offset: number): void {
    const parent = this.#open.at(-1) ?? this.#fail("text outside the root", offset);
    parent.text.push(text);
  }

  /** Text whose octets start at `offset`, for the token at `tokenOffset`. */
  #addOctets(octets: Uint8Array, offset: number, tokenOffset: number): void {
    const parent = this.#open.at(-1) ?? this.#fail("text outside the root", tokenOffset);
    this.#countText(octets.length, tokenOffset);
    parent.text.push({ octets, offset });
  }

  #addTableString(offset: number): void {
    const index = this.#uintvar(this.#path);
    this.#addOctets(this.#tableOctets(index, offset, this.#path), this.#stringTableOffset + index, offset);
  }

  #entity(offset: number): string {
    const code = this.#uintvar(this.#path);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) this.#fail(`${code} is not a character`, offset);
    return String.fromCodePoint(code);
  }

  /** The string at `index` of the string table, without its NUL; the last one may lack it. `offset` is that of the reference. */
  #tableOctets(index: number, offset: number, field: string): Uint8Array {
    if (index >= this.#stringTable.length) {
      const problem = `string table index ${index} is not below ${this.#stringTable.length}`;
      this.#fail(problem, offset, field);
    }
    const end = this.#stringTable.indexOf(0, index);
    return this.#stringTable.subarray(index, end < 0 ? undefined : end);
  }

  #tableText(index: number, offset: number, field: string): string {
    const octets = this.#tableOctets(index, offset, field);
    this.#countText(octets.length, offset);
    return decodeUtf8(octets, field, this.#stringTableOffset + index);
  }

  #countText(octetCount: number, offset: number): void {
    this.#textOctetsLeft -= octetCount;
    if (this.#textOctetsLeft < 0) {
      const details = { field: this.#path, offset };
      throw new NotificationError("NOTIFICATION_TOO_LARGE", "text expands over the limit", details);
    }
  }

  /** mb_u_int32: 7 bits an octet, most significant first, at most 32 bits (WBXML 1.3 5.1). */
  #uintvar(field: string): number {
    const offset = this.#reader.offset;
    let value = 0;
    let octet: number;
    do {
      octet = this.#reader.uint(1, field);
      value = value * 128 + (octet & 0x7f);
      if (value > 0xffff_ffff) this.#fail("integer over 32 bits", offset, field);
    } while ((octet & 0x80) !== 0);
    return value;
  }

  #fail(problem: string, offset: number, field: string = this.#path): never {
    throw new NotificationError("NOTIFICATION_BAD_WBXML", problem, { field, offset });
  }
}
