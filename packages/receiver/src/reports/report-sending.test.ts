import { decodeCpim, decodeImdn, encodeCpim, imdnHeaders } from "@sip-push/bodies";
import { type RequestInit, responseTo } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, ReceiverRig } from "../../../../test/support/receiver-rig.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

/** A push in CPIM that asks for reports. */
function wrapped(messageId: string): Partial<RequestInit> {
  const content = { contentType: DS_TYPE, body: rig.notification() };
  const body = encodeCpim({ headers: imdnHeaders(messageId, ["positive-delivery", "negative-delivery"]), content });
  return { body, headers: [["Content-Type", "message/cpim"]] };
}

/** What the reports say, in order. */
const told = (): string[] =>
  rig.reports.map(({ body }) => {
    const { messageId, kind, status } = decodeImdn(decodeCpim(body).content.body);
    return `${messageId}: ${kind} ${status}`;
  });

describe("a delivery report on its way", () => {
  it("is tried again with growing pauses while the other side asks to come back, and then given up", async () => {
    rig.core = (request) => responseTo(request, 503);
    const receiver = await rig.open({ reports: { maxAttempts: 3, retryBaseMs: 1000 } });
    await rig.send(wrapped("m"));
    await rig.clock.advance(700);
    expect(rig.reports.length).toBe(1);
    await rig.clock.advance(100);
    expect(rig.reports.length).toBe(2);
    await rig.clock.advance(1600);
    expect(rig.reports.length).toBe(3);
    await rig.clock.advance(60_000);
    expect(rig.reports.length).toBe(3);
    expect(new Set(rig.reports.map(({ callId }) => callId)).size).toBe(1);
    expect(rig.reports.map(({ cseq }) => cseq.seq)).toEqual([1, 2, 3]);
    expect(receiver.reportStats).toEqual({ sent: 0, failed: 1, dropped: 0 });
  });

  it.each([404, 408, 430, 477, 480, 486, 500, 503, 504])("is tried again after %i", async (statusCode) => {
    rig.core = (request) => responseTo(request, rig.reports.length > 1 ? 200 : statusCode);
    const receiver = await rig.open();
    await rig.send(wrapped("m"));
    await rig.clock.advance(100);
    expect([rig.reports.length, receiver.reportStats.sent]).toEqual([1, 0]);
    await rig.clock.advance(2000);
    expect([rig.reports.length, receiver.reportStats.sent]).toEqual([2, 1]);
  });

  it("is tried again after no answer (Timer F), as the same report: one Call-ID, one Message-ID", async () => {
    const silentUntilMs = rig.clock.now() + 33_000;
    rig.core = (request) => (rig.clock.now() < silentUntilMs ? undefined : responseTo(request, 200));
    const receiver = await rig.open();
    await rig.send(wrapped("m"));
    await rig.clock.advance(100_000);
    expect(receiver.reportStats).toEqual({ sent: 1, failed: 0, dropped: 0 });
    const said = rig.reports.map(({ callId, body }) => `${callId} ${Buffer.from(body).toString("latin1")}`);
    expect(new Set(said).size).toBe(1);
    expect(new Set(rig.reports.map(({ cseq }) => cseq.seq)).size).toBe(2);
  });

  it.each([401, 403, 405, 415, 488, 603])("ends with a refusal, %i", async (statusCode) => {
    rig.core = (request) => responseTo(request, statusCode);
    const receiver = await rig.open();
    await rig.send(wrapped("m"));
    await rig.clock.advance(3_600_000);
    expect(rig.reports.length).toBe(1);
    expect(receiver.reportStats).toEqual({ sent: 0, failed: 1, dropped: 0 });
  });

  it("outlasts a core that is away for half an hour, and asks it a dozen times", async () => {
    const backMs = rig.clock.now() + 30 * 60_000;
    rig.core = (request) => responseTo(request, rig.clock.now() < backMs ? 480 : 200);
    const receiver = await rig.open();
    await rig.send(wrapped("m"));
    await rig.clock.advance(40 * 60_000);
    expect(receiver.reportStats).toEqual({ sent: 1, failed: 0, dropped: 0 });
    expect(rig.reports.length).toBeLessThan(20);
  });

  it("waits as long as Retry-After asks, though that is longer than our own pauses (RFC 3261 §20.33)", async () => {
    rig.core = (request) =>
      responseTo(request, rig.reports.length > 1 ? 200 : 480, { headers: [["Retry-After", "90"]] });
    const receiver = await rig.open({ reports: { retryMaxMs: 30_000 } });
    await rig.send(wrapped("m"));
    await rig.clock.advance(89_900);
    expect(rig.reports.length).toBe(1);
    await rig.clock.advance(200);
    expect(rig.reports.length).toBe(2);
    expect(receiver.reportStats).toEqual({ sent: 1, failed: 0, dropped: 0 });
  });

  it.each([
    ["the next try would be too late", { giveUpAfterMs: 10_000 }, "5"],
    ["Retry-After asks for too late a time", { giveUpAfterMs: 10_000 }, "11"],
    ["it was tried often enough", { maxAttempts: 1 }, "0"],
  ])("is given up at once when %s", async (_, reports, retryAfter) => {
    rig.core = (request) => responseTo(request, 480, { headers: [["Retry-After", retryAfter]] });
    const receiver = await rig.open({ reports });
    await rig.send(wrapped("m"));
    await rig.clock.advance(9000);
    expect(receiver.reportStats).toEqual({ sent: 0, failed: 1, dropped: 0 });
    const tries = rig.reports.length;
    await rig.clock.advance(3_600_000);
    expect([tries, rig.reports.length]).toEqual([retryAfter === "5" ? 2 : 1, tries]);
  });

  it("that failed is made anew when the push comes again: its sender is still waiting", async () => {
    rig.core = (request) => responseTo(request, rig.reports.length > 1 ? 200 : 480);
    const receiver = await rig.open({ reports: { maxAttempts: 1 } });
    for (const cseq of [1, 2, 3]) {
      await rig.send({ ...wrapped("m"), cseq });
      await rig.clock.advance(100);
    }
    expect(rig.reports.length).toBe(2);
    expect(receiver.reportStats).toEqual({ sent: 1, failed: 1, dropped: 0 });
  });

  it("that waits gives way to a new one where there are too many, the oldest first", async () => {
    const away = new Set(["m-1", "m-2"]);
    rig.core = (request) => {
      const { messageId } = decodeImdn(decodeCpim(request.body).content.body);
      return responseTo(request, away.has(messageId) ? 480 : 200);
    };
    const receiver = await rig.open({ reports: { maxPending: 2 } });
    for (const id of ["m-1", "m-2", "m-3"]) {
      await rig.send(wrapped(id));
      await rig.clock.advance(100);
    }
    expect(receiver.reportStats).toEqual({ sent: 1, failed: 0, dropped: 1 });
    away.clear();
    await rig.clock.advance(10_000);
    expect(receiver.reportStats).toEqual({ sent: 2, failed: 0, dropped: 1 });
    expect(told().at(-1)).toBe("m-2: delivery delivered");
  });

  it("has a limit on how many wait; more are dropped and counted, and the push is taken all the same", async () => {
    rig.core = () => undefined;
    const receiver = await rig.open({ reports: { maxPending: 2 } });
    for (let i = 0; i < 4; i++) expect((await rig.send(wrapped(`m-${i}`))).statusCode).toBe(200);
    expect(receiver.reportStats).toEqual({ sent: 0, failed: 0, dropped: 2 });
  });

  it("holds a close up for less than a second", async () => {
    rig.core = () => undefined;
    const receiver = await rig.open();
    await rig.send(wrapped("m"));
    const before = rig.clock.now();
    await rig.clock.until(receiver.close());
    expect(rig.clock.now() - before).toBeLessThan(1000);
    expect(receiver.reportStats).toEqual({ sent: 0, failed: 0, dropped: 1 });
  });

  it("lets a report that is under way arrive before it closes", async () => {
    const receiver = await rig.open();
    await rig.send(wrapped("m"));
    await rig.clock.until(receiver.close());
    expect(receiver.reportStats).toEqual({ sent: 1, failed: 0, dropped: 0 });
  });
});
