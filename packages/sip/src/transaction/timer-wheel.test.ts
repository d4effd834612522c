import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/index.ts";
import { TimerWheel } from "./timer-wheel.ts";

describe("timer wheel", () => {
  it("fires each timer once, never early and at most a tick late, unless it was stopped", async () => {
    const timers = fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 70_000 }), stopped: fc.boolean() }), { maxLength: 60 });
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
