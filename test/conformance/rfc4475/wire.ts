import { type Address, decodeMessage, type SipMessage, type TransportName } from "@sip-push/sip";
import { MemoryNetwork, type Packet, VirtualClock } from "@sip-push/sip/testing";

/** A peer that sends octets as they are, whatever they are, and hears what the element at `target` answers. */
export class RawPeer {
  readonly network: MemoryNetwork;
  readonly clock: VirtualClock;

  constructor(clock: VirtualClock = new VirtualClock()) {
    this.clock = clock;
    this.network = new MemoryNetwork({ clock });
  }

  /** Sends `octets` from `from` and returns all that the element at `target` sent until `waitMs` later. */
  async exchange(octets: Uint8Array, target: Address, options: ExchangeOptions = {}): Promise<Packet[]> {
    const { transport = "UDP", from = { address: "192.0.2.1", port: 0 }, waitMs = 0 } = options;
    const ignore = (): void => {};
    const user = { message: ignore, malformed: ignore, closed: ignore };
    const peer = await this.network.open({ transport, ...from }, user);
    const flow = await peer.flowTo({ transport, ...target });
    const before = this.network.sent.length;
    flow.send(octets);
    await this.clock.advance(waitMs);
    await peer.close();
    return this.network.sent.slice(before).filter((packet) => packet.from.address === target.address);
  }
}

export interface ExchangeOptions {
  readonly transport?: TransportName;
  readonly from?: Address;
  readonly waitMs?: number;
}

/** Status codes of the responses among `packets`, methods of the requests. */
export function summaryOf(packets: readonly Packet[]): Array<number | string> {
  return packets.map(({ octets }) => {
    const message = decodeMessage(octets);
    return message.kind === "response" ? message.statusCode : message.method;
  });
}

/** The only message among `packets`. */
export function onlyMessage(packets: readonly Packet[]): SipMessage {
  const [packet, ...more] = packets;
  if (packet === undefined || more.length > 0) throw new Error(`expected one message, got ${packets.length}`);
  return decodeMessage(packet.octets);
}
