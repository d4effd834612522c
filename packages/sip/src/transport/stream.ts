import type { Socket } from "node:net";
import type { FramerRole } from "../message/framer.ts";
import { type Frame, FramingError, StreamFramer } from "../message/index.ts";
import { ConnectionFlow, type FlowContext } from "./connection-flow.ts";
import { SipTransportError } from "./transport.ts";

const PING = Buffer.from("\r\n\r\n");
const PONG = Buffer.from("\r\n");

/**
 * A TCP or TLS connection. RFC 3261 §18.3, RFC 5626 §3.5.1.
 *
 * Messages sent in the same tick leave in one write: a system call per message costs three times what the rest does.
 * `failed` of `send` tells of messages that the kernel did not take whole; what happens to those that it took shows
 * only in `closed`.
 */
export class StreamFlow extends ConnectionFlow {
  readonly #socket: Socket;
  readonly #framer: StreamFramer;
  #corked = false;

  /** @param socket connected, for TLS with its handshake done. @param role whether we made the connection. */
  constructor(socket: Socket, role: FramerRole, peerNames: readonly string[], context: FlowContext) {
    super({ ...endsOf(socket), peerNames }, context);
    this.#socket = socket;
    this.#framer = new StreamFramer(context.settings.limits, role);
    socket.setNoDelay(true);
    socket.on("data", (octets: Buffer) => this.#receive(octets));
    socket.on("error", (error) => this.failed(error));
    socket.on("end", () => this.shut(undefined));
    socket.on("close", () => this.ended());
  }

  protected override write(octets: Uint8Array, done?: (error?: Error | null) => void): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => this.#uncork());
    }
    this.#socket.write(octets, done);
  }

  protected override queuedBytes(): number {
    return this.#socket.writableLength;
  }

  protected override ping(): void {
    this.control(PING);
  }

  protected override finish(): void {
    this.#uncork();
    this.#socket.end();
  }

  protected override finishSoon(): void {
    this.#uncork();
    this.#socket.destroySoon();
  }

  protected override destroy(): void {
    this.#socket.destroy();
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #receive(octets: Buffer): void {
    if (!this.open) return;
    this.touched();
    try {
      this.#deliver(this.#framer.push(octets));
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#deliver(error.framesBefore);
      this.#lost(error);
    }
  }

  #deliver(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (!this.open) return;
      if (frame === "ping") this.control(PONG);
      else if (frame === "pong") this.pings.pong();
      else {
        this.context.stats.received++;
        this.context.user.message(frame, this);
      }
    }
  }

  /** Where the next message starts cannot be known any more. What the user answered until now still leaves. */
  #lost(cause: FramingError): void {
    if (!this.open) return;
    this.malformed(cause);
    this.shut(
      new SipTransportError("SIP_CONNECTION_CLOSED", `the stream lost its framing: ${cause.message}`, { cause }),
    );
  }
}

/** Both addresses of a connected socket; empty when it is gone again already. */
export function endsOf(socket: Socket): {
  local: { address: string; port: number };
  remote: { address: string; port: number };
} {
  return {
    local: { address: socket.localAddress ?? "", port: socket.localPort ?? 0 },
    remote: { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
  };
}
