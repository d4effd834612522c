import type { Logger } from "@sip-push/sip";
import type { Binding, UnregisterReason } from "./location-store.ts";

/**
 * What happened to one contact, in the words of RFC 3680 §5.1. After `expired`, `deactivated`, `probation`, `unregistered`
 * and `rejected` it is terminated, after the others active.
 */
export type ContactEvent =
  | "created"
  | "refreshed"
  | "shortened"
  | "expired"
  | "deactivated"
  | "probation"
  | "unregistered"
  | "rejected";

/** One contact whose state changed. */
export interface ContactChange {
  /** As it is now; for one that ended, as it was last. */
  readonly binding: Binding;
  readonly event: ContactEvent;
  /** With `probation`: when the user agent may try again. RFC 3680 §5.1. */
  readonly retryAfterSeconds?: number;
}

/** What a proxy tells its owner, by name of the event. */
export interface ProxyEventMap {
  /** A contact was bound to an address-of-record, or refreshed. */
  readonly registered: { readonly binding: Binding; readonly expiresSeconds: number; readonly refresh: boolean };
  /** A binding ended. */
  readonly unregistered: { readonly binding: Binding; readonly reason: UnregisterReason };
  /**
   * All changes of one REGISTER, expiry, lost flow or administrative act to the contacts of one address-of-record, after they
   * took effect: what the `reg` event package tells (RFC 3680 §4.7). `registered` and `unregistered` tell the same one by one.
   */
  readonly "contacts-changed": {
    /** `sip:user@domain` */
    readonly aor: string;
    readonly changes: readonly ContactChange[];
    /** All live contacts, those that did not change included; none: the registration is terminated. */
    readonly bindings: readonly Binding[];
  };
  /** A request was passed on and is answered now, or given up. */
  readonly forwarded: {
    readonly method: string;
    readonly requestUri: string;
    readonly callId: string;
    /** Request-URIs that it left with, in the order of leaving. */
    readonly targets: readonly string[];
    /** Of the answer to the sender; undefined when there was none. */
    readonly statusCode: number | undefined;
    readonly elapsedMs: number;
  };
  /** A request was answered here instead of being passed on. Not told: REGISTER, OPTIONS to the proxy, challenges. */
  readonly refused: {
    readonly method: string;
    readonly requestUri: string;
    readonly callId: string;
    readonly statusCode: number;
    readonly reason: string;
  };
}

type Listener<E extends keyof ProxyEventMap> = (event: ProxyEventMap[E]) => void;

/** Listeners by event. One that throws is logged, and the proxy goes on. */
export class ProxyEvents {
  readonly #logger: Logger;
  readonly #listeners: { [E in keyof ProxyEventMap]: Set<Listener<E>> } = {
    registered: new Set(),
    unregistered: new Set(),
    "contacts-changed": new Set(),
    forwarded: new Set(),
    refused: new Set(),
  };

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Calls `listener` for each event of that name; returns how to stop that. */
  on<E extends keyof ProxyEventMap>(event: E, listener: Listener<E>): () => void {
    const listeners: Set<Listener<E>> = this.#listeners[event];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  emit<E extends keyof ProxyEventMap>(event: E, value: ProxyEventMap[E]): void {
    const listeners: Set<Listener<E>> = this.#listeners[event];
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        this.#logger.error({ err: error, event }, "a listener threw");
      }
    }
  }
}
