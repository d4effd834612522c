import type { DigestClient } from "../auth/index.ts";
import type { SipUri } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import type { SipEndpoint } from "../user-agent/endpoint.ts";
import type { RequestSender } from "../user-agent/request-sender.ts";

/** What is published: the whole event state of this publisher, as one body. */
export interface PublishedState {
  /** Media type with its parameters: `application/pidf+xml`. */
  readonly contentType: string;
  /** At least one octet: a PUBLISH without a body means something else (RFC 3903 Table 1). */
  readonly body: Uint8Array;
}

export interface PublicationOptions extends PublishedState {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** The resource whose state this is: Request-URI, and To unless given. RFC 3903 §4.1. */
  readonly requestUri: string;
  /** Who publishes: a name-addr or a URI. The Request-URI unless given. */
  readonly from?: string;
  readonly to?: string;
  /** Event package: `presence`. */
  readonly event: string;
  /** Asked for; the compositor may lower it, never raise it. Default 3600. */
  readonly expiresSeconds?: number;
  /** More header fields for each PUBLISH, asked for each time: P-Preferred-Identity, P-Access-Network-Info, … */
  readonly headers?: () => ReadonlyArray<readonly [name: string, value: string]>;
  /** Route set, asked for each time: the Service-Route of a registration changes (RFC 3608 §5). */
  readonly route?: () => readonly string[];
  /** First hop, when neither route nor Request-URI leads there by itself. */
  readonly nextHop?: SipUri;
  /** The flow of a registration, asked for each time (RFC 5626 §4.3). Undefined: wherever the next hop leads. */
  readonly flow?: () => Flow | undefined;
  readonly credentials?: DigestClient;
  readonly onEvent?: (event: PublicationEvent) => void;
  /** First wait after a failure; doubles. Default 2000. */
  readonly retryBaseMs?: number;
  /** Longest wait. Default 1800000. */
  readonly retryMaxMs?: number;
  /** 0 to 1, for the jitter of the waits. */
  readonly random?: () => number;
}

/** What a PUBLISH did. RFC 3903 §4.1, Table 1. */
export type PublicationOperation = "initial" | "refresh" | "modify" | "remove";

/** What became of the publication. `published` is said only when the state last given is what the compositor has. */
export type PublicationEvent =
  | {
      readonly kind: "published";
      readonly operation: PublicationOperation;
      readonly entityTag: string;
      /** How long it lives without a refresh, as the compositor chose. */
      readonly expiresSeconds: number;
    }
  | {
      readonly kind: "failed";
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      /** null: not by itself. After `modify` when only the body was refused, else never. */
      readonly retryInMs: number | null;
    }
  | { readonly kind: "ended" };
