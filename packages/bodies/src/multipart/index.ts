export { isOptional, parseContentDisposition, serializeContentDisposition } from "./content-disposition.ts";
export { type MimeValue, parseMimeValue, serializeMimeValue } from "./mime-value.ts";
export { allParts, decodeMultipart, encodeMultipart, isMultipart, partById, rootPart } from "./multipart.ts";
export type { BodyPart, ContentDisposition, EncodedBody, Multipart, TransferEncoding } from "./types.ts";
