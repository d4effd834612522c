import { type Flow, transports } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";
import { isPinged, type Pings, ping, stopPings } from "./flow-pings.ts";

/** A flow that lasted so long was a good one: its loss is answered at once. RFC 5626 §4.5. */
const STABLE_MS = 120_000;

/** The flow that a registration was made on: pinged, watched for its end, and judged by how long it lasted. RFC 5626 §4.4, §4.5. */
export class RegistrationFlow {
  readonly #endpoint: SipEndpoint;
  readonly #onLost: () => void;
  #flow: Flow | undefined;
  #unwatch: (() => void) | undefined;
  #sinceMs = 0;
  #lostEarly = false;

  constructor(endpoint: SipEndpoint, onLost: () => void) {
    this.#endpoint = endpoint;
    this.#onLost = onLost;
  }

  /** Undefined when there is none, or it is closed. */
  get open(): Flow | undefined {
    return this.#flow?.open ? this.#flow : undefined;
  }

  /** There is one, and it ended. */
  get isClosed(): boolean {
    return this.#flow?.open === false;
  }

  /** The flow that is open, when it is a connection. */
  get connection(): Flow | undefined {
    const { open } = this;
    return open !== undefined && transports[open.transport].reliable ? open : undefined;
  }

  /** It has lasted, or the one before did. */
  get isGood(): boolean {
    return !this.#lostEarly || this.#isStable();
  }

  /** A registration was made on `flow`. */
  use(flow: Flow, pings: Pings): void {
    if (this.#flow !== flow) {
      this.leave();
      this.#unwatch = this.#endpoint.watchFlow(flow, this.#onLost);
      this.#sinceMs = this.#endpoint.clock.now();
      this.#flow = flow;
    }
    ping(flow, this, pings);
  }

  /** No more pings for us; the flow stays, for it may be others' too. */
  leave(): void {
    if (this.#flow !== undefined) stopPings(this.#flow, this);
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#flow = undefined;
  }

  /** Leaves a flow that has failed without a word; a connection is closed, unless others use it. */
  giveUp(): void {
    const { connection } = this;
    this.leave();
    if (connection !== undefined && !isPinged(connection)) connection.close();
  }

  /** Takes note of its end; true when it came soon, and so did that of the one before. */
  lost(): boolean {
    const before = this.#lostEarly;
    this.#lostEarly = !this.#isStable();
    return before && this.#lostEarly;
  }

  #isStable(): boolean {
    return this.#endpoint.clock.now() - this.#sinceMs >= STABLE_MS;
  }
}
