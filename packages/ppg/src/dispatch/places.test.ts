import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Places } from "./places.ts";

/** Both sides, each with its own view. */
function sides(): { readonly dispatcher: Places; readonly submitter: Places } {
  const dispatcher = new Places();
  return { dispatcher, submitter: new Places(structuredClone(dispatcher.buffer)) };
}

describe("the places that a dispatcher offers", () => {
  it("are none until it says so", () => {
    expect(sides().submitter.reserve(5)).toBe(0);
  });

  it("are given as far as they go, and seen as spoken for from the other side", () => {
    const { dispatcher, submitter } = sides();
    dispatcher.offer(5);
    expect([submitter.reserve(3), dispatcher.spokenFor]).toEqual([3, 3]);
    expect([submitter.reserve(3), dispatcher.spokenFor]).toEqual([2, 5]);
    expect([submitter.reserve(1), dispatcher.spokenFor]).toEqual([0, 5]);
  });

  it("are there again when either side frees them", () => {
    const { dispatcher, submitter } = sides();
    dispatcher.offer(5);
    submitter.reserve(5);
    submitter.free(2);
    expect(dispatcher.spokenFor).toBe(3);
    dispatcher.free(3);
    expect([submitter.spokenFor, submitter.reserve(9)]).toEqual([0, 5]);
  });

  it.each([2, 0, -3])("may shrink below what is spoken for: none of %d is given until they are free", (fewer) => {
    const { dispatcher, submitter } = sides();
    dispatcher.offer(5);
    submitter.reserve(4);
    dispatcher.offer(fewer);
    expect([submitter.reserve(1), dispatcher.spokenFor]).toEqual([0, 4]);
    dispatcher.free(4);
    expect(submitter.reserve(9)).toBe(Math.max(0, fewer));
  });

  it("are not given twice when deliveries arrive while somebody reserves", () => {
    const { dispatcher, submitter } = sides();
    dispatcher.offer(10);
    submitter.reserve(5);
    const { load } = Atomics;
    vi.spyOn(Atomics, "load").mockImplementationOnce((...given: Parameters<typeof load>) => {
      const before = load(...given);
      // The dispatcher takes those five, between two looks of the other side.
      dispatcher.offer(5);
      dispatcher.free(5);
      return before;
    });
    expect(submitter.reserve(10)).toBeLessThanOrEqual(5);
  });

  it("are never more than offered, in whichever order both sides act", () => {
    const step = fc.oneof(
      fc.record({ act: fc.constant("offer" as const), count: fc.integer({ min: -5, max: 20 }) }),
      fc.record({ act: fc.constantFrom("reserve", "free", "take"), count: fc.nat({ max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { dispatcher, submitter } = sides();
        let [offered, spokenFor] = [0, 0];
        for (const { act, count } of steps) {
          if (act === "offer") dispatcher.offer((offered = count));
          else if (act === "reserve") {
            const got = submitter.reserve(count);
            expect(got).toBe(Math.max(0, Math.min(count, offered - spokenFor)));
            spokenFor += got;
          } else {
            const freed = Math.min(count, spokenFor);
            (act === "free" ? submitter : dispatcher).free(freed);
            spokenFor -= freed;
          }
          expect([dispatcher.spokenFor, submitter.spokenFor]).toEqual([spokenFor, spokenFor]);
        }
      }),
    );
  });
});
