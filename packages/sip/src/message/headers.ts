import { isAll, isBlank, skipBlanks, spanOf, TOKEN_CHAR, trimBlanks } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { headerId, headerIdAt, headerNames } from "./header-names.ts";
import { splitOutside } from "./text.ts";

interface Entry {
  readonly id: number;
  readonly name: string;
  readonly value: string;
  /** The field as it came off the wire, with folding and CRLF; undefined for one that was made here. */
  readonly line: string | undefined;
}

/** Numbers per header field in the index: id, start of the line, index of the colon. A line ends where the next starts. */
const STRIDE = 3;

/** Id of a line that is no header field: nobody finds it, and it is written back as it came. */
const NO_FIELD = -1;

/**
 * Header fields in order. Read from the wire they are one text and an index of offsets; strings are cut out when asked
 * for, and what was not changed is written back octet for octet. Values are octet strings, unfolded, trimmed.
 */
export class SipHeaders {
  #text = "";
  #index: number[] = [];
  #entries: Entry[] | undefined;
  #parsed: unknown[] = [];
  /** The first line that is no header field, with what is wrong about it. Such a line is kept, but has no name. */
  flaw: SipParseError | undefined;

  /** Headers made here, in the order given. */
  static of(fields: ReadonlyArray<readonly [name: string, value: string]> = []): SipHeaders {
    const headers = new SipHeaders();
    headers.#entries = fields.map(([name, value]) => newEntry(name, value));
    return headers;
  }

  /**
   * Indexes the header fields in `text` from `start` to its end; the last line there ends with CRLF. A line that is no
   * header field sets {@link flaw}.
   *
   * @throws {SipParseError} SIP_TOO_LARGE past `maxHeaders`.
   */
  static parse(text: string, start: number, maxHeaders: number): SipHeaders {
    const headers = new SipHeaders();
    headers.#text = text;
    const index = headers.#index;
    for (let at = start; at < text.length; ) {
      if (index.length >= maxHeaders * STRIDE) throw new SipParseError("SIP_TOO_LARGE", "headers", "too many", 513);
      const nameEnd = spanOf(text, TOKEN_CHAR, at);
      const colon = skipBlanks(text, nameEnd);
      let end = endOfLine(text, at);
      while (end > 0 && end < text.length && isBlank(text.charCodeAt(end))) end = endOfLine(text, end);
      const isField = end > 0 && nameEnd > at && text.charCodeAt(colon) === COLON;
      // Behind a line break that is none, the next good one is where reading goes on.
      if (end < 0) end = text.indexOf("\r\n", at) + 2;
      if (!isField) headers.flaw ??= notAField(text.slice(at, Math.min(end, at + 40)));
      index.push(isField ? headerIdAt(text, at, nameEnd) : NO_FIELD, at, colon);
      at = end;
    }
    return headers;
  }

