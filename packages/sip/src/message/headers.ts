import { isAll, isBlank, skipBlanks, TOKEN_CHAR, trimBlanks } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { headerId, headerIdAt, headerNames } from "./header-names.ts";
import { splitOutside } from "./text.ts";

/** Numbers per header field in the index: id, start of the line, index of the colon. A line ends where the next starts. */
const STRIDE = 3;

/** Id of a line that is no header field: nobody finds it, and it is written back as it came. */
const NO_FIELD = -1;

/**
 * Header fields in order: one text and an index of offsets into it, whether read from the wire or made here. Strings are
 * cut out when asked for, a change replaces a line, and all other lines stay octet for octet as they came. Values are
 * octet strings, unfolded, trimmed.
 */
export class SipHeaders {
  #text = "";
  /** Never changed in place: a clone may have the same one. */
  #index: readonly number[] = [];
  #parsed: unknown[] = [];
  #flaw: SipParseError | undefined;

  /** Headers made here, in the order given. */
  static of(fields: ReadonlyArray<readonly [name: string, value: string]> = []): SipHeaders {
    const headers = new SipHeaders();
    const index: number[] = [];
    let text = "";
    for (const [name, value] of fields) {
      const id = headerId(name);
      const written = checkedName(id, name, value);
      index.push(id, text.length, text.length + written.length);
      text += `${written}: ${value}\r\n`;
    }
    headers.#text = text;
    headers.#index = index;
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
    const index: number[] = [];
    for (let at = start; at < text.length; ) {
      if (index.length >= maxHeaders * STRIDE) throw new SipParseError("SIP_TOO_LARGE", "headers", "too many", 513);
      let end = endOfLine(text, at);
      while (end > 0 && end < text.length && isBlank(text.charCodeAt(end))) end = endOfLine(text, end);
      const colon = text.indexOf(":", at);
      const id = end > 0 && colon > at && colon < end ? idOfName(text, at, colon) : NO_FIELD;
      // Behind a line break that is none, the next good one is where reading goes on.
      if (end < 0) end = text.indexOf("\r\n", at) + 2;
      if (id === NO_FIELD) headers.#flaw ??= notAField(text.slice(at, Math.min(end, at + 40)));
      index.push(id, at, colon);
      at = end;
    }
    headers.#index = index;
    return headers;
  }

  /** The first line that is no header field, with what is wrong about it. Such a line is kept, but has no name. */
  get flaw(): SipParseError | undefined {
    return this.#flaw;
  }

  /** First value of `name` (any case, compact or long), or undefined. */
  get(name: string): string | undefined {
    return this.#first(headerId(name), name);
  }

  has(name: string): boolean {
    return this.#find(headerId(name), name, 0) >= 0;
  }

