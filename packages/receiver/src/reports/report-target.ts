import { parseUri, SipParseError, type SipRequest, type Uri, urisEqual } from "@sip-push/sip";
import type { AssertedIdentity } from "../identity.ts";
import type { ReportRequest } from "./report-request.ts";

/**
 * Where a report goes: the topmost IMDN-Record-Route (RFC 5438 §7.2.1), else the From of the request (§12.1.3.1). Where a
 * trusted hop asserts another identity than From, the asserted one: From can name anybody, and reports must not be bounced to
 * them (§14). Undefined for a sender without an address: anonymous (§12.1.1), or no URI that a request can go to.
 */
export function reportTarget(
  request: SipRequest,
  identities: readonly AssertedIdentity[],
  reports: ReportRequest,
): string | undefined {
  const target = targetOf(request, identities, reports);
  // A copy: it is kept for long, and as a slice of the request's text would keep that.
  return target === undefined ? undefined : Buffer.from(target, "latin1").toString("latin1");
}

function targetOf(
  { from }: SipRequest,
  identities: readonly AssertedIdentity[],
  { recordRoute }: ReportRequest,
): string | undefined {
  if (!isAddress(from.uri) || isAnonymous(from.uri)) return undefined;
  const [hop] = recordRoute;
  if (hop !== undefined) return isAddressText(hop.uri) ? hop.uri : undefined;
  const [asserted] = identities;
  if (asserted === undefined || identities.some(({ uri }) => urisEqual(uri, from.uri))) return from.uriText;
  return isAddress(asserted.uri) ? asserted.text : undefined;
}

/** A Request-URI: it must not bring header fields along. RFC 3261 §19.1.1. */
function isAddress(uri: Uri): boolean {
  if (uri.scheme === "other") return false;
  return uri.scheme === "tel" || uri.headers.length === 0;
}

function isAddressText(text: string): boolean {
  try {
    return isAddress(parseUri(text, "IMDN-Record-Route"));
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}

/** RFC 3323 §4.1.1.3; `.invalid` is nobody's (RFC 6761 §6.4). */
function isAnonymous(uri: Uri): boolean {
  return uri.scheme !== "tel" && uri.scheme !== "other" && /(?:^|\.)invalid$/i.test(uri.host);
}
