import { type BodyPart, serializeContentDisposition } from "@sip-push/bodies";
import { applicationIdsOf, contentLanguageOf, type PapMessage, papCodes } from "@sip-push/pap";
import {
  applicationIdOfMediaType,
  checkRepresentation,
  isContentHeader,
  mediaTypeOf,
  PushInputError,
  parseApplicationId,
} from "@sip-push/push";
import type { PushDetails } from "../push-details.ts";
import { isRefusal, type Refusal } from "./refusal.ts";
import type { Rights } from "./rights.ts";

/** The content entity and what is kept of its header fields. */
export interface Content {
  readonly part: BodyPart;
  readonly details: Pick<
    PushDetails,
    "applicationId" | "contentEncoding" | "contentLanguage" | "contentDisposition" | "contentId" | "contentHeaders"
  >;
}

/**
 * The content entity, as the sender can take it. Without an X-Wap-Application-Id it goes to the application that its type
 * belongs to, if there is one. Deviates from Kannel, which takes `wml.ua` then: content may be for no application in SIP.
 */
export function contentOf({ content: part }: PapMessage, maxContentOctets: number, rights: Rights): Content | Refusal {
  if (part === undefined) return { papCode: papCodes.badRequest, desc: "no content" };
  const named = applicationOf(part);
  if (isRefusal(named)) return named;
  const { applicationId } = named;
  if (!rights.mayPush(applicationId ?? "")) {
    const what = applicationId === null ? "content without an application" : applicationId;
    return { papCode: papCodes.forbidden, desc: `this push initiator may not push ${what}` };
  }
  const { contentDisposition: disposition } = part;
  if (disposition?.type.includes("/")) {
    return { papCode: papCodes.badRequest, desc: "the content's Content-Disposition is none" };
  }
  const contentHeaders = part.headers?.filter(([name]) => isContentHeader(name)) ?? [];
  const headers = {
    ...(part.contentId !== undefined && { contentId: part.contentId }),
    ...(contentHeaders.length > 0 && { contentHeaders }),
  };
  const details: Content["details"] = {
    ...headers,
    applicationId,
    contentEncoding: part.contentEncoding ?? null,
    contentLanguage: contentLanguageOf(part) ?? null,
    contentDisposition: disposition === undefined ? null : serializeContentDisposition(disposition),
  };
  try {
    checkRepresentation(
      {
        contentType: part.contentType,
        body: part.body,
        ...headers,
        ...(details.contentEncoding !== null && { contentEncoding: details.contentEncoding }),
        ...(details.contentLanguage !== null && { contentLanguage: details.contentLanguage }),
      },
      "content.",
      { maxBodyBytes: maxContentOctets },
    );
  } catch (error) {
    if (!(error instanceof PushInputError)) throw error;
    return { papCode: papCodes.badRequest, desc: error.message };
  }
  return { part, details };
}

/** Null: for none. Two that name different applications name none: rights are asked for one, and the handset may take the other. */
function applicationOf(part: BodyPart): { readonly applicationId: string | null } | Refusal {
  const written = applicationIdsOf(part);
  if (written.length === 0) return { applicationId: ofMediaType(part.contentType) };
  const names = new Set<string>();
  for (const each of written) {
    const name = shortNameOf(each);
    if (name === undefined) return refusedApplication(each, "is none");
    names.add(name);
  }
  const [first = "", other] = names;
  return other === undefined
    ? { applicationId: first }
    : refusedApplication(first, `and ${JSON.stringify(other)}: give one`);
}

function refusedApplication(name: string, problem: string): Refusal {
  return { papCode: papCodes.badRequest, desc: `X-Wap-Application-Id ${JSON.stringify(name.slice(0, 80))} ${problem}` };
}

/** Undefined also for a name that reads as another: rights are asked for what the handset will understand. */
function shortNameOf(written: string): string | undefined {
  const name = parseApplicationId(written);
  return name !== undefined && parseApplicationId(name) === name ? name : undefined;
}

function ofMediaType(contentType: string): string | null {
  const mediaType = mediaTypeOf(contentType);
  return mediaType === undefined ? null : (applicationIdOfMediaType(mediaType) ?? null);
}
