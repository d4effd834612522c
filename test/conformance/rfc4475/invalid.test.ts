import { decodeMessage, isSound, parseSipDate, rejectionOf, SipRequest, SipResponse } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { titleOf, tortureMessages, tortureOctets } from "./messages.ts";

function request(octets: Uint8Array): SipRequest {
  const message = decodeMessage(octets);
  if (!(message instanceof SipRequest)) throw new Error("no request");
  return message;
}

const edited = (name: string, from: string | RegExp, to: string): Buffer =>
  Buffer.from(tortureOctets(name).toString("latin1").replace(from, to), "latin1");

/** What the message level answers, and the part that its reason names. RFC 4475 §3.1.2, §3.3. */
const rejections: Readonly<Record<string, readonly [statusCode: number, field: string]>> = {
  badinv01: [400, "Via"],
  clerr: [400, "Content-Length"],
  ncl: [400, "Content-Length"],
  scalar02: [400, "CSeq"],
  quotbal: [400, "To"],
  ltgtruri: [400, "Request-URI"],
  lwsruri: [400, "Request-Line"],
  lwsstart: [400, "Request-Line"],
  trws: [400, "Request-Line"],
  escruri: [400, "Request-URI"],
  regbadct: [400, "Contact"],
  badaspec: [400, "To"],
  // In the archive it also lacks the empty line.
  baddn: [400, "message"],
  badvers: [505, "SIP-Version"],
  mismatch01: [400, "CSeq"],
  // 501 would do too, for a server that knows the method to be unknown.
  mismatch02: [400, "CSeq"],
  insuf: [400, "To"],
  multi01: [400, "To"],
  mcl01: [400, "Content-Length"],
};

describe("RFC 4475 §3.1.2, §3.3: requests that no core sees", () => {
  const named = tortureMessages.filter(({ name }) => rejections[name] !== undefined);
  it.each(named.map((message) => [titleOf(message), message.name] as const))("%s", (_, name) => {
    const [statusCode, field] = rejections[name] as readonly [number, string];
    const rejection = rejectionOf(request(tortureOctets(name)));
    expect([rejection?.statusCode, rejection?.problem.split(":")[0]]).toEqual([statusCode, field]);
  });

  it("§3.1.2.3: Content-Length: five", () => {
    expect(rejectionOf(request(edited("ncl", "-999", "five")))).toMatchObject({ statusCode: 400 });
  });

  it("§3.1.2.4: each overlarge value alone: CSeq and Max-Forwards are errors, expiry is the largest there is", () => {
    const good = { cseq: "CSeq: 8 REGISTER", maxForwards: "Max-Forwards: 70" };
    const onlyCSeq = request(edited("scalar02", "Max-Forwards: 300", good.maxForwards));
    expect(rejectionOf(onlyCSeq)?.problem).toContain("CSeq");
    const withoutCSeq = tortureOctets("scalar02")
      .toString("latin1")
      .replace(/CSeq: .*/, good.cseq);
    expect(rejectionOf(request(Buffer.from(withoutCSeq, "latin1")))?.problem).toContain("Max-Forwards");
    const onlyExpiry = withoutCSeq.replace("Max-Forwards: 300", good.maxForwards);
    expect(rejectionOf(request(Buffer.from(onlyExpiry, "latin1")))).toBeUndefined();
  });

  it("§3.1.2.7-11: what is wrong in the Request-URI is named, and the rest of the request is there to answer with", () => {
    for (const name of ["ltgtruri", "lwsruri", "lwsstart", "trws", "escruri"]) {
      const message = request(tortureOctets(name));
      expect([name, message.method, message.callId.split(".")[0]]).toEqual([
        name,
        name === "trws" ? "OPTIONS" : "INVITE",
        name,
      ]);
    }
  });

  it("§3.1.2.12 baddate: another time zone does not spoil the request, only its Date", () => {
    const message = request(tortureOctets("baddate"));
    expect(rejectionOf(message)).toBeUndefined();
    const date = message.headers.get("Date") ?? "";
    expect([date, parseSipDate(date)]).toEqual(["Fri, 01 Jan 2010 16:00:00 EST", undefined]);
    expect(parseSipDate(date.replace("EST", "GMT"))).toEqual(new Date("2010-01-01T16:00:00Z"));
    for (const zone of ["UT", "UTC", "UCT"]) expect(parseSipDate(date.replace("EST", zone))).toBeUndefined();
  });

  it("§3.1.2.14 badaspec: without the blanks it is sound", () => {
    expect(
      rejectionOf(request(edited("badaspec", "< sip:t.watson@example.org >", "<sip:t.watson@example.org>"))),
    ).toBeUndefined();
  });

  it("§3.1.2.15 baddn: with its empty line, the display name is what is wrong; quoted, nothing is", () => {
    const ended = `${tortureOctets("baddn").toString("latin1")}\r\n`;
    expect(rejectionOf(request(Buffer.from(ended, "latin1")))?.problem).toBe("To: display name must be quoted");
    const quoted = ended.replace("Bell, Alexander", '"Bell, Alexander"').replace("Watson, Thomas", '"Watson, Thomas"');
    expect(rejectionOf(request(Buffer.from(quoted, "latin1")))).toBeUndefined();
  });

  it("§3.1.2.16 badvers: the Via of that version can be read, so that the 505 finds its way", () => {
    expect(request(tortureOctets("badvers")).via).toMatchObject({
      version: "7.0",
      transport: "UDP",
      host: "c.example.com",
    });
  });

  it("§3.3.8 multi01: each field that stands twice is reason enough", () => {
    const text = tortureOctets("multi01").toString("latin1");
    const doubled = [
      "Max-Forwards: 5",
      "CSeq: 59 INVITE",
      "Call-ID: multi01.98asdh@192.0.2.2",
      "To: sip:other@example.net",
    ];
    doubled.push("From: sip:caller@example.net;tag=2923420123");
    const single = doubled.reduce((rest, line) => rest.replace(`${line}\r\n`, ""), text);
    expect(rejectionOf(request(Buffer.from(single, "latin1")))).toBeUndefined();
    for (const line of doubled) {
      const again = single.replace("\r\n", `\r\n${line}\r\n`);
      expect(rejectionOf(request(Buffer.from(again, "latin1")))).toEqual({
        statusCode: 400,
        problem: `${line.split(":")[0]}: appears more than once`,
      });
    }
  });
});

describe("RFC 4475 §3.1.2: responses that are dropped", () => {
  it("§3.1.2.5 scalarlg: an overlarge CSeq", () => {
    const message = decodeMessage(tortureOctets("scalarlg"));
    expect([message instanceof SipResponse, isSound(message as SipResponse)]).toEqual([true, false]);
    const smaller = edited("scalarlg", "9292394834772304023312", "92923");
    expect(isSound(decodeMessage(smaller) as SipResponse)).toBe(true);
  });

  it("§3.1.2.19 bigcode: a status code larger than 699", () => {
    expect(() => decodeMessage(tortureOctets("bigcode"))).toThrow(/Status-Line/);
    for (const code of ["700", "099", "20", "2000", "-200"]) {
      expect(() => decodeMessage(edited("bigcode", "4294967301", code))).toThrow(/Status-Line/);
    }
  });
});

it("A.1 test: a Request-Line without SIP-Version is no SIP", () => {
  expect(() => decodeMessage(tortureOctets("test"))).toThrow(/Request-Line/);
});
