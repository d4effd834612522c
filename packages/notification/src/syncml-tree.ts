import { NotificationError } from "./errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Most elements that may be open at once. Package #0 needs 6. */
export const MAX_DEPTH = 32;

/** Octets of WBXML text, decoded only when somebody asks: an OPAQUE may hold another binary document. */
export interface RawText {
  readonly octets: Uint8Array;
  /** Octets from the start of the input. */
  readonly offset: number;
}

/** One element of a SyncML document, read from XML and WBXML alike. */
export interface SyncmlElement {
  /** Name without namespace prefix. */
  readonly name: string;
  readonly children: readonly SyncmlElement[];
  /** Character data in order, that between children included. */
  readonly text: readonly (string | RawText)[];
  /** Octets from the start of the input. */
  readonly offset: number;
}

/** An element while it is read. */
export interface OpenElement extends SyncmlElement {
  readonly children: OpenElement[];
  readonly text: (string | RawText)[];
}

/** An element to write: of one text, which may be empty, or of children. */
export interface NewElement {
  readonly name: string;
  readonly content: string | readonly NewElement[];
}

/** An element to write. */
export function element(name: string, content: NewElement["content"] = ""): NewElement {
  return { name, content };
}

/** First descendant reached by the names of `path`, or `undefined`. */
export function find(from: SyncmlElement, ...path: readonly string[]): SyncmlElement | undefined {
  let found: SyncmlElement | undefined = from;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** The text of an element, exactly as it stands. */
export function textOf(from: SyncmlElement, field: string): string {
  const text = from.text
    .map((piece) => (typeof piece === "string" ? piece : decodeUtf8(piece.octets, field, piece.offset)))
    .join("");
  if (forbiddenCharacterIndex(text) >= 0) {
    const problem = "holds a character that XML does not allow";
    throw new NotificationError("NOTIFICATION_BAD_SYNCML", problem, { field, offset: from.offset });
  }
  return text;
}

/** Index of the first character outside `Char` of XML 1.0 (2.2), which has no XML form; -1 when there is none. */
export function forbiddenCharacterIndex(text: string): number {
  return text.search(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u);
}

/** Names of the open elements, such as `SyncML/SyncBody`; `document` outside the root. */
export function pathOf(open: readonly SyncmlElement[]): string {
  return open.length === 0 ? "document" : open.map(({ name }) => name).join("/");
}

/** Opens `child` below the innermost open element. */
export function pushElement(open: OpenElement[], child: OpenElement): void {
  if (open.length >= MAX_DEPTH) {
    const problem = `nests deeper than ${MAX_DEPTH} elements`;
    throw new NotificationError("NOTIFICATION_TOO_LARGE", problem, { field: pathOf(open), offset: child.offset });
  }
  open.at(-1)?.children.push(child);
  open.push(child);
}
