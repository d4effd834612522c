import { type PapMessage, type PushMessage, papCodes, usualDoctype } from "@sip-push/pap";
import type { PushDetails } from "../push-details.ts";
import type { PushSubmission } from "../store/types.ts";
import { contentOf } from "./content-entity.ts";
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
    ...keptDoctype(message),
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

/** What results need to be told in kind. */
function keptDoctype({ version, publicId }: PapMessage): Pick<PushDetails, "papPublicId"> {
  return publicId === undefined || publicId === usualDoctype(version).publicId ? {} : { papPublicId: publicId };
}

/** PAP 3005: one address is all that some gateways take. */
function refusedAddressCount({ addresses }: PushMessage, maxAddresses: number): Refusal | undefined {
  if (addresses.length <= maxAddresses) return undefined;
  const papCode = maxAddresses === 1 ? papCodes.multipleAddressesNotSupported : papCodes.badRequest;
  return { papCode, desc: `${addresses.length} addresses, the limit is ${maxAddresses}` };
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
