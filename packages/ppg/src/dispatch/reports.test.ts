import {
  createRequest,
  parseUri,
  RequestSender,
  SipEndpoint,
  type SipRequest,
  type SipUri,
  silentLogger,
} from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";
import type { PushSubmission } from "../store/types.ts";
import { StoreReportBook } from "./report-book.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const confirmed: Partial<PushSubmission> = { deliveryMethod: "confirmed" };
const preferred: Partial<PushSubmission> = { deliveryMethod: "preferconfirmed" };

/** A delivery report (RFC 5438 §7.2.1), bare as some peers write it. */
function report(messageId: string, status = "delivered", from = "sip:bob@192.0.2.2") {
  const body = `<?xml version="1.0" encoding="UTF-8"?><imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${messageId}</message-id><datetime>2026-01-01T00:00:00Z</datetime><delivery-notification><status><${status}/></status></delivery-notification></imdn>`;
  return { from, body: Buffer.from(body), headers: [["Content-Type", "message/imdn+xml"]] as const };
}

/** Opens a peer that sends reports to a node, and gives the answer's status code. */
async function reporter(): Promise<(init: ReturnType<typeof report>, node?: string) => Promise<number>> {
  const endpoint = await SipEndpoint.open({
    listen: [{ transport: "UDP", address: "192.0.2.9", port: 5060 }],
    clock: rig.clock,
    open: rig.network.open,
    onRequest: () => {},
  });
  rig.closeLater(() => endpoint.close());
  const sender = new RequestSender({ endpoint });
  return async (init, node = "192.0.2.1") => {
    const request = createRequest({ method: "MESSAGE", requestUri: `sip:ppg@${node}`, ...init });
    const outcome = await rig.clock.untilSettled(sender.send(request, { nextHop: parseUri(`sip:${node}`) as SipUri }));
    if (outcome.kind === "failure") throw new Error(outcome.code);
    return outcome.response.statusCode;
  };
}

const asksReport = (request: SipRequest | undefined): boolean =>
  Buffer.from(request?.body ?? [])
    .toString()
    .includes("imdn.Disposition-Notification");

