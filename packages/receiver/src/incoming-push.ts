import { decodeText, type Flow } from "@sip-push/sip";
import { type DigestState, type IncomingPush, incomingPush } from "./events.ts";
import type { AssertedIdentity } from "./identity.ts";
import { pushResourceOf } from "./push-resource.ts";
import type { Arrival, ScreenedPush } from "./screening.ts";

/** A push on its way through the checks. */
export interface Candidate extends Arrival {
  readonly flow: Flow;
  readonly identities: readonly AssertedIdentity[];
  readonly push: ScreenedPush;
  /** By which a new attempt at it is known. */
  readonly repeatKey: string | undefined;
  /** What a look-up of credentials left of `handlerTimeoutMs`. */
  readonly timeLeftMs?: number;
}

const NO_PARTS: IncomingPush["parts"] = Object.freeze([]);
const NOTHING_ASKED: IncomingPush["reportsAsked"] = Object.freeze([]);

/** What handlers get of a push that passed them. */
export function toIncomingPush({ request, carrier, identities, push }: Candidate, digest: DigestState): IncomingPush {
  const { applicationId, contentType, body, notification, deliverBefore, expired, priority, unwrapped } = push;
  const { headers } = request;
  const subject = headers.get("Subject");
  return incomingPush({
    from: decodeText(request.from.uriText),
    assertedIdentity: identities[0] === undefined ? null : decodeText(identities[0].text),
    applicationId,
    contentType,
    body,
    length: body.length,
    via: carrier.via,
    callId: request.callId,
    notification,
    digest,
    deliverBefore,
    expired,
    priority: priority?.toLowerCase() ?? null,
    subject: subject === undefined ? null : decodeText(subject),
    contentEncoding: unwrapped?.contentEncoding ?? null,
    contentLanguage: push.contentLanguage,
    contentDisposition: unwrapped?.contentDisposition ?? null,
    parts: unwrapped?.parts ?? NO_PARTS,
    reportsAsked: unwrapped?.reports?.asked ?? NOTHING_ASKED,
    pushResource: pushResourceOf(request),
    partHeaders: unwrapped?.partHeaders ?? null,
    headers,
  });
}
