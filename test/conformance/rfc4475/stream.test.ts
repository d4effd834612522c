import { once } from "node:events";
import { connect } from "node:net";
import { decodeMessage, FramingError, SipEndpoint, SipRequest, StreamFramer, UasCore } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { tortureOctets } from "./messages.ts";

function framingError(octets: Uint8Array): FramingError {
  try {
    new StreamFramer(undefined, "acceptor").push(octets);
  } catch (error) {
    if (error instanceof FramingError) return error;
  }
  throw new Error("the framing was not lost");
}

describe("RFC 4475 on a stream: framing by Content-Length (RFC 3261 §18.3)", () => {
  it("§3.1.1.8 dblreq: what is noise in a datagram is a second request, and its body's overhang is no SIP", () => {
    const { framesBefore, message } = framingError(tortureOctets("dblreq"));
    expect(
      framesBefore.map((frame) => (frame instanceof SipRequest ? [frame.method, frame.body.length] : frame)),
    ).toEqual([
      ["REGISTER", 0],
      ["INVITE", 150],
    ]);
    expect(message).toMatch(/^Request-Line/);
  });

  it("§3.1.2.2 clerr: waits for the rest of the body", () => {
    const framer = new StreamFramer();
    const octets = tortureOctets("clerr");
    expect(framer.push(octets)).toEqual([]);
    expect(framer.pendingBytes).toBe(octets.length);
    const rest = 9999 - (octets.length - octets.indexOf("\r\n\r\n") - 4);
    const [message] = framer.push(Buffer.alloc(rest, 0x20));
    expect(message).toMatchObject({ method: "INVITE", body: { length: 9999 } });
  });

  it.each([
    ["§3.1.2.3", "ncl", "Content-Length: not a number"],
    ["§3.3.9", "mcl01", "Content-Length: appears more than once"],
    ["§3.4.1", "inv2543", "Content-Length: missing on a stream"],
  ])("%s %s: the framing is lost, the message itself can still be answered", (_, name, problem) => {
    const { framesBefore, message, statusCode } = framingError(tortureOctets(name));
    expect([message, statusCode]).toEqual([problem, 400]);
    expect(framesBefore).toHaveLength(1);
    expect((framesBefore[0] as SipRequest).flaw?.message).toBe(problem);
  });
});

describe("RFC 4475 over TCP", () => {
  const open: Array<() => unknown> = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((close) => close()));
  });

  async function answersOverTcp(octets: Uint8Array): Promise<number[]> {
    const core = new UasCore({ methods: { MESSAGE: (transaction) => transaction.reply(200) } });
    const server = await SipEndpoint.open({
      listen: [{ transport: "TCP", address: "127.0.0.1", port: 0 }],
      onRequest: (transaction) => core.handle(transaction),
    });
    open.push(() => server.close());
    const socket = connect({ host: "127.0.0.1", port: server.listening[0]?.port ?? 0 });
    open.push(() => socket.destroy());
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    const closed = once(socket, "close");
    socket.write(octets);
    await closed;
    const all = Buffer.concat(chunks);
    return all.length === 0
      ? []
      : [decodeMessage(all)].map((message) => (message.kind === "response" ? message.statusCode : 0));
  }

  it.each([
    ["§3.1.2.3 ncl", "ncl"],
    ["§3.3.9 mcl01", "mcl01"],
  ])("%s: is answered 400, and the connection is closed", async (_, name) => {
    expect(await answersOverTcp(tortureOctets(name))).toEqual([400]);
  });

  it("A.1 test: no SIP, so the connection is closed without an answer", async () => {
    expect(await answersOverTcp(tortureOctets("test"))).toEqual([]);
  });
});
