import { parseNameAddr, parseUri, SipParseError, type SipRequest, serializeUri, type Uri } from "@sip-push/sip";
import type { Domains } from "./domains.ts";
import type { EventArrival } from "./event-services.ts";
import { hasIdentity } from "./users.ts";

/** What a sender is to the user whose state a request is about. */
export interface Standing {
  /** The user. */
  readonly owner: boolean;
  /** A user of ours, or one that a trusted peer speaks for. */
  readonly known: boolean;
  readonly trusted: boolean;
}

/**
 * The user proved it, or a trusted peer asserts it. Where nobody has to prove anything (no users), everybody is who From says:
 * who may register as anybody may as well be that.
 */
export function standingOf(
  { transaction, aor, sender }: EventArrival,
  domains: Domains,
  authenticates: boolean,
): Standing {
  const { request } = transaction;
  const { trusted, user } = sender;
  const open = !authenticates && !trusted;
  const isAor = (uri: Uri): boolean => domains.isResponsibleFor(uri) && domains.aorOf(uri)?.uri === aor?.uri;
  const asserted = trusted ? assertedUris(request) : [];
  const owner =
    aor !== undefined &&
    ((user !== undefined && hasIdentity(user.identities, parseUri(aor.uri))) ||
      asserted.some(isAor) ||
      (open && isAor(request.from.uri)));
  return { owner, known: trusted || user !== undefined || open, trusted };
}

/** Who sent it, as far as that is known. RFC 3325 §5. */
export function identityOf({ transaction: { request }, sender: { trusted, user } }: EventArrival): string {
  const [asserted] = trusted ? assertedUris(request) : [];
  return user?.identities[0] ?? (asserted === undefined ? request.from.uriText : serializeUri(asserted));
}

/** What cannot be read asserts nothing. */
function assertedUris({ headers }: SipRequest): Uri[] {
  return headers.list("P-Asserted-Identity").flatMap((address) => {
    try {
      return [parseNameAddr(address, "P-Asserted-Identity").uri];
    } catch (error) {
      if (error instanceof SipParseError) return [];
      throw error;
    }
  });
}
