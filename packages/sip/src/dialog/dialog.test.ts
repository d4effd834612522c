import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage, SipParseError, type SipRequest, type SipResponse } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import { contactOf, Dialog, type DialogState, dialogFromRequest, dialogFromResponse, dialogHeaders } from "./index.ts";

const flow = (transport: Flow["transport"]): Flow => ({
  transport,
  local: { address: "192.0.2.1", port: 5060 },
  remote: { address: "192.0.2.2", port: 5060 },
  open: true,
  peerNames: [],
  send: () => {},
  keepAlive: () => {},
  close: () => {},
});
const udp = flow("UDP");

const text = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
const usual = ["Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx", "Call-ID: c1", "CSeq: 7 SUBSCRIBE"];

function request(
  lines: readonly string[] = [],
  uri = "sip:bob@example.test",
  from = "Alice <sip:alice@a.test>;tag=f",
): SipRequest {
  const start = `SUBSCRIBE ${uri} SIP/2.0`;
  return decodeMessage(text([start, ...usual, `From: ${from}`, "To: <sip:bob@example.test>", ...lines])) as SipRequest;
}

function response(lines: readonly string[]): SipResponse {
  const head = ["SIP/2.0 200 OK", ...usual, "From: Alice <sip:alice@a.test>;tag=f", "To: <sip:bob@example.test>;tag=t"];
  return decodeMessage(text([...head, ...lines])) as SipResponse;
}

const contact = "Contact: <sip:bob@192.0.2.2;x=1>";
const routes = "Record-Route: <sip:p1.test;lr>, <sip:p2.test;lr>";

describe("a dialog of a UAC (RFC 3261 §12.1.2)", () => {
  it("has the reversed route set, the Contact as target, and our CSeq", () => {
    const { dialog } = dialogFromResponse(request(), response([contact, routes]), udp);
    expect(dialog?.state).toEqual({
      callId: "c1",
      localTag: "f",
      remoteTag: "t",
      localUri: '"Alice" <sip:alice@a.test>',
      remoteUri: "<sip:bob@example.test>",
      localSeq: 7,
      remoteSeq: null,
      routeSet: ["<sip:p2.test;lr>", "<sip:p1.test;lr>"],
      remoteTarget: "sip:bob@192.0.2.2;x=1",
      secure: false,
    } satisfies DialogState);
  });

  it.each([
    ["UDP", "sip:b@x", false],
    ["UDP", "sips:b@x", false],
    ["TLS", "sip:b@x", false],
    ["TLS", "sips:b@x", true],
  ] as const)("over %s to %s: secure is %s", (transport, uri, secure) => {
    const { dialog } = dialogFromResponse(request([], uri), response([contact]), flow(transport));
    expect(dialog?.state.secure).toBe(secure);
  });
});

describe("a dialog of a UAS (RFC 3261 §12.1.1)", () => {
  it("has the route set in order, and the peer's CSeq", () => {
    const { dialog } = dialogFromRequest(request([contact, routes]), "mine", udp);
    expect(dialog?.state).toMatchObject({
      localTag: "mine",
      remoteTag: "f",
      localUri: "<sip:bob@example.test>",
      localSeq: 0,
      remoteSeq: 7,
      routeSet: ["<sip:p1.test;lr>", "<sip:p2.test;lr>"],
    });
  });

  it("copies Record-Route into its answer, with our Contact", () => {
    expect(dialogHeaders(request([routes, "Record-Route: <sip:p3.test>"]), "<sip:me@x>")).toEqual([
      ["Record-Route", "<sip:p1.test;lr>, <sip:p2.test;lr>"],
      ["Record-Route", "<sip:p3.test>"],
      ["Contact", "<sip:me@x>"],
    ]);
  });

  it("takes a peer without a tag (RFC 2543)", () => {
    const { dialog } = dialogFromRequest(request([contact], undefined, "<sip:a@b>"), "mine", udp);
    expect(dialog?.request("NOTIFY").headers.get("To")).toBe("<sip:a@b>");
    expect(dialog?.holds("c1", "mine", undefined)).toBe(true);
  });
});

