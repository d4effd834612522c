import { type Clock, systemClock } from "../clock.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { defaultLimits, type MessageLimits } from "../message/index.ts";
import { type BackoffOptions, defaultBackoff } from "./backoff.ts";
import type { TlsOptions, Transport, TransportOptions } from "./transport.ts";
import { type WireTrace, wireTraceOf } from "./wire-trace.ts";

/** Settings of one transport over sockets. */
export interface SocketOptions extends TransportOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Numbers in [0, 1) for back-off and keep-alive intervals. Default Math.random. */
  readonly random?: () => number;
  /**
   * False opens for outbound connections only: no server socket, and `local` has port 0, so that Via gets an `.invalid`
   * host (RFC 7118 §5). UDP has no such mode. Default true.
   */
  readonly listen?: boolean;
}

/** What a transport counted since it was opened. */
export interface TransportStats {
  /** SIP messages that could be read. */
  received: number;
  /** SIP messages given to the socket. */
  sent: number;
  /** What was no SIP message, or lost its framing. */
  malformed: number;
  /** Connections above `maxConnections`, failed or unwanted handshakes, messages above `maxQueuedBytes`. */
  refused: number;
  /** Datagrams that are neither SIP nor malformed: keep-alives, STUN. */
  ignored: number;
}

/** A transport over sockets of this machine. */
export interface SocketTransport extends Transport {
  readonly stats: Readonly<TransportStats>;
}

/** {@link SocketOptions} with nothing left open. */
export interface SocketSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly listen: boolean;
  readonly limits: MessageLimits;
  readonly tls: TlsOptions;
  readonly udpBufferBytes: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxQueuedBytes: number;
  readonly backoff: BackoffOptions | false;
  readonly webSocketPath: string;
  readonly wireTrace: WireTrace | undefined;
}

const defaults: Omit<SocketSettings, "wireTrace"> = {
  clock: systemClock,
  logger: silentLogger,
  random: Math.random,
  listen: true,
  limits: defaultLimits,
  tls: {},
  udpBufferBytes: 4_194_304,
  connectTimeoutMs: 5000,
  idleTimeoutMs: 900_000,
  maxConnections: 100_000,
  maxQueuedBytes: 8_388_608,
  backoff: defaultBackoff,
  webSocketPath: "/",
};

export function settingsOf(options: SocketOptions): SocketSettings {
  const settings = { ...defaults, ...options };
  return { ...settings, wireTrace: wireTraceOf(settings.logger) };
}

export function newStats(): TransportStats {
  return { received: 0, sent: 0, malformed: 0, refused: 0, ignored: 0 };
}
