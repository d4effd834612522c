import type { Timer } from "../clock.ts";
import type { SipParseError } from "../message/index.ts";
import { IdleTimer, KeepAlive } from "./keep-alive.ts";
import type { SocketSettings, TransportStats } from "./settings.ts";
import { type Address, type Flow, type FlowUser, SipTransportError, type TransportName } from "./transport.ts";

/** How long the peer may take to close its side after ours. */
const LINGER_MS = 1000;

/** What a connection needs of the transport that it belongs to. */
export interface FlowContext {
  readonly transport: TransportName;
  readonly user: FlowUser;
  readonly settings: SocketSettings;
  readonly stats: TransportStats;
  /** Called once, before `user.closed`. */
  ended(flow: ConnectionFlow): void;
}

/** The two ends of a connection. */
export interface Ends {
  readonly local: Address;
  readonly remote: Address;
  /** SIP domain identities of the peer's verified certificate. */
  readonly peerNames: readonly string[];
}

/** What all connections do alike: limits on the queue, keep-alive, idle timeout, one orderly end. */
export abstract class ConnectionFlow implements Flow {
  readonly transport: TransportName;
  readonly local: Address;
  readonly remote: Address;
  readonly peerNames: readonly string[];
  protected readonly context: FlowContext;
  protected readonly pings: KeepAlive;
  readonly #idle: IdleTimer;
  #state: "open" | "closing" | "closed" = "open";
  #error: SipTransportError | undefined;
  #linger: Timer | undefined;

  constructor(ends: Ends, context: FlowContext) {
    this.transport = context.transport;
    this.local = ends.local;
    this.remote = ends.remote;
    this.peerNames = ends.peerNames;
    this.context = context;
    const { clock, random, idleTimeoutMs } = context.settings;
    this.pings = new KeepAlive({ clock, random, ping: () => this.ping(), dead: () => this.#dead() });
    this.#idle = new IdleTimer(clock, idleTimeoutMs, () => this.close());
  }

  /** Hands octets to the socket; `done` gets the error when they could not be written. */
  protected abstract write(octets: Uint8Array, done?: (error?: Error | null) => void): void;
  /** Octets that the socket has not taken yet. */
  protected abstract queuedBytes(): number;
  /** Sends one keep-alive. */
  protected abstract ping(): void;
  /** Ends our side behind what is queued. */
  protected abstract finish(): void;
  /** Ends both sides as soon as what is queued was written, without waiting for the peer. */
  protected abstract finishSoon(): void;
  /** Drops the connection now. */
  protected abstract destroy(): void;

  get open(): boolean {
    return this.#state === "open";
  }

  send(octets: Uint8Array, failed?: (error: SipTransportError) => void): void {
    const refusal = this.#refusalOf(octets);
    if (refusal !== undefined) {
      failLater(failed, refusal);
      return;
    }
    this.context.stats.sent++;
    this.context.settings.wireTrace?.sent(octets, this);
    this.#idle.touch();
    this.write(octets, failed === undefined ? undefined : (error) => error && failed(this.#writeError(error)));
  }

  keepAlive(intervalMs: number, expectPong = true): void {
    if (this.open) this.pings.start(intervalMs, expectPong);
  }

  close(): void {
    this.shut(undefined);
  }

  /** Closes without waiting for the peer; for the end of the transport. */
  closeSoon(): void {
    if (this.#state === "closed") return;
    this.#shut(undefined, () => this.finishSoon());
  }

  /** Closes in order: what is queued leaves, what comes is ignored, and a peer that does not end is dropped. */
  protected shut(error: SipTransportError | undefined): void {
    if (this.open) this.#shut(error, () => this.finish());
  }

  /** Octets came: the connection lives. */
  protected touched(): void {
    this.#idle.touch();
  }

  /** The socket failed; its end follows. */
  protected failed(cause: Error): void {
    const code = isTlsAlert(cause) ? "SIP_TLS_REFUSED" : "SIP_CONNECTION_CLOSED";
    this.#error ??= new SipTransportError(code, `${this.#name()} failed: ${cause.message}`, { cause });
  }

  /** The socket is gone. */
  protected ended(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#linger?.cancel();
    this.#stopTimers();
    this.context.ended(this);
    this.context.user.closed(this, this.#error);
  }

  /** Sends what is no SIP message, unless the peer does not even take those. */
  protected control(octets: Uint8Array): void {
    if (this.open && this.queuedBytes() < this.context.settings.maxQueuedBytes) this.write(octets);
  }

  /** No SIP: told and counted. */
  protected malformed(error: SipParseError): void {
    this.context.stats.malformed++;
    this.context.user.malformed(error, this);
  }

  #shut(error: SipTransportError | undefined, finish: () => void): void {
    this.#state = "closing";
    this.#error ??= error;
    this.#stopTimers();
    this.#linger ??= this.context.settings.clock.schedule(LINGER_MS, () => this.destroy());
    finish();
  }

  #dead(): void {
    this.#error ??= new SipTransportError("SIP_CONNECTION_CLOSED", `${this.#name()}: no answer to keep-alive`);
    this.#state = "closing";
    this.#stopTimers();
    this.destroy();
  }

  #stopTimers(): void {
    this.pings.stop();
    this.#idle.stop();
  }

  #refusalOf(octets: Uint8Array): SipTransportError | undefined {
    if (!this.open) return new SipTransportError("SIP_CONNECTION_CLOSED", `${this.#name()} is closed`);
    const { maxQueuedBytes } = this.context.settings;
    if (this.queuedBytes() + octets.length <= maxQueuedBytes) return undefined;
    this.context.stats.refused++;
    return new SipTransportError(
      "SIP_SEND_FAILED",
      `${this.#name()} is too slow: ${maxQueuedBytes} octets wait already`,
    );
  }

  #writeError(cause: Error): SipTransportError {
    return (
      this.#error ?? new SipTransportError("SIP_CONNECTION_CLOSED", `${this.#name()}: ${cause.message}`, { cause })
    );
  }

  #name(): string {
    return `${this.transport} connection to ${this.remote.address} port ${this.remote.port}`;
  }
}

/** Calls `failed` after the caller of `send` has returned. */
export function failLater(failed: ((error: SipTransportError) => void) | undefined, error: SipTransportError): void {
  if (failed !== undefined) process.nextTick(failed, error);
}

/** With TLS 1.3 a server refuses a client's certificate when the client believes itself connected. */
function isTlsAlert(error: Error & { code?: string }): boolean {
  return error.code?.startsWith("ERR_SSL_") === true && error.code.includes("ALERT");
}
