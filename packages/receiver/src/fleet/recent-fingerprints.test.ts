import * as fc from "fast-check";
import { expect, it } from "vitest";
import { RecentFingerprints } from "./recent-fingerprints.ts";

it("knows what came before, by scope, as a set of texts would", () => {
  const pushes = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.string({ maxLength: 3 })), { maxLength: 60 });
  fc.assert(
    fc.property(pushes, (all) => {
      const prints = new RecentFingerprints(1000);
      const texts = new Set<string>();
      for (const [scope, text] of all) {
        const key = `${scope} ${text}`;
        expect(prints.seen(scope, text)).toBe(texts.has(key));
        texts.add(key);
      }
    }),
  );
});

it("takes no two of 300,000 for one, which differ in number only", () => {
  const prints = new RecentFingerprints(1_000_000);
  let same = 0;
  for (let n = 0; n < 300_000; n++) if (prints.seen(n % 1000, `call-${n}@192.0.2.1`)) same++;
  expect(same).toBe(0);
});

it("forgets the oldest: of the last `max` none, and keeps twice as many at most", () => {
  const prints = new RecentFingerprints(100);
  for (let n = 0; n < 1000; n++) {
    expect(prints.seen(1, String(n))).toBe(false);
    expect(prints.size).toBeLessThanOrEqual(200);
  }
  for (let n = 900; n < 1000; n++) expect(prints.seen(1, String(n))).toBe(true);
  expect(prints.seen(1, "0")).toBe(false);
});
