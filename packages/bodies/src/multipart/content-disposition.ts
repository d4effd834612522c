import { BodyError } from "../errors.ts";
import { parseMimeValue, serializeMimeValue } from "./mime-value.ts";
import type { ContentDisposition } from "./types.ts";

/**
 * Reads a Content-Disposition. RFC 2183 §2, RFC 3261 §20.11.
 *
 * @throws {BodyError} BODY_BAD_MIME.
 */
export function parseContentDisposition(text: string, offset?: number): ContentDisposition {
  const { value, params } = parseMimeValue(text, "Content-Disposition", offset);
  const others = new Map(params);
  const handling = others.get("handling")?.toLowerCase();
  others.delete("handling");
  return handling === undefined ? { type: value, params: others } : { type: value, handling, params: others };
}

/** @throws {BodyError} BODY_BAD_VALUE for a type or parameter that has no form. */
export function serializeContentDisposition({ type, handling, params }: ContentDisposition): string {
  if (!/^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/.test(type)) {
    throw new BodyError("BODY_BAD_VALUE", "Content-Disposition", `${JSON.stringify(type)} is no disposition type`);
  }
  const all = handling === undefined ? params : new Map([["handling", handling], ...params]);
  return serializeMimeValue(type, all, "Content-Disposition");
}

/**
 * Whether a receiver that cannot process the part may leave it aside. RFC 3261 §20.11: `required` when nothing is said, and
 * what is neither counts as `required`, the careful reading.
 */
export function isOptional(disposition: ContentDisposition | undefined): boolean {
  return disposition?.handling === "optional";
}
