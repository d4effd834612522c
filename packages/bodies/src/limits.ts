import { BodyError } from "./errors.ts";

/** Upper bounds on what is decoded. Every decoder of this package takes them; what is left out has its default. */
export interface BodyLimits {
  /** Octets of the whole body. Default 1 MiB. */
  readonly maxOctets?: number;
  /** Elements inside elements, or multiparts inside multiparts. Default 32 elements, 4 multiparts. */
  readonly maxDepth?: number;
  /** Elements of an XML document, and its attributes. Default 20,000. */
  readonly maxElements?: number;
  /** Parts of a multipart, nested ones included. Default 64. */
  readonly maxParts?: number;
  /** Header fields of one part. Default 32. */
  readonly maxHeaders?: number;
  /** Octets of the header fields of one part. Default 16,384. */
  readonly maxHeaderOctets?: number;
}

const DEFAULT_MAX_OCTETS = 1_048_576;
export const DEFAULT_MAX_XML_DEPTH = 32;
export const DEFAULT_MAX_MULTIPART_DEPTH = 4;
export const DEFAULT_MAX_ELEMENTS = 20_000;
export const DEFAULT_MAX_PARTS = 64;
export const DEFAULT_MAX_HEADERS = 32;
export const DEFAULT_MAX_HEADER_OCTETS = 16_384;

/** Refuses a body over the limit before anything is read. */
export function checkOctets(octets: Uint8Array, field: string, limits: BodyLimits): void {
  const maxOctets = limits.maxOctets ?? DEFAULT_MAX_OCTETS;
  if (octets.length <= maxOctets) return;
  const problem = `has ${octets.length} octets, the limit is ${maxOctets}`;
  throw new BodyError("BODY_TOO_LARGE", field, problem, { offset: maxOctets });
}
