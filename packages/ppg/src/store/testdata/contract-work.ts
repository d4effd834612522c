import { describe, expect, it } from "vitest";
import type { ClaimedDelivery } from "../types.ts";
import { claimAs, LEASE_MS, leaseOf, outcome, pushIds, retryAbsent, retryLater, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

export function describeWork(rig: StoreRig): void {
  async function claimOne(owner = "n1", nowMs: number = t0): Promise<ClaimedDelivery> {
    const [claimed, ...more] = await rig.store.claim(claimAs(owner, nowMs));
    if (claimed === undefined || more.length > 0)
      throw new Error(`${more.length + Number(claimed !== undefined)} claimed`);
    return claimed;
  }

  describe("claim", () => {
    it("gives high before medium before low, and what is due longer first", async () => {
      const at = (pushId: string, priority: "high" | "medium" | "low", afterMs: number) =>
        submission(pushId, { priority, deliverAfterMs: t0 + afterMs });
      const rows = [at("low1", "low", 0), at("mid2", "medium", 2), at("mid1", "medium", 1), at("high9", "high", 9)];
      await rig.store.submit([...rows, at("high-later", "high", 11)], t0);
      expect(pushIds(await rig.store.claim(claimAs("n1", t0 + 10, 3)))).toEqual(["high9", "mid1", "mid2"]);
      expect(pushIds(await rig.store.claim(claimAs("n1", t0 + 10)))).toEqual(["low1"]);
      expect(await rig.store.nextDueAtMs()).toBe(t0 + 11);
    });

    it("gives nothing before deliver-after, and what is past deliver-before to have it ended", async () => {
      const limits = { deliverAfterMs: t0 + 5_000, deliverBeforeMs: t0 + 3_000 };
      await rig.store.submit([submission("p", limits)], t0);
      expect(await rig.store.nextDueAtMs()).toBe(t0 + 3_000);
      expect(await rig.store.claim(claimAs("n1", t0 + 2_999))).toEqual([]);
      expect(await rig.store.claim(claimAs("n1", t0 + 3_000))).toHaveLength(1);
    });

    it("says what it was, counts attempts, and keeps the Call-ID over all of them", async () => {
      await rig.store.submit([submission("p")], t0);
      const first = await claimOne();
      expect(first).toMatchObject({
        state: "sending",
        wokenFrom: "pending",
        attempts: 1,
        owner: "n1",
        sipStatus: null,
      });
      await rig.store.advance([retryLater(first, t0 + 1_000)]);
      await rig.reopen();
      const second = await claimOne("n2", t0 + 1_000);
      expect(second).toMatchObject({ wokenFrom: "retry-wait", attempts: 2, sipStatus: 503, callId: first.callId });
      expect(await rig.store.deliveryOfCallId(first.callId)).toMatchObject({ id: first.id });
      for (const other of [`${first.callId}x`, "", "zzzzzzzzzzz.a", "elsewhere@host"])
        expect(await rig.store.deliveryOfCallId(other)).toBeUndefined();
    });

    it("gives a delivery whose report is overdue as it is", async () => {
      await rig.store.submit([submission("p")], t0);
      const first = await claimOne();
      await rig.store.advance([outcome(first, { to: "waiting-report", dueAtMs: t0 + 500, papCode: 1001 })]);
      const overdue = await claimOne("n2", t0 + 500);
      expect(overdue).toMatchObject({ state: "waiting-report", wokenFrom: "waiting-report", attempts: 1 });
    });

    it("never gives one delivery to two of four workers", async () => {
      const count = 400;
      const pushes = Array.from({ length: count }, (_, index) => submission(`p${index}`));
      await rig.store.submit(pushes, t0);
      const stores = [rig.store, await rig.another(), await rig.another(), await rig.another()];
      const work = async (store: (typeof stores)[number], owner: string): Promise<string[]> => {
        const taken: string[] = [];
        for (let idle = 0; idle < 3; ) {
          const claimed = await store.claim(claimAs(owner, t0, 7));
          taken.push(...pushIds(claimed));
          idle = claimed.length === 0 ? idle + 1 : 0;
          const results = await store.advance(claimed.map((each) => outcome(each)));
          expect(results.every(({ result }) => result === "done")).toBe(true);
        }
        return taken;
      };
      const taken = await Promise.all(stores.map((store, index) => work(store, `n${index}`)));
      expect(taken.flat().sort()).toEqual(pushes.map(({ pushId }) => pushId).sort());
      expect((await rig.store.countByState()).delivered).toBe(count);
    });
  });

  describe("lease", () => {
    it("ends when its node does not renew it: another node gets the delivery, and the first is stale", async () => {
      await rig.store.submit([submission("p")], t0);
      const first = await claimOne();
      expect(await rig.store.claim(claimAs("n2", t0 + LEASE_MS - 1))).toEqual([]);
      const second = await claimOne("n2", t0 + LEASE_MS);
      expect(second).toMatchObject({ wokenFrom: "sending", attempts: 2, callId: first.callId });
      expect(await rig.store.advance([outcome(first)])).toEqual([{ result: "stale" }]);
      expect(await rig.store.renew([leaseOf(first)], t0 + 60_000)).toEqual([false]);
      expect(await rig.store.release([leaseOf(first)], t0)).toEqual(["stale"]);
      expect((await rig.store.advance([outcome(second)]))[0]?.result).toBe("done");
    });

    it("that has ended is stale also when the same node has the delivery again", async () => {
      await rig.store.submit([submission("p")], t0);
      const first = await claimOne("n1");
      const second = await claimOne("n1", t0 + LEASE_MS);
      const results = await rig.store.advance([outcome(first, { to: "aborted" }), outcome(second)]);
      expect(results.map(({ result }) => result)).toEqual(["stale", "done"]);
    });

    it("lasts as long as it is renewed", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      expect(await rig.store.renew([leaseOf(claimed)], t0 + 2 * LEASE_MS)).toEqual([true]);
      expect(await rig.store.claim(claimAs("n2", t0 + 2 * LEASE_MS - 1))).toEqual([]);
      expect((await rig.store.advance([outcome(claimed)]))[0]?.result).toBe("done");
    });

    it("handed back makes the delivery due at once, and the attempt does not count", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      expect(await rig.store.release([leaseOf(claimed)], t0 + 1)).toEqual(["released"]);
      expect(await rig.store.delivery(claimed.id)).toMatchObject({ state: "pending", owner: null, attempts: 0 });
      expect(await claimOne("n2", t0 + 1)).toMatchObject({ attempts: 1, wokenFrom: "pending" });
    });

    it("handed back for later is given to nobody before that", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      expect(await rig.store.release([leaseOf(claimed)], t0 + 1, t0 + 3_000)).toEqual(["released"]);
      expect(await rig.store.nextDueAtMs("deliveries")).toBe(t0 + 3_000);
      expect(await rig.store.claim(claimAs("n2", t0 + 2_999))).toEqual([]);
      expect(await claimOne("n2", t0 + 3_000)).toMatchObject({ attempts: 1, wokenFrom: "pending" });
    });
  });

  describe("advance", () => {
    it("writes the timeline with every attempt: time, SIP status, PAP code, reason, who", async () => {
      await rig.store.submit([submission("p")], t0);
      const first = await claimOne();
      await rig.store.advance([retryLater(first, t0 + 1_000)]);
      const second = await claimOne("n2", t0 + 1_000);
      await rig.store.advance([outcome(second, { atMs: t0 + 1_200, attemptStartedAtMs: t0 + 1_100 })]);
      expect(await rig.store.timeline(first.id)).toEqual([
        {
          version: first.version + 1,
          atMs: t0 + 50,
          state: "retry-wait",
          sipStatus: 503,
          papCode: 4001,
          reason: "Service Unavailable",
          attemptStartedAtMs: t0 + 10,
          owner: "n1",
        },
        {
          version: second.version + 1,
          atMs: t0 + 1_200,
          state: "delivered",
          sipStatus: 200,
          papCode: 1000,
          reason: "OK",
          attemptStartedAtMs: t0 + 1_100,
          owner: "n2",
        },
      ]);
    });

    it("never leaves a final state, and does nothing twice", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      const both = await rig.store.advance([outcome(claimed), outcome(claimed, { to: "aborted" })]);
      expect(both.map(({ result }) => result)).toEqual(["done", "stale"]);
      const record = await rig.store.delivery(claimed.id);
      expect(record).toMatchObject({ state: "delivered", dueAtMs: null, owner: null });
      const again = outcome({ id: claimed.id, version: record?.version ?? 0, owner: null }, { to: "aborted" });
      expect(await rig.store.advance([again])).toEqual([{ result: "stale" }]);
      expect(await rig.store.advance([outcome({ id: 999_999, version: 0, owner: null })])).toEqual([
        { result: "stale" },
      ]);
    });

    it("of one delivery by two nodes at once is done for one of them, and its result is queued once", async () => {
      const other = await rig.another();
      const users = Array.from({ length: 30 }, (_, index) => `u${index}`);
      await rig.store.submit([submission("p", { recipients: to(...users), notifyUrl: "http://pi.example.com/" })], t0);
      const claimed = await rig.store.claim(claimAs("n1"));
      const both = claimed.map(async (each) => {
        const [one, two] = await Promise.all([rig.store.advance([outcome(each)]), other.advance([outcome(each)])]);
        return new Set([one[0]?.result, two[0]?.result]);
      });
      expect(await Promise.all(both)).toEqual(claimed.map(() => new Set(["done", "stale"])));
      expect((await rig.store.countByState()).delivered).toBe(users.length);
    });

    it("that ends a claim unsent does not count that as an attempt", async () => {
      const expired = { to: "expired", sipStatus: 503, attemptStartedAtMs: null, unsent: true } as const;
      await rig.store.submit([submission("p"), submission("never")], t0);
      const [first, never] = await rig.store.claim(claimAs("n1"));
      if (first === undefined || never === undefined) throw new Error("two deliveries");
      await rig.store.advance([retryLater(first, t0 + 1_000), outcome(never, expired)]);
      expect(await rig.store.delivery(never.id)).toMatchObject({ state: "expired", attempts: 0 });
      const again = await claimOne("n2", t0 + 1_000);
      expect(again.attempts).toBe(2);
      expect((await rig.store.advance([outcome(again, expired)]))[0]?.result).toBe("done");
      expect(await rig.store.delivery(first.id)).toMatchObject({ state: "expired", attempts: 1 });
    });

    it("by a report that overtakes the response leaves the attempt counted", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      await rig.store.advance([outcome(claimed, { attemptStartedAtMs: null })]);
      expect(await rig.store.delivery(claimed.id)).toMatchObject({ state: "delivered", attempts: 1 });
    });

    it("takes any reason phrase, one with a NUL too", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      expect((await rig.store.advance([outcome(claimed, { reason: "a\0b" })]))[0]?.result).toBe("done");
      expect((await rig.store.delivery(claimed.id))?.reason).toBe("a\u{fffd}b");
    });

    it("takes a report from a node that holds nothing", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      await rig.store.advance([outcome(claimed, { to: "waiting-report", dueAtMs: t0 + 60_000, papCode: 1001 })]);
      const record = await rig.store.deliveryOfCallId(claimed.callId);
      if (record === undefined) throw new Error("kept");
      expect((await rig.store.advance([outcome(record, { attemptStartedAtMs: null })]))[0]?.result).toBe("done");
    });

    it("refuses what no machine asks for: a final state that is due, a live one that is not, sending", async () => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      for (const bad of [{ dueAtMs: t0 }, { to: "retry-wait" as const }, { to: "sending" as const, dueAtMs: t0 }])
        await expect(rig.store.advance([outcome(claimed, bad)])).rejects.toMatchObject({ code: "STORE_BAD_INPUT" });
      expect((await rig.store.advance([outcome(claimed)]))[0]?.result).toBe("done");
    });

    it("that fails does not fail the calls that are committed with it", async () => {
      await rig.store.submit([submission("p"), submission("q")], t0);
      const [p, q] = await rig.store.claim(claimAs("n1"));
      if (p === undefined || q === undefined) throw new Error("two deliveries");
      const results = await Promise.allSettled([
        rig.store.advance([outcome(p)]),
        rig.store.advance([outcome(q, { to: "sending" })]),
        rig.store.submit([submission("r")], t0),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(await rig.store.countByState()).toMatchObject({ delivered: 1, sending: 1, pending: 1 });
    });
  });

  describe("wake", () => {
    const PAUSE_MS = 60_000;
    const alice = ["sip:alice@example.com"];
    const dueAtMs = async (id: number) => ((await rig.store.delivery(id))?.dueAtMs ?? 0) - t0;

    it("makes due what waits because its recipient was absent, and nothing else", async () => {
      await rig.store.submit([submission("absent", { recipients: to("alice", "bob") }), submission("busy")], t0);
      await rig.store.submit([submission("later", { deliverAfterMs: t0 + 60_000 })], t0);
      const absent = ({ content }: ClaimedDelivery) => content.pushId === "absent";
      const claimed = await rig.store.claim(claimAs("n1"));
      await rig.store.advance(
        claimed.map((each) => (absent(each) ? retryAbsent(each, t0 + 60_000) : retryLater(each, t0 + 15_000))),
      );
      expect(await rig.store.wake([...alice, "sip:carol@example.com"], t0 + 1, PAUSE_MS)).toBe(1);
      const [woken, ...more] = await rig.store.claim(claimAs("n1", t0 + 1));
      expect([woken?.recipient, woken?.content.pushId, more]).toEqual([...alice, "absent", []]);
      expect(await rig.store.nextDueAtMs("deliveries")).toBe(t0 + 1 + LEASE_MS);
    });

    it("leaves alone what was absent and is busy now", async () => {
      await rig.store.submit([submission("p")], t0);
      await rig.store.advance([retryAbsent(await claimOne(), t0 + 1_000)]);
      const again = await claimOne("n1", t0 + 1_000);
      await rig.store.advance([retryLater(again, t0 + 15_000)]);
      expect(await rig.store.wake(alice, t0 + 1_001, PAUSE_MS)).toBe(0);
      expect(await dueAtMs(again.id)).toBe(15_000);
    });

    it("makes due at once the first time, then not before the pause is over, and never later than it is anyhow", async () => {
      await rig.store.submit([submission("p")], t0);
      const first = await claimOne();
      await rig.store.advance([retryAbsent(first, t0 + 600_000)]);
      expect(await rig.store.wake(alice, t0 + 1_000, PAUSE_MS)).toBe(1);
      await rig.store.advance([retryAbsent(await claimOne("n1", t0 + 1_000), t0 + 600_000)]);
      await rig.reopen();
      expect(await rig.store.wake(alice, t0 + 2_000, PAUSE_MS)).toBe(1);
      expect(await rig.store.wake(alice, t0 + 3_000, PAUSE_MS)).toBe(0);
      expect(await dueAtMs(first.id)).toBe(61_000);
      await rig.store.advance([retryAbsent(await claimOne("n1", t0 + 61_000), t0 + 90_000)]);
      expect(await rig.store.wake(alice, t0 + 62_000, PAUSE_MS)).toBe(0);
      expect(await dueAtMs(first.id)).toBe(90_000);
      await rig.store.advance([retryAbsent(await claimOne("n1", t0 + 90_000), t0 + 600_000)]);
      expect(await rig.store.wake(alice, t0 + 200_000, PAUSE_MS)).toBe(1);
      expect(await dueAtMs(first.id)).toBe(200_000);
    });
  });
}
