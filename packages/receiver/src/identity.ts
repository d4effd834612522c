import { PushInputError } from "@sip-push/push";
import {
  bareHost,
  canonicalHost,
  type Flow,
  parseNameAddr,
  SipParseError,
  type SipRequest,
  type SipUri,
  TrustConfigError,
  TrustDomain,
  type Uri,
  type UserRegistration,
} from "@sip-push/sip";

/** An asserted identity: as text for people and events, parsed for comparison. */
export interface AssertedIdentity {
  readonly text: string;
  readonly uri: Uri;
}

/** Knows which hops are inside the trust domain. RFC 3325 §5, §8: the identity asserted by any other is worth nothing. */
export class TrustedHops {
  readonly #domain: TrustDomain;
  readonly #registration: Pick<UserRegistration, "openFlows"> | undefined;

  /**
   * @param hops addresses, ranges and names in certificates; undefined for the proxy alone: the address or name that `proxy`
   *   has, and the addresses that the binding was made with.
   * @throws {PushInputError} PUSH_BAD_OPTION naming the hop, such as `trustedHops[0]`.
   */
  constructor(
    hops: readonly string[] | undefined,
    proxy: SipUri | undefined,
    registration: Pick<UserRegistration, "openFlows"> | undefined,
  ) {
    this.#domain = hops === undefined ? proxyAlone(proxy) : trustDomainOf(hops, (index) => `trustedHops[${index}]`);
    this.#registration = hops === undefined ? registration : undefined;
  }

  /**
   * The identities that a trusted hop asserts; empty when the request came from elsewhere. RFC 3325 §9.1: one or two.
   *
   * @param otherwise URI of the identity that such a hop vouches for when it asserts none.
   */
  assertedIdentities(request: SipRequest, flow: Flow, otherwise?: string): AssertedIdentity[] {
    const asserted = request.headers.has("P-Asserted-Identity");
    if ((!asserted && otherwise === undefined) || !this.trusts(flow)) return [];
    const texts = asserted ? request.headers.list("P-Asserted-Identity") : [`<${otherwise}>`];
    return texts.flatMap((text) => {
      try {
        const { uri, uriText } = parseNameAddr(text, "P-Asserted-Identity");
        return [{ text: uriText, uri }];
      } catch (error) {
        if (error instanceof SipParseError) return [];
        throw error;
      }
    });
  }

  /** Whether the peer of a flow is such a hop. */
  trusts(flow: Flow): boolean {
    if (this.#domain.has(flow)) return true;
    return this.#registration?.openFlows.some(({ remote }) => remote.address === flow.remote.address) ?? false;
  }
}

/** @throws {PushInputError} PUSH_BAD_OPTION with the field that `fieldOf` gives the first bad entry. */
export function trustDomainOf(peers: readonly string[], fieldOf: (index: number) => string): TrustDomain {
  try {
    return new TrustDomain(peers);
  } catch (error) {
    const first = error instanceof TrustConfigError ? error.problems[0] : undefined;
    if (first === undefined) throw error;
    throw new PushInputError("PUSH_BAD_OPTION", fieldOf(first.index), first.problem, { cause: error });
  }
}

function proxyAlone(proxy: SipUri | undefined): TrustDomain {
  if (proxy === undefined) return new TrustDomain();
  try {
    return new TrustDomain([bareHost(canonicalHost(proxy.host))]);
  } catch (error) {
    // `localhost` and the like: no name that a certificate proves.
    if (error instanceof TrustConfigError) return new TrustDomain();
    throw error;
  }
}
