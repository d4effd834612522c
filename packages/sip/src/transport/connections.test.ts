import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { SocketOptions, SocketTransport } from "./settings.ts";
import { openTcp } from "./tcp.ts";
import { authority } from "./testdata/certificates.ts";
import { messageOctets, openSockets, Recorder } from "./testdata/recorder.ts";
import { openTls } from "./tls.ts";
import type { Address, Target } from "./transport.ts";

const loopback = { address: "127.0.0.1", port: 0 };
const open: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function openRecorded(options: SocketOptions = {}): Promise<{ transport: SocketTransport; user: Recorder }> {
  const user = new Recorder();
  const transport = await openTcp(loopback, user, options);
  open.push(() => transport.close());
  return { transport, user };
}

/** Takes connections and says nothing: a TLS handshake with it never ends. */
async function silentServer(port = 0): Promise<{ server: Server; target: Target; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => {}).resume()));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const target = { transport: "TCP", address: "127.0.0.1", port: (server.address() as Address).port } as const;
  return { server, target, sockets };
}

/** An address where nobody listens. */
async function deadTarget(): Promise<Target> {
  const { server, target } = await silentServer();
  await once(server.close(), "close");
  return target;
}

async function openSilentTls(
  clock: VirtualClock,
): Promise<{ transport: SocketTransport; target: Target; sockets: Socket[] }> {
  const transport = await openTls(loopback, new Recorder(), { listen: false, clock, tls: { ca: authority } });
  open.push(() => transport.close());
  const { target, sockets } = await silentServer();
  return { transport, target: { ...target, transport: "TLS" }, sockets };
}

describe("connections are reused (RFC 3261 §18)", () => {
  it("opens one for all that ask at the same time, and has it at hand afterwards", async () => {
    const { transport } = await openRecorded();
    const { target, sockets } = await silentServer();
    expect(transport.existingFlow(target)).toBeUndefined();
    const flows = await Promise.all(Array.from({ length: 10 }, () => transport.flowTo(target)));
    expect(new Set(flows).size).toBe(1);
    expect(transport.existingFlow(target)).toBe(flows[0]);
    expect(await transport.flowTo(target)).toBe(flows[0]);
    while (sockets.length === 0) await setImmediate();
    expect(sockets).toHaveLength(1);
  });

  it("does not care for the server name over TCP, where nothing proves it", async () => {
    const { transport } = await openRecorded();
    const { target } = await silentServer();
    const flow = await transport.flowTo({ ...target, serverName: "a.example.test" });
    expect(transport.existingFlow({ ...target, serverName: "b.example.test" })).toBe(flow);
  });

  it("finds a connection that the peer opened by where it came from", async () => {
    const { transport, user } = await openRecorded();
    const socket = connect(transport.local.port, "127.0.0.1");
    open.push(() => socket.destroy());
    socket.write(messageOctets());
    const flow = await user.flowOf(0);
    expect(transport.existingFlow(flow.remote)).toBe(flow);
    expect(await transport.flowTo({ transport: "TCP", ...flow.remote })).toBe(flow);
  });

  it("opens a new one once the old one is gone", async () => {
    const { transport, user } = await openRecorded();
    const { target } = await silentServer();
    const first = await transport.flowTo(target);
    first.close();
    expect(transport.existingFlow(target)).toBeUndefined();
    const second = await transport.flowTo(target);
    expect(second).not.toBe(first);
    await user.until(() => user.ends.length > 0);
    expect(transport.existingFlow(target)).toBe(second);
  });

  it("leaves from the address that it listens on", async () => {
    const user = new Recorder();
    const transport = await openTcp({ address: "127.0.0.2", port: 0 }, user, {});
    open.push(() => transport.close());
    const { target } = await silentServer();
    expect((await transport.flowTo(target)).local.address).toBe("127.0.0.2");
  });
});

