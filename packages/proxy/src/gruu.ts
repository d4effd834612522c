import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { parseUri, type SipUri, type Uri } from "@sip-push/sip";
import type { Aor, Domains } from "./domains.ts";
import type { Binding, Gruus, LocationStore } from "./location-store.ts";

/** Begins the user part of a temporary GRUU. RFC 5627 appendix A.2. */
const TEMPORARY = "tgruu.";
const DISTINGUISHER_BYTES = 10;
const GENERATION_BYTES = 6;
const CIPHER_BYTES = 16;
const MAC_BYTES = 10;

/** Whom a GRUU means. */
export interface GruuTarget {
  readonly aor: Aor;
  /** Live contacts of the instance; none when it is off-line. */
  readonly bindings: readonly Binding[];
}

/** True for a URI that says it leads to one instance. RFC 5627 §4.5. */
export function isGruu(uri: Uri): uri is SipUri {
  return (uri.scheme === "sip" || uri.scheme === "sips") && uri.params.has("gr");
}

/**
 * Makes GRUUs and finds what they lead to. RFC 5627 §5.4, appendix A.
 *
 * A public one is the address-of-record with the instance in `gr`. A temporary one is a generation, encrypted together with
 * random octets, so that no two look alike, and signed; which instance has that generation is known by its bindings alone,
 * so that nothing is kept for a GRUU, and all of a generation end together.
 */
export class GruuMint {
  readonly #store: LocationStore;
  readonly #domains: Domains;
  readonly #encryptionKey = randomBytes(16);
  readonly #macKey = randomBytes(32);
  #generation = 0;

  constructor(store: LocationStore, domains: Domains) {
    this.#store = store;
    this.#domains = domains;
  }

  /**
   * GRUUs for an instance, with a new temporary one.
   *
   * @param instance one that {@link isInstanceId}.
   * @param kept what the instance has, when the temporary ones it has stay valid (RFC 5627 §5.1).
   */
  issue(aor: Aor, instance: string, cseq: number, kept?: Gruus): Gruus {
    const { generation, firstCseq } = kept ?? { generation: ++this.#generation, firstCseq: cseq };
    const publicGruu = `${aor.uri};gr=${escaped(nameOf(instance))}`;
    const temporaryGruu = `sip:${TEMPORARY}${this.#seal(generation)}@${aor.domain};gr`;
    return { publicGruu, temporaryGruu, generation, firstCseq };
  }

  /**
   * What `uri`, a GRUU of this domain, leads to. Undefined for one that was never issued, or is invalid by now: 404. RFC 5627
   * §6.1.
   *
   * @param named what the URI names as address-of-record: of a public GRUU that is the user.
   */
  resolve(uri: SipUri, named: Aor): GruuTarget | undefined {
    if (named.user.startsWith(TEMPORARY)) return this.#resolveTemporary(named.user.slice(TEMPORARY.length));
    const value = uri.params.get("gr");
    if (value == null) return undefined;
    const instance = `<${unescaped(value)}>`.toLowerCase();
    const bindings = this.#store.bindings(named.uri).filter((each) => each.instance?.toLowerCase() === instance);
    const known = bindings.length > 0 || this.#store.wasRegistered(named.uri, instance);
    return known ? { aor: named, bindings } : undefined;
  }

  #resolveTemporary(text: string): GruuTarget | undefined {
    const generation = this.#open(text);
    const bindings = generation === undefined ? [] : this.#store.ofGeneration(generation);
    const owner = bindings[0] && parseUri(bindings[0].aor);
    const aor = owner !== undefined && owner.scheme !== "other" ? this.#domains.aorOf(owner) : undefined;
    return aor && { aor, bindings };
  }

  #seal(generation: number): string {
    const plain = Buffer.concat([randomBytes(DISTINGUISHER_BYTES), Buffer.alloc(GENERATION_BYTES)]);
    plain.writeUIntBE(generation, DISTINGUISHER_BYTES, GENERATION_BYTES);
    // One block with random octets in it: the mode that the appendix names needs no more.
    const cipher = createCipheriv("aes-128-ecb", this.#encryptionKey, null).setAutoPadding(false);
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([sealed, this.#mac(sealed)]).toString("base64url");
  }

  #open(text: string): number | undefined {
    const octets = Buffer.from(text, "base64url");
    if (octets.length !== CIPHER_BYTES + MAC_BYTES) return undefined;
    const sealed = octets.subarray(0, CIPHER_BYTES);
    if (!timingSafeEqual(octets.subarray(CIPHER_BYTES), this.#mac(sealed))) return undefined;
    const cipher = createDecipheriv("aes-128-ecb", this.#encryptionKey, null).setAutoPadding(false);
    const plain = Buffer.concat([cipher.update(sealed), cipher.final()]);
    return plain.readUIntBE(DISTINGUISHER_BYTES, GENERATION_BYTES);
  }

  #mac(sealed: Uint8Array): Buffer {
    return createHmac("sha256", this.#macKey).update(sealed).digest().subarray(0, MAC_BYTES);
  }
}

/** Octets that stand unescaped in the value of a URI parameter. RFC 3261 §25.1 paramchar. */
const ESCAPED = /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g;

/** True for what RFC 5626 §4.1 wants of `+sip.instance`: a name between `<` and `>`. */
export function isInstanceId(instance: string): boolean {
  return /^<[^<>]+>$/.test(instance);
}

function nameOf(instance: string): string {
  return instance.slice(1, -1);
}

/** Header text is octet strings, so each character is one octet. */
function escaped(text: string): string {
  return text.replace(ESCAPED, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

function unescaped(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
