import { once } from "node:events";
import { get } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { SocketOptions, SocketTransport } from "./settings.ts";
import { everyOctet, messageOctets, openSockets, Recorder } from "./testdata/recorder.ts";
import type { Address, Target } from "./transport.ts";
import { openWs } from "./ws.ts";

const loopback = { address: "127.0.0.1", port: 0 };
const ascii = new TextEncoder().encode("plain text");
const open: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function openRecorded(options: SocketOptions = {}): Promise<{ transport: SocketTransport; user: Recorder }> {
  const user = new Recorder();
  const transport = await openWs(loopback, user, options);
  open.push(() => transport.close());
  return { transport, user };
}

/** A client that is not ours, connected. */
async function rawClient({ port }: Address): Promise<WebSocket> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/any/path?of=mine`, "sip");
  open.push(() => webSocket.terminate());
  await once(webSocket, "open");
  return webSocket;
}

interface RawServer {
  readonly target: Target;
  readonly connections: WebSocket[];
  /** Handshake requests, in order. */
  readonly requests: { readonly url: string | undefined; readonly host: string | undefined }[];
}

/** A server that is not ours. */
async function rawServer(options: { autoPong?: boolean; protocol?: string | false } = {}): Promise<RawServer> {
  const { protocol = "sip", autoPong = true } = options;
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, autoPong, handleProtocols: () => protocol });
  const connections: WebSocket[] = [];
  const requests: RawServer["requests"] = [];
  server.on("connection", (webSocket, { url, headers }) => {
    connections.push(webSocket);
    requests.push({ url, host: headers.host });
  });
  open.push(() => {
    for (const webSocket of server.clients) webSocket.terminate();
    server.close();
  });
  await once(server, "listening");
  return {
    target: { transport: "WS", address: "127.0.0.1", port: (server.address() as Address).port },
    connections,
    requests,
  };
}

/** The HTTP status that answers a handshake with these subprotocols. */
async function handshakeStatus({ port }: Address, subprotocols: string[]): Promise<number | undefined> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/`, subprotocols);
  webSocket.on("error", () => {});
  const [, response] = (await once(webSocket, "unexpected-response")) as [unknown, { statusCode?: number }];
  webSocket.terminate();
  return response.statusCode;
}

