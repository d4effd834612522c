import { parseNameAddr, parseUri, SipParseError, type SipRequest, serializeUri, type Uri } from "@sip-push/sip";
import type { Aor, Domains } from "./domains.ts";
import type { EventArrival } from "./event-services.ts";
import { hasIdentity } from "./users.ts";

/** What a sender is to the user whose state a request is about. */
export interface Standing {
  /** The user. */
  readonly owner: boolean;
  /** A user of ours, or one that a trusted peer speaks for. */
  readonly known: boolean;
  /** A trusted peer, and not one that passes on what another user says. */
  readonly trusted: boolean;
}

/** What a standing is judged by. */
export interface StandingRules {
  readonly domains: Domains;
  /** Users prove who they are: who did not is nobody. */
  readonly authenticates: boolean;
  /** Whether a user has this address-of-record, and not a service. */
  readonly isUser: (aor: Aor) => boolean;
}

/**
 * The user proved it, or a trusted peer asserts it. Where nobody has to prove anything (no users), everybody is who From says:
 * who may register as anybody may as well be that. A trusted peer that asserts another user, as a P-CSCF does, has the rights
 * of that user and no more (TS 24.229 §5.4.2.1.1).
 */
export function standingOf(
  { transaction, aor, sender }: EventArrival,
  { domains, authenticates, isUser }: StandingRules,
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
  const speaksForOther = asserted.some((uri) => {
    const other = domains.isResponsibleFor(uri) ? domains.aorOf(uri) : undefined;
    return other !== undefined && isUser(other);
  });
  return { owner, known: trusted || user !== undefined || open, trusted: trusted && !speaksForOther };
}

/** What the sender proved to be, or a trusted peer asserts; never what From alone says. RFC 3325 §5. */
export function provenIdentities({ transaction: { request }, sender: { trusted, user } }: EventArrival): Uri[] {
  const own = user?.identities.map((identity) => parseUri(identity)) ?? [];
  return trusted ? [...own, ...assertedUris(request)] : own;
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
