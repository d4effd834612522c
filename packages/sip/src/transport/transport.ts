import type { MessageLimits, SipMessage, SipParseError } from "../message/index.ts";
import type { BackoffOptions } from "./backoff.ts";

/** The transports of RFC 3261 §18 and RFC 7118, as they stand in Via. */
export type TransportName = "UDP" | "TCP" | "TLS" | "WS" | "WSS";

/** What differs between them, as one table. Default ports: RFC 3261 §19.1.2, RFC 7118 §4. */
export const transports: Readonly<
  Record<TransportName, { readonly reliable: boolean; readonly secure: boolean; readonly defaultPort: number }>
> = {
  UDP: { reliable: false, secure: false, defaultPort: 5060 },
  TCP: { reliable: true, secure: false, defaultPort: 5060 },
  TLS: { reliable: true, secure: true, defaultPort: 5061 },
  WS: { reliable: true, secure: false, defaultPort: 80 },
  WSS: { reliable: true, secure: true, defaultPort: 443 },
};

/** An IP address (IPv6 without brackets) and a port. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** Where to listen: `udp:127.0.0.1:5060` on the command line. Port 0 takes a free one. */
export interface ListenAddress extends Address {
  readonly transport: TransportName;
  /** Only reach out, take no connections: a WebSocket handset (RFC 7118 §5). Default false. */
  readonly clientOnly?: boolean;
}

/** One place to send to, after location (RFC 3263). */
export interface Target extends Address {
  readonly transport: TransportName;
  /** Name to verify in the peer's certificate and to send as SNI; the host of the URI (RFC 5922 §4). */
  readonly serverName?: string;
}

/**
 * A way to one peer that can be sent on: a connection, or a UDP socket with a remote address (RFC 5626 §3.2 "flow").
 * A response goes back on the flow that brought the request.
 */
export interface Flow {
  readonly transport: TransportName;
  readonly local: Address;
  readonly remote: Address;
  /** False once a connection is closed; a UDP flow stays open as long as its socket. */
  readonly open: boolean;
  /** The peer's verified certificate names (TLS, WSS); empty otherwise. RFC 5922 §7.1. */
  readonly peerNames: readonly string[];
  /** Sends one whole message. `failed` is called at most once, later, when it certainly did not leave. Never throws. */
  send(octets: Uint8Array, failed?: (error: SipTransportError) => void): void;
  /**
   * Pings the peer every `intervalMs` from now on (RFC 5626 §4.4): CRLFCRLF on streams and UDP, a ping frame on
   * WebSocket. A connection whose peer does not answer within 10 seconds is closed. 0 stops it.
   *
   * @param expectPong false for a peer that need not know of RFC 5626 (§4.4: any may be sent CRLFCRLF): the pings keep NATs
   *   and idle timers open, and no answer is waited for. Default true; UDP never waits.
   */
  keepAlive(intervalMs: number, expectPong?: boolean): void;
  /** Closes a connection; on a UDP flow it does nothing. */
  close(): void;
}

/** What a transport tells the layer above. Every call is made outside of `send` and `connect`. */
export interface FlowUser {
  message(message: SipMessage, flow: Flow): void;
  /** Octets that are no SIP message: dropped and counted; a stream is closed after this. */
  malformed(error: SipParseError, flow: Flow): void;
  /** A connection ended; `error` is undefined for an orderly end. */
  closed(flow: Flow, error: SipTransportError | undefined): void;
}

/** One open transport: bound to a local address, able to reach others. */
export interface Transport {
  readonly name: TransportName;
  /** The address it is bound to (never port 0). For a client-only transport: address to be replaced by `.invalid`. */
  readonly local: Address;
  /** An open flow to `target` that is there already, so that the usual case costs no promise. */
  existingFlow(target: Address & Pick<Target, "serverName">): Flow | undefined;
  /** The open flow to `target`, or a new connection. Rejects with {@link SipTransportError}. */
  flowTo(target: Target, signal?: AbortSignal): Promise<Flow>;
  /** Closes sockets and connections. Idempotent. */
  close(): Promise<void>;
}

/** TLS material: PEM text. RFC 3261 §26.3.1, RFC 5922. */
export interface TlsOptions {
  readonly cert?: string;
  readonly key?: string;
  /** Trusted certificates instead of the system's. */
  readonly ca?: string;
  /** Ask clients for a certificate and refuse those without a trusted one. Default false. */
  readonly requireClientCertificate?: boolean;
  /**
   * Ask clients for a certificate, take those without one as peers without a name, and refuse those whose certificate is not
   * trusted. Default false. RFC 5922 §7.4.
   */
  readonly askClientCertificate?: boolean;
}

/** Settings shared by all transports. Sizes are octets, times milliseconds. */
export interface TransportOptions {
  readonly limits?: MessageLimits;
  readonly tls?: TlsOptions;
  /** SO_RCVBUF and SO_SNDBUF of UDP sockets. Default 4 MiB (the kernel may give less). */
  readonly udpBufferBytes?: number;
  /** How long a connection may take to open. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Close a connection that was silent for so long. Default 900000; keep-alives count as life. */
  readonly idleTimeoutMs?: number;
  /** Open connections per transport; more are refused and counted. Default 100000. */
  readonly maxConnections?: number;
  /** Octets that may wait for a slow peer on one connection; what exceeds them is refused and counted. Default 8 MiB. */
  readonly maxQueuedBytes?: number;
  /** Waits after failed connection attempts to one peer (RFC 5626 §4.5); false: none. */
  readonly backoff?: BackoffOptions | false;
  /** Path that a WebSocket client asks for. Default "/". */
  readonly webSocketPath?: string;
}

export type SipTransportErrorCode =
  | "SIP_CONNECT_FAILED"
  | "SIP_CONNECT_TIMEOUT"
  | "SIP_TLS_REFUSED"
  | "SIP_SEND_FAILED"
  | "SIP_MESSAGE_TOO_LONG"
  | "SIP_CONNECTION_CLOSED"
  | "SIP_NO_TRANSPORT"
  | "SIP_LISTEN_FAILED"
  | "SIP_TOO_MANY_CONNECTIONS"
  | "SIP_ABORTED";

const PERMANENT: ReadonlySet<SipTransportErrorCode> = new Set([
  "SIP_NO_TRANSPORT",
  "SIP_MESSAGE_TOO_LONG",
  "SIP_TLS_REFUSED",
]);

/** A local failure to send, connect or listen. RFC 3261 §18.4. */
export class SipTransportError extends Error {
  override readonly name = "SipTransportError";
  readonly code: SipTransportErrorCode;
  /** Whether the same thing may work later or elsewhere. */
  readonly retryable: boolean;

  constructor(code: SipTransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = !PERMANENT.has(code);
  }
}
