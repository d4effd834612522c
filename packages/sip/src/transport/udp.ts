import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { decodeMessage, type SipMessage, SipParseError } from "../message/index.ts";
import { failLater } from "./connection-flow.ts";
import { listenError } from "./connection-transport.ts";
import { FlowCache } from "./flow-cache.ts";
import { KeepAlive } from "./keep-alive.ts";
import {
  newStats,
  type SocketOptions,
  type SocketSettings,
  type SocketTransport,
  settingsOf,
  type TransportStats,
} from "./settings.ts";
import { type Address, type Flow, type FlowUser, SipTransportError, type Target } from "./transport.ts";

/** RFC 768, less the headers of UDP and IPv4 (RFC 791) or of UDP alone (RFC 8200 §3: the IPv6 header does not count). */
const MAX_DATAGRAM_BYTES = { IPv4: 65_507, IPv6: 65_527 };
/** Remote addresses whose flow object is kept. */
const MAX_FLOWS = 65_536;
/** SIP messages begin with a letter; what begins lower is a keep-alive, STUN (RFC 5389 §6) or no SIP. */
const FIRST_LETTER = 0x41;
const STUN_MAGIC_COOKIE = 0x2112_a442;
const PING = Buffer.from("\r\n\r\n");
const PONG = Buffer.from("\r\n");

/**
 * Opens SIP over UDP on `local` (port 0 takes a free one); IPv6 sockets take IPv6 only. RFC 3261 §18.
 *
 * `failed` of a flow's `send` tells what the kernel says at once: no route, not permitted, too long. That nobody listens
 * at the other side (ICMP) is not told to a socket that serves many peers: a request then ends by Timer F.
 * Rejects with {@link SipTransportError} SIP_LISTEN_FAILED.
 */
export async function openUdp(local: Address, user: FlowUser, options: SocketOptions = {}): Promise<SocketTransport> {
  const settings = settingsOf(options);
  const ipv6 = isIPv6(local.address);
  const socket = createSocket({ type: ipv6 ? "udp6" : "udp4", ipv6Only: ipv6, lookup });
  await bind(socket, local);
  enlargeBuffers(socket, settings);
  return new UdpTransport(socket, ipv6, user, settings);
}

/** Targets are addresses: answering at once, and without looking at them, spares each datagram a turn of the loop. */
function lookup(host: string, family: unknown, answer: (error: null, address: string, family: number) => void): void {
  answer(null, host, family as number);
}

function bind(socket: Socket, { address, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      socket.close();
      reject(listenError("UDP", { address, port }, cause));
    };
    socket.once("error", failed);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", failed);
      resolve();
    });
  });
}

/** Asks for less until the system agrees; Linux gives at most net.core.rmem_max without a word. */
function enlargeBuffers(socket: Socket, { udpBufferBytes, logger }: SocketSettings): void {
  const set = (resize: (bytes: number) => void): void => {
    for (let bytes = udpBufferBytes; bytes >= 65_536; bytes /= 2) {
      try {
        resize(bytes);
        return;
      } catch (error) {
        logger.debug({ err: error, bytes }, "the system refuses socket buffers of this size");
      }
    }
  };
  set((bytes) => socket.setRecvBufferSize(bytes));
  set((bytes) => socket.setSendBufferSize(bytes));
}

interface Outgoing {
  readonly octets: Uint8Array;
  readonly remote: Address;
  readonly failed: ((error: SipTransportError) => void) | undefined;
}

