import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/index.ts";
import { CompletedResponses } from "./completed-responses.ts";

const octets = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("final responses kept for Timer J (RFC 3261 §17.2.2)", () => {
  it("gives back what was put, exactly until its time is over", async () => {
    const clock = new VirtualClock();
    const kept = new CompletedResponses(clock, 32_000);
    kept.put("a", octets("first"));
    await clock.advance(31_999);
    expect(kept.get("a")).toEqual(octets("first"));
    await clock.advance(1);
    expect(kept.get("a")).toBeUndefined();
    await clock.advance(4000);
    kept.get("a");
    expect(kept.bytes).toBe(0);
  });

  it("behaves like a map with expiry, whatever the keys, sizes and times", async () => {
    const key = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 3 });
    const step = fc.oneof(
      fc.record({ put: key, size: fc.integer({ min: 0, max: 200_000 }) }),
      fc.record({ waitMs: fc.integer({ min: 0, max: 20_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const clock = new VirtualClock();
        const kept = new CompletedResponses(clock, 32_000);
        const model = new Map<string, { at: number; response: Uint8Array }>();
        let fill = 0;
        for (const each of steps) {
          if ("waitMs" in each) await clock.advance(each.waitMs);
          else {
            const live = model.get(each.put);
            // A transaction answers once; its key comes again only when its time is over.
            if (live !== undefined && clock.now() - live.at < 32_000) continue;
            const response = new Uint8Array(each.size).fill(fill++ % 256);
            kept.put(each.put, response);
            model.set(each.put, { at: clock.now(), response });
          }
          for (const [name, { at, response }] of model) {
            const expected = clock.now() - at < 32_000 ? response : undefined;
            const found = kept.get(name);
            expect(found === undefined ? undefined : Buffer.compare(found, response)).toBe(expected && 0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("gives up the oldest and counts them rather than grow past its bound", async () => {
    const clock = new VirtualClock();
    const kept = new CompletedResponses(clock, 32_000, 1_000_000);
    for (let i = 0; i < 5000; i++) {
      kept.put(`key ${i}`, new Uint8Array(1000));
      await clock.advance(i % 100 === 0 ? 600 : 0);
    }
    expect(kept.get("key 4999")).toBeDefined();
    expect(kept.get("key 0")).toBeUndefined();
    expect(kept.evicted).toBeGreaterThan(0);
    expect(kept.bytes).toBeLessThan(7_000_000);
  }, 20_000);
});
