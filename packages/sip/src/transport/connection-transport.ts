import { isIP, type Server, type Socket } from "node:net";
import type { ConnectionFlow, FlowContext } from "./connection-flow.ts";
import { Connections, type Dial } from "./connections.ts";
import { newStats, type SocketOptions, type SocketTransport, settingsOf, type TransportStats } from "./settings.ts";
import {
  type Address,
  type Flow,
  type FlowUser,
  SipTransportError,
  type Target,
  type TransportName,
  transports,
} from "./transport.ts";

/** What a server does with connections whose handshake is done, or failed. */
export interface Admission {
  readonly context: FlowContext;
  /** Whether one more connection would be too many; counts it as refused if so. */
  full(): boolean;
  add(flow: ConnectionFlow): void;
  /** A handshake that came to nothing. */
  refused(remote: string | undefined, problem: string): void;
}

/** What TCP, TLS, WS and WSS do each in their own way. */
export interface ConnectionKind {
  readonly name: TransportName;
  /** A server that does not listen yet. Throws on settings that it cannot work with. */
  serve(admission: Admission): Server;
  /** Opens one connection from the local address given (undefined: any). */
  dial(
    target: Target,
    localAddress: string | undefined,
    signal: AbortSignal,
    context: FlowContext,
  ): Promise<ConnectionFlow>;
}

/** Connections waiting in the kernel; it takes the smaller of this and net.core.somaxconn. */
const BACKLOG = 4096;

/** Opens a transport over connections. Rejects with {@link SipTransportError} SIP_LISTEN_FAILED. */
export async function openConnectionTransport(
  kind: ConnectionKind,
  listen: Address,
  user: FlowUser,
  options: SocketOptions,
): Promise<SocketTransport> {
  const settings = settingsOf(options);
  const stats = newStats();
  const context: FlowContext = {
    transport: kind.name,
    user,
    settings,
    stats,
    ended: (flow) => connections.remove(flow),
  };
  const dial: Dial = (target, signal) => kind.dial(target, sourceFor(listen.address, target.address), signal, context);
  const connections: Connections = new Connections(dial, transports[kind.name].secure, settings, stats);
  const listener = settings.listen ? await startListener(kind, listen, connections, context) : undefined;
  const local = { address: listen.address, port: listener?.port ?? 0 };
  return new ConnectionTransport(kind.name, local, connections, listener, stats);
}

class ConnectionTransport implements SocketTransport {
  readonly name: TransportName;
  readonly local: Address;
  readonly stats: TransportStats;
  readonly #connections: Connections;
  readonly #listener: Listener | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    name: TransportName,
    local: Address,
    connections: Connections,
    listener: Listener | undefined,
    stats: TransportStats,
  ) {
    this.name = name;
    this.local = local;
    this.stats = stats;
    this.#connections = connections;
    this.#listener = listener;
  }

  existingFlow(target: Address & Pick<Target, "serverName">): Flow | undefined {
    return this.#connections.existing(target);
  }

  flowTo(target: Target, signal?: AbortSignal): Promise<Flow> {
    return this.#connections.flowTo(target, signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const stopped = this.#listener?.stop();
    await this.#connections.close();
    this.#listener?.dropHandshakes();
    await stopped;
  }
}

/** A listening socket, with the sockets that it accepted and that are not closed yet. */
interface Listener {
  readonly port: number;
  /** No new connections; resolves when the last one is gone. */
  stop(): Promise<void>;
  /** Drops what has not become a connection of ours yet. */
  dropHandshakes(): void;
}

async function startListener(
  kind: ConnectionKind,
  listen: Address,
  connections: Connections,
  context: FlowContext,
): Promise<Listener> {
  const { settings, stats } = context;
  const { logger } = settings;
  const server = createServer(kind, listen, {
    context,
    full: () => connections.full(),
    add: (flow) => connections.add(flow),
    refused: (remote, problem) => {
      stats.refused++;
      logger.debug({ transport: kind.name, remote, problem }, "refused a connection");
    },
  });
  const sockets = new Set<Socket>();
  server.maxConnections = settings.maxConnections;
  server.on("drop", () => void stats.refused++);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await bind(server, kind.name, listen);
  server.on("error", (error) => logger.warn({ err: error, transport: kind.name }, "could not accept a connection"));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : listen.port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
    dropHandshakes: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function createServer(kind: ConnectionKind, listen: Address, admission: Admission): Server {
  try {
    return kind.serve(admission);
  } catch (error) {
    throw listenError(kind.name, listen, error);
  }
}

/** IPv6 sockets take IPv6 only, so that `[::]` and `0.0.0.0` can both be bound, and no peer looks like ::ffff:192.0.2.1. */
function bind(server: Server, name: TransportName, { address, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => reject(listenError(name, { address, port }, cause));
    server.once("error", failed);
    server.listen({ host: address, port, ipv6Only: true, backlog: BACKLOG }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

/** An address that cannot be bound (in use, not of this machine, no permission), or settings that cannot work. */
export function listenError(name: TransportName, { address, port }: Address, cause: unknown): SipTransportError {
  const problem = `cannot listen on ${name} ${address} port ${port}: ${(cause as Error).message}`;
  return new SipTransportError("SIP_LISTEN_FAILED", problem, { cause });
}

/**
 * Connections leave from the address that we listen on, so that peers who know us by it see it; not when that is "any",
 * or could not reach the target.
 */
function sourceFor(listenAddress: string, targetAddress: string): string | undefined {
  const any = listenAddress === "0.0.0.0" || listenAddress === "::";
  const sameFamily = isIP(listenAddress) === isIP(targetAddress);
  return !any && sameFamily && isLoopback(listenAddress) === isLoopback(targetAddress) ? listenAddress : undefined;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