describe("SIP over WebSocket (RFC 7118)", () => {
  it("carries all 256 octet values there and back on one connection", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    b.user.onMessage = (message, flow) => flow.send(message.encode());
    const flow = await a.transport.flowTo({ transport: "WS", ...b.transport.local });
    const octets = messageOctets();
    // Twice the same octets: masking (RFC 6455 §5.3) must leave the sender's copy alone.
    for (let i = 0; i < 2; i++) flow.send(octets);
    expect(await a.user.flowOf(1)).toBe(flow);
    expect(a.user.messages.map(({ body }) => body)).toEqual([Buffer.from(everyOctet), Buffer.from(everyOctet)]);
    expect(octets).toEqual(messageOctets());
    expect(flow.transport).toBe("WS");
    expect(b.user.flows[0]?.remote).toEqual(flow.local);
    expect(a.transport.existingFlow(b.transport.local)).toBe(flow);
    expect(b.transport.existingFlow(flow.local)).toBe(b.user.flows[0]);
  });

  it("sends text when all is UTF-8, and binary when an octet is not (§4.2)", async () => {
    const { transport } = await openRecorded();
    const { target, connections } = await rawServer();
    const flow = await transport.flowTo(target);
    while (connections[0] === undefined) await setImmediate();
    const frames: boolean[] = [];
    connections[0].on("message", (_, isBinary) => frames.push(isBinary));
    for (const body of [ascii, new TextEncoder().encode("schön"), everyOctet, Uint8Array.of(0x80)])
      flow.send(messageOctets(body));
    while (frames.length < 4) await setImmediate();
    expect(frames).toEqual([false, false, true, true]);
  });

  it("accepts text and binary frames, whole or in fragments (§4.2)", async () => {
    const { transport, user } = await openRecorded();
    const webSocket = await rawClient(transport.local);
    webSocket.send(Buffer.from(messageOctets(ascii)).toString("utf8"));
    webSocket.send(messageOctets());
    const octets = Buffer.from(messageOctets());
    webSocket.send(octets.subarray(0, 400), { fin: false, binary: true });
    webSocket.send(octets.subarray(400), { fin: true, binary: true });
    await user.until(() => user.messages.length === 3);
    expect(user.messages.map((message) => message.body.length)).toEqual([ascii.length, 512, 512]);
    expect(user.messages[2]?.body).toEqual(Buffer.from(everyOctet));
  });

  it("needs no Content-Length, because a message ends with its frame (§5)", async () => {
    const { transport, user } = await openRecorded();
    const webSocket = await rawClient(transport.local);
    webSocket.send(
      Buffer.from(messageOctets())
        .toString("latin1")
        .replace(/Content-Length.*\r\n/, "")
        .slice(0, -512) + "12345",
    );
    await user.flowOf(0);
    expect(user.messages[0]?.body).toEqual(Buffer.from("12345"));
  });

  it("drops what is no SIP message and keeps the connection", async () => {
    const { transport, user } = await openRecorded();
    const webSocket = await rawClient(transport.local);
    webSocket.send("HELLO\r\n\r\n");
    webSocket.send(messageOctets());
    await user.flowOf(0);
    expect(user.problems.map(({ code }) => code)).toEqual(["SIP_BAD_START_LINE"]);
    expect(user.ends).toEqual([]);
    expect(transport.stats).toMatchObject({ malformed: 1, received: 1 });
  });

  it("closes a connection that brings more than the limits allow, with status 1009 (RFC 6455 §7.4.1)", async () => {
    const limits = { maxHeadBytes: 4096, maxBodyBytes: 1000, maxHeaders: 50 };
    const { transport, user } = await openRecorded({ limits });
    const webSocket = await rawClient(transport.local);
    webSocket.send(messageOctets(new Uint8Array(5200)));
    const [code] = (await once(webSocket, "close")) as [number];
    expect(code).toBe(1009);
    await user.until(() => user.ends.length > 0);
    expect(user.problems.map((problem) => problem.code)).toEqual(["SIP_TOO_LARGE"]);
    expect(user.ends[0]?.error?.code).toBe("SIP_CONNECTION_CLOSED");
  });

  it("closes a connection whose text is not UTF-8, with status 1007 (RFC 6455 §8.1)", async () => {
    const { transport, user } = await openRecorded();
    const webSocket = await rawClient(transport.local);
    webSocket.send(messageOctets(), { binary: false });
    const [code] = (await once(webSocket, "close")) as [number];
    expect(code).toBe(1007);
    await user.until(() => user.ends.length > 0);
    expect(transport.stats).toMatchObject({ malformed: 1, received: 0 });
  });

  it("answers CRLFCRLF with CRLF, as scripts ping that have no ping frames (§6)", async () => {
    const { transport, user } = await openRecorded();
    const webSocket = await rawClient(transport.local);
    webSocket.send("\r\n\r\n");
    const [data] = (await once(webSocket, "message")) as [Buffer];
    expect(data.toString()).toBe("\r\n");
    webSocket.send("\r\n");
    webSocket.send("");
    webSocket.send(messageOctets());
    await user.flowOf(0);
    expect(user.problems).toEqual([]);
  });

  it("tells of the end once: without an error after a closing handshake, with one otherwise", async () => {
    const { transport, user } = await openRecorded();
    const [orderly, rude] = [await rawClient(transport.local), await rawClient(transport.local)];
    orderly.close(1000);
    await user.until(() => user.ends.length === 1);
    rude.terminate();
    await user.until(() => user.ends.length === 2);
    expect(user.ends.map(({ error }) => error?.code)).toEqual([undefined, "SIP_CONNECTION_CLOSED"]);
  });
});

