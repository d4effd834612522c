import type { Flow, WheelTimer } from "@sip-push/sip";
import type { HandsetState } from "./handset.machine.ts";

/** What one handset of a fleet has seen. */
export interface HandsetStats {
  /** 1 to the number of handsets. */
  readonly number: number;
  readonly aor: string;
  readonly registered: boolean;
  /** Pushes that were answered with success. */
  readonly pushes: number;
  /** Those of them that the application had before. */
  readonly duplicates: number;
  /** Pushes that were refused. */
  readonly rejected: number;
}

const NO_ROUTE: readonly string[] = Object.freeze([]);

/** One handset: there are many of them, so it holds numbers and what others share. */
export class Handset implements HandsetStats {
  readonly number: number;
  readonly aor: string;
  /** User part of AoR and Contact, as parsed. */
  readonly user: string;
  state: HandsetState = "idle";
  registered = false;
  pushes = 0;
  duplicates = 0;
  rejected = 0;
  cseq = 0;
  /** In a row. */
  failures = 0;
  /** Route set for its requests, shared by all that have the same. RFC 3608. */
  serviceRoute: readonly string[] = NO_ROUTE;
  /** The connection that it registered on. */
  flow: Flow | undefined = undefined;
  timer: WheelTimer | undefined = undefined;

  constructor(number: number, aor: string, user: string) {
    this.number = number;
    this.aor = aor;
    this.user = user;
  }
}
