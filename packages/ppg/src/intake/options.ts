import type { PapCode, PapLeniency } from "@sip-push/pap";
import type { CapabilityFacts } from "@sip-push/sender";
import type { Clock, Logger } from "@sip-push/sip";
import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";
import type { Initiator } from "./types.ts";

/** How far one push may go. */
export interface IntakeLimits {
  /** Addresses of one push. Default 1000. */
  readonly maxAddresses?: number;
  /** Octets of the content entity. Default 1 MiB. */
  readonly maxContentOctets?: number;
  /** A push is tried no longer than this, whatever its deliver-before says. Default 604,800: a week. */
  readonly maxLifetimeSeconds?: number;
}

/**
 * What a handset can take, as far as it is known; what is not known is left out. A code says why nothing can be told
 * (2003: there is no such user); null: nothing is known (3008). May reject, which is 3000.
 *
 * @param recipient the SIP URI that requests go to, in its one spelling; a tel URI when there is no domain for these.
 * @param applicationId short name of the application asked about; null: none.
 * @param options `ask: false`: no handset is asked, only what is known already is told.
 */
export type CapabilitiesOf = (
  recipient: string,
  applicationId: string | null,
  options?: { readonly ask?: boolean },
) => Promise<Partial<CapabilityFacts> | PapCode | null>;

/** What the intake works with. */
export interface IntakeOptions {
  readonly store: PpgStore;
  /** How pushes get into it. Default: by `store` itself. */
  readonly submissions?: Pick<PpgStore, "submit">;
  /** Domains of WAPPUSH addresses that are ours; the first is what answers give as sender-address. */
  readonly domain: string | readonly string[];
  /** What answers give as sender-name. Default `sip-push`. */
  readonly name?: string;
  /**
   * By address type (any case): the URI that a WAPPUSH address stands for, with `{value}` in the user part or in place of
   * the host. Types without one are refused (2002), but for a USER that holds a SIP, SIPS or tel URI itself.
   */
  readonly addressRules?: Readonly<Record<string, string>>;
  /** Domain that requests for `tel:` URIs go to: that of the sender. Without one they stay what they are. */
  readonly telDomain?: string;
  /** Networks and bearers that may be required of us, in the words of WDP. Default: none. */
  readonly networks?: readonly string[];
  readonly bearers?: readonly string[];
  /** Default: capabilities queries are answered 3008. */
  readonly capabilitiesOf?: CapabilitiesOf;
  /** Whether results may go to the host of such a URL of the initiator, as far as that is known before it is asked. Default: yes. */
  readonly mayReach?: (initiator: Initiator, url: string) => boolean;
  readonly limits?: IntakeLimits;
  /** Operations that wait for the store at a time; further ones are answered 503 and 4001. Default 10,000. */
  readonly maxWaiting?: number;
  /** Mistakes of peers to let pass. Default: none. */
  readonly leniency?: PapLeniency;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  readonly observe?: PpgObserver;
  readonly logger?: Logger;
}

/** The value itself; {@link IntakeOptions} name none. @throws {RangeError} for what is no whole number from 1 on. */
export function positive(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} must be a whole number from 1 on`);
}
