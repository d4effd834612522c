import type { Flow, Params, SipUri } from "@sip-push/sip";

/**
 * How a contact is reached: on its flow alone, on its flow while that is open and else by its URI, or by its URI. A binding
 * with a path goes by that, whatever this says.
 */
export type Reach = "flow-only" | "flow-first" | "address";

/** One contact that an address-of-record is bound to. RFC 3261 §10, RFC 3327 §5.3, RFC 5626 §6. */
export interface Binding {
  /** `sip:user@domain` */
  readonly aor: string;
  /** The contact URI as registered. */
  readonly contact: string;
  readonly uri: SipUri;
  /** Contact header parameters as registered, without `expires`: q, +sip.instance, reg-id, feature parameters. */
  readonly params: Params;
  /** Callee's preference, 0 to 1. Default 1. */
  readonly q: number;
  /** Clock time at which the binding ends. */
  readonly expiresAtMs: number;
  /** Clock time of the last REGISTER for it. */
  readonly updatedAtMs: number;
  /** Values for Route, in order. */
  readonly path: readonly string[];
  /** `<urn:…>` of the instance, when it gave one. */
  readonly instance: string | undefined;
  /** Set when outbound processing applies: the binding is then known by instance and reg-id. */
  readonly regId: number | undefined;
  /** Where the REGISTER came from, when it came straight from the user agent. */
  readonly flow: Flow | undefined;
  readonly reach: Reach;
  readonly callId: string;
  readonly cseq: number;
}

/** Why a binding ended. */
export type UnregisterReason = "removed" | "replaced" | "expired" | "flow-closed" | "flow-failed";

/** Hears of bindings that ended by themselves. */
export type ExpiryListener = (binding: Binding) => void;

/**
 * Port to the location service. A REGISTER is one `replace`, so that nobody sees half of it (RFC 3261 §10.3 (7)); all calls
 * are synchronous, because bindings hold flows of this process.
 */
export interface LocationStore {
  /** Live bindings, in the order they were made. */
  bindings(aor: string): readonly Binding[];
  /** Sets all bindings of `aor`. False, with nothing changed, when there is no room. */
  replace(aor: string, bindings: readonly Binding[]): boolean;
  /** Removes one binding; false when it was not there any more. */
  remove(binding: Binding): boolean;
  /** Bindings whose REGISTER came over that flow. */
  overFlow(flow: Flow): readonly Binding[];
  /** True when `aor` had a binding at some time. */
  wasRegistered(aor: string): boolean;
  /** How many bindings live, over all users. */
  readonly size: number;
  /** Stops timers and forgets everything. */
  close(): void;
}
