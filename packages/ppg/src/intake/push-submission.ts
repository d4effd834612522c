import { type BodyPart, serializeContentDisposition } from "@sip-push/bodies";
import { applicationIdOf, type PapMessage, type PushMessage, papCodes } from "@sip-push/pap";
import {
  applicationIdOfMediaType,
  checkRepresentation,
  mediaTypeOf,
  PushInputError,
  parseApplicationId,
} from "@sip-push/push";
import type { PushDetails } from "../push-details.ts";
import type { PushSubmission } from "../store/types.ts";
import type { OperationContext, Received } from "./operation-context.ts";
import { keptQuality, refusedQuality, windowOf } from "./quality-of-service.ts";
import { recipientsOf } from "./recipients.ts";
import { isRefusal, type Refusal } from "./refusal.ts";
import type { Rights } from "./rights.ts";

/** W3C Trace Context §3.2: version 00, and what later ones have in common with it; ids of zeros are none. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{0,64})?$/;

/** Characters of a URL that results go to: it is kept with each push. */
const MAX_NOTIFY_URL_LENGTH = 2_048;
/** URLs remembered of an initiator, and their characters. */
const MAX_KNOWN_URLS = 64;
const MAX_KNOWN_URL_LENGTH = 512;

/** What is to be stored of a push-message; or why it is refused. */
export function submissionOf(
  operation: PushMessage,
  { request, message, rights, receivedAt }: Received,
  { limits, offered, resolver, mayReach }: OperationContext,
): PushSubmission | Refusal {
  const refusal =
    refusedAddressCount(operation, limits.maxAddresses) ?? refusedQuality(operation.qualityOfService, offered);
  if (refusal !== undefined) return refusal;
  const content = contentOf(message, limits.maxContentOctets, rights);
  if (isRefusal(content)) return content;
  const notifyUrl = notifyUrlOf(operation, rights, (url) => mayReach(request.initiator, url));
  if (notifyUrl !== null && typeof notifyUrl === "object") return notifyUrl;
  const window = windowOf(operation, receivedAt.getTime(), limits.maxLifetimeSeconds);
  if (isRefusal(window)) return window;
  const recipients = recipientsOf(operation.addresses, resolver, rights);
  if (isRefusal(recipients)) return recipients;
  const details: PushDetails = {
    ...content.details,
    ...keptQuality(operation.qualityOfService),
    sourceReference: operation.sourceReference ?? null,
    papVersion: message.version,
    traceparent: request.traceparent !== null && TRACEPARENT.test(request.traceparent) ? request.traceparent : null,
  };
  return {
    initiator: request.initiator.name,
    pushId: operation.pushId,
    priority: operation.qualityOfService?.priority ?? "medium",
    deliveryMethod: operation.qualityOfService?.deliveryMethod ?? "notspecified",
    ...window,
    notifyUrl,
    progressNotesRequested: operation.progressNotesRequested,
    contentType: content.part.contentType,
    content: content.part.body,
    capabilities: message.capabilities?.body ?? null,
    applicationData: { ...details },
    recipients: recipients.recipients,
    replace:
      operation.replacePushId === undefined
        ? null
        : { pushId: operation.replacePushId, method: operation.replaceMethod },
  };
}

/** PAP 3005: one address is all that some gateways take. */
function refusedAddressCount({ addresses }: PushMessage, maxAddresses: number): Refusal | undefined {
  if (addresses.length <= maxAddresses) return undefined;
  const papCode = maxAddresses === 1 ? papCodes.multipleAddressesNotSupported : papCodes.badRequest;
  return { papCode, desc: `${addresses.length} addresses, the limit is ${maxAddresses}` };
}

interface Content {
  readonly part: BodyPart;
  readonly details: Pick<PushDetails, "applicationId" | "contentEncoding" | "contentLanguage" | "contentDisposition">;
}

/**
 * The content entity, as the sender can take it. Without an X-Wap-Application-Id it goes to the application that its type
 * belongs to, if there is one. Deviates from Kannel, which takes `wml.ua` then: content may be for no application in SIP.
 */
function contentOf({ content: part }: PapMessage, maxContentOctets: number, rights: Rights): Content | Refusal {
  if (part === undefined) return { papCode: papCodes.badRequest, desc: "no content" };
  const written = applicationIdOf(part);
  const applicationId = written === undefined ? ofMediaType(part.contentType) : shortNameOf(written);
  if (applicationId === undefined) {
    return {
      papCode: papCodes.badRequest,
      desc: `X-Wap-Application-Id ${JSON.stringify(written?.slice(0, 80))} is none`,
    };
  }
  if (!rights.mayPush(applicationId ?? "")) {
    const what = applicationId === null ? "content without an application" : applicationId;
    return { papCode: papCodes.forbidden, desc: `this push initiator may not push ${what}` };
  }
  const { contentDisposition: disposition } = part;
  if (disposition?.type.includes("/")) {
    return { papCode: papCodes.badRequest, desc: "the content's Content-Disposition is none" };
  }
  const details: Content["details"] = {
    applicationId,
    contentEncoding: part.contentEncoding ?? null,
    contentLanguage: part.headers?.find(([name]) => name.toLowerCase() === "content-language")?.[1] ?? null,
    contentDisposition: disposition === undefined ? null : serializeContentDisposition(disposition),
  };
  try {
    checkRepresentation(
      {
        contentType: part.contentType,
        body: part.body,
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

/** Undefined also for a name that reads as another: rights are asked for what the handset will understand. */
function shortNameOf(written: string): string | undefined {
  const name = parseApplicationId(written);
  return name !== undefined && parseApplicationId(name) === name ? name : undefined;
}

function ofMediaType(contentType: string): string | null {
  const mediaType = mediaTypeOf(contentType);
  return mediaType === undefined ? null : (applicationIdOfMediaType(mediaType) ?? null);
}

/** Where results go, in one spelling; null: nowhere. Whoever answers there must be one that the initiator may name. */
function notifyUrlOf(
  { ppgNotifyRequestedTo }: PushMessage,
  { mayNotify, notifyUrls }: Rights,
  mayReach: (url: string) => boolean,
): string | null | Refusal {
  if (ppgNotifyRequestedTo === undefined) return null;
  const known = notifyUrls.get(ppgNotifyRequestedTo);
  if (known !== undefined) return known;
  if (ppgNotifyRequestedTo.length > MAX_NOTIFY_URL_LENGTH) {
    const desc = `ppg-notify-requested-to has more than ${MAX_NOTIFY_URL_LENGTH} characters`;
    return { papCode: papCodes.badRequest, desc };
  }
  const url = URL.parse(ppgNotifyRequestedTo.trim());
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return { papCode: papCodes.badRequest, desc: "ppg-notify-requested-to is no http or https URL" };
  }
  if (url.username !== "" || url.password !== "") {
    return { papCode: papCodes.badRequest, desc: "ppg-notify-requested-to holds credentials" };
  }
  if (url.hash !== "") url.hash = "";
  const { href } = url;
  if (!mayNotify(href)) {
    const desc = "results of this push initiator may not go to ppg-notify-requested-to";
    return { papCode: papCodes.forbidden, desc };
  }
  if (!mayReach(href)) {
    return { papCode: papCodes.forbidden, desc: "ppg-notify-requested-to is at no public address" };
  }
  if (notifyUrls.size >= MAX_KNOWN_URLS) notifyUrls.clear();
  if (ppgNotifyRequestedTo.length <= MAX_KNOWN_URL_LENGTH) notifyUrls.set(ppgNotifyRequestedTo, href);
  return href;
}
