import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { buildMessage } from "./raw-message.ts";

export interface WaitOptions {
  readonly port: number;
  readonly host?: string;
  readonly timeoutMs?: number;
  /** Ends the wait early: resolves when the program that should answer has died. */
  readonly givenUp?: Promise<unknown>;
}

const intervalMs = 25;

/**
 * Waits until a SIP server answers OPTIONS over UDP, whatever the answer. Asks again every 25 ms, since a request that
 * comes before the port is bound is lost. False when it does not answer in time.
 */
export async function waitForSipAnswer(options: WaitOptions): Promise<boolean> {
  const { port, host = "127.0.0.1", timeoutMs = 30_000 } = options;
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  let sequence = 0;
  let timers: NodeJS.Timeout[] = [];
  try {
    return await new Promise<boolean>((resolve) => {
      const ping = (): void => socket.send(pingRequest(++sequence, host, port, socket.address().port), port, host);
      timers = [setInterval(ping, intervalMs), setTimeout(() => resolve(false), timeoutMs)];
      void options.givenUp?.then(() => resolve(false));
      socket.on("message", () => resolve(true));
      socket.on("error", () => undefined); // ICMP port unreachable: not yet
      ping();
    });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    socket.close();
  }
}

/** Waits until something is bound to the UDP port. Sends it line breaks only (a keep-alive), so no SIP server counts them. */
export function waitForUdpPort(options: WaitOptions): Promise<boolean> {
  return poll(options, async (host, port) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    // The first datagram to a closed port comes back as an error of the second.
    const send = (): Promise<boolean> =>
      new Promise((resolve) => socket.send("\r\n\r\n", (error) => resolve(error === null)));
    socket.on("error", () => undefined);
    await new Promise<void>((resolve) => socket.connect(port, host, resolve));
    const open = (await send()) && (await send());
    socket.close();
    return open;
  });
}

/** Waits until something listens on the TCP port. */
export function waitForTcpPort(options: WaitOptions): Promise<boolean> {
  return poll(
    options,
    (host, port) =>
      new Promise((resolve) => {
        const socket = connect(port, host);
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      }),
  );
}

async function poll(options: WaitOptions, isOpen: (host: string, port: number) => Promise<boolean>): Promise<boolean> {
  const { port, host = "127.0.0.1", timeoutMs = 30_000 } = options;
  let givenUp = false;
  void options.givenUp?.then(() => (givenUp = true));
  const deadline = performance.now() + timeoutMs;
  while (!givenUp && performance.now() < deadline) {
    if (await isOpen(host, port)) return true;
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  return false;
}

function pingRequest(sequence: number, host: string, port: number, localPort: number): Uint8Array {
  const literal = host.includes(":") ? `[${host}]` : host;
  return buildMessage(`OPTIONS sip:${literal}:${port} SIP/2.0`, [
    `Via: SIP/2.0/UDP ${literal}:${localPort};branch=z9hG4bKping${sequence};rport`,
    "Max-Forwards: 70",
    `From: <sip:ping@${literal}>;tag=ping`,
    `To: <sip:${literal}:${port}>`,
    `Call-ID: ping-${localPort}-${sequence}`,
    `CSeq: ${sequence} OPTIONS`,
  ]);
}