describe("an attempt to connect", () => {
  it("ends with SIP_CONNECT_TIMEOUT after connectTimeoutMs", async () => {
    const clock = new VirtualClock();
    const { transport, target, sockets } = await openSilentTls(clock);
    const refused = transport.flowTo(target).catch((error: unknown) => error);
    while (sockets[0] === undefined) await setImmediate();
    await clock.advance(4999);
    expect(sockets[0].closed).toBe(false);
    await clock.advance(1);
    expect(await refused).toMatchObject({ code: "SIP_CONNECT_TIMEOUT", retryable: true });
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on for the others when one caller gives up, and ends with the last one (SIP_ABORTED)", async () => {
    const { transport, target, sockets } = await openSilentTls(new VirtualClock());
    const [first, second] = [new AbortController(), new AbortController()];
    const results = [transport.flowTo(target, first.signal), transport.flowTo(target, second.signal)];
    while (sockets[0] === undefined) await setImmediate();
    first.abort(new Error("enough"));
    await expect(results[0]).rejects.toMatchObject({ code: "SIP_ABORTED", cause: { message: "enough" } });
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    expect(sockets[0].readableEnded).toBe(false);
    const gone = once(sockets[0], "close");
    second.abort();
    await expect(results[1]).rejects.toMatchObject({ code: "SIP_ABORTED" });
    await gone;
    expect(sockets).toHaveLength(1);
  });

  it("is not made when the signal is aborted already", async () => {
    const { transport } = await openRecorded();
    const { target, sockets } = await silentServer();
    await expect(transport.flowTo(target, AbortSignal.abort())).rejects.toMatchObject({ code: "SIP_ABORTED" });
    expect(sockets).toHaveLength(0);
  });

  it("ends when the transport closes, and none is made afterwards (SIP_CONNECTION_CLOSED)", async () => {
    const { transport, target } = await openSilentTls(new VirtualClock());
    const refused = transport.flowTo(target).catch((error: unknown) => error);
    await transport.close();
    expect(await refused).toMatchObject({ code: "SIP_CONNECTION_CLOSED" });
    await expect(transport.flowTo(target)).rejects.toMatchObject({ code: "SIP_CONNECTION_CLOSED" });
  });
});

describe("a peer that cannot be reached is left alone for a while (RFC 5626 §4.5)", () => {
  it("fails at once within the wait, which doubles, and starts anew after a success", async () => {
    const clock = new VirtualClock();
    const { transport, user } = await openRecorded({ clock, random: () => 0.999_999 });
    const target = await deadTarget();
    const attempt = (): Promise<string> => transport.flowTo(target).then(String, (error: Error) => error.message);
    expect(await attempt()).toContain("ECONNREFUSED");
    expect(await attempt()).toMatch(/next attempt in 1000 ms/);
    await clock.advance(1000);
    expect(await attempt()).toContain("ECONNREFUSED");
    await clock.advance(1500);
    expect(await attempt()).toMatch(/next attempt in 500 ms/);
    await clock.advance(500);
    const { server } = await silentServer(target.port);
    const flow = await transport.flowTo(target);
    const gone = once(server.close(), "close");
    flow.close();
    await user.until(() => user.ends.length > 0);
    await gone;
    expect(await attempt()).toContain("ECONNREFUSED");
    expect(await attempt()).toMatch(/next attempt in 1000 ms/);
  });

  it("rejects with SIP_CONNECT_FAILED, which may work later", async () => {
    const { transport } = await openRecorded();
    const refused = transport.flowTo(await deadTarget());
    await expect(refused).rejects.toMatchObject({
      code: "SIP_CONNECT_FAILED",
      retryable: true,
      cause: { code: "ECONNREFUSED" },
    });
  });

  it("rejects with SIP_CONNECT_FAILED what is no port at all", async () => {
    const { transport } = await openRecorded();
    for (const port of [0, 70_000, Number.NaN]) {
      const refused = transport.flowTo({ transport: "TCP", address: "127.0.0.1", port });
      await expect(refused).rejects.toMatchObject({
        code: "SIP_CONNECT_FAILED",
        message: `TCP 127.0.0.1 port ${port}: no such port`,
      });
    }
  });

  it("can be turned off", async () => {
    const { transport } = await openRecorded({ backoff: false });
    const target = await deadTarget();
    for (let i = 0; i < 3; i++) await expect(transport.flowTo(target)).rejects.toThrow("ECONNREFUSED");
  });

  it("does not count callers that gave up", async () => {
    const { transport, target, sockets } = await openSilentTls(new VirtualClock());
    for (let i = 1; i <= 2; i++) {
      const controller = new AbortController();
      const refused = transport.flowTo(target, controller.signal).catch((error: unknown) => error);
      while (sockets.length < i) await setImmediate();
      controller.abort();
      expect(await refused).toMatchObject({ code: "SIP_ABORTED" });
    }
    expect(sockets).toHaveLength(2);
  });
});

