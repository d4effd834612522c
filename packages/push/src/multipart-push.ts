import { BodyError, type BodyPart, encodeMultipart, type TransferEncoding } from "@sip-push/bodies";
import type { Representation } from "./accept.ts";
import { applicationUrn } from "./application-ids.ts";
import { PushInputError } from "./errors.ts";
import { checkRepresentation, type PushLimits } from "./push-message.ts";
import { toPart } from "./report-envelope.ts";

/** One part of a multipart push; others refer to it by its `contentId`, as `cid:`. */
export interface PushPart extends Representation {
  /** The application that the part is for, in any spelling: X-Wap-Application-Id. */
  readonly applicationId?: string;
  /** How its octets travel. Default `binary`: SIP is 8-bit clean. */
  readonly transferEncoding?: Extract<TransferEncoding, "binary" | "base64">;
}

/** How the parts belong together. */
export interface MultipartPushOptions {
  /** `mixed`: each for itself (RFC 2046 §5.1.3); `related`: one object, the first part its root (RFC 2387). Default `mixed`. */
  readonly subtype?: "mixed" | "related";
}

/** Parts that one push may have; our receiver takes no more. */
const MAX_PARTS = 64;

/**
 * A multipart push out of its parts: what goes into `PushMessage` as content. Each part has passed the checks of `checkPush`.
 *
 * @throws {PushInputError} naming the part.
 */
export function multipartPush(
  parts: readonly PushPart[],
  options: MultipartPushOptions = {},
  limits: PushLimits = {},
): Pick<Representation, "contentType" | "body"> {
  if (parts.length === 0 || parts.length > MAX_PARTS) {
    throw new PushInputError("PUSH_BAD_BODY", "parts", `must be 1 to ${MAX_PARTS}, not ${parts.length}`);
  }
  const { subtype = "mixed" } = options;
  const encoded = parts.map((part, index) => partOf(part, index, limits));
  const rootId = parts[0]?.contentId;
  const params = new Map(subtype === "related" && rootId !== undefined ? [["start", `<${rootId}>`]] : []);
  try {
    return encodeMultipart({ subtype, params, parts: encoded });
  } catch (error) {
    if (error instanceof BodyError)
      throw new PushInputError("PUSH_BAD_BODY", error.field, error.message, { cause: error });
    throw error;
  }
}

function partOf(part: PushPart, index: number, limits: PushLimits): BodyPart {
  const path = `parts[${index}].`;
  checkRepresentation(part, path, limits);
  const { applicationId, transferEncoding } = part;
  const body = toPart(part);
  const application =
    applicationId === undefined ? [] : [["X-Wap-Application-Id", applicationUrn(applicationId)] as const];
  return {
    ...body,
    ...(transferEncoding !== undefined && { transferEncoding }),
    headers: [...(body.headers ?? []), ...application],
  };
}
