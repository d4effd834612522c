import { parseNameAddr, parseUri, type SipRequest } from "@sip-push/sip";
import type { AuthenticatedUser } from "./authentication.ts";
import type { Domains } from "./domains.ts";
import { type GruuMint, isGruu } from "./gruu.ts";
import { formsDialog } from "./record-route.ts";
import { hasIdentity } from "./users.ts";

/**
 * True for a request that forms a dialog and whose Contact is a GRUU of this domain, but of somebody else than who sent it: the
 * dialog would end up with them. RFC 5627 §6.2.
 */
export function contactIsOfAnother(
  request: SipRequest,
  user: AuthenticatedUser,
  { domains, mint }: { readonly domains: Domains; readonly mint: GruuMint },
): boolean {
  const [contact] = formsDialog(request.method) ? request.headers.list("Contact") : [];
  if (contact === undefined || contact === "*") return false;
  const { uri } = parseNameAddr(contact, "Contact");
  const named = isGruu(uri) && domains.isResponsibleFor(uri) ? domains.aorOf(uri) : undefined;
  const owner = named && isGruu(uri) ? mint.resolve(uri, named)?.aor : undefined;
  return owner !== undefined && !hasIdentity(user.identities, parseUri(owner.uri));
}
