import type { PushBinding } from "@sip-push/push";
import { DigestClient, parseNameAddr, type SipUri, TrustDomain } from "@sip-push/sip";
import { optionProblems } from "./option-problems.ts";
import type { PushSenderOptions } from "./options.ts";
import { isSecureHop, parseSipOption } from "./recipient.ts";

/** The options that need reading, read. */
export interface ReadOptions {
  readonly binding: PushBinding;
  readonly nextHop: SipUri | undefined;
  /** `proxy`, else the first of `route`. */
  readonly firstHop: SipUri | undefined;
  /** The first hop is known, by `proxy` or `route`, and not reached over TLS. */
  readonly insecureHop: boolean;
  readonly credentials: DigestClient | undefined;
  readonly trust: TrustDomain;
}

/** Asked of the registrar unless told otherwise. */
export const REGISTER_EXPIRES_SECONDS = 300;

/** @throws {PushInputError} PUSH_BAD_OPTION naming the option; of several that are wrong, the first. */
export function readOptions(options: PushSenderOptions): ReadOptions {
  const [problem] = optionProblems(options);
  if (problem !== undefined) throw problem;
  const { from, identity, role = "isc", acceptContact, userAgent = "sip-push", proxy } = options;
  const route = options.route?.map((hop) => (hop.includes("<") ? hop : `<${hop}>`));
  const [firstRoute] = route ?? [];
  const nextHop = proxy === undefined ? undefined : parseSipOption(proxy, "proxy");
  const routeHop = firstRoute === undefined ? undefined : parseNameAddr(firstRoute, "route[0]").uriText;
  const firstHop = nextHop ?? (routeHop === undefined ? undefined : parseSipOption(routeHop, "route[0]"));
  return {
    binding: {
      from,
      role,
      userAgent,
      ...iscBinding(options),
      ...(identity === undefined ? {} : { identity }),
      ...(route === undefined ? {} : { route }),
      ...(acceptContact === undefined ? {} : { acceptContact }),
    },
    nextHop,
    firstHop,
    insecureHop: firstHop !== undefined && !isSecureHop(firstHop),
    credentials: digestClientOf(options),
    trust: new TrustDomain(options.trusted ?? []),
  };
}

/** What only an application server says, to the core that trusts it. RFC 7315 §4.6, RFC 5502 §7.1. */
function iscBinding({
  chargingVector = false,
  servedUser,
}: PushSenderOptions): Pick<PushBinding, "chargingVector" | "servedUser"> {
  const vector = chargingVector === true ? {} : chargingVector;
  return { ...(vector !== false && { chargingVector: vector }), ...(servedUser !== undefined && { servedUser }) };
}

function digestClientOf({ credentials, proxy }: PushSenderOptions): DigestClient | undefined {
  if (credentials === undefined || credentials instanceof DigestClient) return credentials;
  // All requests go to one proxy, so what it accepted once may be sent to it without being asked.
  return new DigestClient({ accounts: credentials, ...(proxy === undefined ? {} : { nextHop: () => proxy }) });
}
