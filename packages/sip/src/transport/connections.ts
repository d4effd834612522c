import { isIP } from "node:net";
import { onAbort } from "../abort.ts";
import type { Timer } from "../clock.ts";
import { ConnectBackoff } from "./backoff.ts";
import type { ConnectionFlow } from "./connection-flow.ts";
import { connectError } from "./dial.ts";
import type { SocketSettings, TransportStats } from "./settings.ts";
import { type Address, SipTransportError, type SipTransportErrorCode, type Target } from "./transport.ts";

/** Opens one connection; rejects with `signal.reason` once aborted, and leaves nothing behind. */
export type Dial = (target: Target, signal: AbortSignal) => Promise<ConnectionFlow>;

/** One connection attempt that any number of callers wait for. */
interface Attempt {
  readonly key: string;
  readonly flow: Promise<ConnectionFlow>;
  readonly controller: AbortController;
  waiters: number;
}

/** Failures that say something about the peer. */
const PEER_FAILURES: ReadonlySet<SipTransportErrorCode> = new Set([
  "SIP_CONNECT_FAILED",
  "SIP_CONNECT_TIMEOUT",
  "SIP_TLS_REFUSED",
]);

/**
 * The connections of one transport: found again by where they lead, opened once however many ask, limited in number.
 * RFC 3261 §18.1.1, RFC 5626 §4.5.
 */
export class Connections {
  readonly #dial: Dial;
  readonly #settings: SocketSettings;
  readonly #stats: TransportStats;
  readonly #backoff: ConnectBackoff;
  readonly #secure: boolean;
  /** Each with the key it is kept under in `#ours`, if we made it. */
  readonly #all = new Map<ConnectionFlow, string | undefined>();
  readonly #ours = new Map<string, ConnectionFlow>();
  readonly #byRemote = new Map<string, ConnectionFlow>();
  readonly #attempts = new Map<string, Attempt>();
  #closed = false;
  #emptied: () => void = () => {};

  /** @param secure whether connections have names to verify; without, one to the address will do. */
  constructor(dial: Dial, secure: boolean, settings: SocketSettings, stats: TransportStats) {
    this.#dial = dial;
    this.#secure = secure;
    this.#settings = settings;
    this.#stats = stats;
    this.#backoff = new ConnectBackoff(settings.clock, settings.random, settings.backoff);
  }

  /** Whether one more connection would be too many; counts it as refused if so. */
  full(): boolean {
    const full = this.#closed || this.#all.size + this.#attempts.size >= this.#settings.maxConnections;
    if (full) this.#stats.refused++;
    return full;
  }

  /** Takes a connection in; `key` is its target's if we made it. */
  add(flow: ConnectionFlow, key?: string): void {
    this.#all.set(flow, key);
    this.#byRemote.set(remoteKey(flow.remote), flow);
    if (key !== undefined) this.#ours.set(key, flow);
  }

