import { describe, expect, it } from "vitest";
import { decodeMessage } from "./decode.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { isSound, rejectionOf } from "./validate.ts";

const fields = {
  Via: "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
  "Max-Forwards": "70",
  From: "<sip:a@example.com>;tag=1",
  To: "<sip:b@example.com>",
  "Call-ID": "1@h",
  CSeq: "1 MESSAGE",
  "Content-Type": "text/plain",
  "Content-Length": "0",
};

/** A message with some fields changed; `undefined` leaves one out, a list writes it several times. */
function octets(startLine: string, changes: Record<string, string | string[] | undefined>): Buffer {
  const lines = Object.entries<string | string[] | undefined>({ ...fields, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}`),
  );
  return Buffer.from([startLine, ...lines, "", ""].join("\r\n"), "latin1");
}

const request = (changes: Record<string, string | string[] | undefined>, uri = "sip:b@example.com"): SipRequest =>
  decodeMessage(octets(`MESSAGE ${uri} SIP/2.0`, changes)) as SipRequest;
const response = (changes: Record<string, string | string[] | undefined>): SipResponse =>
  decodeMessage(octets("SIP/2.0 200 OK", changes)) as SipResponse;

describe("requests no core should see (RFC 3261 §8.1.1, §8.2)", () => {
  it.each([
    ["as it should be", {}],
    [
      "without what may be missing",
      { "Max-Forwards": undefined, "Content-Type": undefined, "Content-Length": undefined },
    ],
    ["without From tag and branch, as RFC 2543 senders do", { From: "sip:a@h", Via: "SIP/2.0/UDP h" }],
    ["with expiry far away", { Expires: "99999999999" }],
    [
      "with contacts and routes",
      { Contact: ["<sip:a@h>;q=1, sip:c@h", "*"], Route: "<sip:p;lr>, <sip:q;lr>", "Record-Route": "<sip:r>" },
    ],
    ["with a Contact of another scheme", { Contact: "<urn:x:y>" }],
    ["with a bad date, which is nobody's business here", { Date: "now" }],
    ["with a bad Via below the top", { Via: ["SIP/2.0/UDP h", "bad"] }],
  ])("one %s is sound", (_, changes) => expect(rejectionOf(request(changes))).toBeUndefined());

  it.each(["Via", "To", "From", "CSeq", "Call-ID"])("one without %s is refused 400", (name) => {
    expect(rejectionOf(request({ [name]: undefined }))).toEqual({ statusCode: 400, problem: `${name}: missing` });
    expect(isSound(response({ [name]: undefined }))).toBe(false);
  });

  it.each(["To", "From", "CSeq", "Call-ID", "Max-Forwards", "Content-Type", "Content-Length", "Expires"] as const)(
    "one with %s twice is refused 400",
    (name) => {
      const value = name === "Expires" ? "1" : fields[name];
      expect(rejectionOf(request({ [name]: [value, value] }))).toEqual({
        statusCode: 400,
        problem: `${name}: appears more than once`,
      });
      expect(isSound(response({ [name]: [value, value] }))).toBe(false);
    },
  );

  it.each([
    ["Via", "bad"],
    ["Via", ""],
    ["From", "bad"],
    ["From", "<sip:a@h>;tag=1;tag=2"],
    ["To", "<sip:>"],
    ["CSeq", "1"],
    ["CSeq", "1 OPTIONS"],
    ["CSeq", "1 message"],
    ["Call-ID", ""],
    ["Call-ID", "a b"],
    ["Max-Forwards", "256"],
    ["Max-Forwards", "-1"],
    ["Content-Type", "text"],
    ["Expires", "soon"],
    ["Contact", "bad"],
    ["Contact", "<sip:a@h>,"],
    ["Route", "<sip:p>, bad"],
    ["Record-Route", "bad"],
  ])("one with %s: %s is refused 400, and the problem names the field", (name, value) => {
    const rejection = rejectionOf(request({ [name]: value }));
    expect([rejection?.statusCode, rejection?.problem.split(":")[0]]).toEqual([400, name]);
  });

  it.each(["bad", "<sip:b@h>", "sip:b@h?Subject=x", "sip:b@h:99999", "sip:"])("one to %s is refused 400", (uri) => {
    expect(rejectionOf(request({}, uri))?.problem).toMatch(/^Request-URI: /);
  });

  it("one of another scheme or version is for the core, or 505", () => {
    expect(rejectionOf(request({}, "urn:service:sos"))).toBeUndefined();
    const other = decodeMessage(octets("MESSAGE sip:b@h SIP/3.0", {})) as SipRequest;
    expect(rejectionOf(other)).toEqual({ statusCode: 505, problem: "SIP-Version: not SIP/2.0" });
  });
});

describe("responses", () => {
  it("are sound without what only requests need", () => {
    expect(isSound(response({ "Max-Forwards": undefined, CSeq: "1 ANY", Contact: "bad" }))).toBe(true);
  });

  it("are dropped when a field that matters is bad", () => {
    for (const [name, value] of Object.entries({ Via: "bad", From: "bad", To: "<", CSeq: "x", "Call-ID": "" })) {
      expect(isSound(response({ [name]: value }))).toBe(false);
    }
  });
});
