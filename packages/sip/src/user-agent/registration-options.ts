import type { DigestClient } from "../auth/index.ts";
import type { SipUri } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";
import type { RequestSender } from "./request-sender.ts";
import type { UserRoute } from "./user-route.ts";

export interface RegistrationOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** Address-of-record, `sip:alice@example.test`; `sips:` to be reached over TLS all the way (RFC 5630 §5.1). */
  readonly aor: string;
  /** Request-URI of the REGISTER; `sip:` and the domain of the AoR unless given. RFC 3261 §10.2. */
  readonly registrar?: string;
  /** First hop, when the domain does not lead there by itself. */
  readonly nextHop?: SipUri;
  readonly credentials?: DigestClient;
  /** Asked for; the registrar decides. Default 3600. */
  readonly expiresSeconds?: number;
  /** `urn:uuid:…`, the same over restarts of one device: for outbound (RFC 5626 §4.1) and GRUUs (RFC 5627 §4.1). */
  readonly instanceId?: string;
  /** Number of this flow; needs `instanceId`. RFC 5626 §4.2. Default 1. */
  readonly regId?: number;
  /** Feature parameters of the Contact, values as on the wire: `+g.oma.pusheventapp` -> `"push.syncml"` in quotes. */
  readonly contactParams?: ReadonlyMap<string, string | null>;
  /** Parameters of the Contact URI, values as on the wire: `pn-provider`, `pn-prid`, `pn-param` of RFC 8599 §4.1. */
  readonly contactUriParams?: ReadonlyMap<string, string | null>;
  /** Value of P-Access-Network-Info, `3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=…`; sent on secure hops only. RFC 7315 §4.4. */
  readonly accessNetworkInfo?: string;
  /** The way to the first hop is secure by other means than TLS (IPsec, one machine). Default false. */
  readonly trustedAccess?: boolean;
  readonly onEvent?: (event: RegistrationEventReport) => void;
  /**
   * First wait after a failure; doubles. Default 2000 (RFC 5626 §4.5 suggests 30 s, too long for a test bench). A function is
   * asked at each failure.
   */
  readonly retryBaseMs?: number | (() => number);
  /** Longest wait. Default 1800000 (RFC 5626 §4.5). */
  readonly retryMaxMs?: number;
  readonly random?: () => number;
  /**
   * After a 439: whether to register without outbound (RFC 5626 §4.2.1 leaves it to the client). Default: yes, for there is
   * no other proxy to try.
   */
  readonly mayDropOutbound?: () => boolean;
  /** Makes the flow to register on instead of the one to `nextHop`; a rejection counts as a failed attempt. */
  readonly connect?: (signal: AbortSignal) => Promise<Flow>;
}

/** What the registration of a user over one flow or several has to offer. */
export interface UserRegistration {
  /** Whether the user can be reached, as far as we know. */
  readonly registered: boolean;
  /** Contact URI that requests should be sent with when there is no GRUU. */
  readonly contact: string;
  /** Public GRUU: for Contact in SUBSCRIBE, NOTIFY, REFER and the like, as it is. RFC 5627 §4.4. */
  readonly gruu: string | undefined;
  /** For anonymous requests. RFC 5627 §4.4. */
  readonly temporaryGruu: string | undefined;
  /** RFC 3608 §6.1. */
  readonly serviceRoute: readonly string[];
  /** URIs of the user, the default one first. RFC 7315 §4.1. */
  readonly associatedUris: readonly string[];
  /** The flow that requests take. */
  readonly flow: Flow | undefined;
  /** All registered flows that are open: requests to the user come on these. */
  readonly openFlows: readonly Flow[];
  /** How a request of this user, outside of dialogs, is to leave. */
  route(identity?: string): UserRoute;
  start(): void;
  /** Removes what was bound; resolves when the registrar answered, or after `timeoutMs`. Idempotent. */
  stop(timeoutMs?: number): Promise<void>;
}

/** What happened to the binding. `registered` is said only when the registrar's answer lists our contact. */
export type RegistrationEventReport =
  | { readonly kind: "registered"; readonly aor: string; readonly contact: string; readonly expiresSeconds: number }
  | {
      readonly kind: "failed";
      readonly aor: string;
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | { readonly kind: "ended"; readonly aor: string };
