import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const retryAfter = (seconds: number) => ({ headers: [["Retry-After", String(seconds)]] as const });

describe("a push that is due", () => {
  it("is sent as it was submitted, and what became of it is written and told", async () => {
    await rig.handset(() => [200]);
    await rig.node();
    const [id] = await rig.submit("p1", ["bob"], {
      priority: "high",
      deliverBeforeMs: rig.clock.wallMs + 60_000,
      applicationData: {
        applicationId: "push.syncml",
        contentLanguage: "de",
        contentEncoding: null,
        traceparent: "00-1",
      },
    });
    const delivery = await rig.untilTold("p1", "delivered");
    expect(delivery).toMatchObject({
      state: "delivered",
      sipStatus: 200,
      papCode: 1000,
      reason: "200 OK",
      attempts: 1,
    });
    const [request] = rig.seen;
    expect(request?.callId).toBe(delivery.callId);
    expect(Buffer.from(request?.body ?? []).toString()).toBe("p1");
    const field = (name: string) => request?.headers.get(name);
    expect(field("Content-Type")).toBe("text/plain");
    expect(field("Content-Language")).toBe("de");
    expect(field("Priority")).toBe("urgent");
    expect(field("Expires")).toBe("60");
    expect(field("Accept-Contact")).toContain("push.syncml");
    expect(rig.told("p1")).toEqual(["pending>sending", "sending>delivered"]);
    const attempt = rig.events.find(({ event }) => event === "attempt");
    expect(attempt).toMatchObject({ delivery: id, attempt: 1, sipStatus: 200, via: "message", traceparent: "00-1" });
    const timeline = await rig.store.timeline(id ?? 0);
    expect(timeline.at(-1)).toMatchObject({ state: "delivered", owner: "ppg-1" });
    expect(timeline.at(-1)?.attemptStartedAtMs).not.toBeNull();
  });

  it("waits for deliver-after, with one timer, and asks the store no more often than needed", async () => {
    await rig.handset(() => [200]);
    const { watched } = await rig.node();
    await rig.submit("p1", ["bob"], { deliverAfterMs: rig.clock.wallMs + 5000 });
    await rig.clock.advance(4999);
    expect(rig.seen).toHaveLength(0);
    expect(watched.calls.get("claim")).toBeLessThan(6);
    await rig.clock.advance(10);
    expect(rig.seen).toHaveLength(1);
  });

  it("is not sent after deliver-before", async () => {
    await rig.handset(() => [200]);
    await rig.submit("p1", ["bob"], { deliverBeforeMs: rig.clock.wallMs + 1000 });
    await rig.clock.advance(2000);
    await rig.node();
    expect(await rig.untilTold("p1", "expired")).toMatchObject({ papCode: 2001, attempts: 0 });
    expect(rig.seen).toHaveLength(0);
    expect(rig.told("p1")).toEqual(["pending>expired"]);
  });

  it("that the sender cannot send ends at once, and is told why", async () => {
    await rig.node();
    await rig.submit("p1", ["tel:+49123"]);
    expect(await rig.untilTold("p1", "undeliverable")).toMatchObject({ papCode: 2002, sipStatus: null });
  });
});

describe("what an attempt makes of a delivery", () => {
  it.each([
    [200, "delivered", 1000],
    [202, "unknown", 1001],
    [403, "undeliverable", 2001],
    [404, "undeliverable", 2003],
    [488, "undeliverable", 2005],
    [487, "aborted", 5026],
    [603, "aborted", 5027],
  ])("%d: %s, %d, after one request", async (statusCode, state, papCode) => {
    await rig.handset(() => [statusCode]);
    await rig.node();
    await rig.submit("p1");
    expect(await rig.untilTold("p1", state)).toMatchObject({ sipStatus: statusCode, papCode, attempts: 1 });
    expect(rig.seen).toHaveLength(1);
  });

  it.each([
    [486, 5029, 1000],
    [503, 4001, 1000],
    [480, 5028, 60_000],
    [408, 4000, 5000],
  ])("%d: again later with the same Call-ID and From tag and a higher CSeq", async (statusCode, papCode, waitMs) => {
    await rig.handset((_, n) => (n === 0 ? [statusCode] : [200]));
    await rig.node();
    await rig.submit("p1");
    expect(await rig.untilTold("p1", "retry-wait")).toMatchObject({ sipStatus: statusCode, papCode });
    const failedAtMs = rig.clock.now();
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ attempts: 2 });
    expect(rig.clock.now() - failedAtMs).toBeGreaterThanOrEqual(waitMs);
    expect(rig.clock.now() - failedAtMs).toBeLessThan(waitMs + 1100);
    const [first, second] = rig.seen.map(
      ({ callId, from, cseq }) => [callId, from.params.get("tag"), cseq.seq] as const,
    );
    expect(second?.slice(0, 2)).toEqual(first?.slice(0, 2));
    expect(second?.[2]).toBeGreaterThan(first?.[2] ?? 0);
  });

  it("honours Retry-After, and gives up at deliver-before when that comes first", async () => {
    await rig.handset((_, n) => (n === 0 ? [503, retryAfter(120)] : [503, retryAfter(1000)]));
    await rig.node();
    const startMs = rig.clock.now();
    await rig.submit("p1", ["bob"], { deliverBeforeMs: rig.clock.wallMs + 600_000 });
    const delivery = await rig.untilTold("p1", "expired");
    expect(rig.clock.now() - startMs).toBeGreaterThanOrEqual(600_000);
    expect(rig.clock.now() - startMs).toBeLessThan(601_100);
    expect(rig.seen).toHaveLength(2);
    expect(delivery).toMatchObject({ papCode: 4001, sipStatus: 503, attempts: 2 });
    expect(delivery.reason).toContain("deliver-before has passed; last: 503");
  });

  it("no answer: timeout in the end, after as many attempts as the policy has", async () => {
    const retryRules = {
      unavailable: { maxAttempts: 2, initialMs: 1000, maxMs: 1000, jitter: 0 },
      noAnswer: { maxAttempts: 2, initialMs: 1000, maxMs: 1000, jitter: 0 },
      absent: { maxAttempts: 2, initialMs: 1000, maxMs: 1000, jitter: 0 },
    };
    await rig.handset(() => undefined);
    await rig.node({ dispatcher: { retryRules } });
    await rig.submit("p1");
    expect(await rig.untilTold("p1", "timeout")).toMatchObject({ sipStatus: null, papCode: 4000, attempts: 2 });
    expect(new Set(rig.seen.map(({ cseq }) => cseq.seq)).size).toBe(2);
  });
});