class UdpTransport implements SocketTransport {
  readonly name = "UDP" as const;
  readonly local: Address;
  readonly stats: TransportStats = newStats();
  readonly settings: SocketSettings;
  readonly #socket: Socket;
  readonly #ipv6: boolean;
  readonly #user: FlowUser;
  readonly #flows: FlowCache<UdpFlow>;
  readonly #maxBytes: number;
  /** Only these need to be told of the end. */
  readonly #pinging = new Set<UdpFlow>();
  #closing: Promise<void> | undefined;
  #collected: Array<{ readonly octets: Buffer; readonly remote: RemoteInfo }> = [];
  /** Answers given while collected datagrams are handled: they leave together, for the peer's sake and ours. */
  #held: Outgoing[] | undefined;
  readonly #handleCollected = (): void => {
    const collected = this.#collected;
    const held: Outgoing[] = [];
    this.#collected = [];
    this.#held = held;
    try {
      for (const { octets, remote } of collected) if (this.open) this.#receive(octets, remote);
    } finally {
      this.#held = undefined;
      for (const { octets, remote, failed } of held) this.send(octets, remote, failed);
    }
  };

  constructor(socket: Socket, ipv6: boolean, user: FlowUser, settings: SocketSettings) {
    const { address, port } = socket.address();
    this.local = { address, port };
    this.settings = settings;
    this.#socket = socket;
    this.#ipv6 = ipv6;
    this.#user = user;
    this.#maxBytes = MAX_DATAGRAM_BYTES[ipv6 ? "IPv6" : "IPv4"];
    this.#flows = new FlowCache(MAX_FLOWS, (remote) => new UdpFlow(this, remote));
    socket.on("message", (octets, remote) => this.#collect(octets, remote));
    socket.on("error", (error) => settings.logger.warn({ err: error }, "UDP socket"));
  }

  get open(): boolean {
    return this.#closing === undefined;
  }

  existingFlow({ address, port }: Address): Flow | undefined {
    return this.open && address.includes(":") === this.#ipv6 ? this.#flows.get(address, port) : undefined;
  }

  async flowTo(target: Target, signal?: AbortSignal): Promise<Flow> {
    if (signal?.aborted) throw new SipTransportError("SIP_ABORTED", "aborted", { cause: signal.reason });
    if (!this.open) throw closedError();
    const flow = this.existingFlow(target);
    if (flow !== undefined) return flow;
    throw new SipTransportError("SIP_NO_TRANSPORT", `UDP on ${this.local.address} does not reach ${target.address}`);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      for (const flow of this.#pinging) flow.keepAlive(0);
      this.#socket.close(() => resolve());
    });
    return this.#closing;
  }

  send(octets: Uint8Array, remote: Address, failed: ((error: SipTransportError) => void) | undefined): void {
    if (this.#held !== undefined) this.#held.push({ octets, remote, failed });
    else if (!this.open) failLater(failed, closedError());
    else if (octets.length > this.#maxBytes) failLater(failed, tooLong(octets.length, remote));
    else {
      this.stats.sent++;
      this.settings.wireTrace?.sent(octets, { transport: this.name, local: this.local, remote });
      this.#put(octets, remote, failed);
    }
  }

  /** Octets that are no SIP message. */
  sendControl(octets: Uint8Array, remote: Address): void {
    if (this.open) this.#put(octets, remote, undefined);
  }

  /** Port 0, which a Via or a forged datagram may name, is the one thing that Node throws on. */
  #put(octets: Uint8Array, remote: Address, failed: ((error: SipTransportError) => void) | undefined): void {
    try {
      if (failed === undefined) this.#socket.send(octets, remote.port, remote.address);
      else {
        this.#socket.send(octets, remote.port, remote.address, (cause) => {
          if (cause !== null) failed(sendError(cause, octets.length, remote));
        });
      }
    } catch (error) {
      failLater(failed, sendError(error as Error, octets.length, remote));
    }
  }

  /** Remembers which flows have a timer. */
  pinging(flow: UdpFlow, yes: boolean): void {
    if (yes) this.#pinging.add(flow);
    else this.#pinging.delete(flow);
  }

  /**
   * What one poll of the socket brings is handled in one go, and the answers leave together: reading, decoding, deciding and
   * writing each run many times in a row. One by one, a push cost a fifth more processor time.
   */
  #collect(octets: Buffer, remote: RemoteInfo): void {
    if (this.#collected.push({ octets, remote }) === 1) setImmediate(this.#handleCollected);
  }

  #receive(octets: Buffer, { address, port }: RemoteInfo): void {
    const flow = this.#flows.get(address, port);
    if ((octets[0] ?? 0) < FIRST_LETTER && this.#ignore(octets, flow)) return;
    const message = this.#decoded(octets, flow);
    if (message === undefined) return;
    this.stats.received++;
    this.#user.message(message, flow);
  }

  #decoded(octets: Buffer, flow: UdpFlow): SipMessage | undefined {
    try {
      return decodeMessage(octets, this.settings.limits);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.stats.malformed++;
      this.#user.malformed(error, flow);
      return undefined;
    }
  }

  /** True for what keeps a NAT open rather than says something: nothing, CRLF, CRLFCRLF, STUN. */
  #ignore(octets: Buffer, flow: UdpFlow): boolean {
    const ping = octets.equals(PING);
    const stun = octets.length >= 20 && (octets[0] as number) < 0x40 && octets.readUInt32BE(4) === STUN_MAGIC_COOKIE;
    if (!ping && !stun && octets.length > 0 && !octets.equals(PONG)) return false;
    this.stats.ignored++;
    if (ping) this.sendControl(PONG, flow.remote);
    return true;
  }
}

/** A remote address seen from one UDP socket. */
class UdpFlow implements Flow {
  readonly transport = "UDP" as const;
  readonly remote: Address;
  readonly peerNames: readonly string[] = [];
  readonly #owner: UdpTransport;
  #pings: KeepAlive | undefined;

  constructor(owner: UdpTransport, remote: Address) {
    this.#owner = owner;
    this.remote = remote;
  }

  get local(): Address {
    return this.#owner.local;
  }

  get open(): boolean {
    return this.#owner.open;
  }

  send(octets: Uint8Array, failed?: (error: SipTransportError) => void): void {
    this.#owner.send(octets, this.remote, failed);
  }

  /**
   * CRLFCRLF from time to time keeps the way through a NAT open.
   *
   * Deviates from RFC 5626 §4.4.1, which has STUN for UDP: SIP servers ignore or answer CRLFCRLF, and few answer STUN on
   * the SIP port. No answer is expected, so a flow never fails for the lack of one.
   */
  keepAlive(intervalMs: number): void {
    if (!this.open && this.#pings === undefined) return;
    const { clock, random } = this.#owner.settings;
    this.#pings ??= new KeepAlive({ clock, random, ping: () => this.#owner.sendControl(PING, this.remote) });
    this.#pings.start(this.open || intervalMs <= 0 ? intervalMs : 0);
    this.#owner.pinging(this, intervalMs > 0);
  }

  close(): void {}
}

function closedError(): SipTransportError {
  return new SipTransportError("SIP_CONNECTION_CLOSED", "the transport is closed");
}

function tooLong(bytes: number, remote: Address, options?: ErrorOptions): SipTransportError {
  const problem = `${bytes} octets do not go into a datagram to ${remote.address}`;
  return new SipTransportError("SIP_MESSAGE_TOO_LONG", problem, options);
}

function sendError(cause: Error & { code?: string }, bytes: number, remote: Address): SipTransportError {
  if (cause.code === "EMSGSIZE") return tooLong(bytes, remote, { cause });
  const problem = `cannot send to ${remote.address} port ${remote.port}: ${cause.message}`;
  return new SipTransportError("SIP_SEND_FAILED", problem, { cause });
}
