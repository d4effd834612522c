import { connect, createServer } from "node:net";
import { type ConnectionKind, openConnectionTransport } from "./connection-transport.ts";
import { whenReady } from "./dial.ts";
import type { SocketOptions, SocketTransport } from "./settings.ts";
import { StreamFlow } from "./stream.ts";
import type { Address, FlowUser } from "./transport.ts";

/**
 * Opens SIP over TCP on `local` (port 0 takes a free one). RFC 3261 §18.
 * Rejects with `SipTransportError` SIP_LISTEN_FAILED.
 */
export function openTcp(local: Address, user: FlowUser, options: SocketOptions = {}): Promise<SocketTransport> {
  return openConnectionTransport(tcp, local, user, options);
}

const tcp: ConnectionKind = {
  name: "TCP",
  serve: (admission) =>
    createServer((socket) => {
      if (admission.full()) socket.destroy();
      else admission.add(new StreamFlow(socket, "acceptor", [], admission.context));
    }),
  dial(target, localAddress, signal, context) {
    const { address: host, port } = target;
    const socket = connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
    return whenReady(socket, "connect", target, signal, () => new StreamFlow(socket, "opener", [], context));
  },
};
