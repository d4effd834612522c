import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** A port number that is bound by us, on UDP and TCP, until `release()` hands it to somebody else. */
export interface ReservedPort {
  readonly port: number;
  release(): Promise<void>;
}

const attempts = 50;
/** Below what systems hand out themselves (Linux from 32768): between release and start no connection of another program takes one. */
const [lowest, beyond] = [10_000, 32_000];
const handedOut = new Set<number>();

/**
 * Reserves a port that is free on both UDP and TCP, for a program that cannot bind port 0 and tell which one it got.
 *
 * Release it just before that program starts: between the two anyone else may take the number, so keep that short.
 * No number is given twice in one process.
 */
export async function reservePort(host = "127.0.0.1"): Promise<ReservedPort> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(lowest, beyond);
    if (handedOut.has(port)) continue;
    const [tcp, udp] = await Promise.all([listenTcp(host, port), bindUdp(host, port)]);
    if (tcp !== undefined && udp !== undefined) {
      handedOut.add(port);
      return {
        port,
        release: async () => {
          await Promise.all([tcp.close(), udp.close()]);
        },
      };
    }
    await Promise.all([tcp?.close(), udp?.close()]);
  }
  throw new Error(`no port on ${host} is free on both UDP and TCP after ${attempts} attempts`);
}

/** A port that is free on UDP and TCP, released already. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const reserved = await reservePort(host);
  await reserved.release();
  return reserved.port;
}

/** A port that is free with the one two above it, where SIPp wants its audio and video echo. */
export async function reserveMediaPort(host = "127.0.0.1"): Promise<ReservedPort> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const audio = await reservePort(host);
    const video = await bindUdp(host, audio.port + 2);
    const release = async (): Promise<void> => {
      await Promise.all([audio.release(), video?.close()]);
    };
    if (video !== undefined && !handedOut.has(video.port)) {
      handedOut.add(video.port);
      return { port: audio.port, release };
    }
    await release();
  }
  throw new Error(`no two ports on ${host} for audio and video after ${attempts} attempts`);
}

interface Bound {
  readonly port: number;
  close(): Promise<void>;
}

/** Undefined when the number is taken on TCP. */
function listenTcp(host: string, port: number): Promise<Bound | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, host, () => {
      resolve({ port, close: () => new Promise((done) => server.close(() => done())) });
    });
  });
}

/** Undefined when the number is taken on UDP. */
function bindUdp(host: string, port: number): Promise<Bound | undefined> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve) => {
    socket.once("error", () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind(port, host, () => {
      resolve({ port, close: () => new Promise((done) => socket.close(() => done())) });
    });
  });
}
