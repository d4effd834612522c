import type { Flow, Params, SipUri } from "@sip-push/sip";

/**
 * How a contact is reached: on its flow alone, on its flow while that is open and else by its URI, or by its URI. A binding
 * with a path goes by that, whatever this says.
 */
export type Reach = "flow-only" | "flow-first" | "address";

/** What leads to one instance of a user agent. RFC 5627 §3.1. */
export interface Gruus {
  /** `sip:user@domain;gr=…`; always the same for address-of-record and instance. */
  readonly publicGruu: string;
  /** The one created last; those of the same `generation` before it are valid as well. */
  readonly temporaryGruu: string;
  /** Shared by the temporary GRUUs that one Call-ID brought; 1 to 2^48 - 1. RFC 5627 appendix A.2. */
  readonly generation: number;
  /** CSeq of the REGISTER that made the first temporary GRUU of the generation. RFC 5628 §3. */
  readonly firstCseq: number;
}

/** One contact that an address-of-record is bound to. RFC 3261 §10, RFC 3327 §5.3, RFC 5626 §6. */
export interface Binding {
  /** Of its own, and the same over refreshes: the `id` of a contact in RFC 3680 §5.1. */
  readonly id: string;
  /** `sip:user@domain` */
  readonly aor: string;
  /** The contact URI as registered. */
  readonly contact: string;
  readonly uri: SipUri;
  /** Unicode; undefined when the Contact had none. */
  readonly displayName: string | undefined;
  /** Contact header parameters as registered, without `expires`: q, +sip.instance, reg-id, feature parameters. */
  readonly params: Params;
  /** Callee's preference, 0 to 1. Default 1. */
  readonly q: number;
  /** Clock time at which the binding ends. */
  readonly expiresAtMs: number;
  /** Clock time of the first REGISTER for it: `duration-registered` of RFC 3680 §5.1 counts from here. */
  readonly registeredAtMs: number;
  /** Clock time of the last REGISTER for it. */
  readonly updatedAtMs: number;
  /** Values for Route, in order. */
  readonly path: readonly string[];
  /** `<urn:…>` of the instance, when it gave one. */
  readonly instance: string | undefined;
  /** Of a contact with an instance. */
  readonly gruus: Gruus | undefined;
  /** Set when outbound processing applies: the binding is then known by instance and reg-id. */
  readonly regId: number | undefined;
  /** Where the REGISTER came from, when it came straight from the user agent. */
  readonly flow: Flow | undefined;
  readonly reach: Reach;
  readonly callId: string;
  readonly cseq: number;
}

/** Why a binding ended; `administrative`: by {@link SipProxy.deregister}. */
export type UnregisterReason = "removed" | "replaced" | "expired" | "flow-closed" | "flow-failed" | "administrative";

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
  /** Removes one binding; false when it was not there any more, or was refreshed since. */
  remove(binding: Binding): boolean;
  /** Bindings whose REGISTER came over that flow. */
  overFlow(flow: Flow): readonly Binding[];
  /** Bindings of the instance that has that generation of temporary GRUUs; none once it ended. RFC 5627 §5.4. */
  ofGeneration(generation: number): readonly Binding[];
  /** True when `aor`, or that instance of it, had a binding at some time; instances compare without regard to case. */
  wasRegistered(aor: string, instance?: string): boolean;
  /** How many bindings live, over all users. */
  readonly size: number;
  /** Stops timers and forgets everything. */
  close(): void;
}