  /** First value of `name` (any case, compact or long), or undefined. */
  get(name: string): string | undefined {
    const id = headerId(name);
    if (this.#entries === undefined) {
      const at = this.#find(id, name, 0);
      return at < 0 ? undefined : this.#valueAt(at);
    }
    for (const entry of this.#entries) if (matches(entry, id, name)) return entry.value;
    return undefined;
  }

  has(name: string): boolean {
    const id = headerId(name);
    return this.#entries === undefined
      ? this.#find(id, name, 0) >= 0
      : this.#entries.some((entry) => matches(entry, id, name));
  }

  /** One value per header field, in order. */
  getAll(name: string): string[] {
    const id = headerId(name);
    const values: string[] = [];
    if (this.#entries === undefined) {
      for (let at = this.#find(id, name, 0); at >= 0; at = this.#find(id, name, at + STRIDE)) values.push(this.#valueAt(at));
    } else {
      for (const entry of this.#entries) if (matches(entry, id, name)) values.push(entry.value);
    }
    return values;
  }

  /**
   * Elements of a comma list over all fields of that name (RFC 3261 §7.3.1). A field without any value has no element;
   * an empty element between commas is kept, because most grammars forbid it.
   */
  list(name: string): string[] {
    const values = this.getAll(name);
    if (!values.some((value) => value === "" || value.includes(","))) return values;
    return values.flatMap((value) => (value === "" ? [] : splitOutside(value, ",")));
  }

  /** How many fields have this name. */
  count(name: string): number {
    const id = headerId(name);
    let count = 0;
    if (this.#entries === undefined) {
      for (let at = this.#find(id, name, 0); at >= 0; at = this.#find(id, name, at + STRIDE)) count++;
    } else {
      for (const entry of this.#entries) if (matches(entry, id, name)) count++;
    }
    return count;
  }

  /**
   * `parse(first value)`, kept until the headers change; undefined when there is no such field.
   * Use one parser per header name.
   */
  parsed<T>(name: string, parse: (value: string) => T): T | undefined {
    const id = headerId(name);
    const kept = id === 0 ? undefined : this.#parsed[id];
    if (kept !== undefined) return kept as T;
    const value = this.get(name);
    if (value === undefined) return undefined;
    const result = parse(value);
    if (id !== 0) this.#parsed[id] = result;
    return result;
  }

  /** Replaces all fields of that name by one, at the place of the first or at the end. */
  set(name: string, value: string): this {
    const entry = newEntry(name, value);
    const { entries, at } = this.#change(name);
    if (at < 0) entries.push(entry);
    else this.#entries = entries.filter((other, i) => i <= at || !matches(other, entry.id, name)).with(at, entry);
    return this;
  }

  /** Appends a field. */
  add(name: string, value: string): this {
    const entry = newEntry(name, value);
    this.#change(name).entries.push(entry);
    return this;
  }

  /** Puts a field before the first of its name, or at the very top if there is none: Via, Route, Record-Route. */
  prepend(name: string, value: string): this {
    const entry = newEntry(name, value);
    const { entries, at } = this.#change(name);
    entries.splice(Math.max(at, 0), 0, entry);
    return this;
  }

  /** Removes all fields of that name. */
  remove(name: string): this {
    const id = headerId(name);
    this.#entries = this.#change(name).entries.filter((entry) => !matches(entry, id, name));
    return this;
  }

  /** Takes the first element of a comma list off (the topmost Via or Route) and returns it. */
  shift(name: string): string | undefined {
    const { entries, at } = this.#change(name);
    const entry = entries[at];
    if (entry === undefined) return undefined;
    const [first, ...rest] = splitOutside(entry.value, ",");
    if (rest.length === 0) entries.splice(at, 1);
    else entries[at] = newEntry(entry.name, rest.join(", "));
    return first;
  }

  /** Replaces the first element of a comma list (the topmost Via, say); the rest stays. */
  replaceFirst(name: string, value: string): this {
    const { entries, at } = this.#change(name);
    const entry = entries[at];
    if (entry === undefined) return this.prepend(name, value);
    const rest = entry.value.includes(",") ? splitOutside(entry.value, ",").slice(1) : [];
    entries[at] = newEntry(entry.name, [value, ...rest].join(", "));
    return this;
  }

  /** `[name as written, value]` for each field, in order. */
  *[Symbol.iterator](): IterableIterator<readonly [string, string]> {
    for (const { id, name, value } of this.#entries ?? this.#materialized()) if (id !== NO_FIELD) yield [name, value];
  }

  /** A copy that can change without the other noticing. */
  clone(): SipHeaders {
    const copy = new SipHeaders();
    // Text and index never change; entries do.
    copy.#text = this.#text;
    copy.#index = this.#index;
    copy.#entries = this.#entries?.slice();
    copy.flaw = this.flaw;
    return copy;
  }

  /** All fields as an octet string, each ended by CRLF. Fields that were not changed are octet for octet as received. */
  serialize(): string {
    if (this.#entries === undefined) return this.#text.slice(this.#index[1] ?? this.#text.length);
    let text = "";
    for (const { line, name, value } of this.#entries) text += line ?? `${name}: ${value}\r\n`;
    return text;
  }

  #find(id: number, name: string, from: number): number {
    const index = this.#index;
    for (let at = from; at < index.length; at += STRIDE) {
      if (index[at] === id && (id !== 0 || this.#nameAt(at).toLowerCase() === name.toLowerCase())) return at;
    }
    return -1;
  }

  #nameAt(at: number): string {
    return trimBlanks(this.#text.slice(this.#index[at + 1], this.#index[at + 2]));
  }

  #valueAt(at: number): string {
    const text = this.#text;
    const from = skipBlanks(text, (this.#index[at + 2] as number) + 1);
    let to = (this.#index[at + 4] ?? text.length) - 2;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
    const value = to > from ? text.slice(from, to) : "";
    return value.includes("\n") ? unfold(value) : value;
  }

  /** To be called before every change: gives the entries, and where the first of that name is, or -1. */
  #change(name: string): { entries: Entry[]; at: number } {
    const id = headerId(name);
    if (id !== 0) this.#parsed[id] = undefined;
    this.#entries ??= this.#materialized();
    return { entries: this.#entries, at: this.#entries.findIndex((entry) => matches(entry, id, name)) };
  }

  #materialized(): Entry[] {
    const entries: Entry[] = [];
    const index = this.#index;
    for (let at = 0; at < index.length; at += STRIDE) {
      const id = index[at] as number;
      const isField = id !== NO_FIELD;
      entries.push({
        id,
        name: isField ? this.#nameAt(at) : "",
        value: isField ? this.#valueAt(at) : "",
        line: this.#text.slice(index[at + 1], index[at + 4] ?? this.#text.length),
      });
    }
    return entries;
  }
}

const COLON = 0x3a;
const CR = 0x0d;

function matches(entry: Entry, id: number, name: string): boolean {
  return entry.id === id && (id !== 0 || entry.name.toLowerCase() === name.toLowerCase());
}

/** A value with a line break or a character above 0xFF would put octets on the wire that nobody meant. */
function newEntry(name: string, value: string): Entry {
  if (!isAll(name, TOKEN_CHAR)) throw new SipParseError("SIP_BAD_HEADER", name, "not a header name");
  if (/[\r\n]|[^\0-\xff]/.test(value)) {
    throw new SipParseError("SIP_BAD_HEADER", name, "line break or a character that is not an octet");
  }
  const id = headerId(name);
  return { id, name: name.length === 1 ? (headerNames[id] ?? name) : name, value, line: undefined };
}

/** Index behind the CRLF that ends the line, or -1 when a CR or LF stands alone before it. */
function endOfLine(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  return lf > from && text.charCodeAt(lf - 1) === CR && text.indexOf("\r", from) === lf - 1 ? lf + 1 : -1;
}

/** RFC 3261 §7.3.1: a fold, with the blanks around it, means one space. */
function unfold(value: string): string {
  return trimBlanks(value.split("\r\n").map(trimBlanks).join(" "));
}

function notAField(line: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", "headers", `not a header field: ${JSON.stringify(line)}`);
}
