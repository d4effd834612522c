import { bareHost, isNumericHost, type SipUri } from "../message/index.ts";
import { canonicalName } from "../transport/tls-names.ts";
import type { Flow } from "../transport/transport.ts";
import { AddressRanges, looksLikeRange } from "./address-ranges.ts";
import { TrustConfigError, type TrustProblem } from "./errors.ts";

/** What is known of a peer: where it is, and the names that its certificate proved. A {@link Flow} says both. */
export type Peer = Pick<Flow, "peerNames"> & { readonly remote: { readonly address: string } };

/** Two labels at least: authorities certify no others, and `localhost` would be taken for an address. RFC 1123 §2.1. */
const DOMAIN_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The peers whose word is taken: the trust domain of RFC 3325 §2, whose specification (spec(T), §2.3) is here a list of
 *
 * - IP addresses and ranges (`192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`): the peer's end of the flow. On UDP anybody who can
 *   send from such an address is believed, so list only those that the network guards.
 * - Domain names (`core.example.test`): a SIP domain in the peer's verified certificate, equal and without wildcards
 *   (RFC 5922 §7.1, §7.2). No flow without TLS has one.
 */
export class TrustDomain {
  readonly #ranges = new AddressRanges([]);
  readonly #names = new Set<string>();

  /** @throws {TrustConfigError} TRUST_BAD_PEER naming every entry that is neither. */
  constructor(peers: readonly string[] = []) {
    const problems: TrustProblem[] = [];
    for (const [index, peer] of peers.entries()) {
      const problem = this.#add(peer);
      if (problem !== undefined) problems.push({ index, problem });
    }
    if (problems.length > 0) throw new TrustConfigError(problems);
  }

  /** Whether a peer can be inside by what its certificate says, so that there is a reason to ask for one. */
  get hasNames(): boolean {
    return this.#names.size > 0;
  }

  /** Whether the peer at the other end of a flow is inside. */
  has({ remote, peerNames }: Peer): boolean {
    return this.hasAddress(remote.address) || peerNames.some((name) => this.#names.has(name));
  }

  /** Whether an IP address (without brackets) is in one of the ranges. */
  hasAddress(address: string): boolean {
    return this.#ranges.has(address);
  }

  /**
   * Whether a request to `hop` can only reach a peer inside: an address in a range, or a name towards which only TLS is used,
   * so that the connection comes up with that name proved or not at all (RFC 5922 §7.3). Before the flow is there.
   */
  hasHop({ scheme, host, params }: SipUri): boolean {
    // maddr moves the destination, not the name to verify (RFC 3261 §19.1.1, RFC 5922 §4).
    const destination = params.get("maddr") ?? host;
    if (isNumericHost(destination) && this.hasAddress(bareHost(destination))) return true;
    const transport = params.get("transport")?.toLowerCase();
    const secure = scheme === "sips" || transport === "tls" || transport === "wss";
    return secure && this.#names.has(canonicalName(host));
  }

  #add(peer: string): string | undefined {
    if (looksLikeRange(peer)) return this.#ranges.add(peer);
    const name = canonicalName(peer.trim().replace(/\.$/, ""));
    if (!DOMAIN_NAME.test(name)) {
      return `${JSON.stringify(peer)} is no IP address or range such as 10.0.0.0/8, nor a domain name in a certificate`;
    }
    this.#names.add(name);
    return undefined;
  }
}