describe("limits", () => {
  it("drops and counts connections that come above maxConnections", async () => {
    const { transport, user } = await openRecorded({ maxConnections: 2 });
    const clients = Array.from({ length: 3 }, () => connect(transport.local.port, "127.0.0.1").on("error", () => {}));
    open.push(() => clients.forEach((client) => client.destroy()));
    await Promise.race(clients.map((client) => once(client.resume(), "close")));
    expect(transport.stats.refused).toBe(1);
    for (const client of clients) if (!client.closed) client.write(messageOctets());
    await user.until(() => user.messages.length === 2);
  });

  it("rejects to connect above maxConnections (SIP_TOO_MANY_CONNECTIONS)", async () => {
    const { transport } = await openRecorded({ maxConnections: 1 });
    const [first, second] = [await silentServer(), await silentServer()];
    const flow = await transport.flowTo(first.target);
    const refused = transport.flowTo(second.target);
    await expect(refused).rejects.toMatchObject({ code: "SIP_TOO_MANY_CONNECTIONS", retryable: true });
    expect(await transport.flowTo(first.target)).toBe(flow);
    expect(transport.stats.refused).toBe(1);
  });
});

describe("opening and closing", () => {
  it("names the address that is in use (SIP_LISTEN_FAILED)", async () => {
    const { transport } = await openRecorded();
    const { port } = transport.local;
    await expect(openTcp(transport.local, new Recorder())).rejects.toMatchObject({
      code: "SIP_LISTEN_FAILED",
      message: expect.stringContaining(`TCP 127.0.0.1 port ${port}`),
      cause: { code: "EADDRINUSE" },
    });
  });

  it("listens nowhere when it is for outbound connections only, and says so by port 0", async () => {
    const user = new Recorder();
    const transport = await openTcp({ address: "127.0.0.1", port: 5060 }, user, { listen: false });
    open.push(() => transport.close());
    expect(transport.local).toEqual({ address: "127.0.0.1", port: 0 });
    const server = await openRecorded();
    server.user.onMessage = (message, flow) => flow.send(message.encode());
    (await transport.flowTo({ transport: "TCP", ...server.transport.local })).send(messageOctets());
    await user.flowOf(0);
    expect(user.messages).toHaveLength(1);
  });

  it("gives a peer that does not take what is queued one second", async () => {
    const clock = new VirtualClock();
    const { transport } = await openRecorded({ clock, maxQueuedBytes: 100_000_000 });
    const { target, sockets } = await silentServer();
    const flow = await transport.flowTo(target);
    while (sockets[0] === undefined) await setImmediate();
    sockets[0].pause();
    const octets = messageOctets(new Uint8Array(1_000_000));
    let lost = 0;
    for (let i = 0; i < 40; i++) flow.send(octets, () => lost++);
    let closed = false;
    const closing = transport.close().then(() => (closed = true));
    await clock.advance(999);
    expect(closed).toBe(false);
    await clock.advance(1);
    await closing;
    expect(lost).toBeGreaterThan(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it("leaves no socket open, whoever connected, even when a peer does not read or close", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    await a.transport.flowTo({ transport: "TCP", ...b.transport.local });
    const { target, server, sockets } = await silentServer();
    const flow = await a.transport.flowTo(target);
    flow.send(messageOctets());
    while (sockets[0] === undefined) await setImmediate();
    sockets[0].pause();
    await Promise.all([a.transport.close(), a.transport.close(), b.transport.close()]);
    await a.transport.close();
    expect(a.user.ends.map(({ error }) => error)).toEqual([undefined, undefined]);
    for (const socket of sockets) socket.destroy();
    await once(server.close(), "close");
    expect(await openSockets()).toEqual([]);
  });
});
