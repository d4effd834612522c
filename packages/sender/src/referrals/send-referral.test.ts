import { createRequest, newTag, paramValue, type ResponseInit, type SipRequest, type SipResponse } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PushHandset } from "../../../../test/support/push-handset.ts";
import { BOB, SenderRig } from "../../../../test/support/sender-rig.ts";
import type { PushSender } from "../push-sender.ts";
import type { ReferOptions, ReferOutcome } from "./index.ts";

const TAG = "handset";
const EVENT = { applicationIds: ["push.syncml"] };

let rig: SenderRig;
let handset: PushHandset;
let sender: PushSender;

beforeEach(async () => {
  rig = new SenderRig();
  handset = await PushHandset.open(rig);
  sender = await rig.open();
  handset.answer = () => accepted();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const accepted = (headers: ResponseInit["headers"] = []): readonly [number, ResponseInit] => [
  202,
  { toTag: TAG, headers },
];

const refer = (options: Partial<ReferOptions & { target: string }> = {}): Promise<ReferOutcome> =>
  sender.refer(BOB, { event: EVENT, ...options });

interface Told {
  readonly status?: string;
  readonly state?: string;
  readonly cseq?: number;
  readonly tag?: string;
  readonly callId?: string;
  readonly toTag?: string;
  readonly event?: string;
  readonly contentType?: string;
}

/** A NOTIFY of the handset about the reference. */
function tell(told: Told = {}): Promise<SipResponse> {
  const request = handset.of("REFER").at(-1) as SipRequest;
  const { status = "200 OK", state = "terminated;reason=noresource", cseq = 1, tag = TAG } = told;
  const { callId = request.callId, toTag = paramValue(request.from.params, "tag") ?? "", event = "refer" } = told;
  return handset.send(
    createRequest({
      method: "NOTIFY",
      requestUri: "sip:push-psi@192.0.2.1",
      from: BOB,
      to: "sip:push-psi@home.test",
      fromTag: tag,
      toTag,
      callId,
      cseq,
      headers: [
        ["Event", event],
        ["Subscription-State", state],
        ["Contact", handset.contact],
        ["Content-Type", told.contentType ?? "message/sipfrag;version=2.0"],
      ],
      body: Buffer.from(`SIP/2.0 ${status}\r\n`),
    }),
  );
}

describe("a REFER to subscribe (draft-mdolly-dispatch-oma-push §11.4)", () => {
  it("names this sender and the event, asks for no subscription (RFC 4488), and is accepted", async () => {
    handset.answer = () => accepted([["Refer-Sub", "false"]]);
    expect(await rig.clock.until(refer())).toEqual({ kind: "accepted", sipStatus: 202, result: null });
    const [request] = handset.of("REFER");
    expect(request?.headers.get("Refer-To")).toContain("<sip:push-psi@home.test;method=SUBSCRIBE?Event=oma-push%3B");
    expect(request?.headers.get("Refer-Sub")).toBe("false");
    expect(request?.headers.get("Supported")).toBe("norefersub");
    expect(request?.headers.get("Contact")).toMatch(/^<sip:push-psi@192\.0\.2\.1/);
    expect(request?.headers.get("P-Asserted-Identity")).toBe("<sip:push-psi@home.test>");
  });

  it("names another sender when told so", async () => {
    handset.answer = () => accepted([["Refer-Sub", "false"]]);
    await rig.clock.until(refer({ target: "sip:other@home.test" }));
    expect(handset.of("REFER")[0]?.headers.get("Refer-To")).toContain("<sip:other@home.test;method=SUBSCRIBE");
  });

  it.each([489, 403, 603, 302])("refused with %i is an outcome", async (statusCode) => {
    handset.answer = () => [statusCode];
    expect(await rig.clock.until(refer({ report: true }))).toMatchObject({ kind: "refused", sipStatus: statusCode });
  });

  it("without an answer is a failure that may pass", async () => {
    handset.answer = () => undefined;
    expect(await rig.clock.until(refer())).toMatchObject({ kind: "failed", code: "SIP_TIMEOUT", retryable: true });
  });

  it.each([
    ["bob", {}, "PUSH_BAD_RECIPIENT"],
    [BOB, { target: "tel:+1" }, "PUSH_BAD_HEADER"],
    [BOB, { event: { applicationIds: [] } }, "PUSH_BAD_APPLICATION_ID"],
  ])("to %j with %j is refused before it is sent: %s", async (to, options, code) => {
    await expect(sender.refer(to, { event: EVENT, ...options })).rejects.toMatchObject({ code });
    expect(handset.seen).toEqual([]);
  });
});

describe("the report about a reference (RFC 3515 §2.4.4)", () => {
  it("is the final status in message/sipfrag, after provisional ones", async () => {
    const outcome = refer({ report: true });
    await rig.clock.advance(10);
    expect(handset.of("REFER")[0]?.headers.has("Refer-Sub")).toBe(false);
    expect((await tell({ status: "100 Trying", state: "active;expires=60" })).statusCode).toBe(200);
    expect((await tell({ status: "200 OK", cseq: 2 })).statusCode).toBe(200);
    expect(await rig.clock.until(outcome)).toEqual({
      kind: "accepted",
      sipStatus: 202,
      result: { sipStatus: 200, reason: "OK" },
    });
  });

  it("may say that the subscription was refused", async () => {
    const outcome = refer({ report: true });
    await rig.clock.advance(10);
    await tell({ status: "403 Forbidden" });
    expect(await rig.clock.until(outcome)).toMatchObject({ result: { sipStatus: 403, reason: "Forbidden" } });
  });

  it("may overtake the 202", async () => {
    const { promise: later, resolve } = Promise.withResolvers<readonly [number, ResponseInit]>();
    handset.answer = () => later;
    const outcome = refer({ report: true });
    await rig.clock.advance(10);
    await tell();
    resolve(accepted());
    expect(await rig.clock.until(outcome)).toMatchObject({ kind: "accepted", result: { sipStatus: 200 } });
  });

  it("that does not come in time leaves what is known", async () => {
    const outcome = refer({ report: true, reportTimeoutSeconds: 5 });
    await rig.clock.advance(10);
    await tell({ status: "100 Trying", state: "active" });
    expect(await rig.clock.until(outcome)).toMatchObject({ result: { sipStatus: 100, reason: "Trying" } });
    expect((await tell({ cseq: 2 })).statusCode).toBe(481);
  });

  it("does not come where the handset echoes Refer-Sub: false, though it was asked for", async () => {
    handset.answer = () => accepted([["Refer-Sub", "false"]]);
    expect(await rig.clock.until(refer({ report: true }))).toMatchObject({ kind: "accepted", result: null });
  });

  it("that comes although it was not asked for (Refer-Sub not echoed, RFC 4488 §4) is taken, and nobody waits", async () => {
    expect(await rig.clock.until(refer())).toEqual({ kind: "accepted", sipStatus: 202, result: null });
    expect((await tell()).statusCode).toBe(200);
    await rig.clock.advance(61_000);
  });

  it.each<[string, number, Told]>([
    ["of another dialog", 481, { callId: "other" }],
    ["with another tag of ours", 481, { toTag: newTag() }],
    ["of a second recipient", 481, { tag: "forked" }],
    ["about another package", 489, { event: "presence" }],
    ["with another content", 415, { contentType: "text/plain" }],
    ["that is no status line", 400, { status: "x" }],
    ["without Subscription-State", 400, { state: "" }],
  ])("%s is answered %i and changes nothing", async (_, statusCode, told) => {
    const outcome = refer({ report: true });
    await rig.clock.advance(10);
    expect((await tell({ status: "403 Forbidden", ...told })).statusCode).toBe(statusCode);
    expect((await tell()).statusCode).toBe(200);
    expect(await rig.clock.until(outcome)).toMatchObject({ result: { sipStatus: 200 } });
  });

  it("that is older than the last is answered 500 (RFC 3261 §12.2.2)", async () => {
    const outcome = refer({ report: true });
    await rig.clock.advance(10);
    await tell({ status: "100 Trying", state: "active", cseq: 7 });
    expect((await tell({ status: "403 Forbidden", cseq: 6 })).statusCode).toBe(500);
    await tell({ cseq: 8 });
    expect(await rig.clock.until(outcome)).toMatchObject({ result: { sipStatus: 200 } });
  });

  it("of one that has another tag than the 202 does not count, though it came first", async () => {
    const { promise: later, resolve } = Promise.withResolvers<readonly [number, ResponseInit]>();
    handset.answer = () => later;
    const outcome = refer({ report: true });
    await rig.clock.advance(10);
    await tell({ status: "100 Trying", state: "active", tag: "mallory", cseq: 9 });
    resolve(accepted());
    await rig.clock.advance(10);
    expect((await tell({ tag: "mallory", cseq: 10 })).statusCode).toBe(481);
    expect((await tell({ status: "404 Not Found" })).statusCode).toBe(200);
    expect(await rig.clock.until(outcome)).toMatchObject({ result: { sipStatus: 404 } });
  });

  it("is not waited for after the caller's signal, nor after the sender closed", async () => {
    const abort = new AbortController();
    const aborted = refer({ report: true, signal: abort.signal });
    const closed = refer({ report: true });
    await rig.clock.advance(10);
    abort.abort();
    expect(await aborted).toMatchObject({ kind: "accepted", result: { sipStatus: null } });
    await rig.clock.until(sender.close());
    expect(await closed).toMatchObject({ kind: "accepted", result: { sipStatus: null } });
  });
});
