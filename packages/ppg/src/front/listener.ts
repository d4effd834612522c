import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import type { HttpAddress, HttpTls } from "../config/types.ts";
import { FrontError } from "./errors.ts";
import type { FrontLimits } from "./options.ts";

/** Older ones are broken (RFC 8996). */
const MIN_VERSION = "TLSv1.2";
/** Header fields of a request; beyond them Node leaves out, which is no way to read a message, so there must be room. */
const MAX_HEADER_FIELDS = 1_000;

export type Handler = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void;

/** One address that is listened on. */
export interface FrontAddress extends HttpAddress {
  /** Such as `http://127.0.0.1:8070`. */
  readonly url: string;
}

export class Listener {
  readonly server: Server | SecureServer;
  readonly #wanted: HttpAddress;
  #dropped = 0;

  /** @throws {FrontError} FRONT_BAD_TLS */
  constructor(wanted: HttpAddress, tls: HttpTls | null, limits: Required<FrontLimits>, handler: Handler) {
    this.#wanted = wanted;
    const options = serverOptions(limits);
    // Who does not get through the TLS handshake holds a connection as who sends no header fields does.
    const handshakeTimeout = limits.headersTimeoutMs;
    this.server = wanted.secure
      ? createSecureServer({ ...options, handshakeTimeout, ...tlsOptions(tls) })
      : createServer(options);
    this.server.maxConnections = limits.maxConnections;
    this.server.maxHeadersCount = MAX_HEADER_FIELDS;
    this.server.timeout = limits.stalledMs;
    this.server.on("request", (request, response) => handler(request, response, false));
    this.server.on("checkContinue", (request, response) => handler(request, response, true));
    // Nobody has another expectation that means anything, and Node's own 417 would not be PAP (RFC 9110 §10.1.1).
    this.server.on("checkExpectation", (request, response) => handler(request, response, false));
    // Nothing can be said to it, and what is written to it anyway would keep it for ever.
    this.server.on("tlsClientError", (_error: Error, socket: Duplex) => socket.destroy());
    this.server.on("drop", () => {
      this.#dropped += 1;
    });
  }

  /** Connections that were closed because there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @throws {FrontError} FRONT_LISTEN_FAILED */
  async listen(): Promise<FrontAddress> {
    const { secure, host, port } = this.#wanted;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        reject(new FrontError("FRONT_LISTEN_FAILED", `${urlOf(this.#wanted)}: ${error.message}`, { cause: error }));
      };
      this.server.once("error", failed);
      this.server.listen({ host, port }, () => {
        this.server.removeListener("error", failed);
        resolve();
      });
    });
    const actual: HttpAddress = { secure, host, port: (this.server.address() as AddressInfo).port };
    return { ...actual, url: urlOf(actual) };
  }

  /** New certificates for connections to come. @throws {FrontError} FRONT_BAD_TLS; then the ones before stay. */
  reloadTls(tls: HttpTls | null): void {
    if ("setSecureContext" in this.server) this.server.setSecureContext(tlsOptions(tls));
  }

  /** Takes no new connections and closes idle ones; resolves when the last one is closed. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }
}

function urlOf({ secure, host, port }: HttpAddress): string {
  return `${secure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function serverOptions(limits: Required<FrontLimits>): ServerOptions {
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.timeoutCheckMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    insecureHTTPParser: false,
    noDelay: true,
  };
}

interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: typeof MIN_VERSION;
}

/** `ask`: a certificate that is not trusted is as good as none. `require`: the handshake fails. */
function tlsOptions(tls: HttpTls | null): ListenerTls {
  if (tls === null) throw new FrontError("FRONT_BAD_TLS", "https needs a certificate and its key");
  const { certificate, key, clientCa, clientCertificates } = tls;
  const options: ListenerTls = {
    cert: certificate,
    key,
    ...(clientCa !== null && { ca: clientCa }),
    requestCert: clientCa !== null,
    rejectUnauthorized: clientCa !== null && clientCertificates === "require",
    minVersion: MIN_VERSION,
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new FrontError("FRONT_BAD_TLS", `certificates: ${error instanceof Error ? error.message : ""}`, {
      cause: error,
    });
  }
  return options;
}
