import { VirtualClock } from "@sip-push/sip/testing";
import { expect, it } from "vitest";
import { RegisterPace } from "./register-pace.ts";

/** A pace whose turns end when told. */
function paced(perSecond: number, maxInFlight: number) {
  const clock = new VirtualClock();
  const turns: number[] = [];
  const ends: Array<() => void> = [];
  const pace = new RegisterPace<number>({ clock, perSecond, maxInFlight }, (item) => {
    turns.push(item);
    return new Promise((resolve) => void ends.push(resolve));
  });
  return { clock, turns, ends, pace };
}

it("gives turns in order, so many a second and no more at once than a slice of that", async () => {
  const { clock, turns, pace } = paced(100, 1000);
  for (let n = 0; n < 250; n++) pace.push(n);
  expect(turns).toEqual([0]);
  await clock.advance(1000);
  expect(turns.length).toBeGreaterThanOrEqual(98);
  expect(turns.length).toBeLessThanOrEqual(101);
  await clock.advance(1600);
  expect(turns).toEqual(Array.from({ length: 250 }, (_, n) => n));
  expect([pace.waiting, clock.pendingTimers]).toEqual([0, 0]);
});

it("has no more under way than it may, however long it rested", async () => {
  const { clock, turns, ends, pace } = paced(1000, 3);
  await clock.advance(60_000);
  for (let n = 0; n < 10; n++) pace.push(n);
  await clock.advance(1000);
  expect([turns.length, pace.inFlight, pace.waiting]).toEqual([3, 3, 7]);
  ends.shift()?.();
  await clock.advance(100);
  expect([turns.length, pace.inFlight]).toEqual([4, 3]);
});

it("gives less than one turn a second, too", async () => {
  const { clock, turns, pace } = paced(0.5, 10);
  for (let n = 0; n < 3; n++) pace.push(n);
  await clock.advance(3900);
  expect(turns.length).toBe(2);
  await clock.advance(200);
  expect(turns.length).toBe(3);
});

it("in a hurry looks at the number under way alone", async () => {
  const { clock, turns, ends, pace } = paced(1, 50);
  for (let n = 0; n < 120; n++) pace.push(n);
  pace.hurry();
  expect(turns.length).toBe(50);
  while (ends.length > 0) {
    ends.shift()?.();
    await Promise.resolve();
    await clock.advance(0);
  }
  expect([turns.length, pace.inFlight]).toEqual([120, 0]);
  pace.close();
  expect(clock.pendingTimers).toBe(0);
});

it("gives none after it was closed, and leaves no timer", async () => {
  const { clock, turns, ends, pace } = paced(10, 10);
  for (let n = 0; n < 20; n++) pace.push(n);
  pace.close();
  pace.push(99);
  ends[0]?.();
  await clock.advance(10_000);
  expect([turns.length, pace.waiting, clock.pendingTimers]).toEqual([1, 0, 0]);
});

it("keeps its order over thousands", async () => {
  const { clock, turns, ends, pace } = paced(1_000_000, 7);
  for (let n = 0; n < 5000; n++) pace.push(n);
  while (turns.length < 5000) {
    for (const end of ends.splice(0)) end();
    await clock.advance(1);
  }
  expect(turns).toEqual(Array.from({ length: 5000 }, (_, n) => n));
});
