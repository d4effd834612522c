import {
  bareHost,
  canonicalHost,
  type Flow,
  isNumericHost,
  parseNameAddr,
  type Registration,
  SipParseError,
  type SipRequest,
  type SipUri,
  type Uri,
} from "@sip-push/sip";
import { AddressRanges } from "./address-ranges.ts";

/** An asserted identity: as text for people and events, parsed for comparison. */
export interface AssertedIdentity {
  readonly text: string;
  readonly uri: Uri;
}

/** Knows which hops are inside the trust domain. RFC 3325 §5, §8: the identity asserted by any other is worth nothing. */
export class TrustedHops {
  readonly #ranges: AddressRanges | undefined;
  readonly #proxyAddress: string | undefined;
  readonly #registration: Registration | undefined;

  /**
   * @param hops addresses and ranges; undefined for the proxy alone: its address when `proxy` is numeric, and the one that the
   *   binding was made with.
   */
  constructor(hops: readonly string[] | undefined, proxy: SipUri | undefined, registration: Registration | undefined) {
    this.#ranges = hops === undefined ? undefined : new AddressRanges(hops, (index) => `trustedHops[${index}]`);
    this.#proxyAddress =
      proxy !== undefined && isNumericHost(proxy.host) ? bareHost(canonicalHost(proxy.host)) : undefined;
    this.#registration = registration;
  }

  /** The identities that a trusted hop asserts; empty when the request came from elsewhere. RFC 3325 §9.1: one or two. */
  assertedIdentities(request: SipRequest, flow: Flow): AssertedIdentity[] {
    const { address } = flow.remote;
    if (!request.headers.has("P-Asserted-Identity") || !this.#isTrusted(address)) return [];
    return request.headers.list("P-Asserted-Identity").flatMap((text) => {
      try {
        const { uri, uriText } = parseNameAddr(text, "P-Asserted-Identity");
        return [{ text: uriText, uri }];
      } catch (error) {
        if (error instanceof SipParseError) return [];
        throw error;
      }
    });
  }

  #isTrusted(address: string): boolean {
    if (this.#ranges !== undefined) return this.#ranges.has(address);
    return address === this.#proxyAddress || address === this.#registration?.flow?.remote.address;
  }
}
