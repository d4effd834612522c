import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { SocketOptions, SocketTransport } from "./settings.ts";
import { everyOctet, messageOctets, openSockets, Recorder } from "./testdata/recorder.ts";
import { SipTransportError } from "./transport.ts";
import { openUdp } from "./udp.ts";

const loopback = { address: "127.0.0.1", port: 0 };
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === "::1"));
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function openRecorded(
  options: SocketOptions = {},
  address = loopback,
): Promise<{ transport: SocketTransport; user: Recorder }> {
  const user = new Recorder();
  const transport = await openUdp(address, user, options);
  open.push(() => transport.close());
  return { transport, user };
}

/** A peer that is not ours. */
async function rawSocket(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  open.push(async () => void socket.close());
  return { socket, port: socket.address().port };
}

describe("SIP over UDP (RFC 3261 §18)", () => {
  it("carries all 256 octet values there and back on the same flow", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    b.user.onMessage = (message, flow) => flow.send(message.encode());
    const flow = await a.transport.flowTo({ transport: "UDP", ...b.transport.local });
    flow.send(messageOctets());
    expect(await a.user.flowOf(0)).toBe(flow);
    expect(a.user.messages[0]?.body).toEqual(Buffer.from(everyOctet));
    expect(flow.remote).toEqual(b.transport.local);
    expect(a.transport.stats).toMatchObject({ sent: 1, received: 1, malformed: 0 });
  });

  it("takes a free port for port 0 and says which", async () => {
    const { transport } = await openRecorded();
    expect(transport.local.address).toBe("127.0.0.1");
    expect(transport.local.port).toBeGreaterThan(0);
  });

  it.skipIf(!hasIpv6)("carries messages over IPv6 [needs ::1]", async () => {
    const v6 = { address: "::1", port: 0 };
    const [a, b] = [await openRecorded({}, v6), await openRecorded({}, v6)];
    a.transport.existingFlow(b.transport.local)?.send(messageOctets());
    const flow = await b.user.flowOf(0);
    expect(flow.remote).toEqual(a.transport.local);
  });

  it("has no flow to an address of the other family", async () => {
    const { transport } = await openRecorded();
    const target = { transport: "UDP", address: "::1", port: 5060 } as const;
    expect(transport.existingFlow(target)).toBeUndefined();
    await expect(transport.flowTo(target)).rejects.toMatchObject({ code: "SIP_NO_TRANSPORT", retryable: false });
  });

  it("rejects with SIP_ABORTED when the signal is aborted already", async () => {
    const { transport } = await openRecorded();
    const target = { transport: "UDP", ...transport.local } as const;
    await expect(transport.flowTo(target, AbortSignal.abort())).rejects.toMatchObject({ code: "SIP_ABORTED" });
  });

  it("names the address that is in use (SIP_LISTEN_FAILED)", async () => {
    const { transport } = await openRecorded();
    const { port } = transport.local;
    const refused = openUdp({ address: "127.0.0.1", port }, new Recorder());
    await expect(refused).rejects.toMatchObject({
      code: "SIP_LISTEN_FAILED",
      message: expect.stringContaining(`${port}`),
    });
  });

  it("drops and counts what is no SIP message, and goes on (RFC 3261 §18.3)", async () => {
    const { transport, user } = await openRecorded();
    const { socket } = await rawSocket();
    socket.send("HELLO\r\n\r\n", transport.local.port, "127.0.0.1");
    await user.until(() => user.problems.length === 1);
    socket.send(messageOctets(), transport.local.port, "127.0.0.1");
    await user.flowOf(0);
    expect(user.problems[0]?.code).toBe("SIP_BAD_START_LINE");
    expect(transport.stats).toMatchObject({ received: 1, malformed: 1 });
  });

  it("hands on a request with a flaw, so that it can be answered", async () => {
    const { transport, user } = await openRecorded();
    const { socket } = await rawSocket();
    const tooFewOctets = Buffer.from(messageOctets()).subarray(0, -1);
    socket.send(tooFewOctets, transport.local.port, "127.0.0.1");
    await user.flowOf(0);
    expect(user.messages[0]?.flaw?.code).toBe("SIP_BAD_LENGTH");
  });

  it("answers CRLFCRLF with CRLF, and says nothing to CRLF, STUN or an empty datagram (RFC 5626 §3.5.1)", async () => {
    const { transport, user } = await openRecorded();
    const { socket } = await rawSocket();
    const heard: string[] = [];
    socket.on("message", (octets) => heard.push(octets.toString("latin1")));
    const stun = Buffer.from("000100002112a442000102030405060708090a0b", "hex");
    for (const octets of ["\r\n\r\n", "\r\n", stun, ""]) socket.send(octets, transport.local.port, "127.0.0.1");
    socket.send(messageOctets(), transport.local.port, "127.0.0.1");
    (await user.flowOf(0)).send(Buffer.from("last"));
    while (!heard.includes("last")) await once(socket, "message");
    expect(heard).toEqual(["\r\n", "last"]);
    expect(transport.stats).toMatchObject({ ignored: 4, malformed: 0, received: 1 });
  });

  it("counts octets below the letters as malformed when they are no keep-alive", async () => {
    const { transport, user } = await openRecorded();
    const { socket } = await rawSocket();
    socket.send(Buffer.from("0001000099999999000102030405060708090a0b", "hex"), transport.local.port, "127.0.0.1");
    await user.until(() => user.problems.length === 1);
    expect(transport.stats).toMatchObject({ ignored: 0, malformed: 1 });
  });

  it("reads a message behind empty lines (RFC 3261 §7.5)", async () => {
    const { transport, user } = await openRecorded();
    const { socket } = await rawSocket();
    socket.send(
      Buffer.concat([Buffer.from("\r\n\r"), Buffer.from("\n"), messageOctets()]),
      transport.local.port,
      "127.0.0.1",
    );
    await user.until(() => user.messages.length + user.problems.length === 1);
    expect(user.problems).toEqual([]);
  });

  it("pings with CRLFCRLF at 80 to 100 % of the interval until told to stop", async () => {
    const clock = new VirtualClock();
    const { transport, user } = await openRecorded({ clock, random: () => 0 });
    const { socket, port } = await rawSocket();
    const flow = transport.existingFlow({ address: "127.0.0.1", port });
    flow?.keepAlive(1000);
    await clock.advance(799);
    expect(transport.stats.sent).toBe(0);
    const ping = once(socket, "message");
    await clock.advance(1);
    expect(String((await ping)[0])).toBe("\r\n\r\n");
    flow?.keepAlive(0);
    expect(clock.pendingTimers).toBe(0);
    expect(user.ends).toEqual([]);
  });

  it("stops its pings when it closes", async () => {
    const clock = new VirtualClock();
    const { transport } = await openRecorded({ clock });
    const flow = transport.existingFlow({ address: "127.0.0.1", port: 9 });
    flow?.keepAlive(1000);
    await transport.close();
    expect(clock.pendingTimers).toBe(0);
    flow?.keepAlive(1000);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a datagram that cannot leave", () => {
  const failure = (send: (failed: (error: SipTransportError) => void) => void): Promise<SipTransportError> =>
    new Promise((resolve) => {
      let returned = false;
      send((error) => {
        expect(returned).toBe(true);
        resolve(error);
      });
      returned = true;
    });

  it("is SIP_MESSAGE_TOO_LONG above 65507 octets of IPv4 payload", async () => {
    const { transport } = await openRecorded();
    const flow = transport.existingFlow(transport.local);
    const error = await failure((failed) => flow?.send(Buffer.alloc(65_508, 0x41), failed));
    expect(error).toMatchObject({ code: "SIP_MESSAGE_TOO_LONG", retryable: false });
    expect(transport.stats.sent).toBe(0);
  });

  it("goes through at exactly 65507 octets", async () => {
    const [a, b] = [await openRecorded(), await openRecorded()];
    const octets = messageOctets(Buffer.alloc(65_507 - messageOctets(Buffer.alloc(10_000)).length + 10_000));
    expect(octets.length).toBe(65_507);
    a.transport.existingFlow(b.transport.local)?.send(octets);
    await b.user.flowOf(0);
    expect(b.user.problems).toEqual([]);
  });

  it("is SIP_SEND_FAILED with the system's reason when the kernel refuses it", async () => {
    const { transport } = await openRecorded();
    // The broadcast address is forbidden to a socket that did not ask for it.
    const flow = transport.existingFlow({ address: "255.255.255.255", port: 9 });
    const error = await failure((failed) => flow?.send(messageOctets(), failed));
    expect(error).toMatchObject({ code: "SIP_SEND_FAILED", cause: { code: "EACCES" } });
  });

  it("is SIP_SEND_FAILED towards port 0, which a Via can name", async () => {
    const { transport } = await openRecorded();
    const flow = transport.existingFlow({ address: "127.0.0.1", port: 0 });
    flow?.send(messageOctets());
    const error = await failure((failed) => flow?.send(messageOctets(), failed));
    expect(error).toMatchObject({ code: "SIP_SEND_FAILED", message: expect.stringContaining("port 0") });
  });

  it("is SIP_CONNECTION_CLOSED after close(), which can be called again", async () => {
    const { transport } = await openRecorded();
    const flow = transport.existingFlow(transport.local);
    await Promise.all([transport.close(), transport.close()]);
    expect(flow?.open).toBe(false);
    expect(transport.existingFlow(transport.local)).toBeUndefined();
    const error = await failure((failed) => flow?.send(messageOctets(), failed));
    expect(error.code).toBe("SIP_CONNECTION_CLOSED");
    await expect(transport.flowTo({ transport: "UDP", ...transport.local })).rejects.toThrow(SipTransportError);
    expect(await openSockets()).toEqual([]);
  });
});
