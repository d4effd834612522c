import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushHandset } from "../../../test/support/push-handset.ts";
import { BOB, type ScriptedAnswer, SenderRig } from "../../../test/support/sender-rig.ts";

const statuses = [200, 202, 302, 400, 404, 405, 408, 415, 420, 423, 430, 480, 481, 486, 489, 500, 503, 603] as const;

const arbitraryRun = fc.record({
  pushes: fc.array(
    fc.record({
      via: fc.constantFrom("auto" as const, "notify" as const),
      expiresSeconds: fc.integer({ min: 1, max: 30 }),
      abortAfterMs: fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined }),
      startAfterMs: fc.integer({ min: 0, max: 5000 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  answers: fc.array(fc.tuple(fc.constantFrom(...statuses), fc.integer({ min: 0, max: 3000 })), {
    minLength: 1,
    maxLength: 8,
  }),
  /** When the handset refreshes, or ends, its subscription, or makes another. */
  subscribes: fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 5000 }), how: fc.constantFrom("new", "refresh", "end") }),
    { maxLength: 5 },
  ),
  allowOverlap: fc.boolean(),
  maxRetries: fc.integer({ min: 0, max: 2 }),
});

describe("a push that was taken, or refused for good", () => {
  it("is not sent again, whatever happens to the subscription; nor after deliver-before or the caller's signal", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryRun, async ({ pushes, answers, subscribes, allowOverlap, maxRetries }) => {
        const rig = new SenderRig();
        const handset = await PushHandset.open(rig);
        const sender = await rig.open({ trusted: ["192.0.2.2"], retry: { maxRetries }, allowOverlap });
        let made = await handset.subscribe();
        const last = pushes.map(() => Number.POSITIVE_INFINITY);
        const final = pushes.map(() => 0);
        let n = 0;
        handset.answer = ({ body: [push] }) => {
          if (push === undefined) return [200];
          // Nothing may begin after the last moment; what left at that moment is on its way.
          expect(rig.clock.now()).toBeLessThanOrEqual(last[push] ?? 0);
          expect(final[push]).toBe(0);
          const [statusCode, afterMs] = answers[n++ % answers.length] ?? [200, 0];
          if (statusCode < 300 || statusCode >= 600) final[push] = 1;
          return new Promise<ScriptedAnswer>(
            (resolve) => void rig.clock.schedule(afterMs, () => resolve([statusCode])),
          );
        };
        const problems: unknown[] = [];
        const { answer } = handset;
        handset.answer = (request) => {
          try {
            return answer(request);
          } catch (error) {
            problems.push(error);
            return [200];
          }
        };
        const outcomes = pushes.map(async ({ startAfterMs, abortAfterMs, expiresSeconds, via }, push) => {
          await new Promise<void>((resolve) => void rig.clock.schedule(startAfterMs, resolve));
          const abort = new AbortController();
          const endsMs = Math.min(expiresSeconds * 1000, abortAfterMs ?? Number.POSITIVE_INFINITY);
          last[push] = rig.clock.now() + endsMs;
          if (abortAfterMs !== undefined) rig.clock.schedule(abortAfterMs, () => abort.abort());
          const content = { ...rig.push, body: Uint8Array.of(push), expiresSeconds };
          return sender.deliver(content, { to: BOB, via, signal: abort.signal });
        });
        for (const { afterMs, how } of subscribes) {
          await rig.clock.advance(afterMs);
          if (how === "new") made = await handset.subscribe();
          else await made.again({ expires: how === "end" ? "0" : "3600" });
        }
        await rig.clock.until(Promise.all(outcomes));
        // The test's own timers.
        await rig.clock.advance(60_000);
        expect(problems).toEqual([]);
        expect(await rig.stop()).toBe(0);
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
