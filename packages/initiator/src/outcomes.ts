import type { CancelResponse, CcqResponse, PapMessage, PushResponse, StatusQueryResponse } from "@sip-push/pap";

/** A MIME entity beside a control entity. */
export type Entity = NonNullable<PapMessage["content"]>;

/** Responses that a gateway gives to what an initiator asks. */
export type GatewayResponse = PushResponse | CancelResponse | StatusQueryResponse | CcqResponse;

/** The gateway did what was asked, or said for each recipient what came of it. */
export interface Answered<Response extends GatewayResponse> {
  readonly kind: "answered";
  readonly httpStatus: number;
  /** 1000 or 1001 for a push and a capabilities query; of a cancellation and a status query, the code of the first result. */
  readonly papCode: number;
  /** What the gateway says to it, or what PAP says of the code. */
  readonly description: string;
  readonly response: Response;
  /** Of a capabilities query: UAProf RDF, its octets as they came; null for none. */
  readonly capabilities: Entity | null;
  /** Product name of the gateway; null when it does not say. */
  readonly productName: string | null;
}

/** The gateway said no. */
export interface Refused {
  readonly kind: "refused";
  readonly httpStatus: number;
  /** Null when there was no PAP in the answer, as in a 401 of most servers. */
  readonly papCode: number | null;
  readonly description: string;
  /** Some of what was not understood; null when the gateway does not say. */
  readonly badMessageFragment: string | null;
  /** Wait of Retry-After in whole seconds; null without one. RFC 9110 §10.2.3. */
  readonly retryAfterSeconds: number | null;
  /** Whether the same may be taken later: HTTP 408, 429, 502 to 504, or a PAP code of class 4. */
  readonly retryable: boolean;
}

/**
 * Why there was no answer, or none that can be used. Closed set.
 *
 * - `unreachable`: no connection. `untrusted`: TLS with a peer that cannot be believed, or does not believe us.
 * - `timeout`: no whole answer in time. `disconnected`: the connection ended before. `aborted`: the caller's signal, or `close()`.
 * - `bad-answer`: it is no PAP, or PAP to something else. `busy`: `maxInFlight` operations are under way.
 */
export type FailureReason =
  | "unreachable"
  | "untrusted"
  | "timeout"
  | "disconnected"
  | "aborted"
  | "bad-answer"
  | "busy";

/** Nobody knows whether the gateway did it, but for `unreachable`, `untrusted` and `busy`: then it did not. */
export interface Failed {
  readonly kind: "failed";
  readonly reason: FailureReason;
  readonly description: string;
  /** Null when it did not come that far. */
  readonly httpStatus: number | null;
  /** Whether it may go better later. A push that was sent again under its push-id is refused with 2007 if it had arrived. */
  readonly retryable: boolean;
}

/** What came of an operation. A refusal is an outcome, not an exception. */
export type Outcome<Response extends GatewayResponse> = (Answered<Response> | Refused | Failed) & {
  /** From the call to the outcome. */
  readonly elapsedMs: number;
};

export type PushOutcome = Outcome<PushResponse> & { readonly pushId: string };
export type CancelOutcome = Outcome<CancelResponse>;
export type StatusOutcome = Outcome<StatusQueryResponse>;
export type CapabilitiesOutcome = Outcome<CcqResponse>;
