import { type NameAddr, parseNameAddr, type SipHeaders, SipParseError } from "@sip-push/sip";
import { stripOnEntry, stripOnExit } from "./application-servers/trust-headers.ts";
import type { AuthenticatedUser } from "./authentication.ts";
import { hasIdentity } from "./users.ts";

/** Who sent a message: a peer of the trust domain, a user who authenticated, or anybody. RFC 3325 §5. */
export interface Sender {
  readonly trusted: boolean;
  readonly user: AuthenticatedUser | undefined;
}

/**
 * Makes P-Asserted-Identity what it has to be inside the trust domain: that of a trusted sender stays, that of any other is
 * replaced by what authentication gave, or removed. P-Preferred-Identity chooses among the user's own identities and goes
 * no further. RFC 3325 §5, §6. What else only the trust domain may say goes likewise.
 */
export function assertIdentity(headers: SipHeaders, { trusted, user }: Sender): void {
  if (!trusted) stripOnEntry(headers);
  const preferred = user === undefined ? [] : headers.list("P-Preferred-Identity");
  if (headers.has("P-Preferred-Identity")) headers.remove("P-Preferred-Identity");
  if (headers.has("P-Asserted-Identity")) {
    if (trusted) return;
    headers.remove("P-Asserted-Identity");
  }
  if (user === undefined) return;
  const identities = preferred.map(tryParse).filter((address) => address !== undefined);
  const chosen = identities.filter(({ uri }) => hasIdentity(user.identities, uri));
  // §6: a hint that is none of the user's identities is left aside. §9.1: one sip or sips URI and one tel URI at most.
  const telephone = chosen.find(({ uri }) => uri.scheme === "tel")?.uriText;
  const sip = chosen.find(({ uri }) => uri.scheme !== "tel")?.uriText;
  const asserted = sip === undefined && telephone === undefined ? user.identities.slice(0, 1) : [sip, telephone];
  for (const uri of asserted) if (uri !== undefined) headers.add("P-Asserted-Identity", `<${uri}>`);
}

/**
 * Takes asserted identities out of a message that leaves the trust domain when its sender asked for it (RFC 3325 §7), and
 * what only the trust domain may know in any case.
 */
export function keepPrivate(headers: SipHeaders, nextHopTrusted: boolean): void {
  if (nextHopTrusted) return;
  stripOnExit(headers);
  if (!headers.has("P-Asserted-Identity")) return;
  const wishes = headers.getAll("Privacy").flatMap((value) => value.toLowerCase().split(/[\s;,]+/));
  if (wishes.includes("id")) headers.remove("P-Asserted-Identity");
}

function tryParse(value: string): NameAddr | undefined {
  try {
    return parseNameAddr(value, "P-Preferred-Identity");
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
