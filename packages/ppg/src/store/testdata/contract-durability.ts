import { randomInt } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startProcess } from "../../../../../test/support/process.ts";
import { claimAs, LEASE_MS, outcome, t0 } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

const KILLS = 6;
const node = process.execPath;

/** Runs `submit-loop.ts` and kills it once it has written some bytes. Returns its complete lines. */
async function killedLoop(args: readonly string[], afterBytes: number): Promise<string[]> {
  const child = startProcess({
    command: node,
    args: ["--conditions=@sip-push/source", join(import.meta.dirname, "submit-loop.ts"), ...args],
  });
  await child.waitForOutput(new RegExp(`^[^]{${afterBytes}}`), 15_000);
  child.killGroup("SIGKILL");
  const exit = await child.exited;
  if (exit.signal !== "SIGKILL") throw child.failure("was not killed");
  return child.stdout.split("\n").slice(0, -1);
}

/** What is acknowledged outlives kill -9. */
export function describeDurability(rig: StoreRig): void {
  describe("durability", () => {
    it(`keeps every acknowledged push over ${KILLS} times kill -9 at a random point`, { timeout: 90_000 }, async () => {
      await rig.closeAll();
      const accepted: string[] = [];
      const delivered: string[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const lines = await killedLoop([...rig.database.childArgs, `k${kill}`], randomInt(1, 8_000));
        accepted.push(...lines.flatMap((line) => /^accepted (.+)$/.exec(line)?.[1] ?? []));
        delivered.push(...lines.flatMap((line) => /^delivered (.+)$/.exec(line)?.[1] ?? []));
      }
      expect(accepted.length).toBeGreaterThan(KILLS);

      const store = await rig.open();
      const kept = new Map<string, string>();
      for (let after: number | null | undefined; after !== null; ) {
        const page = await store.find({ limit: 1_000, ...(after === undefined ? {} : { after }) });
        for (const { pushId, state } of page.deliveries) kept.set(pushId, state);
        after = page.next;
      }
      expect(accepted.filter((pushId) => !kept.has(pushId))).toEqual([]);
      expect(delivered.filter((pushId) => kept.get(pushId) !== "delivered")).toEqual([]);

      // All that is left ends, once its dead owner's lease is over; each result is queued once.
      const nowMs = t0 + LEASE_MS;
      for (let more = true; more; ) {
        const claimed = await store.claim(claimAs("heir", nowMs, 1_000));
        await store.advance(claimed.map((each) => outcome(each)));
        more = claimed.length > 0;
      }
      expect((await store.countByState()).delivered).toBe(kept.size);
      const told = new Map<string, number>();
      for (let more = true; more; ) {
        const all = await store.claimNotifications(claimAs("heir", nowMs, 1_000));
        for (const { pushId } of all) told.set(pushId, (told.get(pushId) ?? 0) + 1);
        await store.settleNotifications(
          all.map((notification) => ({ notification, verdict: "accepted", atMs: nowMs })),
        );
        more = all.length > 0;
      }
      expect(told.size).toBe(kept.size);
      expect([...told.values()].every((times) => times === 1)).toBe(true);
    });
  });
}
