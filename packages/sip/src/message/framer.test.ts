import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Frame, type FramerRole, FramingError, StreamFramer } from "./framer.ts";
import { SipRequest } from "./message.ts";

const request = (name: string, body = "", length = String(body.length)): string =>
  `MESSAGE sip:b@h SIP/2.0\r\nCall-ID: ${name}\r\nl: ${length}\r\n\r\n${body}`;
const show = (frame: Frame): string =>
  typeof frame === "string" ? frame : `${frame.callId}:${Buffer.from(frame.body).toString("latin1")}`;

function push(framer: StreamFramer, ...chunks: ReadonlyArray<string | Uint8Array>): string[] {
  return chunks
    .flatMap((chunk) => framer.push(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk))
    .map(show);
}

function lost(framer: StreamFramer, text: string): FramingError {
  try {
    framer.push(Buffer.from(text, "latin1"));
  } catch (error) {
    if (error instanceof FramingError) return error;
  }
  throw new Error("the framing was not lost");
}

describe("cutting a stream into messages (RFC 3261 §18.3)", () => {
  const stream = [request("1"), "\r\n\r\n", request("2", "body\r\n\r\nMESSAGE"), request("3", "\0\x80\xff")].join("");
  const frames = ["1:", "ping", "2:body\r\n\r\nMESSAGE", "3:\0\x80\xff"];

  it("many in one chunk", () => expect(push(new StreamFramer(), stream)).toEqual(frames));

  it("one octet each", () => {
    const framer = new StreamFramer(undefined, "acceptor");
    expect(push(framer, ...stream)).toEqual(frames);
    expect(framer.pendingBytes).toBe(0);
  });

  it("split at each octet", () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(push(new StreamFramer(undefined, "acceptor"), stream.slice(0, at), stream.slice(at))).toEqual(frames);
    }
  });

  it("gives the same for any chunks (acceptor)", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
        const bounds = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const chunks = bounds.slice(1).map((end, i) => stream.slice(bounds[i], end));
        expect(push(new StreamFramer(undefined, "acceptor"), ...chunks)).toEqual(frames);
      }),
    );
  });

  it("bodies that were given out stay as they are when more comes", () => {
    const framer = new StreamFramer();
    const text = request("1", "first") + request("2", "second");
    const out: Frame[] = [];
    for (const octet of Buffer.from(text + text)) out.push(...framer.push(Uint8Array.of(octet)));
    expect(out.map(show)).toEqual(["1:first", "2:second", "1:first", "2:second"]);
  });

  it("the body of a message that came whole is a view of the chunk", () => {
    const chunk = Buffer.from(request("1", "body"));
    const [message] = new StreamFramer().push(chunk);
    expect((message as SipRequest).body.buffer).toBe(chunk.buffer);
  });

  it("a body in small chunks costs no more than its length", () => {
    const framer = new StreamFramer();
    push(framer, request("1", "", "1000000"));
    const chunk = Buffer.alloc(10, 0x61);
    for (let i = 1; i < 100_000; i++) expect(framer.push(chunk)).toHaveLength(0);
    expect(framer.pendingBytes).toBeGreaterThan(999_990);
    expect((framer.push(chunk)[0] as SipRequest).body).toHaveLength(1_000_000);
    expect(framer.pendingBytes).toBe(0);
  });

  it("a head in single octets costs no more than its length", () => {
    const framer = new StreamFramer();
    const text = request("x".repeat(60_000), "body");
    expect(push(framer, ...text)).toEqual([`${"x".repeat(60_000)}:body`]);
  });
});

describe("keep-alives (RFC 5626 §3.5.1, §4.4.1)", () => {
  const cases: ReadonlyArray<readonly [role: FramerRole, chunks: string[], frames: string[]]> = [
    ["opener", ["\r\n"], ["pong"]],
    ["opener", ["\r", "\n"], ["pong"]],
    ["opener", ["\r\n\r\n"], ["ping"]],
    ["opener", [`\r\n${request("1")}\r\n`], ["pong", "1:", "pong"]],
    ["opener", ["\r\n\r", "\n"], ["ping"]],
    ["opener", ["\r\n", "\r\n"], ["pong", "pong"]],
    ["acceptor", ["\r\n\r\n"], ["ping"]],
    ["acceptor", ["\r\n", "\r\n"], ["ping"]],
    ["acceptor", ["\r", "\n", "\r", "\n"], ["ping"]],
    ["acceptor", ["\r\n"], []],
    ["acceptor", ["\r\n", request("1")], ["1:"]],
    ["acceptor", [`\r\n\r\n\r\n${request("1")}`], ["ping", "1:"]],
    ["acceptor", [request("1"), "\r\n\r\n\r\n\r\n"], ["1:", "ping", "ping"]],
  ];
  it.each(cases)("%s: %j is %j", (role, chunks, frames) =>
    expect(push(new StreamFramer(undefined, role), ...chunks)).toEqual(frames),
  );
});

describe("a stream that lost its framing", () => {
  it.each([
    ["no SIP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SIP_BAD_START_LINE", 0],
    ["a Status-Line that is none", "SIP/2.0 99 x\r\nl: 0\r\n\r\n", "SIP_BAD_START_LINE", 0],
    ["no Content-Length", "MESSAGE sip:b@h SIP/2.0\r\nCall-ID: 2\r\n\r\n", "SIP_BAD_LENGTH", 1],
    ["a Content-Length that is no number", request("2", "", "five"), "SIP_BAD_LENGTH", 1],
    ["a negative one", request("2", "", "-1"), "SIP_BAD_LENGTH", 1],
    ["two of them", request("2", "", "0\r\nContent-Length: 0"), "SIP_BAD_LENGTH", 1],
    ["a body past the limit", request("2", "", "11"), "SIP_TOO_LARGE", 1],
    ["a head past the limit", request("2".repeat(300)), "SIP_TOO_LARGE", 0],
    ["a head past the limit that is not there yet", `MESSAGE ${"x".repeat(300)}`, "SIP_TOO_LARGE", 0],
    ["too many fields", request("2\r\na: 1\r\na: 1\r\na: 1\r\na: 1"), "SIP_TOO_LARGE", 0],
  ])("by %s: the frames before are there, and the message itself when it could be read", (_, text, code, itself) => {
    const framer = new StreamFramer({ maxHeadBytes: 200, maxBodyBytes: 10, maxHeaders: 5 });
    const error = lost(framer, request("1", "ok") + text);
    expect([error.code, error.retryable]).toEqual([code, false]);
    expect(error.framesBefore.slice(0, 1).map(show)).toEqual(["1:ok"]);
    expect(error.framesBefore).toHaveLength(1 + itself);
    const last = error.framesBefore[1];
    if (itself === 1) expect(last instanceof SipRequest && last.flaw?.code).toBe(code);
  });

  it("a message with another flaw keeps its framing", () => {
    const [flawed, next] = new StreamFramer().push(
      Buffer.from(`MESSAGE  sip:b@h SIP/2.0\r\nl: 2\r\n\r\nab${request("2")}`),
    );
    expect([
      (flawed as SipRequest).flaw?.field,
      Buffer.from((flawed as SipRequest).body).toString(),
      show(next as Frame),
    ]).toEqual(["Request-Line", "ab", "2:"]);
  });
});
