import { type Flow, parseNameAddr, SipParseError, type SipRequest, type TrustDomain, type Uri } from "@sip-push/sip";

/** Who sent a request, as far as it is known. */
export interface RequestIdentity {
  /** One, or two when the core asserts a sip: and a tel: URI (RFC 3325 §9.1). Empty: nobody that counts. */
  readonly uris: readonly Uri[];
  /** The first, as text, for people. */
  readonly text: string;
  /** A peer inside the trust domain vouches for it. */
  readonly asserted: boolean;
}

/**
 * The identity behind a request: what a peer inside the trust domain asserts (RFC 3325 §5), else what From says, which
 * anybody can write.
 */
export function requestIdentity(request: SipRequest, flow: Flow, trust: TrustDomain): RequestIdentity {
  if (request.headers.has("P-Asserted-Identity") && trust.has(flow)) {
    const values = request.headers.list("P-Asserted-Identity").slice(0, 2);
    const asserted = values.flatMap((text) => {
      try {
        return [parseNameAddr(text, "P-Asserted-Identity")];
      } catch (error) {
        if (error instanceof SipParseError) return [];
        throw error;
      }
    });
    if (asserted.length > 0) {
      return { uris: asserted.map(({ uri }) => uri), text: asserted[0]?.uriText ?? "", asserted: true };
    }
  }
  const { uri, uriText } = request.from;
  return { uris: [uri], text: uriText, asserted: false };
}
