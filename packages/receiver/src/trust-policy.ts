import { normalizeApplicationId, PushInputError } from "@sip-push/push";
import { looksLikeRange, parseUri, SipParseError, type Uri, urisEqual } from "@sip-push/sip";
import { trustDomainOf } from "./identity.ts";

/**
 * What the address of a PPG is compared with.
 *
 * - `asserted-identity`: the P-Asserted-Identity that a trusted hop vouches for. Default for URIs.
 * - `from`: the URI of From, which anybody can write; for networks where nobody asserts.
 * - `source`: the peer the request came from, in practice the last proxy: its IP address, or a name that its TLS certificate
 *   proves. Default for addresses and ranges.
 */
export type PpgAddressType = "asserted-identity" | "from" | "source";

/** An application that a PPG may push to. */
export interface TrustedApplication {
  /** In any spelling; `*` for all. */
  readonly applicationId: string;
  /** Media types it may push to it; all when left out. */
  readonly contentTypes?: readonly string[];
}

/** One entry of the white list. OMA Push MO `urn:oma:mo:oma-push:1.1`, PushWL/TrustedPPG. */
export interface TrustedPpg {
  /** `sip:`, `sips:` or `tel:` URI, IP address, or CIDR range; with `source` also a domain name. MO: Addr. */
  readonly address: string;
  /** MO: AddrType. */
  readonly addressType?: PpgAddressType;
  /** All when left out. MO: AppId and, below it, ContentType. */
  readonly applications?: readonly TrustedApplication[];
}

/** What is known of the sender of a push. */
export interface PushSource {
  readonly from: Uri;
  /** Empty unless a trusted hop asserts it. */
  readonly assertedIdentities: readonly Uri[];
  /** IP address without brackets. */
  readonly sourceAddress: string;
  /** What the certificate of the source proves; empty without TLS. */
  readonly peerNames: readonly string[];
}

/** The sender of a push, and what it pushes. */
export interface PushOrigin extends PushSource {
  readonly applicationId: string | null;
  /** `type/subtype` in lower case. */
  readonly mediaType: string;
}

interface Entry {
  readonly isFrom: (source: PushSource) => boolean;
  /** Short name -> media types, undefined for all; the map is undefined for all applications. */
  readonly applications: ReadonlyMap<string, ReadonlySet<string> | undefined> | undefined;
}

/** White list of those who may push. */
export class TrustList {
  readonly #entries: readonly Entry[];

  /** @throws {PushInputError} PUSH_BAD_OPTION or PUSH_BAD_APPLICATION_ID naming the entry, such as `trustedPpgs[0].address`. */
  constructor(ppgs: readonly TrustedPpg[]) {
    this.#entries = ppgs.map((ppg, index) => ({
      isFrom: matcherOf(ppg, `trustedPpgs[${index}].address`),
      applications: applicationsOf(ppg, `trustedPpgs[${index}].applications`),
    }));
  }

  /** Whether an entry is of this sender, whatever it pushes. */
  knows(source: PushSource): boolean {
    return this.#entries.some((entry) => entry.isFrom(source));
  }

  /** Whether an entry is of this sender and allows what it pushes. */
  admits(origin: PushOrigin): boolean {
    return this.#entries.some((entry) => entry.isFrom(origin) && allows(entry, origin));
  }
}

function allows({ applications }: Entry, { applicationId, mediaType }: PushOrigin): boolean {
  if (applications === undefined) return true;
  return [applicationId, "*"].some((name) => {
    if (name === null || !applications.has(name)) return false;
    return applications.get(name)?.has(mediaType) ?? true;
  });
}

function matcherOf({ address, addressType }: TrustedPpg, field: string): Entry["isFrom"] {
  const type = addressType ?? (looksLikeRange(address) ? "source" : "asserted-identity");
  if (type === "source") {
    const domain = trustDomainOf([address], () => field);
    return ({ sourceAddress, peerNames }) => domain.has({ remote: { address: sourceAddress }, peerNames });
  }
  const uri = uriOf(address, field);
  return type === "from"
    ? ({ from }) => urisEqual(from, uri)
    : ({ assertedIdentities }) => assertedIdentities.some((identity) => urisEqual(identity, uri));
}

function uriOf(address: string, field: string): Uri {
  try {
    return parseUri(address, field);
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    throw new PushInputError("PUSH_BAD_OPTION", field, error.message.slice(error.field.length + 2), { cause: error });
  }
}

function applicationsOf({ applications }: TrustedPpg, field: string): Entry["applications"] {
  if (applications === undefined) return undefined;
  return new Map(
    applications.map(({ applicationId, contentTypes }, index) => [
      normalizeApplicationId(applicationId, `${field}[${index}].applicationId`),
      contentTypes === undefined ? undefined : new Set(contentTypes.map((type) => type.toLowerCase())),
    ]),
  );
}
