import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import { decodeMessage, type MessageLimits, type SipMessage, SipParseError } from "../message/index.ts";
import { ConnectionFlow, type FlowContext } from "./connection-flow.ts";
import { endsOf } from "./stream.ts";

const CR = 0x0d;
const PING = "\r\n\r\n";
const PONG = Buffer.from("\r\n");
/** RFC 6455 §7.4.1. */
const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const ABNORMAL_CLOSURE = 1006;

/** What one WebSocket message may hold. */
export function maxMessageBytes({ maxHeadBytes, maxBodyBytes }: MessageLimits): number {
  return maxHeadBytes + "\r\n\r\n".length + maxBodyBytes;
}

/**
 * A WebSocket connection that carries one SIP message per WebSocket message. RFC 7118.
 *
 * A message that is no SIP is dropped, and the connection stays: its framing does not depend on it. What breaks the
 * framing of WebSocket closes it.
 */
export class WsFlow extends ConnectionFlow {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  #corked = false;

  /** @param webSocket open, with the subprotocol agreed. @param socket the one below it. */
  constructor(webSocket: WebSocket, socket: Socket, peerNames: readonly string[], context: FlowContext) {
    super({ ...endsOf(socket), peerNames }, context);
    this.#webSocket = webSocket;
    this.#socket = socket;
    socket.setNoDelay(true);
    webSocket.on("message", (data: RawData) => this.#receive(data as Buffer));
    webSocket.on("ping", () => this.touched());
    webSocket.on("pong", () => this.#pong());
    webSocket.on("error", (error) => this.#broken(error));
    webSocket.on("close", (code) => this.#closed(code));
  }

  /** Not from the moment on that either side said goodbye. */
  override get open(): boolean {
    return super.open && this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  /** Text when it can be, because a script in a browser reads text; binary when an octet is not UTF-8. RFC 7118 §4.2. */
  protected override write(octets: Uint8Array, done?: (error?: Error | null) => void): void {
    this.#cork();
    this.#webSocket.send(octets, { binary: !isUtf8(octets) }, done as ((error?: Error) => void) | undefined);
  }

  protected override queuedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  /** RFC 7118 §6, RFC 6455 §5.5.2. */
  protected override ping(): void {
    this.#cork();
    this.#webSocket.ping();
  }

  protected override finish(): void {
    this.#uncork();
    this.#webSocket.close(NORMAL_CLOSURE);
  }

  protected override finishSoon(): void {
    this.#uncork();
    this.#webSocket.close(GOING_AWAY);
    this.#socket.destroySoon();
  }

  protected override destroy(): void {
    this.#webSocket.terminate();
  }

  /** Frames sent in the same tick leave in one write. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => this.#uncork());
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #receive(octets: Buffer): void {
    if (!this.open) return;
    this.touched();
    if (octets.length <= PING.length && (octets.length === 0 || octets[0] === CR)) this.#keptAlive(octets);
    else this.#deliver(octets);
  }

  #deliver(octets: Buffer): void {
    const message = this.#decoded(octets);
    if (message === undefined) return;
    this.context.stats.received++;
    this.context.user.message(message, this);
  }

  #decoded(octets: Buffer): SipMessage | undefined {
    try {
      return decodeMessage(octets, this.context.settings.limits);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.malformed(error);
      return undefined;
    }
  }

  /** Scripts cannot send ping frames: they send CRLFCRLF and expect CRLF. RFC 7118 §6, RFC 5626 §3.5.1. */
  #keptAlive(octets: Buffer): void {
    if (octets.toString("latin1") === PING) this.control(PONG);
    else this.pings.pong();
  }

  #pong(): void {
    this.touched();
    this.pings.pong();
  }

  #broken(error: Error & { code?: string }): void {
    if (!error.code?.startsWith("WS_ERR_")) this.failed(error);
    else if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") this.#spoilt(error, "SIP_TOO_LARGE");
    else this.#spoilt(error, "SIP_TRUNCATED");
  }

  #spoilt(error: Error, code: "SIP_TOO_LARGE" | "SIP_TRUNCATED"): void {
    this.malformed(new SipParseError(code, "WebSocket", error.message));
    this.failed(error);
  }

  /** 1006 while we believed it open: the connection broke without a word. */
  #closed(code: number): void {
    if (code === ABNORMAL_CLOSURE && super.open) this.failed(new Error("closed without a closing handshake"));
    this.ended();
  }
}