  /** One value per header field, in order. */
  getAll(name: string): string[] {
    const id = headerId(name);
    const values: string[] = [];
    for (let at = this.#find(id, name, 0); at >= 0; at = this.#find(id, name, at + STRIDE)) {
      values.push(this.#valueAt(at));
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
    for (let at = this.#find(id, name, 0); at >= 0; at = this.#find(id, name, at + STRIDE)) count++;
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
    const value = this.#first(id, name);
    if (value === undefined) return undefined;
    const result = parse(value);
    if (id !== 0) this.#parsed[id] = result;
    return result;
  }

  /** Replaces all fields of that name by one, at the place of the first or at the end. */
  set(name: string, value: string): this {
    const line = newLine(name, value);
    const id = headerId(name);
    const first = this.#find(id, name, 0);
    if (first < 0) return this.#splice(this.#index.length, 0, id, line);
    for (let at = this.#find(id, name, first + STRIDE); at >= 0; at = this.#find(id, name, at)) this.#splice(at, 1);
    return this.#splice(first, 1, id, line);
  }

  /** Appends a field. */
  add(name: string, value: string): this {
    return this.#splice(this.#index.length, 0, headerId(name), newLine(name, value));
  }

  /** Puts a field before the first of its name, or at the very top if there is none: Via, Route, Record-Route. */
  prepend(name: string, value: string): this {
    const id = headerId(name);
    return this.#splice(Math.max(this.#find(id, name, 0), 0), 0, id, newLine(name, value));
  }

  /** Removes all fields of that name. */
  remove(name: string): this {
    const id = headerId(name);
    for (let at = this.#find(id, name, 0); at >= 0; at = this.#find(id, name, at)) this.#splice(at, 1);
    return this;
  }

  /** Takes the first element of a comma list off (the topmost Via or Route) and returns it. */
  shift(name: string): string | undefined {
    const id = headerId(name);
    const at = this.#find(id, name, 0);
    if (at < 0) return undefined;
    const [first, ...rest] = splitOutside(this.#valueAt(at), ",");
    if (rest.length === 0) this.#splice(at, 1);
    else this.#splice(at, 1, id, newLine(this.#nameAt(at), rest.join(", ")));
    return first;
  }

  /** Replaces the first element of a comma list (the topmost Via, say); the rest stays. */
  replaceFirst(name: string, value: string): this {
    const id = headerId(name);
    const at = this.#find(id, name, 0);
    if (at < 0) return this.prepend(name, value);
    const before = this.#valueAt(at);
    const rest = before.includes(",") ? splitOutside(before, ",").slice(1) : [];
    return this.#splice(at, 1, id, newLine(this.#nameAt(at), [value, ...rest].join(", ")));
  }

  /** `[name as written, value]` for each field, in order. */
  *[Symbol.iterator](): IterableIterator<readonly [string, string]> {
    for (let at = 0; at < this.#index.length; at += STRIDE) {
      if (this.#index[at] !== NO_FIELD) yield [this.#nameAt(at), this.#valueAt(at)];
    }
  }

  /** A copy that can change without the other noticing. */
  clone(): SipHeaders {
    const copy = new SipHeaders();
    copy.#text = this.#text;
    copy.#index = this.#index;
    copy.#flaw = this.#flaw;
    return copy;
  }

  /** All fields as an octet string, each ended by CRLF. Fields that were not changed are octet for octet as received. */
  serialize(): string {
    return this.#text.slice(this.#index[1] ?? this.#text.length);
  }

  #first(id: number, name: string): string | undefined {
    const at = this.#find(id, name, 0);
    return at < 0 ? undefined : this.#valueAt(at);
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

  /** The one way to change: takes `removed` (0 or 1) lines out at `at` and puts `line` there; what follows moves. */
  #splice(at: number, removed: 0 | 1, id = NO_FIELD, line = ""): this {
    const [text, index] = [this.#text, this.#index];
    const start = index[at + 1] ?? text.length;
    const end = index[at + removed * STRIDE + 1] ?? text.length;
    const moved = start + line.length - end;
    const changed = index.slice(0, at);
    if (line !== "") changed.push(id, start, start + line.indexOf(":"));
    for (let next = at + removed * STRIDE; next < index.length; next += STRIDE) {
      changed.push(index[next] as number, (index[next + 1] as number) + moved, (index[next + 2] as number) + moved);
    }
    if (id > 0) this.#parsed[id] = undefined;
    if (removed === 1) this.#parsed[Math.max(index[at] as number, 0)] = undefined;
    this.#text = text.slice(0, start) + line + text.slice(end);
    this.#index = changed;
    return this;
  }
}

const CR = 0x0d;

function newLine(name: string, value: string): string {
  return `${checkedName(headerId(name), name, value)}: ${value}\r\n`;
}

/**
 * The name in its long form. A value with a line break or a character above 0xFF would put octets on the wire that nobody meant.
 *
 * @throws {SipParseError} SIP_BAD_HEADER
 */
function checkedName(id: number, name: string, value: string): string {
  // The known names are tokens.
  if (id === 0 && !isAll(name, TOKEN_CHAR)) throw new SipParseError("SIP_BAD_HEADER", name, "not a header name");
  if (/[\r\n]|[^\0-\xff]/.test(value)) {
    throw new SipParseError("SIP_BAD_HEADER", name, "line break or a character that is not an octet");
  }
  return name.length === 1 ? headerNames[id] || name : name;
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

/** Id of the name before the colon, 0 for one that is not among the known, NO_FIELD for what is no name. */
function idOfName(text: string, start: number, colon: number): number {
  let end = colon;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  const id = headerIdAt(text, start, end);
  return id !== 0 || isAll(text, TOKEN_CHAR, start, end) ? id : NO_FIELD;
}

function notAField(line: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", "headers", `not a header field: ${JSON.stringify(line)}`);
}