describe("a delivery report", () => {
  it("whose commit lost its answer is taken, and told once", async () => {
    await rig.handset(() => [200]);
    const { watched } = await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    let faults = 1;
    watched.fault = (method) => (method === "advance" && faults-- > 0 ? "after" : undefined);
    expect(await send(report(callId))).toBe(200);
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ papCode: 1000 });
    expect(rig.told("p1").slice(2)).toEqual(["waiting-report>delivered"]);
  });

  it("is asked for, and waited for after the response, and is the last word", async () => {
    await rig.handset(() => [200]);
    await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId, papCode } = await rig.untilTold("p1", "waiting-report");
    expect(papCode).toBe(1001);
    expect(asksReport(rig.seen[0])).toBe(true);
    expect(await send(report(callId))).toBe(200);
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ papCode: 1000, sipStatus: 200, attempts: 1 });
    expect(rig.told("p1")).toEqual(["pending>sending", "sending>waiting-report", "waiting-report>delivered"]);
  });

  it.each([
    ["failed", "undeliverable", 5000],
    ["forbidden", "unknown", 1001],
    ["error", "unknown", 4000],
  ])("%s: %s", async (status, state, papCode) => {
    await rig.handset(() => [202]);
    await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], preferred);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    await send(report(callId, status));
    expect(await rig.untilTold("p1", state)).toMatchObject({ papCode });
  });

  it.each([
    ["forbidden", preferred, "delivered", 1000],
    ["error", preferred, "delivered", 1000],
    ["forbidden", confirmed, "unknown", 1001],
    ["error", confirmed, "unknown", 4000],
  ])("%s, of a handset that has answered 200 to %o: %s", async (status, method, state, papCode) => {
    await rig.handset(() => [200]);
    await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], method);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    await send(report(callId, status));
    const reason = `the delivery report says ${status}`;
    expect(await rig.untilTold("p1", state)).toMatchObject({ papCode, reason: expect.stringContaining(reason) });
  });

  it("may come before the response: the response changes nothing then", async () => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset(() => held.promise);
    await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "sending");
    expect(await send(report(callId))).toBe(200);
    expect((await rig.delivery("p1")).state).toBe("delivered");
    held.resolve([480]);
    await rig.clock.advance(1000);
    expect((await rig.delivery("p1")).state).toBe("delivered");
    expect(rig.told("p1")).toEqual(["pending>sending", "sending>delivered"]);
  });

  it("may come while the push waits to be tried again: it is not", async () => {
    await rig.handset(() => [480]);
    await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "retry-wait");
    await send(report(callId));
    expect((await rig.delivery("p1")).state).toBe("delivered");
    await rig.clock.advance(3_600_000);
    expect(rig.seen).toHaveLength(1);
  });

  it("counts at another node, and after a restart: nothing of it is in memory", async () => {
    await rig.handset(() => [200]);
    const first = await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    await first.kill();
    await rig.node({ owner: "ppg-2", address: "192.0.2.11" });
    expect(await send(report(callId), "192.0.2.11")).toBe(200);
    expect((await rig.delivery("p1")).state).toBe("delivered");
  });

  it("that is forged is ignored and counted: another reporter, another id", async () => {
    await rig.handset(() => [200]);
    const { sender } = await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    expect(await send(report(callId, "failed", "sip:mallory@192.0.2.2"))).toBe(200);
    expect(await send(report("1.guessed"))).toBe(200);
    expect((await rig.delivery("p1")).state).toBe("waiting-report");
    await send(report(callId));
    await send(report(callId));
    expect(sender.reports).toMatchObject({ booked: 1, ignored: { foreign: 1, unknown: 1, duplicate: 1 } });
  });

  it("that the database cannot take now is asked for again (503)", async () => {
    await rig.handset(() => [200]);
    const { watched } = await rig.node();
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    watched.fault = (method) => (method === "advance" ? "before" : undefined);
    expect(await send(report(callId))).toBe(503);
    watched.fault = () => undefined;
    expect(await send(report(callId))).toBe(200);
    expect((await rig.delivery("p1")).state).toBe("delivered");
  });

  it("that is not told, although it is committed, is named in the log", async () => {
    const lines: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void lines.push(fields) };
    const observe = (): never => {
      throw new Error("out of order");
    };
    const reportBook = new StoreReportBook({ store: rig.store, clock: rig.clock, observe, logger });
    await rig.handset(() => [200]);
    await rig.node({ sender: { reportBook } });
    const send = await reporter();
    await rig.submit("p1", ["bob"], confirmed);
    const { callId } = await rig.untilTold("p1", "waiting-report");
    expect(await send(report(callId))).toBe(200);
    expect(lines).toEqual([{ err: expect.any(Error), pushId: "p1", callId }]);
  });

  it("of a real receiver closes the push", async () => {
    await rig.receiver({ trustedHops: ["192.0.2.1"] });
    await rig.node();
    await rig.submit("p1", ["bob"], confirmed);
    expect(await rig.untilTold("p1", "delivered", 60_000)).toMatchObject({
      reason: expect.stringContaining("delivered"),
    });
  });
});

describe("a report that does not come", () => {
  it.each([
    [200, confirmed, "unknown", 1001],
    [200, preferred, "delivered", 1000],
    [202, confirmed, "timeout", 4000],
    [202, preferred, "timeout", 4000],
  ])("after %d, %o: %s", async (statusCode, method, state, papCode) => {
    await rig.handset(() => [statusCode]);
    await rig.node({ dispatcher: { reportTimeoutSeconds: 20 } });
    await rig.submit("p1", ["bob"], method);
    await rig.untilTold("p1", "waiting-report");
    const acceptedAtMs = rig.clock.now();
    const delivery = await rig.untilTold("p1", state);
    expect(delivery).toMatchObject({ papCode, sipStatus: statusCode, attempts: 1 });
    expect(delivery.reason).toContain("no delivery report came");
    expect(rig.clock.now() - acceptedAtMs).toBeGreaterThanOrEqual(20_000);
    expect(rig.seen).toHaveLength(1);
  });

  it("of what a relay has stored (202) is waited for until deliver-before", async () => {
    await rig.handset(() => [202]);
    await rig.node({ dispatcher: { reportTimeoutSeconds: 20 } });
    const send = await reporter();
    const startMs = rig.clock.now();
    const deliverBeforeMs = rig.clock.wallMs + 600_000;
    for (const pushId of ["p1", "p2"]) await rig.submit(pushId, ["bob"], { ...confirmed, deliverBeforeMs });
    const { callId } = await rig.untilTold("p1", "waiting-report");
    await rig.clock.advance(300_000);
    expect(await send(report(callId))).toBe(200);
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ papCode: 1000 });
    expect(await rig.untilTold("p2", "timeout")).toMatchObject({ papCode: 4000, sipStatus: 202 });
    expect(rig.clock.now() - startMs).toBeGreaterThanOrEqual(600_000);
  });
});