  /** Forgets one that ended. */
  remove(flow: ConnectionFlow): void {
    const key = this.#all.get(flow);
    this.#all.delete(flow);
    forget(this.#byRemote, remoteKey(flow.remote), flow);
    if (key !== undefined) forget(this.#ours, key, flow);
    if (this.#all.size === 0) this.#emptied();
  }

  /**
   * The open connection that we made to `target`, or one that came from there. The latter only when its certificate
   * says `serverName`, or when no name was asked for (RFC 5923 §5, RFC 5922 §7.5).
   */
  existing(target: Address & Pick<Target, "serverName">): ConnectionFlow | undefined {
    const ours = this.#ours.get(this.#keyOf(target));
    if (ours?.open) return ours;
    const theirs = this.#byRemote.get(remoteKey(target));
    return theirs?.open && (!this.#secure || mayReuse(theirs, target.serverName)) ? theirs : undefined;
  }

  /** The open connection to `target`, or a new one. Rejects with {@link SipTransportError}. */
  async flowTo(target: Target, signal?: AbortSignal): Promise<ConnectionFlow> {
    if (signal?.aborted) throw aborted(signal.reason);
    return this.existing(target) ?? this.#wait(this.#attemptTo(target), signal);
  }

  /** Ends all connections and attempts; resolves when the last is gone. Call it once. */
  async close(): Promise<void> {
    this.#closed = true;
    const reason = new SipTransportError("SIP_CONNECTION_CLOSED", "the transport is closed");
    const attempts = [...this.#attempts.values()];
    for (const attempt of attempts) attempt.controller.abort(reason);
    await Promise.allSettled(attempts.map((attempt) => attempt.flow));
    if (this.#all.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    for (const flow of this.#all.keys()) flow.closeSoon();
    await empty;
  }

  #attemptTo(target: Target): Attempt {
    const key = this.#keyOf(target);
    const running = this.#attempts.get(key);
    if (running !== undefined) return running;
    this.#mayTry(target, key);
    const controller = new AbortController();
    const attempt: Attempt = { key, flow: this.#attempt(target, key, controller), controller, waiters: 0 };
    this.#attempts.set(key, attempt);
    const ended = (): void => forget(this.#attempts, key, attempt);
    attempt.flow.then(ended, ended);
    return attempt;
  }

  #mayTry(target: Target, key: string): void {
    if (this.#closed) throw new SipTransportError("SIP_CONNECTION_CLOSED", "the transport is closed");
    const isPort = Number.isInteger(target.port) && target.port > 0 && target.port < 65_536;
    if (!isPort) throw new SipTransportError("SIP_CONNECT_FAILED", `${nameOf(target)}: no such port`);
    const waitMs = this.#backoff.remainingMs(key);
    if (waitMs > 0) {
      const problem = `failed before, next attempt in ${Math.ceil(waitMs)} ms`;
      throw new SipTransportError("SIP_CONNECT_FAILED", `${nameOf(target)}: ${problem}`);
    }
    if (!this.full()) return;
    const { maxConnections } = this.#settings;
    throw new SipTransportError("SIP_TOO_MANY_CONNECTIONS", `${maxConnections} connections are open already`);
  }

  async #attempt(target: Target, key: string, controller: AbortController): Promise<ConnectionFlow> {
    const timer = this.#connectTimer(target, controller);
    try {
      const flow = await this.#dial(target, controller.signal);
      this.#backoff.succeeded(key);
      if (controller.signal.aborted) flow.closeSoon();
      controller.signal.throwIfAborted();
      if (!flow.open) throw new SipTransportError("SIP_CONNECT_FAILED", `${nameOf(target)} hung up at once`);
      this.add(flow, key);
      return flow;
    } catch (error) {
      // Node throws on a host name that cannot be; everything else comes as what it is.
      const failure = error instanceof SipTransportError ? error : connectError(target, error as Error);
      if (PEER_FAILURES.has(failure.code)) this.#backoff.failed(key);
      throw failure;
    } finally {
      timer.cancel();
    }
  }

  #connectTimer(target: Target, controller: AbortController): Timer {
    const { clock, connectTimeoutMs } = this.#settings;
    return clock.schedule(connectTimeoutMs, () => {
      const problem = `no connection to ${nameOf(target)} within ${connectTimeoutMs} ms`;
      controller.abort(new SipTransportError("SIP_CONNECT_TIMEOUT", problem));
    });
  }

  #keyOf(target: Address & Pick<Target, "serverName">): string {
    const name = this.#secure ? target.serverName?.toLowerCase() : undefined;
    return name === undefined ? remoteKey(target) : `${remoteKey(target)} ${name}`;
  }

  /** A caller that gives up leaves the others waiting; with the last one the attempt ends. */
  #wait(attempt: Attempt, signal: AbortSignal | undefined): Promise<ConnectionFlow> {
    attempt.waiters++;
    if (signal === undefined) return attempt.flow;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        const reason = aborted(signal.reason);
        if (--attempt.waiters === 0) {
          forget(this.#attempts, attempt.key, attempt);
          attempt.controller.abort(reason);
        }
        reject(reason);
      };
      const settled = onAbort(signal, giveUp);
      attempt.flow.then(resolve, reject).then(settled, settled);
    });
  }
}

function forget<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.get(key) === value) map.delete(key);
}

function mayReuse(flow: ConnectionFlow, serverName: string | undefined): boolean {
  return serverName === undefined || isIP(serverName) !== 0 || flow.peerNames.includes(serverName.toLowerCase());
}

function remoteKey({ address, port }: Address): string {
  return `${address} ${port}`;
}

function nameOf({ transport, address, port }: Target): string {
  return `${transport} ${address} port ${port}`;
}

function aborted(cause: unknown): SipTransportError {
  return new SipTransportError("SIP_ABORTED", "connecting was aborted", { cause });
}
