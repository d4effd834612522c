import type { RegistrationRequest } from "@sip-push/sender";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";

const HOUR_MS = 3_600_000;
const leaseMs = 6_000;

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("the wall clock that is set back by an hour", () => {
  it("makes no lease longer: what a node leaves that dies then is taken up soon", async () => {
    await rig.handset((_, n) => (n === 0 ? undefined : [200]));
    const first = await rig.node({ dispatcher: { leaseMs } });
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    rig.clock.setWall(-HOUR_MS);
    await rig.clock.advance(leaseMs / 2);
    await first.kill();
    await rig.node({ owner: "ppg-2", address: "192.0.2.11" });
    expect((await rig.untilTold("p1", "delivered", 2 * leaseMs)).attempts).toBe(2);
  });

  it("makes no pause of a destination longer", async () => {
    await rig.handset((_, n) => (n === 0 ? [503] : [200]));
    await rig.node({ dispatcher: { breakerRule: { maxFailures: 1, initialPauseMs: 1_000, maxPauseMs: 1_000 } } });
    await rig.submit("p1", ["alice"]);
    await rig.untilTold("p1", "retry-wait");
    rig.clock.setWall(-HOUR_MS);
    await rig.submit("p2", ["bob"]);
    expect((await rig.untilTold("p2", "delivered", 5_000)).attempts).toBe(1);
  });

  it("while an attempt is under way, makes no registration after that one old news", async () => {
    const requests: RegistrationRequest[] = [];
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset(() => held.promise);
    await rig.node({
      wrap: (sender) => ({
        ...sender,
        whenRegistered: async (_, request) => {
          requests.push(request);
          return { kind: "none", reason: "deadline" };
        },
      }),
    });
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    const sentMs = rig.clock.now();
    rig.clock.setWall(-HOUR_MS);
    held.resolve([480]);
    await rig.untilTold("p1", "retry-wait");
    expect(requests.map(({ sinceMs }) => sinceMs)).toEqual([sentMs]);
  });
});

describe("the wall clock that is set forward by an hour", () => {
  it("makes what is under way, and what waits, due at once, and nobody gets it twice", async () => {
    const got: string[] = [];
    const held = Promise.withResolvers<{ statusCode: number }>();
    let asked = 0;
    await rig.receiver({
      handlers: { default: () => (++asked === 1 ? { statusCode: 486 } : held.promise) },
      onPush: ({ callId, sipStatus }) => sipStatus < 300 && void got.push(callId),
    });
    const rule = { maxAttempts: 5, initialMs: HOUR_MS / 2, maxMs: HOUR_MS, jitter: 0 };
    const retryRules = { unavailable: rule, absent: rule, noAnswer: rule };
    await rig.node({ dispatcher: { leaseMs, retryRules } });
    await rig.submit("p1", ["bob"]);
    await rig.untilTold("p1", "retry-wait");
    await rig.submit("p2", ["bob"]);
    await rig.untilTold("p2", "sending");
    rig.clock.setWall(HOUR_MS);
    await rig.clock.advance(2 * leaseMs);
    held.resolve({ statusCode: 200 });
    const ids = [await rig.untilTold("p2", "delivered"), await rig.untilTold("p1", "delivered", 60_000)];
    expect(got.toSorted()).toEqual(ids.map(({ callId }) => callId).toSorted());
  });
});

describe("a lease that is over", () => {
  it("is not begun to be sent on, when the one before it to the same recipient ends", async () => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset((_, n) => (n === 0 ? held.promise : [200]));
    const { dispatcher, watched } = await rig.node({ dispatcher: { leaseMs } });
    await rig.submit("p1");
    await rig.submit("p2");
    await rig.clock.until(() => dispatcher.stats.waiting === 1);
    watched.fault = (method) => (method === "renew" || method === "claim" ? "before" : undefined);
    // Less than a tick of the lease keeper after the end.
    await rig.clock.advance(leaseMs + 500);
    held.resolve([200]);
    await rig.untilTold("p1", "delivered");
    expect(dispatcher.stats.lost).toBe(1);
    expect(rig.seen).toHaveLength(1);
    watched.fault = () => undefined;
    await rig.untilTold("p2", "delivered");
    expect(rig.seen).toHaveLength(2);
  });
});
