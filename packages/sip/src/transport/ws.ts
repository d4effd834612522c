import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { bareHost, hostInUri } from "../message/index.ts";
import type { FlowContext } from "./connection-flow.ts";
import { type Admission, type ConnectionKind, openConnectionTransport } from "./connection-transport.ts";
import { connectError } from "./dial.ts";
import type { SocketOptions, SocketSettings, SocketTransport } from "./settings.ts";
import { peerNamesOf, serverOptions, type TlsConnector, tlsConnector, watchHandshakes } from "./tls.ts";
import { type Address, type FlowUser, SipTransportError, type Target, transports } from "./transport.ts";
import { maxMessageBytes, WsFlow } from "./ws-flow.ts";

/** RFC 7118 §4.1. */
const SUBPROTOCOL = "sip";
/** How long a peer may take to answer our close frame. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * Opens SIP over WebSocket on `local`: RFC 7118. Any path will do, the subprotocol must be "sip", messages are not
 * compressed. Origin is not looked at: a page of any site may connect, so requests must be authenticated by SIP (RFC 7118
 * §7, RFC 6455 §10.2). Rejects with {@link SipTransportError} SIP_LISTEN_FAILED.
 */
export async function openWs(local: Address, user: FlowUser, options: SocketOptions = {}): Promise<SocketTransport> {
  checkPath(options.webSocketPath);
  return openConnectionTransport(ws, local, user, options);
}

/** {@link openWs} over TLS; certificates as with `openTls`. RFC 7118 §9, RFC 5922. */
export async function openWss(local: Address, user: FlowUser, options: SocketOptions = {}): Promise<SocketTransport> {
  checkPath(options.webSocketPath);
  return openConnectionTransport(wss(tlsConnector("WSS", local, options)), local, user, options);
}

const ws: ConnectionKind = {
  name: "WS",
  serve: (admission) => accept(createServer(httpLimits(admission.context.settings)), admission, noNames),
  dial(target, localAddress, signal, context) {
    const { address: host, port } = target;
    const socket = connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
    return shakeHands(socket, noNames, target, signal, context);
  },
};

const wss = (connectTo: TlsConnector): ConnectionKind => ({
  name: "WSS",
  serve(admission) {
    const { settings } = admission.context;
    const server = createSecureServer({ ...serverOptions(settings), ...httpLimits(settings) });
    watchHandshakes(server, admission);
    return accept(server, admission, (socket) => peerNamesOf(socket as TLSSocket));
  },
  dial(target, localAddress, signal, context) {
    const socket = connectTo(target, localAddress);
    return shakeHands(socket, () => peerNamesOf(socket), target, signal, context);
  },
});

type PeerNames = (socket: Socket) => readonly string[];

const noNames: PeerNames = () => [];

/** A request that dawdles is a connection that takes too long to open. */
function httpLimits({ connectTimeoutMs }: SocketSettings): { headersTimeout: number; requestTimeout: number } {
  return { headersTimeout: connectTimeoutMs, requestTimeout: connectTimeoutMs };
}

function webSocketOptions({ limits }: SocketSettings): {
  perMessageDeflate: false;
  maxPayload: number;
  closeTimeout: number;
} {
  return { perMessageDeflate: false, maxPayload: maxMessageBytes(limits), closeTimeout: CLOSE_TIMEOUT_MS };
}

function accept(server: Server, admission: Admission, namesOf: PeerNames): Server {
  const { context } = admission;
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols: () => SUBPROTOCOL,
    ...webSocketOptions(context.settings),
  });
  upgrader.on("wsClientError", (error, socket) => refuse(socket as Socket, 400, error.message, admission));
  server.on("request", (request: IncomingMessage, response) => {
    admission.refused(request.socket.remoteAddress, "plain HTTP");
    response.writeHead(426, { Connection: "close", Upgrade: "websocket" }).end();
  });
  server.on("upgrade", (request: IncomingMessage, duplex, head: Buffer) => {
    const socket = duplex as Socket;
    if (socket.destroyed) return;
    if (!offersSip(request)) refuse(socket, 400, `no subprotocol "${SUBPROTOCOL}"`, admission);
    else if (admission.full()) answer(socket, 503);
    else {
      upgrader.handleUpgrade(request, socket, head, (webSocket) =>
        admission.add(new WsFlow(webSocket, socket, namesOf(socket), context)),
      );
    }
  });
  return server;
}

function offersSip(request: IncomingMessage): boolean {
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  return offered.split(",").some((each) => each.trim() === SUBPROTOCOL);
}

function refuse(socket: Socket, statusCode: number, problem: string, admission: Admission): void {
  admission.refused(socket.remoteAddress, problem);
  answer(socket, statusCode);
}

function answer(socket: Socket, statusCode: number): void {
  socket.on("error", () => socket.destroy());
  socket.write(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

/** The client's side of the handshake over a socket that is about to connect. RFC 7118 §4.1. */
function shakeHands(
  socket: Socket,
  namesOf: PeerNames,
  target: Target,
  signal: AbortSignal,
  context: FlowContext,
): Promise<WsFlow> {
  return new Promise((resolve, reject) => {
    const webSocket = upgrade(socket, target, context.settings);
    const settle = (): void => {
      signal.removeEventListener("abort", onAbort);
      webSocket.off("open", onOpen);
    };
    const onOpen = (): void => {
      settle();
      webSocket.off("error", onError);
      resolve(new WsFlow(webSocket, socket, namesOf(socket), context));
    };
    // Stays after a failure: `terminate` reports one more error.
    const onError = (cause: Error): void => {
      settle();
      socket.destroy();
      reject(connectError(target, cause));
    };
    const onAbort = (): void => {
      settle();
      webSocket.terminate();
      socket.destroy();
      reject(signal.reason as Error);
    };
    webSocket.once("open", onOpen);
    webSocket.on("error", onError);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
}

/** A name that cannot stand in Host makes Node throw; then nobody would look after the socket. */
function upgrade(socket: Socket, target: Target, settings: SocketSettings): WebSocket {
  try {
    return webSocketOver(socket, target, settings);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The name goes into Host as it does into SNI, whatever address was found for it. */
function webSocketOver(socket: Socket, target: Target, settings: SocketSettings): WebSocket {
  // `localhost` is a stand-in: the socket knows where it goes.
  const scheme = transports[target.transport].secure ? "wss" : "ws";
  const host = `${hostInUri(bareHost(target.serverName ?? target.address))}:${target.port}`;
  return new WebSocket(`${scheme}://localhost${settings.webSocketPath}`, SUBPROTOCOL, {
    ...webSocketOptions(settings),
    headers: { Host: host },
    createConnection: () => socket,
  });
}

/** Said when opening, not at the first connection. */
function checkPath(path = "/"): void {
  if (/^\/[\x21\x22\x24-\x7e]*$/.test(path)) return;
  throw new SipTransportError("SIP_LISTEN_FAILED", `"${path}" is no path for a WebSocket`);
}
