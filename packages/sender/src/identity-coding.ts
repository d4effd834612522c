import { contentCodings, type Representation } from "@sip-push/push";
import { undoContentCodings } from "@sip-push/sip";

/**
 * The same content without its content codings, for a receiver that takes none (RFC 3261 §8.2.3); undefined when it has
 * none, or one that is unknown, or it does not decode into `maxBodyBytes`.
 */
export function withoutCodings<T extends Representation>(
  representation: T,
  maxBodyBytes: number,
): Omit<T, "contentEncoding"> | undefined {
  if (contentCodings(representation.contentEncoding).length === 0) return undefined;
  const { contentEncoding = "", ...rest } = representation;
  const decoded = undoContentCodings(representation.body, contentEncoding, maxBodyBytes);
  return decoded.kind === "decoded" ? { ...rest, body: decoded.octets } : undefined;
}
