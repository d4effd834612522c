import type { ResponseInit } from "../message/index.ts";

/** An answer other than 200. */
export interface PublishRefusal extends ResponseInit {
  readonly statusCode: number;
}

/** An event package whose state is published here. RFC 3903 §10. */
export interface EventStatePackage<State = undefined> {
  /** `presence`. */
  readonly name: string;
  /** Media types taken, the mandatory one first; for 415. */
  readonly accept: readonly string[];
  /**
   * Reads a body once, before it is stored; what it throws is answered 400. Leave it out to take any body of the types
   * above.
   */
  readonly decode?: (body: Uint8Array, contentType: string) => State;
  /** When the request says none. Default 3600. */
  readonly defaultExpiresSeconds?: number;
  /** Below that: 423. Default 60. */
  readonly minExpiresSeconds?: number;
  /** What is above is lowered to this. Default 86400. */
  readonly maxExpiresSeconds?: number;
  /** More is answered 413. Default 65536. */
  readonly maxBodyBytes?: number;
}

/** One publication as it stands. */
export interface EventPublication<State = undefined> {
  readonly resource: string;
  readonly event: string;
  /** Changes with every PUBLISH that succeeds. */
  readonly entityTag: string;
  /** As received. */
  readonly contentType: string;
  readonly body: Uint8Array;
  /** What `decode` made of the body. */
  readonly state: State;
  /** By the clock's `now()`. */
  readonly expiresAtMs: number;
}

/** A change of a resource's event state; a refresh is none. */
export interface EventStateChange<State = undefined> {
  readonly resource: string;
  readonly event: string;
  readonly cause: "published" | "modified" | "removed" | "expired";
  /** All that stand now, that which changed last at the end. */
  readonly publications: ReadonlyArray<EventPublication<State>>;
}

export interface EventStateLimits {
  /** Publications of one resource and event at a time. Default 16. */
  readonly maxPerResource?: number;
  /** Publications in all. Default 100000. */
  readonly maxPublications?: number;
  /** Octets of all bodies. Default 256 MiB. */
  readonly maxTotalBytes?: number;
}
