import type { PapError } from "./errors.ts";
import { descOf, fragmentAround } from "./fragment.ts";
import type { PapCode } from "./pap-codes.ts";
import type { BadMessageResponse, PapMessage, PapOperation } from "./types.ts";
import { papVersions, sniffDoctype } from "./versions.ts";

/** The answer to a request, in its version and with its DOCTYPE. Capabilities may be added to a ccq-response. */
export function replyTo(request: Pick<PapMessage, "version" | "publicId">, operation: PapOperation): PapMessage {
  const { version, publicId } = request;
  return publicId === undefined ? { version, operation } : { version, publicId, operation };
}

/** What a peer is told of its message that `decodePap` could not take. */
export function badMessageResponse(error: PapError): BadMessageResponse {
  const { papCode, message, badMessageFragment } = error;
  return {
    kind: "badmessage-response",
    code: papCode,
    desc: descOf(message),
    ...(badMessageFragment !== null && badMessageFragment !== "" && { badMessageFragment }),
  };
}

/** {@link badMessageResponse}, in the version of the bad message when that is known, otherwise in the newest. */
export function badMessageReply(error: PapError): PapMessage {
  const { version, publicId } = error;
  const newest = papVersions[0];
  return replyTo(
    publicId === null ? { version: version ?? newest } : { version: version ?? newest, publicId },
    badMessageResponse(error),
  );
}

/**
 * The answer to a message that is refused unread: in its version, and quoting it, as far as its beginning goes.
 *
 * @param beginning first octets of the HTTP entity; none: nothing is known of it.
 */
export function refusalReply(beginning: Uint8Array, code: PapCode, desc: string): PapMessage {
  const badMessageFragment = fragmentAround(beginning, 0);
  return replyTo(sniffDoctype(beginning) ?? { version: papVersions[0] }, {
    kind: "badmessage-response",
    code,
    desc: descOf(desc),
    ...(badMessageFragment !== "" && { badMessageFragment }),
  });
}
