import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/index.ts";
import { TimerWheel } from "./timer-wheel.ts";

describe("timer wheel", () => {
  it("fires each timer once, never early and at most a tick late, unless it was stopped", async () => {
    const timers = fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 70_000 }), stopped: fc.boolean() }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(timers, async (rows) => {
        const clock = new VirtualClock();
        const wheel = new TimerWheel(clock);
        const fired: number[][] = rows.map(() => []);
        const nodes = rows.map(({ delayMs }, i) => {
          const node = wheel.timer(() => void fired[i]?.push(clock.now()));
          wheel.start(node, delayMs);
          return node;
        });
        rows.forEach(({ stopped }, i) => {
          const node = nodes[i];
          if (stopped && node !== undefined) wheel.stop(node);
        });
        await clock.advance(71_000);
        rows.forEach(({ delayMs, stopped }, i) => {
          const [at, ...more] = fired[i] ?? [];
          expect(more).toEqual([]);
          if (stopped) expect(at).toBeUndefined();
          else {
            expect(at).toBeGreaterThanOrEqual(delayMs);
            expect(at).toBeLessThan(delayMs + 10);
          }
        });
        expect(wheel.size).toBe(0);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("can be started anew from within its own firing", async () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const fired: number[] = [];
    const node = wheel.timer(() => {
      fired.push(clock.now());
      if (fired.length < 3) wheel.start(node, 100);
    });
    wheel.start(node, 100);
    await clock.advance(1000);
    expect(fired).toEqual([100, 200, 300]);
  });
});

describe("timer wheel in bad times", () => {
  it("fires what is due although one before it throws", async () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const fired: string[] = [];
    wheel.start(
      wheel.timer(() => void fired.push("later")),
      20,
    );
    wheel.start(
      wheel.timer(() => void fired.push("same tick")),
      10,
    );
    wheel.start(
      wheel.timer(() => {
        throw new Error("broken");
      }),
      10,
    );
    await expect(clock.advance(10)).rejects.toThrow("broken");
    await clock.advance(100);
    expect(fired).toEqual(["same tick", "later"]);
  });

  it("runs nothing that is started after its end, and forgets what ran", async () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    let fired = 0;
    const timer = wheel.timer(() => fired++);
    wheel.start(timer, 10);
    wheel.close();
    wheel.stop(timer);
    wheel.start(timer, 10);
    await clock.advance(100);
    expect([fired, wheel.size, clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  it("takes a jump of the clock by months at once, in order", () => {
    let nowMs = 0;
    let wake: () => void = () => {};
    const schedule = (_: number, fire: () => void): { cancel(): void } => {
      wake = fire;
      return { cancel: () => {} };
    };
    const wheel = new TimerWheel({ now: () => nowMs, date: () => new Date(), schedule });
    const fired: number[] = [];
    for (const delayMs of [30_000, 10, 500])
      wheel.start(
        wheel.timer(() => void fired.push(delayMs)),
        delayMs,
      );
    nowMs = 1e13;
    wake();
    expect(fired).toEqual([10, 500, 30_000]);
  });
});
