import { silentLogger } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { expect, it } from "vitest";
import { Pacer } from "./pacer.ts";

function paced(intervalMs: number) {
  const clock = new VirtualClock();
  const acts: Array<readonly [key: string, atMs: number]> = [];
  const pacer = new Pacer({ clock, logger: silentLogger }, intervalMs, (key) => {
    acts.push([key, clock.now()]);
    if (key === "broken") throw new Error("broken");
  });
  return { clock, acts, pacer };
}

it("acts at once, then once per interval for all that asked, each key by itself; and forgets keys that rest", async () => {
  const { clock, acts, pacer } = paced(5000);
  pacer.ask("a");
  pacer.ask("a");
  await clock.advance(1000);
  pacer.ask("a");
  pacer.ask("b");
  await clock.advance(30_000);
  expect(acts).toEqual([
    ["a", 0],
    ["b", 1000],
    ["a", 5000],
  ]);
  expect(pacer.size).toBe(0);
  pacer.ask("a");
  expect(acts).toHaveLength(4);
  pacer.ask("a");
  pacer.close();
  await clock.advance(30_000);
  expect(acts).toHaveLength(4);
  expect(clock.pendingTimers).toBe(0);
});

it("acts each time when there is no interval, and keeps nothing", () => {
  const { clock, acts, pacer } = paced(0);
  pacer.ask("a");
  pacer.ask("a");
  expect(acts).toHaveLength(2);
  expect([pacer.size, clock.pendingTimers]).toEqual([0, 0]);
});

it("goes on after an act that threw", async () => {
  const { clock, acts, pacer } = paced(1000);
  pacer.ask("broken");
  pacer.ask("broken");
  pacer.ask("a");
  await clock.advance(1000);
  expect(acts.map(([key]) => key)).toEqual(["broken", "a", "broken"]);
  pacer.close();
});
