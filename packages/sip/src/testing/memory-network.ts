import type { Clock } from "../clock.ts";
import { decodeMessage, SipParseError } from "../message/index.ts";
import {
  type Address,
  type Flow,
  type FlowUser,
  type ListenAddress,
  SipTransportError,
  type Target,
  type Transport,
  type TransportName,
  transports,
} from "../transport/transport.ts";

/** What a link does to datagrams; streams only get the delay. Reordering follows from a delay that varies. */
export interface LinkConditions {
  /** Chance that a datagram is lost, 0..1. */
  readonly loss: number;
  /** Chance that it arrives twice, 0..1. */
  readonly duplicate: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** One message on the link, as a test sees it. */
export interface Packet {
  readonly transport: TransportName;
  readonly from: Address;
  readonly to: Address;
  readonly octets: Uint8Array;
}

const perfect: LinkConditions = { loss: 0, duplicate: 0, minDelayMs: 0, maxDelayMs: 0 };

/** An in-memory network: endpoints over links with loss, duplication, reordering and delay, on a given clock. */
export class MemoryNetwork {
  readonly clock: Clock;
  conditions: LinkConditions;
  /** All that was sent, lost ones too, in order. */
  readonly sent: Packet[] = [];
  /** By IP address the names in the certificate of whoever is there: what its peers see over TLS and WSS. RFC 5922 §7.1. */
  readonly certificates: Map<string, readonly string[]> = new Map();
  /** Return false to lose this packet whatever its transport: a partition, a silent peer. */
  filter: (packet: Packet) => boolean = () => true;
  readonly #random: () => number;
  readonly #nodes = new Map<string, MemoryTransport>();
  #nextPort = 40_000;

  constructor(options: { clock: Clock; random?: () => number; conditions?: Partial<LinkConditions> }) {
    this.clock = options.clock;
    this.#random = options.random ?? Math.random;
    this.conditions = { ...perfect, ...options.conditions };
  }

  /** Opens a transport on the network; pass it as `open` of an endpoint. Port 0 takes a free one. */
  open = async (listen: ListenAddress, user: FlowUser): Promise<Transport> => {
    const local = { address: listen.address, port: listen.port === 0 ? this.#nextPort++ : listen.port };
    const key = keyOf(listen.transport, local);
    if (this.#nodes.has(key)) throw new SipTransportError("SIP_LISTEN_FAILED", `${key} is in use`);
    const node = new MemoryTransport(this, listen.transport, local, user, () => this.#nodes.delete(key));
    this.#nodes.set(key, node);
    return node;
  };

  /** @internal */
  nodeAt(transport: TransportName, address: Address): MemoryTransport | undefined {
    return this.#nodes.get(keyOf(transport, address));
  }

  /** @internal */
  carry(packet: Packet): void {
    this.sent.push(packet);
    if (!this.filter(packet)) return;
    const reliable = transports[packet.transport].reliable;
    const { loss, duplicate } = reliable ? perfect : this.conditions;
    if (this.#random() < loss) return;
    this.#deliver(packet, reliable);
    if (this.#random() < duplicate) this.#deliver(packet, reliable);
  }

  #deliver(packet: Packet, inOrder: boolean): void {
    const { minDelayMs, maxDelayMs } = this.conditions;
    const delayMs = inOrder ? minDelayMs : minDelayMs + this.#random() * (maxDelayMs - minDelayMs);
    this.clock.schedule(delayMs, () => this.nodeAt(packet.transport, packet.to)?.receive(packet));
  }
}

class MemoryTransport implements Transport {
  readonly name: TransportName;
  readonly local: Address;
  readonly #network: MemoryNetwork;
  readonly #user: FlowUser;
  readonly #unbind: () => void;
  readonly #flows = new Map<string, MemoryFlow>();
  closed = false;

  constructor(network: MemoryNetwork, name: TransportName, local: Address, user: FlowUser, unbind: () => void) {
    this.#network = network;
    this.name = name;
    this.local = local;
    this.#user = user;
    this.#unbind = unbind;
  }

  existingFlow(target: Address): Flow | undefined {
    if (this.closed) return undefined;
    return transports[this.name].reliable ? this.#flows.get(keyOf(this.name, target)) : this.#flow(target);
  }

  async flowTo(target: Target): Promise<Flow> {
    if (this.closed) throw new SipTransportError("SIP_CONNECTION_CLOSED", "the transport is closed");
    const reliable = transports[this.name].reliable;
    if (reliable && this.#network.nodeAt(this.name, target) === undefined) {
      throw new SipTransportError("SIP_CONNECT_FAILED", `nobody listens at ${keyOf(this.name, target)}`);
    }
    return this.#flow(target);
  }

  receive(packet: Packet): void {
    const flow = this.#flow(packet.from);
    try {
      this.#user.message(decodeMessage(packet.octets), flow);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.#user.malformed(error, flow);
    }
  }

  send(to: Address, octets: Uint8Array): void {
    this.#network.carry({ transport: this.name, from: this.local, to, octets: octets.slice() });
  }

  drop(remote: Address): void {
    const flow = this.#flows.get(keyOf(this.name, remote));
    if (flow === undefined) return;
    this.#flows.delete(keyOf(this.name, remote));
    flow.open = false;
    this.#user.closed(flow, undefined);
    this.#network.nodeAt(this.name, remote)?.drop(this.local);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (transports[this.name].reliable) for (const flow of [...this.#flows.values()]) this.drop(flow.remote);
    for (const flow of this.#flows.values()) flow.open = false;
    this.#unbind();
  }

  #flow(remote: Address): MemoryFlow {
    const key = keyOf(this.name, remote);
    const flow = this.#flows.get(key) ?? this.#newFlow({ address: remote.address, port: remote.port });
    this.#flows.set(key, flow);
    return flow;
  }

  #newFlow(remote: Address): MemoryFlow {
    const names = transports[this.name].secure ? this.#network.certificates.get(remote.address) : undefined;
    return new MemoryFlow(this, remote, names ?? []);
  }
}

class MemoryFlow implements Flow {
  readonly transport: TransportName;
  readonly local: Address;
  readonly remote: Address;
  readonly peerNames: readonly string[];
  readonly #owner: MemoryTransport;
  open = true;

  constructor(owner: MemoryTransport, remote: Address, peerNames: readonly string[]) {
    this.transport = owner.name;
    this.local = owner.local;
    this.remote = remote;
    this.peerNames = peerNames;
    this.#owner = owner;
  }

  send(octets: Uint8Array, failed?: (error: SipTransportError) => void): void {
    if (this.open) this.#owner.send(this.remote, octets);
    else queueMicrotask(() => failed?.(new SipTransportError("SIP_CONNECTION_CLOSED", "the flow is closed")));
  }

  /** The in-memory network needs no pings: a partition is made by hand. */
  keepAlive(): void {}

  close(): void {
    if (transports[this.transport].reliable) this.#owner.drop(this.remote);
  }
}

function keyOf(transport: TransportName, { address, port }: Address): string {
  return `${transport} ${address} ${port}`;
}
