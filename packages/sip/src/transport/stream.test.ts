import { once } from "node:events";
import { connect, createServer, type Server, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { SocketOptions, SocketTransport } from "./settings.ts";
import { openTcp } from "./tcp.ts";
import { everyOctet, messageOctets, Recorder } from "./testdata/recorder.ts";
import type { Address, Flow, SipTransportError } from "./transport.ts";

const loopback = { address: "127.0.0.1", port: 0 };
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === "::1"));
const open: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function openRecorded(
  options: SocketOptions = {},
  address = loopback,
): Promise<{ transport: SocketTransport; user: Recorder }> {
  const user = new Recorder();
  const transport = await openTcp(address, user, options);
  open.push(() => transport.close());
  return { transport, user };
}

/** A client that is not ours, connected. */
async function rawClient({ address, port }: Address): Promise<Socket> {
  const socket = connect({ host: address, port, noDelay: true });
  open.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** A server that is not ours; its connections are in `sockets`. */
async function rawServer(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as Address).port, sockets };
}

async function flowToRaw(transport: SocketTransport, port: number): Promise<Flow> {
  return transport.flowTo({ transport: "TCP", address: "127.0.0.1", port });
}

/** Everything that `socket` brings until its end. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}

async function readUntil(socket: Socket, wanted: string): Promise<string> {
  let heard = "";
  while (!heard.includes(wanted)) heard += String((await once(socket, "data"))[0]);
  return heard;
}

describe("SIP over TCP (RFC 3261 §18)", () => {
  it("carries all 256 octet values there and back on one connection", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    b.user.onMessage = (message, flow) => flow.send(message.encode());
    const flow = await a.transport.flowTo({ transport: "TCP", ...b.transport.local });
    flow.send(messageOctets());
    expect(await a.user.flowOf(0)).toBe(flow);
    expect(a.user.messages[0]?.body).toEqual(Buffer.from(everyOctet));
    expect(b.user.flows[0]?.remote).toEqual(flow.local);
    expect(a.transport.stats).toMatchObject({ sent: 1, received: 1 });
  });

  it.skipIf(!hasIpv6)("carries messages over IPv6 [needs ::1]", async () => {
    const v6 = { address: "::1", port: 0 };
    const [a, b] = [await openRecorded({}, v6), await openRecorded({}, v6)];
    (await a.transport.flowTo({ transport: "TCP", ...b.transport.local })).send(messageOctets());
    expect((await b.user.flowOf(0)).remote.address).toBe("::1");
  });

  it("reads messages whatever the segments, one octet each or all in one (RFC 3261 §18.3)", async () => {
    const { transport, user } = await openRecorded();
    const all = Buffer.concat([
      messageOctets(),
      Buffer.from("\r\n"),
      messageOctets(new Uint8Array(0)),
      messageOctets(),
    ]);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: all.length - 1 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        const { received } = transport.stats;
        const socket = await rawClient(transport.local);
        const bounds = [0, ...at.toSorted((x, y) => x - y), all.length];
        for (const [i, end] of bounds.slice(1).entries()) {
          await new Promise<void>((sent) => void socket.write(all.subarray(bounds[i], end), () => sent()));
        }
        await user.until(() => transport.stats.received === received + 3);
        expect(user.messages.slice(-3).map((message) => message.body.length)).toEqual([512, 0, 512]);
        expect(user.problems).toEqual([]);
        socket.destroy();
      }),
      { numRuns: 25 },
    );
    const slow = await rawClient(transport.local);
    const { received } = transport.stats;
    for (const octet of messageOctets()) slow.write(Buffer.of(octet));
    await user.until(() => transport.stats.received === received + 1);
    expect(user.messages.at(-1)?.body).toEqual(Buffer.from(everyOctet));
  });

  it("hands the messages of one tick to the kernel in one write", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    const flow = await a.transport.flowTo({ transport: "TCP", ...b.transport.local });
    const [single, gathered] = [vi.spyOn(Socket.prototype, "_write"), vi.spyOn(Socket.prototype, "_writev")];
    for (let i = 0; i < 50; i++) flow.send(messageOctets());
    await b.user.flowOf(49);
    expect(single).not.toHaveBeenCalled();
    expect(gathered).toHaveBeenCalledTimes(1);
  });

  it("answers the ping of a client with a pong (RFC 5626 §3.5.1)", async () => {
    const { transport, user } = await openRecorded();
    const socket = await rawClient(transport.local);
    socket.write("\r\n\r\n");
    expect(await readUntil(socket, "\n")).toBe("\r\n");
    for (const half of ["\r\n", "\r\n"]) await new Promise<void>((sent) => void socket.write(half, () => sent()));
    expect(await readUntil(socket, "\n")).toBe("\r\n");
    expect(user.messages).toEqual([]);
    expect(transport.stats.malformed).toBe(0);
  });

  it("tells of the end of a connection once, without an error when it was orderly", async () => {
    const { transport, user } = await openRecorded();
    const socket = await rawClient(transport.local);
    socket.end(messageOctets());
    const flow = await user.flowOf(0);
    await user.until(() => user.ends.length > 0);
    expect(user.ends).toEqual([{ flow, error: undefined }]);
    expect(flow.open).toBe(false);
    expect(transport.existingFlow(flow.remote)).toBeUndefined();
  });

  it("tells of a connection that broke with SIP_CONNECTION_CLOSED and the cause", async () => {
    const { transport, user } = await openRecorded();
    const socket = await rawClient(transport.local);
    socket.write(messageOctets());
    await user.flowOf(0);
    socket.resetAndDestroy();
    await user.until(() => user.ends.length > 0);
    expect(user.ends[0]?.error).toMatchObject({ code: "SIP_CONNECTION_CLOSED", cause: { code: "ECONNRESET" } });
  });
});

describe("a stream that loses its framing (RFC 3261 §18.3)", () => {
  const good = Buffer.from(messageOctets()).toString("latin1");
  const rows = [
    ["no Content-Length", good.replace(/Content-Length.*\r\n/, ""), "SIP_BAD_LENGTH"],
    ["Content-Length that is no number", good.replace(/Content-Length.*/, "Content-Length: -1"), "SIP_BAD_LENGTH"],
    ["a body above the limit", good.replace(/Content-Length.*/, "Content-Length: 1048577"), "SIP_TOO_LARGE"],
    ["a head above the limit", `${good.slice(0, 30)}${"x".repeat(65_600)}`, "SIP_TOO_LARGE"],
    ["something else than SIP", "GET / HTTP/1.1\r\nHost: example.test\r\n\r\n", "SIP_BAD_START_LINE"],
  ] as const;

  it.each(rows)("is closed after %s; messages before it are handled", async (_, octets, code) => {
    const { transport, user } = await openRecorded();
    const socket = await rawClient(transport.local);
    socket.write(Buffer.concat([messageOctets(), Buffer.from(octets, "latin1")]));
    await user.until(() => user.ends.length > 0);
    expect(user.messages[0]?.body).toEqual(Buffer.from(everyOctet));
    expect(user.problems.map((problem) => problem.code)).toEqual([code]);
    expect(user.ends[0]?.error).toMatchObject({ code: "SIP_CONNECTION_CLOSED", cause: { code } });
    expect(transport.stats.malformed).toBe(1);
  });

  it("still answers the request whose length is in doubt, though the peer goes on sending (RFC 4475 §3.1.2.3)", async () => {
    const { transport, user } = await openRecorded();
    user.onMessage = (message, flow) => flow.send(Buffer.from(`SIP/2.0 ${message.flaw?.statusCode} No\r\n\r\n`));
    const socket = await rawClient(transport.local);
    const answer = readAll(socket);
    socket.write("MESSAGE sip:bob@example.test SIP/2.0\r\nContent-Length: x\r\n\r\n");
    socket.write(Buffer.alloc(200_000, 0x41));
    expect(await answer).toBe("SIP/2.0 400 No\r\n\r\n");
    await user.until(() => user.ends.length > 0);
    expect(user.problems).toHaveLength(1);
  });

  it("drops a peer that does not close its side within a second", async () => {
    const clock = new VirtualClock();
    const { transport, user } = await openRecorded({ clock });
    const socket = connect({ host: "127.0.0.1", port: transport.local.port, allowHalfOpen: true });
    open.push(() => socket.destroy());
    socket.write("nonsense\r\n\r\n");
    const end = once(socket.resume(), "end");
    await user.until(() => user.problems.length > 0);
    await end;
    await clock.advance(999);
    expect(user.ends).toEqual([]);
    await clock.advance(1);
    await user.until(() => user.ends.length > 0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("keep-alive of a connection (RFC 5626 §4.4.1)", () => {
  it("closes the flow when no pong comes within 10 seconds of a ping", async () => {
    const clock = new VirtualClock();
    const { transport, user } = await openRecorded({ clock, random: () => 0.5 });
    const { port, sockets } = await rawServer();
    const flow = await flowToRaw(transport, port);
    flow.keepAlive(60_000);
    await clock.advance(54_000);
    while (sockets[0] === undefined) await setImmediate();
    expect(await readUntil(sockets[0], "\r\n\r\n")).toBe("\r\n\r\n");
    await clock.advance(9999);
    expect(flow.open).toBe(true);
    await clock.advance(1);
    expect(flow.open).toBe(false);
    await user.until(() => user.ends.length > 0);
    expect(user.ends[0]).toMatchObject({ flow, error: { code: "SIP_CONNECTION_CLOSED" } });
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on while pongs come, and stops when told", async () => {
    const clock = new VirtualClock();
    const [a, b] = [await openRecorded({ clock, random: () => 0 }), await openRecorded()];
    const flow = await a.transport.flowTo({ transport: "TCP", ...b.transport.local });
    flow.keepAlive(15_000);
    for (let i = 0; i < 20; i++) {
      await clock.advance(12_000);
      const timersBefore = clock.pendingTimers;
      while (clock.pendingTimers === timersBefore) await setImmediate();
    }
    expect(flow.open).toBe(true);
    flow.keepAlive(0);
    await clock.advance(100_000);
    expect(flow.open).toBe(true);
  });

  it("closes an idle connection in order, and not one that is used", async () => {
    const clock = new VirtualClock();
    const [a, b] = [await openRecorded({ clock, idleTimeoutMs: 60_000 }), await openRecorded()];
    const flow = await a.transport.flowTo({ transport: "TCP", ...b.transport.local });
    await clock.advance(59_999);
    flow.send(messageOctets());
    await clock.advance(59_999);
    expect(flow.open).toBe(true);
    await clock.advance(1);
    expect(flow.open).toBe(false);
    await a.user.until(() => a.user.ends.length > 0);
    expect(a.user.ends).toEqual([{ flow, error: undefined }]);
  });
});

describe("messages that cannot leave", () => {
  it("are refused and counted above maxQueuedBytes (SIP_SEND_FAILED)", async () => {
    const { transport } = await openRecorded({ maxQueuedBytes: 1_000_000 });
    const { port } = await rawServer();
    const flow = await flowToRaw(transport, port);
    const errors: SipTransportError[] = [];
    const octets = messageOctets(new Uint8Array(99_000));
    for (let i = 0; i < 12; i++) flow.send(octets, (error) => errors.push(error));
    expect(errors).toEqual([]);
    await setImmediate();
    expect(errors.map((error) => error.code)).toEqual(["SIP_SEND_FAILED", "SIP_SEND_FAILED"]);
    expect(transport.stats).toMatchObject({ sent: 10, refused: 2 });
  });

  it("are told as failed when the connection breaks before they left", async () => {
    const { transport, user } = await openRecorded({ maxQueuedBytes: 100_000_000 });
    const { port, sockets } = await rawServer();
    const flow = await flowToRaw(transport, port);
    let failures = 0;
    const octets = messageOctets(new Uint8Array(1_000_000));
    for (let i = 0; i < 40; i++)
      flow.send(octets, (error) => (failures += error.code === "SIP_CONNECTION_CLOSED" ? 1 : 0));
    while (sockets[0] === undefined) await setImmediate();
    sockets[0].resetAndDestroy();
    await user.until(() => user.ends.length > 0);
    await setImmediate();
    expect(failures).toBeGreaterThan(0);
    const late = new Promise<SipTransportError>((failed) => flow.send(octets, failed));
    expect((await late).code).toBe("SIP_CONNECTION_CLOSED");
  });
});
