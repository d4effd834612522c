import { isIP } from "node:net";
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
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
      if (socket.destroyed) return;
      if (admission.full()) socket.destroy();
      else admission.add(new StreamFlow(socket, "acceptor", peerNamesOf(socket), context));
    });
    watchHandshakes(server, admission);
    return server;
  },
  dial(target, localAddress, signal, context) {
    const socket = connectTo(target, localAddress);
    return whenReady(socket, "secureConnect", target, signal, () => {
      return new StreamFlow(socket, "opener", peerNamesOf(socket), context);
    });
  },
});

/**
 * What the servers of TLS and WSS have in common. Throws without a certificate. OpenSSL looks at dates, signatures and
 * extendedKeyUsage; one with nothing but the id-kp-sipDomain of RFC 5924 is refused, by it and so by us.
 */
export function serverOptions(settings: SocketSettings): ServerOptions {
  const { cert, key, ca, requireClientCertificate = false, askClientCertificate = false } = settings.tls;
  if (cert === undefined || key === undefined) throw new Error("it needs a certificate and its key");
  return {
    cert,
    key,
    ...(ca !== undefined && { ca }),
    requestCert: requireClientCertificate || askClientCertificate,
    // `watchHandshakes` looks at what comes.
    rejectUnauthorized: false,
    handshakeTimeout: settings.connectTimeoutMs,
    minVersion: MIN_VERSION,
  };
}

/**
 * Counts handshakes that fail, and clients whose certificate is not trusted, or is missing where it is required: those are ended
 * here, before anybody hears of them, because after Node has done it their address is not known any more.
 */
export function watchHandshakes(server: Server, admission: Admission): void {
  const { requireClientCertificate = false, askClientCertificate = false } = admission.context.settings.tls;
  server.on("tlsClientError", (error, socket) => admission.refused(socket.remoteAddress, error.message));
  if (!requireClientCertificate && !askClientCertificate) return;
  server.prependListener("secureConnection", (socket) => {
    const problem = problemWith(socket, requireClientCertificate);
    if (problem === undefined) return;
    admission.refused(socket.remoteAddress, problem);
    socket.destroy();
  });
}

/** What is wrong with the client's certificate, in OpenSSL's words: `CERT_HAS_EXPIRED`. */
function problemWith(socket: TLSSocket, required: boolean): string | undefined {
  if (socket.authorized) return undefined;
  if (Object.keys(certificateOf(socket)).length > 0) {
    return `the client's certificate: ${String(socket.authorizationError)}`;
  }
  return required ? "the client showed no certificate" : undefined;
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
  return socket.authorized ? sipIdentities(certificateOf(socket)) : [];
}

/** Empty when the peer showed none, or is gone already: Node gives null then, whatever its types say. */
function certificateOf(socket: TLSSocket): CertificateNames {
  const certificate: CertificateNames | null = socket.getPeerCertificate();
  return certificate ?? {};
}

function notCertified(name: string, certificate: CertificateNames): Error {
  const stands = sipIdentities(certificate).join(", ") || "no SIP domain";
  const error = new Error(`the certificate stands for ${stands}, not for ${name}`);
  return Object.assign(error, { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
}
