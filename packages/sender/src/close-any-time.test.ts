import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushHandset } from "../../../test/support/push-handset.ts";
import { BOB, type ScriptedAnswer, SenderRig } from "../../../test/support/sender-rig.ts";

const statuses = [200, 202, 302, 400, 403, 404, 405, 415, 423, 480, 481, 486, 489, 500, 503, 603, undefined] as const;

const arbitraryPush = fc.record({
  via: fc.constantFrom("auto" as const, "message" as const, "notify" as const),
  report: fc.constantFrom("none" as const, "receiver" as const),
  waitForRegistrationSeconds: fc.constantFrom(0, 120),
  expiresSeconds: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
  abortAfterMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
  startAfterMs: fc.integer({ min: 0, max: 10_000 }),
});

const arbitraryRun = fc.record({
  pushes: fc.array(arbitraryPush, { minLength: 1, maxLength: 6 }),
  answers: fc.array(fc.tuple(fc.constantFrom(...statuses), fc.integer({ min: 0, max: 5000 })), {
    minLength: 1,
    maxLength: 8,
  }),
  subscribes: fc.boolean(),
  allowOverlap: fc.boolean(),
  query: fc.boolean(),
  maxRetries: fc.integer({ min: 0, max: 2 }),
  closeAfterMs: fc.integer({ min: 0, max: 60_000 }),
});

describe("a sender that closes at any time, whatever its peers answer", () => {
  it("gives each push one outcome, within a second of it, and leaves no timer", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryRun,
        async ({ pushes, answers, subscribes, closeAfterMs, query, maxRetries, ...options }) => {
          const rig = new SenderRig();
          const handset = await PushHandset.open(rig);
          let n = 0;
          const sender = await rig.open({
            ...options,
            trusted: ["192.0.2.2"],
            retry: { maxRetries },
            capabilities: { query },
          });
          if (subscribes) await handset.subscribe();
          handset.answer = () => {
            const [statusCode, afterMs] = answers[n++ % answers.length] ?? [200, 0];
            const answer: ScriptedAnswer = statusCode === undefined ? undefined : [statusCode];
            return new Promise((resolve) => void rig.clock.schedule(afterMs, () => resolve(answer)));
          };
          const outcomes = pushes.map(async ({ startAfterMs, abortAfterMs, report, expiresSeconds, ...how }) => {
            await new Promise<void>((resolve) => void rig.clock.schedule(startAfterMs, resolve));
            const abort = new AbortController();
            if (abortAfterMs !== undefined) rig.clock.schedule(abortAfterMs, () => abort.abort());
            const push = { ...rig.push, report, ...(expiresSeconds !== undefined && { expiresSeconds }) };
            const ended = await sender.deliver(push, { to: BOB, signal: abort.signal, ...how });
            return { ended, atMs: rig.clock.now() };
          });
          await rig.clock.advance(closeAfterMs);
          const closedAtMs = rig.clock.now();
          await rig.clock.until(sender.close());
          expect(rig.clock.now() - closedAtMs).toBeLessThanOrEqual(1000);
          // Those that begin later find it closed.
          for (const { ended, atMs } of await rig.clock.until(Promise.all(outcomes))) {
            expect(ended).toHaveLength(1);
            expect(atMs).toBeLessThanOrEqual(Math.max(closedAtMs + 1000, 10_000));
          }
          expect(sender.stats).toMatchObject({ pending: 0, ended: pushes.length });
          expect([sender.subscriptions, sender.reports.waiting]).toEqual([0, 0]);
          await rig.clock.advance(30_000);
          expect(await rig.stop()).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);
});
