import { isIP } from "node:net";
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type TlsOptions as ServerOptions,
  type TLSSocket,
} from "node:tls";
import { type Admission, type ConnectionKind, listenError, openConnectionTransport } from "./connection-transport.ts";
import { whenReady } from "./dial.ts";
import type { SocketOptions, SocketSettings, SocketTransport } from "./settings.ts";
import { StreamFlow } from "./stream.ts";
import { type CertificateNames, certifies, sipIdentities } from "./tls-names.ts";
import type { Address, FlowUser, Target, TlsOptions, TransportName } from "./transport.ts";

/** Older ones are broken (RFC 8996). */
const MIN_VERSION = "TLSv1.2";

/**
 * Opens SIP over TLS on `local`: RFC 3261 §26.2, certificates as RFC 5922 says. To listen it needs `tls.cert` and
 * `tls.key`, which also are the certificate shown to servers that ask for one.
 *
 * An outgoing connection is refused with SIP_TLS_REFUSED unless the certificate stands for `target.serverName`, or for the
 * address when there is no name. Rejects with `SipTransportError` SIP_LISTEN_FAILED.
 */
export async function openTls(local: Address, user: FlowUser, options: SocketOptions = {}): Promise<SocketTransport> {
  const connectTo = tlsConnector("TLS", local, options);
  return openConnectionTransport(tls(connectTo), local, user, options);
}

const tls = (connectTo: TlsConnector): ConnectionKind => ({
  name: "TLS",
  serve(admission) {
    const { context } = admission;
    const server = createServer(serverOptions(context.settings), (socket) => {
      if (admission.full()) socket.destroy();
      else admission.add(new StreamFlow(socket, "acceptor", peerNamesOf(socket), context));
    });
    reportHandshakes(server, admission);
    return server;
  },
  dial(target, localAddress, signal, context) {
    const socket = connectTo(target, localAddress);
    return whenReady(socket, "secureConnect", target, signal, () => {
      return new StreamFlow(socket, "opener", peerNamesOf(socket), context);
    });
  },
});

/** What the servers of TLS and WSS have in common. Throws without a certificate. */
export function serverOptions(settings: SocketSettings): ServerOptions {
  const { cert, key, ca, requireClientCertificate = false } = settings.tls;
  if (cert === undefined || key === undefined) throw new Error("it needs a certificate and its key");
  return {
    cert,
    key,
    ...(ca !== undefined && { ca }),
    requestCert: requireClientCertificate,
    rejectUnauthorized: requireClientCertificate,
    handshakeTimeout: settings.connectTimeoutMs,
    minVersion: MIN_VERSION,
  };
}

/** Counts handshakes that fail. */
export function reportHandshakes(
  server: { on(event: "tlsClientError", heard: (error: Error, socket: TLSSocket) => void): unknown },
  admission: Admission,
): void {
  server.on("tlsClientError", (error, socket) => admission.refused(socket.remoteAddress, error.message));
}

/** Starts a TLS connection that only comes up if the peer's certificate stands for the target. RFC 5922 §7.3. */
export type TlsConnector = (target: Target, localAddress: string | undefined) => TLSSocket;

/** Reads the certificates once for all connections. @throws {SipTransportError} SIP_LISTEN_FAILED if they are none. */
export function tlsConnector(transport: TransportName, local: Address, options: SocketOptions): TlsConnector {
  const secureContext = clientContext(transport, local, options.tls ?? {});
  return (target, localAddress) => {
    const name = target.serverName ?? target.address;
    return connect({
      host: target.address,
      port: target.port,
      ...(localAddress !== undefined && { localAddress }),
      secureContext,
      // An address cannot be sent as SNI (RFC 6066 §3); "" sends none.
      servername: isIP(name) === 0 ? name : "",
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) =>
        certifies(certificate, name) ? undefined : notCertified(name, certificate),
    });
  };
}

function clientContext(transport: TransportName, local: Address, { cert, key, ca }: TlsOptions): SecureContext {
  try {
    return createSecureContext({
      ...(cert !== undefined && key !== undefined && { cert, key }),
      ...(ca !== undefined && { ca }),
      minVersion: MIN_VERSION,
    });
  } catch (error) {
    throw listenError(transport, local, error);
  }
}

/** Identities that the peer proved; none when it showed no certificate, or one that is not trusted. RFC 5922 §7.4. */
export function peerNamesOf(socket: TLSSocket): readonly string[] {
  return socket.authorized ? sipIdentities(socket.getPeerCertificate()) : [];
}

function notCertified(name: string, certificate: CertificateNames): Error {
  const stands = sipIdentities(certificate).join(", ") || "no SIP domain";
  const error = new Error(`the certificate stands for ${stands}, not for ${name}`);
  return Object.assign(error, { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
}
