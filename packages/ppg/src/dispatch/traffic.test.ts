import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const users = (count: number, host = "192.0.2.2") => Array.from({ length: count }, (_, n) => `sip:u${n}@${host}`);
const delivered = (pushId: string) => rig.told(pushId).filter((each) => each.endsWith(">delivered")).length;

describe("destinations", () => {
  it("that are down keep nothing else waiting, and are asked seldom; when one is back all get through", async () => {
    let up = false;
    await rig.handset(() => (up ? [200] : [503]));
    await rig.handset(() => [200], "192.0.2.3");
    const breakerRule = { maxFailures: 3, initialPauseMs: 1000, maxPauseMs: 8000 };
    const { dispatcher } = await rig.node({ dispatcher: { breakerRule, concurrency: 20, claimBatch: 10 } });
    await rig.submit("down", users(50));
    await rig.submit("up", users(50, "192.0.2.3"));
    await rig.clock.until(() => delivered("up") === 50, 2000);
    expect(dispatcher.stats).toMatchObject({ brokenDestinations: 1 });
    const asked = () => rig.seen.filter(({ requestUri }) => requestUri.endsWith("192.0.2.2")).length;
    await rig.clock.advance(20_000);
    expect(asked()).toBeLessThan(40);
    const phases = () => rig.events.flatMap((each) => (each.event === "breaker" ? [each.phase] : []));
    expect(phases().slice(0, 3)).toEqual(["open", "half-open", "open"]);
    up = true;
    await rig.clock.until(() => delivered("down") === 50, 120_000);
    expect(phases().at(-1)).toBe("closed");
    const attempts = (await rig.status("down")).deliveries.map((each) => each.attempts);
    // What was handed back was no attempt.
    expect(Math.max(...attempts)).toBeLessThan(8);
  });

  it("have a window: no more is under way there, and what waits for it takes no place from others", async () => {
    let underWay = 0;
    let most = 0;
    await rig.handset(async () => {
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => void rig.clock.schedule(100, resolve));
      underWay--;
      return [200];
    });
    await rig.handset(() => [200], "192.0.2.3");
    await rig.node({ dispatcher: { perDestination: 4, concurrency: 40 } });
    await rig.submit("slow", users(40));
    await rig.submit("quick", users(40, "192.0.2.3"));
    await rig.clock.until(() => delivered("quick") === 40, 1000);
    expect(delivered("slow")).toBeLessThan(40);
    await rig.clock.until(() => delivered("slow") === 40, 5000);
    expect(most).toBe(4);
  });
});

describe("pushes to one recipient", () => {
  it("go one after the other (RFC 3428 §8), and take one place", async () => {
    let underWay = 0;
    let most = 0;
    await rig.handset(async () => {
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => void rig.clock.schedule(50, resolve));
      underWay--;
      return [200];
    });
    await rig.handset(() => [200], "192.0.2.3");
    await rig.node({ dispatcher: { concurrency: 4, claimBatch: 4 } });
    for (let n = 0; n < 30; n++) await rig.submit(`p${n}`);
    await rig.submit("others", users(20, "192.0.2.3"));
    await rig.clock.until(() => delivered("others") === 20, 1000);
    expect(most).toBe(1);
    await rig.clock.until(() => rig.seen.length === 50, 60_000);
    await rig.clock.advance(1000);
    expect(new Set(rig.seen.map(({ callId }) => callId)).size).toBe(50);
  });

  it("of a handset that is silent do not hold up pushes to others", async () => {
    await rig.handset(({ requestUri }) => (requestUri.includes("silent") ? undefined : [200]));
    await rig.node({ dispatcher: { concurrency: 4, claimBatch: 4 } });
    for (let n = 0; n < 30; n++) await rig.submit(`s${n}`, ["silent"]);
    await rig.submit("others", users(20));
    await rig.clock.until(() => delivered("others") === 20, 2000);
    expect(rig.seen.filter(({ requestUri }) => requestUri.includes("silent"))).toHaveLength(1);
  });
});
