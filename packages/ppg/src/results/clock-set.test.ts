import type { Clock } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { t0 } from "../store/testdata/pushes.ts";
import { responseWith } from "./testdata/initiator-server.ts";
import { NotifierRig } from "./testdata/notifier-rig.ts";

const HOUR_MS = 3_600_000;

let rig: NotifierRig;
beforeEach(async () => {
  rig = new NotifierRig();
  await rig.open();
});
afterEach(() => rig.close());

describe("the wall clock that is set back by an hour", () => {
  it("makes no pause of an origin longer: results to come are told when it is over", async () => {
    let aheadMs = HOUR_MS;
    const clock: Clock = {
      now: () => rig.clock.now(),
      date: () => new Date(t0 + rig.clock.now() + aheadMs),
      schedule: (delayMs, fire) => rig.clock.schedule(delayMs, fire),
    };
    const server = await rig.server();
    server.answer = (told, count) => (count === 1 ? { status: 503 } : responseWith(1000, told));
    rig.start({ clock, limits: { breaker: { maxFailures: 1, initialPauseMs: 1_000, maxPauseMs: 1_000 } } });
    await rig.finish(server.url(), "p1");
    await rig.when(() => rig.events.length === 1 && rig.notifier.stats.held === 0);
    expect(rig.notifier.stats.pausedOrigins).toEqual([new URL(server.url()).origin]);
    aheadMs = 0;
    await rig.finish(server.url(), "p2");
    await rig.elapse(10_000, () => server.told.length === 2);
    expect(server.told.map(({ result }) => result.pushId)).toEqual(["p1", "p2"]);
  });
});