describe("what a peer must not send is a problem, not a throw", () => {
  it.each([
    [],
    ["Contact: *"],
    ["Contact: <tel:+1>"],
    ["Contact: <sip:a@b"],
    ["Contact: <sip:a@b>, <sip:c@d>"],
    ["Contact: <sip:a@b?Subject=x>"],
    [contact, "Record-Route: <sip:a"],
    [contact, "Record-Route: <http://a>"],
    [contact, `Record-Route: ${Array(31).fill("<sip:a;lr>").join(", ")}`],
  ])("%j %s", (...lines) => {
    expect(dialogFromRequest(request(lines), "t", udp).problem).toEqual(expect.any(String));
    expect(dialogFromResponse(request(), response(lines), udp).problem).toEqual(expect.any(String));
  });

  it("whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('<>sip:a@b;,="?*tel lr\\[]')), maxLength: 30 }),
        (value) => {
          const made = dialogFromRequest(request([`Contact: ${value}`, `Record-Route: ${value}`]), "t", udp);
          expect(made.dialog === undefined).toBe(made.problem !== undefined);
          made.dialog?.request("NOTIFY").encode();
        },
      ),
    );
  });
});

describe("requests within a dialog (RFC 3261 §12.2.1.1)", () => {
  const state: DialogState = {
    callId: "c1",
    localTag: "me",
    remoteTag: "you",
    localUri: "<sip:me@x>",
    remoteUri: "<sip:you@y>",
    localSeq: 41,
    remoteSeq: null,
    routeSet: [],
    remoteTarget: "sip:you@192.0.2.9",
    secure: false,
  };

  it.each<[string, readonly string[], string, readonly string[], string | undefined]>([
    ["without routes", [], "sip:you@192.0.2.9", [], undefined],
    ["through loose routers", ["<sip:a;lr>", "<sip:b>"], "sip:you@192.0.2.9", ["<sip:a;lr>", "<sip:b>"], undefined],
    [
      "through a strict router",
      ["<sip:a;method=INVITE;x?h=1>;y", "<sip:b;lr>"],
      "sip:a;x",
      ["<sip:b;lr>", "<sip:you@192.0.2.9>"],
      "a",
    ],
  ])("%s", (_, routeSet, requestUri, route, hop) => {
    const dialog = new Dialog({ ...state, routeSet });
    const made = dialog.request("NOTIFY", { headers: [["Subject", "ü"]], body: new Uint8Array([1, 2]) });
    expect([made.requestUri, made.headers.list("Route"), dialog.strictHop?.host]).toEqual([requestUri, route, hop]);
    const names = ["From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards"];
    expect(names.map((name) => made.headers.get(name))).toEqual([
      "<sip:me@x>;tag=me",
      "<sip:you@y>;tag=you",
      "c1",
      "42 NOTIFY",
      "2",
      "70",
    ]);
    dialog.skip(2);
    expect(dialog.request("NOTIFY").cseq.seq).toBe(45);
  });

  it("one that cannot be made uses no number", () => {
    const dialog = new Dialog(state);
    expect(() => dialog.request("NOTIFY", { headers: [["X", "a\nb"]] })).toThrow(SipParseError);
    expect(dialog.localSeq).toBe(41);
  });

  it("goes on from its state as JSON", () => {
    const dialog = new Dialog({ ...state, routeSet: ["<sip:a;lr>"] });
    dialog.request("NOTIFY");
    const copy = new Dialog(JSON.parse(JSON.stringify(dialog.state)) as DialogState);
    expect(copy.request("NOTIFY").headers.serialize()).toBe(dialog.request("NOTIFY").headers.serialize());
  });
});

describe("requests of the peer (RFC 3261 §12.2.2)", () => {
  const made = () => dialogFromRequest(request([contact]), "t", udp).dialog ?? expect.fail("no dialog");
  const numbered = (seq: number): SipRequest => {
    const next = request([contact]);
    next.headers.set("CSeq", `${seq} SUBSCRIBE`);
    return next;
  };

  it("with a lower number are old, with the same again, and gaps are no matter", () => {
    const dialog = made();
    expect([6, 7, 8, 100, 99, 100].map((seq) => dialog.receive(numbered(seq)))).toEqual([
      "old",
      "again",
      "new",
      "new",
      "old",
      "again",
    ]);
  });

  it("refresh the target (RFC 6665 §3.1, §3.2), unless their Contact is none", () => {
    const dialog = made();
    expect(dialog.refreshTarget(request(["Contact: <sip:new@z>"]))).toBeUndefined();
    expect(dialog.request("NOTIFY").requestUri).toBe("sip:new@z");
    expect(dialog.refreshTarget(request([]))).toBeUndefined();
    expect(dialog.refreshTarget(request(["Contact: *"]))).toEqual(expect.any(String));
    expect(dialog.remoteTarget).toBe("sip:new@z");
  });

  it("contactOf gives the URI as written", () => {
    expect(contactOf(request(["m: Bob <sip:%62ob@X>;q=1"]))).toBe("sip:%62ob@X");
  });
});
