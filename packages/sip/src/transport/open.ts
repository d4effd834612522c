import type { SocketOptions } from "./settings.ts";
import { openTcp } from "./tcp.ts";
import { openTls } from "./tls.ts";
import type { Address, FlowUser, ListenAddress, Transport, TransportName } from "./transport.ts";
import { openUdp } from "./udp.ts";
import { openWs, openWss } from "./ws.ts";

/** Opens one transport on an address. */
type Opener = (local: Address, user: FlowUser, options: SocketOptions) => Promise<Transport>;

const openers: Readonly<Record<TransportName, Opener>> = {
  UDP: openUdp,
  TCP: openTcp,
  TLS: openTls,
  WS: openWs,
  WSS: openWss,
};

/** What can stand in for the sockets of this machine: an in-memory network in tests. */
export interface Network {
  open(listen: ListenAddress, user: FlowUser): Promise<Transport>;
}

/** {@link SocketOptions}, and where to open. */
export interface OpenOptions extends SocketOptions {
  /** Default: this machine. */
  readonly network?: Network;
}

/**
 * Opens the transport that `listen` names. RFC 3261 §18, RFC 7118.
 * Rejects with `SipTransportError` SIP_LISTEN_FAILED.
 */
export function openTransport(listen: ListenAddress, user: FlowUser, options: OpenOptions = {}): Promise<Transport> {
  const { network, ...socketOptions } = options;
  return network === undefined ? openers[listen.transport](listen, user, socketOptions) : network.open(listen, user);
}