describe("the WebSocket handshake (RFC 7118 §4.1)", () => {
  it("refuses and counts clients that do not offer the subprotocol sip", async () => {
    const { transport } = await openRecorded();
    expect(await handshakeStatus(transport.local, [])).toBe(400);
    expect(await handshakeStatus(transport.local, ["xmpp", "sips"])).toBe(400);
    expect(transport.stats.refused).toBe(2);
  });

  it("picks sip among several", async () => {
    const { transport } = await openRecorded();
    const webSocket = new WebSocket(`ws://127.0.0.1:${transport.local.port}/`, ["xmpp", "sip"]);
    await once(webSocket, "open");
    expect(webSocket.protocol).toBe("sip");
    webSocket.terminate();
  });

  it("answers plain HTTP with 426 Upgrade Required", async () => {
    const { transport } = await openRecorded();
    const [response] = await once(get({ host: "127.0.0.1", port: transport.local.port, agent: false }), "response");
    response.resume();
    expect(response.statusCode).toBe(426);
    expect(transport.stats.refused).toBe(1);
  });

  it("answers 503 above maxConnections", async () => {
    const { transport } = await openRecorded({ maxConnections: 2 });
    const [a, b] = [await openRecorded(), await openRecorded()];
    for (const other of [a, b]) await transport.flowTo({ transport: "WS", ...other.transport.local });
    expect(await handshakeStatus(transport.local, ["sip"])).toBe(503);
    expect(transport.stats.refused).toBe(1);
  });

  it("asks for the path set and names the host of the URI", async () => {
    const { transport } = await openRecorded({ webSocketPath: "/ws?key=1" });
    const { target, requests } = await rawServer();
    await transport.flowTo({ ...target, serverName: "proxy.example.test" });
    while (requests.length === 0) await setImmediate();
    expect(requests).toEqual([{ url: "/ws?key=1", host: `proxy.example.test:${target.port}` }]);
  });

  it("does not connect to a host whose name cannot stand in Host (SIP_CONNECT_FAILED)", async () => {
    const { transport } = await openRecorded();
    const { target, connections } = await rawServer();
    const refused = transport.flowTo({ ...target, serverName: "a\r\nX: b" });
    await expect(refused).rejects.toMatchObject({ code: "SIP_CONNECT_FAILED" });
    await transport.close();
    expect(connections).toEqual([]);
  });

  it("refuses a path that is none when it opens (SIP_LISTEN_FAILED)", async () => {
    for (const webSocketPath of ["", "ws", "/a b", "/a#b", "/ä"]) {
      const opened = openWs(loopback, new Recorder(), { webSocketPath });
      await expect(opened).rejects.toMatchObject({ code: "SIP_LISTEN_FAILED" });
    }
  });

  it.each([
    ["a server that picks no subprotocol", false, /no subprotocol/],
    ["a server that picks another one", "xmpp", /invalid subprotocol/],
  ] as const)("does not connect to %s (SIP_CONNECT_FAILED)", async (_, protocol, problem) => {
    const { transport } = await openRecorded();
    const { target } = await rawServer({ protocol });
    await expect(transport.flowTo(target)).rejects.toMatchObject({
      code: "SIP_CONNECT_FAILED",
      message: expect.stringMatching(problem),
    });
  });

  it("does not connect where nobody listens, or something that is no WebSocket server (SIP_CONNECT_FAILED)", async () => {
    const { transport } = await openRecorded();
    const server = createServer((socket) => socket.resume().end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = { transport: "WS", address: "127.0.0.1", port: (server.address() as Address).port } as const;
    await expect(transport.flowTo(target)).rejects.toMatchObject({
      code: "SIP_CONNECT_FAILED",
      message: expect.stringMatching(/404/),
    });
    await once(server.close(), "close");
    const { transport: other } = await openRecorded();
    await expect(other.flowTo(target)).rejects.toMatchObject({
      code: "SIP_CONNECT_FAILED",
      message: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  it("gives up on a server that does not answer, in time or when told to", async () => {
    const clock = new VirtualClock();
    const { transport } = await openRecorded({ clock });
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.resume()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = { transport: "WS", address: "127.0.0.1", port: (server.address() as Address).port } as const;
    const late = transport.flowTo(target).catch((error: unknown) => error);
    while (sockets.length < 1) await setImmediate();
    await clock.advance(5000);
    expect(await late).toMatchObject({ code: "SIP_CONNECT_TIMEOUT" });
    await clock.advance(1000);
    const controller = new AbortController();
    const aborted = transport.flowTo(target, controller.signal).catch((error: unknown) => error);
    while (sockets.length < 2) await setImmediate();
    controller.abort();
    expect(await aborted).toMatchObject({ code: "SIP_ABORTED" });
    await once(server.close(), "close");
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("keep-alive of a WebSocket (RFC 7118 §6, RFC 6455 §5.5.2)", () => {
  it("closes the flow when no pong frame comes within 10 seconds of a ping", async () => {
    const clock = new VirtualClock();
    const { transport, user } = await openRecorded({ clock, random: () => 0 });
    const { target, connections } = await rawServer({ autoPong: false });
    const flow = await transport.flowTo(target);
    while (connections[0] === undefined) await setImmediate();
    const ping = once(connections[0], "ping");
    flow.keepAlive(30_000);
    await clock.advance(24_000);
    await ping;
    await clock.advance(9999);
    expect(flow.open).toBe(true);
    await clock.advance(1);
    expect(flow.open).toBe(false);
    await user.until(() => user.ends.length > 0);
    expect(user.ends[0]?.error?.code).toBe("SIP_CONNECTION_CLOSED");
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on while pongs come", async () => {
    const clock = new VirtualClock();
    const { transport } = await openRecorded({ clock, random: () => 0 });
    const { target } = await rawServer();
    const flow = await transport.flowTo(target);
    flow.keepAlive(15_000);
    for (let i = 0; i < 10; i++) {
      await clock.advance(12_000);
      const timersBefore = clock.pendingTimers;
      while (clock.pendingTimers === timersBefore) await setImmediate();
    }
    expect(flow.open).toBe(true);
  });
});

describe("closing", () => {
  it("says goodbye with 1000, and with 1001 when the transport closes (RFC 6455 §7.4.1)", async () => {
    const { transport, user } = await openRecorded();
    const [first, second] = [await rawServer(), await rawServer()];
    const flow = await transport.flowTo(first.target);
    await transport.flowTo(second.target);
    while (first.connections[0] === undefined || second.connections[0] === undefined) await setImmediate();
    const codes = [first, second].map(({ connections }) => once(connections[0] as WebSocket, "close"));
    flow.send(messageOctets());
    const message = once(first.connections[0], "message");
    flow.close();
    await message;
    await user.until(() => user.ends.length === 1);
    await transport.close();
    expect((await Promise.all(codes)).map(([code]) => code as number)).toEqual([1000, 1001]);
    expect(user.ends.map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  it("drops a peer that does not answer the closing handshake within a second", async () => {
    const clock = new VirtualClock();
    const { transport, user } = await openRecorded({ clock });
    const { target, connections } = await rawServer();
    const flow = await transport.flowTo(target);
    while (connections[0] === undefined) await setImmediate();
    connections[0].pause();
    flow.close();
    expect(flow.open).toBe(false);
    await clock.advance(1000);
    await user.until(() => user.ends.length > 0);
  });

  it("leaves no socket open, not even one whose handshake never ended", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    await a.transport.flowTo({ transport: "WS", ...b.transport.local });
    const silent = connect(b.transport.local.port, "127.0.0.1");
    silent.on("error", () => {}).resume();
    await once(silent, "connect");
    await Promise.all([a.transport.close(), b.transport.close(), b.transport.close()]);
    await once(silent, "close");
    expect(a.user.ends).toHaveLength(1);
    expect(await openSockets()).toEqual([]);
  });

  it("refuses messages above maxQueuedBytes (SIP_SEND_FAILED)", async () => {
    const { transport } = await openRecorded({ maxQueuedBytes: 300_000 });
    const { target } = await rawServer();
    const flow = await transport.flowTo(target);
    const failures: string[] = [];
    for (let i = 0; i < 4; i++) flow.send(messageOctets(new Uint8Array(99_000)), (error) => failures.push(error.code));
    await setImmediate();
    expect(failures).toEqual(["SIP_SEND_FAILED"]);
    expect(transport.stats).toMatchObject({ sent: 3, refused: 1 });
  });
});
