import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DispatchRig, type Node } from "../../../../test/support/dispatch-rig.ts";
import { isFinal } from "../delivery/delivery.machine.ts";

const statuses = [200, 200, 200, 202, 404, 480, 486, 503, 603, 0] as const;
const rules = { maxAttempts: 6, initialMs: 500, maxMs: 4000, jitter: 0 };
const HOUR_MS = 3_600_000;
/** 20 deliveries of 6 attempts, each after the longest pause of the breaker, and more. */
const MOST_MINUTES = 240;
const retryRules = { unavailable: rules, absent: rules, noAnswer: rules };

const arbitraryRun = fc.record({
  answers: fc.array(fc.tuple(fc.constantFrom(...statuses), fc.integer({ min: 0, max: 2000 })), {
    minLength: 1,
    maxLength: 12,
  }),
  pushes: fc.array(fc.record({ users: fc.integer({ min: 1, max: 4 }), afterMs: fc.integer({ min: 0, max: 3000 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  /** What happens meanwhile. */
  troubles: fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 8000 }),
      what: fc.constantFrom("crash", "stop", "storeBefore", "storeAfter", "cancel", "setBack", "setForward"),
    }),
    { maxLength: 5 },
  ),
});

describe("random answers, crashes, failures of the database and settings of the clock", () => {
  it("every push ends in exactly one final state, which is never left, and a handset's application gets it once", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryRun, async ({ answers, pushes, troubles }) => {
        const rig = await DispatchRig.start();
        const got = new Map<string, number>();
        let n = 0;
        await rig.receiver({
          limits: { repeatWindowMs: 2 * MOST_MINUTES * 60_000 },
          handlers: {
            default: () => {
              const [statusCode, afterMs] = answers[n++ % answers.length] ?? [200, 0];
              if (statusCode === 0) return new Promise(() => {});
              const answer = { statusCode };
              return new Promise((resolve) => void rig.clock.schedule(afterMs, () => resolve(answer)));
            },
          },
          onPush: ({ callId, sipStatus }) => {
            if (sipStatus < 300) got.set(callId, (got.get(callId) ?? 0) + 1);
          },
        });
        let nodes = 0;
        const open = (): Promise<Node> => {
          const owner = `ppg-${++nodes}`;
          return rig.node({ owner, address: `192.0.2.${10 + nodes}`, dispatcher: { retryRules, leaseMs: 5000 } });
        };
        let node = await open();
        for (const [index, { users, afterMs }] of pushes.entries()) {
          await rig.clock.advance(afterMs);
          await rig.submit(
            `p${index}`,
            Array.from({ length: users }, (_, user) => `u${user}`),
          );
        }
        for (const { afterMs, what } of troubles) {
          await rig.clock.advance(afterMs);
          if (what === "crash") await node.kill();
          if (what === "stop") await rig.clock.untilSettled(node.dispatcher.stop({ graceMs: 1000 }));
          if (what === "crash" || what === "stop") node = await open();
          if (what === "storeBefore" || what === "storeAfter") {
            node.watched.fault = () => (what === "storeBefore" ? "before" : "after");
            await rig.clock.advance(1500);
            node.watched.fault = () => undefined;
          }
          if (what === "setBack" || what === "setForward") rig.clock.setWall(what === "setBack" ? -HOUR_MS : HOUR_MS);
          if (what === "cancel") await rig.store.cancel({ initiator: "pi", pushId: "p0" }, rig.clock.wallMs);
        }
        const all = async () =>
          (await Promise.all(pushes.map((_, index) => rig.status(`p${index}`)))).flatMap((each) => each.deliveries);
        // What was stored before the clock was set back waits until it is there again.
        rig.clock.setWall(troubles.filter(({ what }) => what === "setBack").length * HOUR_MS);
        for (let minutes = 0; minutes < MOST_MINUTES; minutes++) {
          await rig.clock.advance(60_000);
          if ((await all()).every(({ state }) => isFinal(state))) break;
        }
        for (const { id, state, callId } of await all()) {
          expect(isFinal(state), `${callId} ${state}`).toBe(true);
          const finals = (await rig.store.timeline(id)).filter((entry) => isFinal(entry.state));
          expect(finals).toHaveLength(1);
          expect(got.get(callId) ?? 0).toBeLessThanOrEqual(1);
          if (state === "delivered") expect(got.get(callId)).toBe(1);
        }
        expect(await rig.stop()).toBe(0);
      }),
      { numRuns: 8 },
    );
  }, 120_000);
});
