import { VirtualClock } from "@sip-push/sip/testing";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { memoryKey, RecentMap } from "./recent-map.ts";
import { heapBytes } from "./testdata/heap.ts";

describe("RecentMap", () => {
  let clock: VirtualClock;
  beforeEach(() => {
    clock = new VirtualClock();
  });

  it("forgets after its window, whether asked or not, without a timer", async () => {
    const map = new RecentMap<number>(clock, 1000, 10);
    map.set("a", 1);
    await clock.advance(999);
    expect(map.get("a")).toBe(1);
    await clock.advance(1);
    expect(map.get("a")).toBeUndefined();
    map.set("b", 2);
    expect(map.size).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("forgets the oldest past its bound; setting again makes an entry the newest", () => {
    const map = new RecentMap<number>(clock, 1000, 2);
    map.set("a", 1);
    map.set("b", 2);
    map.set("a", 3);
    map.set("c", 4);
    expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([3, undefined, 4]);
    expect(map.size).toBe(2);
  });

  it.each([0, 0.25])("remembers nothing with a window of 0, also %f ms after a whole one", async (fraction) => {
    const map = new RecentMap<number>(clock, 0, 10);
    await clock.advance(fraction);
    map.set("a", 1);
    expect([map.get("a"), map.size]).toEqual([undefined, 0]);
  });

  it("does the same as one that looks through all its entries", async () => {
    const step = fc.tuple(fc.constantFrom("set", "delete", "wait"), fc.integer({ min: 0, max: 12 }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 5 }), async (steps, maxEntries) => {
        const map = new RecentMap<number>(clock, 10, maxEntries);
        let model: { key: string; value: number; untilMs: number }[] = [];
        for (const [index, [what, n]] of steps.entries()) {
          const key = `k${n}`;
          if (what === "wait") await clock.advance(n);
          else if (what === "delete") {
            map.delete(key, map.get(key) ?? -1);
            model = model.filter((entry) => entry.key !== key || entry.untilMs <= clock.now());
          } else {
            map.set(key, index);
            model = model.filter((entry) => entry.key !== key && entry.untilMs > clock.now());
            model.push({ key, value: index, untilMs: clock.now() + 10 });
            model = model.slice(Math.max(model.length - maxEntries, 0));
            expect(map.size).toBe(model.length);
          }
          for (let k = 0; k <= 12; k++) {
            const known = model.find((entry) => entry.key === `k${k}` && entry.untilMs > clock.now());
            expect(map.get(`k${k}`)).toBe(known?.value);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("deletes only the value that it was asked to delete", () => {
    const map = new RecentMap<number>(clock, 1000, 10);
    map.set("a", 1);
    map.delete("a", 2);
    expect(map.get("a")).toBe(1);
    map.delete("a", 1);
    expect(map.get("a")).toBeUndefined();
  });
});

it("a key that is cut out of a large text does not keep that", () => {
  const keys = new Set<string>();
  const before = heapBytes();
  for (let n = 0; n < 2_000; n++) {
    const head = Buffer.alloc(8_000, `${n} Call-ID `).toString("latin1");
    keys.add(memoryKey(`${head.slice(10, 60)} ${n} ${head.slice(100, 160)}`));
  }
  expect((heapBytes() - before) / keys.size).toBeLessThan(512);
  expect(keys.size).toBe(2_000);
});
