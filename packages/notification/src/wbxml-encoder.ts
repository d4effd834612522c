import { OctetWriter } from "./bits.ts";
import { NotificationError } from "./errors.ts";
import type { NewElement } from "./syncml-tree.ts";
import { encodeUtf8 } from "./utf8.ts";
import { tagToken } from "./wbxml-tokens.ts";

const SWITCH_PAGE = 0x00;
const END = 0x01;
const STR_I = 0x03;
const CONTENT_BIT = 0x40;

/** WBXML 1.3, which libwbxml writes too; most readers take 1.2 and 1.3 alike. */
const VERSION = 0x03;
/** MIBenum of UTF-8. */
const CHARSET = 106;

/**
 * Writes a SyncML document as WBXML: inline strings, no string table, code pages switched only where an element needs it.
 *
 * @param root a tree of SyncML and MetInf elements whose texts hold no NUL.
 * @param publicId number of the public identifier, such as 0x0FD3.
 */
export function encodeWbxml(root: NewElement, publicId: number): Uint8Array {
  const writer = new OctetWriter().uint(1, VERSION);
  writeUintvar(writer, publicId);
  writeUintvar(writer, CHARSET);
  writeUintvar(writer, 0);
  writeElement(writer, root, 0);
  return writer.toOctets();
}

/** Writes an element when `page` is the current code page; returns the code page after it. */
function writeElement(writer: OctetWriter, { name, content }: NewElement, page: number): number {
  const tag = tagToken(name);
  if (tag === null) {
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", "has no WBXML token", { field: name });
  }
  if (tag.page !== page) writer.uint(1, SWITCH_PAGE).uint(1, tag.page);
  if (content.length === 0) {
    writer.uint(1, tag.token);
    return tag.page;
  }
  writer.uint(1, tag.token | CONTENT_BIT);
  let currentPage = tag.page;
  if (typeof content === "string") writer.uint(1, STR_I).octets(encodeUtf8(content, name)).uint(1, 0);
  else for (const child of content) currentPage = writeElement(writer, child, currentPage);
  writer.uint(1, END);
  return currentPage;
}

/** mb_u_int32 (WBXML 1.3 5.1) of at most 28 bits. */
function writeUintvar(writer: OctetWriter, value: number): void {
  for (let shift = 21; shift > 0; shift -= 7) {
    if (value >>> shift !== 0) writer.uint(1, 0x80 | ((value >>> shift) & 0x7f));
  }
  writer.uint(1, value & 0x7f);
}
