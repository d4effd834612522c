import { type Flow, type Pings, ping, type SipEndpoint, stopPings, transports } from "@sip-push/sip";
import type { Handset } from "./handset.ts";

/** Ways that are remembered for a transport without connections: there is one per address of the core. */
const MAX_DATAGRAM_FLOWS = 64;
/** A connection that lasted so long was a good one: its loss is answered at once. RFC 5626 §4.5. */
const STABLE_MS = 120_000;

interface Connection {
  readonly handsets: Set<Handset>;
  readonly unwatch: () => void;
  readonly sinceMs: number;
}

/** The flows that a fleet registered on, and who is on which: each connection is watched and pinged once for all of them. */
export class FleetFlows {
  readonly #endpoint: SipEndpoint;
  readonly #onLost: (handset: Handset, soon: boolean) => void;
  readonly #connections = new Map<Flow, Connection>();
  readonly #datagrams = new Map<string, Flow>();

  /** @param onLost hears it for each handset; `soon`: after the connection was made. */
  constructor(endpoint: SipEndpoint, onLost: (handset: Handset, soon: boolean) => void) {
    this.#endpoint = endpoint;
    this.#onLost = onLost;
  }

  /** Those that are open: requests to the handsets may come from their far ends. */
  get openFlows(): readonly Flow[] {
    return [...this.#datagrams.values(), ...this.#connections.keys()].filter(({ open }) => open);
  }

  /** `handset` was registered on `flow`, unless that closed while the answer was on its way up. */
  join(handset: Handset, flow: Flow, pings: Pings): void {
    if (!transports[flow.transport].reliable) {
      this.#remember(flow);
      return;
    }
    if (handset.flow !== flow) this.leave(handset);
    if (!flow.open) return;
    handset.flow = flow;
    this.#membersOf(flow).add(handset);
    ping(flow, this, pings);
  }

  leave(handset: Handset): void {
    const { flow } = handset;
    if (flow === undefined) return;
    handset.flow = undefined;
    const connection = this.#connections.get(flow);
    if (connection?.handsets.delete(handset) !== true || connection.handsets.size > 0) return;
    stopPings(flow, this);
    connection.unwatch();
    this.#connections.delete(flow);
  }

  close(): void {
    for (const [flow, { unwatch }] of this.#connections) {
      stopPings(flow, this);
      unwatch();
    }
    this.#connections.clear();
  }

  #membersOf(flow: Flow): Set<Handset> {
    const known = this.#connections.get(flow);
    if (known !== undefined) return known.handsets;
    const handsets = new Set<Handset>();
    const unwatch = this.#endpoint.watchFlow(flow, () => this.#lost(flow));
    this.#connections.set(flow, { handsets, unwatch, sinceMs: this.#endpoint.clock.now() });
    return handsets;
  }

  #lost(flow: Flow): void {
    const connection = this.#connections.get(flow);
    if (connection === undefined) return;
    this.#connections.delete(flow);
    stopPings(flow, this);
    const soon = this.#endpoint.clock.now() - connection.sinceMs < STABLE_MS;
    for (const handset of connection.handsets) {
      handset.flow = undefined;
      this.#onLost(handset, soon);
    }
  }

  #remember(flow: Flow): void {
    const { address, port } = flow.remote;
    const [oldest] = this.#datagrams.size >= MAX_DATAGRAM_FLOWS ? this.#datagrams.keys() : [];
    if (oldest !== undefined) this.#datagrams.delete(oldest);
    this.#datagrams.set(`${address} ${port}`, flow);
  }
}
