import { describe, expect, it } from "vitest";
import { LOOK_AGAIN_MS } from "../take-back.ts";
import type { ClaimedDelivery, TakenBack } from "../types.ts";
import { address, claimAs, LEASE_MS, leaseOf, outcome, pushIds, retryLater, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

export function describeReplace(rig: StoreRig): void {
  describe("replace", () => {
    const replacing = (method: "pending-only" | "all", users: string[]) =>
      submission("new", { recipients: to(...users), replace: { pushId: "old", method } });

    async function oldPush(): Promise<void> {
      await rig.store.submit([submission("old", { recipients: to("done", "busy", "sleeping") })], t0);
      const claimed = await rig.store.claim(claimAs("n1"));
      const [done, , sleeping] = claimed;
      if (done === undefined || sleeping === undefined) throw new Error("three deliveries");
      await rig.store.advance([outcome(done), retryLater(sleeping, t0 + 60_000)]);
    }

    const nextResult = async () => (await rig.store.claimNotifications(claimAs("n1", t0 + 5)))[0];

    const states = async (pushId: string) => {
      const status = await rig.store.status({ initiator: "pi", pushId });
      return Object.fromEntries(
        (status?.deliveries ?? []).map((each) => [each.recipient, [each.state, each.reason, each.cancelRequested]]),
      );
    };

    it("pending-only goes to those for whom it is not done, and stops the old push for them", async () => {
      await oldPush();
      const [result] = await rig.store.submit([replacing("pending-only", ["done", "busy", "sleeping", "else"])], t0);
      expect(result).toMatchObject({
        result: "accepted",
        rejected: ["done", "else"].map((user) => ({ address: address(user) })),
      });
      expect(await states("old")).toEqual({
        "sip:done@example.com": ["delivered", "OK", false],
        "sip:busy@example.com": ["sending", "", true],
        "sip:sleeping@example.com": ["cancelled", "replaced", false],
      });
    });

    it("pending-only rejects all others, each with its result: what is bad as it is, what is not pending with 2008", async () => {
      await oldPush();
      const bad = { papCode: 2001, reason: "not there" };
      const [done, bogus, sleeping, other, busy] = to("done", "bogus", "sleeping", "else", "busy");
      const recipients = [done, bogus && { ...bogus, rejected: bad }, sleeping, other, busy].filter(
        (each) => each !== undefined,
      );
      const push = submission("new", {
        recipients,
        replace: { pushId: "old", method: "pending-only" },
        notifyUrl: "http://pi",
      });
      const [result] = await rig.store.submit([push], t0 + 5);
      const status = await rig.store.status({ initiator: "pi", pushId: "new" });
      const kept = status?.deliveries.map((each) => [each.recipient, each.state, each.papCode, each.reason]);
      const reached = "the push to replace is done there, or the handset or a relay has it";
      expect(kept).toEqual([
        ["sip:done@example.com", "rejected", 2008, reached],
        ["sip:bogus@example.com", "rejected", 2001, "not there"],
        ["sip:sleeping@example.com", "pending", 1001, ""],
        ["sip:else@example.com", "rejected", 2008, "the push to replace does not go there"],
        ["sip:busy@example.com", "pending", 1001, ""],
      ]);
      const ended = status?.deliveries.filter(({ state }) => state === "rejected") ?? [];
      expect(result).toMatchObject({
        result: "accepted",
        rejected: ended.map((each) => ({
          delivery: each.id,
          address: each.address,
          recipient: each.recipient,
          papCode: each.papCode,
          reason: each.reason,
        })),
      });
      expect(await rig.store.countByState()).toMatchObject({ rejected: 3, pending: 2, cancelled: 1 });
      const told: unknown[] = [];
      for (let notification = await nextResult(); notification; notification = await nextResult()) {
        told.push([notification.address, notification.messageState, notification.papCode]);
        await rig.store.settleNotifications([{ notification, verdict: "accepted", atMs: t0 + 5 }]);
      }
      expect(told).toEqual(ended.map((each) => [each.address, "rejected", each.papCode]));
      expect(pushIds(await rig.store.claim(claimAs("n2", t0 + 5)))).toEqual(["new"]);
    });

    it("all goes to everyone; the old push is cancelled where it waits and stopped where it is under way", async () => {
      await oldPush();
      const [result] = await rig.store.submit([replacing("all", ["done", "busy", "sleeping", "else"])], t0);
      expect(result).toMatchObject({ result: "accepted", rejected: [] });
      const { deliveries } = (await rig.store.status({ initiator: "pi", pushId: "new" })) ?? {};
      expect(deliveries?.map(({ state }) => state)).toEqual(Array(4).fill("pending"));
      expect(await states("old")).toEqual({
        "sip:done@example.com": ["delivered", "OK", false],
        "sip:busy@example.com": ["sending", "", true],
        "sip:sleeping@example.com": ["cancelled", "replaced", false],
      });
    });

    it.each(["pending-only", "all"] as const)(
      "%s finds recipients whose address is written otherwise",
      async (method) => {
        await rig.store.submit([submission("old", { recipients: to("alice", "bob") })], t0);
        const recipients = [{ address: "sip:alice@EXAMPLE.com", recipient: "sip:alice@example.com" }];
        const [result] = await rig.store.submit(
          [submission("new", { recipients, replace: { pushId: "old", method } })],
          t0,
        );
        expect(result).toMatchObject({ result: "accepted", rejected: [] });
        expect(await states("old")).toEqual({
          "sip:alice@example.com": ["cancelled", "replaced", false],
          "sip:bob@example.com": ["pending", "", false],
        });
        expect(pushIds(await rig.store.claim(claimAs("n1"))).toSorted()).toEqual(["new", "old"]);
      },
    );

    it("leaves what only a rejected address would replace, and counts a recipient once that two addresses stand for", async () => {
      const rejected = { papCode: 2002, reason: "address error" };
      const [alice, bob] = to("alice", "bob");
      if (alice === undefined || bob === undefined) throw new Error("two recipients");
      const another = { ...alice, address: "sip:alice@EXAMPLE.com", rejected };
      await rig.store.submit([submission("old", { recipients: [another, alice, bob] })], t0);
      const recipients = [alice, another, { ...bob, rejected }];
      await rig.store.submit([submission("new", { recipients, replace: { pushId: "old", method: "all" } })], t0);
      const status = await rig.store.status({ initiator: "pi", pushId: "old" });
      expect(status?.deliveries.map(({ state }) => state)).toEqual(["rejected", "cancelled", "pending"]);
      expect(await rig.store.countByState()).toMatchObject({ pending: 2, cancelled: 1, rejected: 3 });
    });

    it("says when there is nothing to replace, and stores nothing then", async () => {
      const [missing] = await rig.store.submit([replacing("all", ["a"])], t0);
      expect(missing).toEqual({ result: "replacedNotFound" });
      await oldPush();
      const [none] = await rig.store.submit([replacing("pending-only", ["done", "else"])], t0);
      expect(none).toEqual({ result: "nothingToReplace" });
      expect(await rig.store.status({ initiator: "pi", pushId: "new" })).toBeUndefined();
    });

    it("cancels nothing when its own push-id is a duplicate", async () => {
      await oldPush();
      await rig.store.submit([submission("new")], t0);
      const [result] = await rig.store.submit([replacing("all", ["sleeping"])], t0);
      expect(result).toEqual({ result: "duplicate" });
      expect(await states("old")).toMatchObject({
        "sip:sleeping@example.com": ["retry-wait", "Service Unavailable", false],
      });
    });

    it("replaces a push submitted in the same call", async () => {
      const results = await rig.store.submit([submission("old"), replacing("pending-only", ["alice"])], t0);
      expect(results.map(({ result }) => result)).toEqual(["accepted", "accepted"]);
      expect(pushIds(await rig.store.claim(claimAs("n1")))).toEqual(["new"]);
    });
  });

  describe("replace of a push that is being sent", () => {
    const replacing = (pushId: string, old: string, method: "pending-only" | "all" = "all") =>
      submission(pushId, { replace: { pushId: old, method }, notifyUrl: "http://pi" });

    /** Has the attempt of `old` under way on one node, and what replaces it submitted on another. */
    async function replaced(method: "pending-only" | "all", submit = rig.store): Promise<ClaimedDelivery> {
      await rig.store.submit([submission("old", { notifyUrl: "http://pi" })], t0);
      const [old] = await rig.store.claim(claimAs("n1"));
      if (old === undefined) throw new Error("one delivery");
      const [result] = await submit.submit([replacing("new", "old", method)], t0 + 1);
      expect(result).toMatchObject({ result: "accepted", rejected: [] });
      return old;
    }

    const due = async (nowMs: number) =>
      (await rig.store.claim(claimAs("n1", nowMs))).map((each) => each.content.pushId);

    it.each(["pending-only", "all"] as const)(
      "%s is given to no node before that attempt has ended, and then to the first that asks",
      async (method) => {
        const other = await rig.another();
        const old = await replaced(method, other);
        for (const store of [rig.store, other]) expect(await store.claim(claimAs("n2", t0 + 2))).toEqual([]);
        await rig.store.renew([leaseOf(old)], t0 + 10 * LEASE_MS);
        for (let ms = t0 + LEASE_MS; ms < t0 + 3 * LEASE_MS; ms += LEASE_MS)
          expect(await other.claim(claimAs("n2", ms))).toEqual([]);
        const nowMs = t0 + 3 * LEASE_MS;
        const stopped = { to: "cancelled", atMs: nowMs, sipStatus: 486, reason: "replaced" } as const;
        expect((await rig.store.advance([outcome(old, stopped)]))[0]?.result).toBe("done");
        const [claimed, ...more] = await other.claim(claimAs("n2", nowMs + LOOK_AGAIN_MS));
        expect(claimed).toMatchObject({
          content: { pushId: "new" },
          wokenFrom: "pending",
          attempts: 1,
          overtaken: false,
        });
        expect(more).toEqual([]);
      },
    );

    it("and a claim at the same time never have both under way, and lose neither", async () => {
      const ids = Array.from({ length: 40 }, (_, index) => `p${index}`);
      await rig.store.submit(
        ids.map((id) => submission(id)),
        t0,
      );
      const other = await rig.another();
      const [first] = await Promise.all([
        other.claim(claimAs("n1", t0, 20)),
        ...ids.map((id) => rig.store.submit([replacing(`${id}-new`, id, "pending-only")], t0)),
      ]);
      const second = await other.claim(claimAs("n1", t0 + 1));
      const taken = [...pushIds(first), ...pushIds(second)];
      expect(taken.map((pushId) => pushId.replace("-new", "")).sort()).toEqual(ids.toSorted());
    });

    it("keeps nothing else waiting, and is looked at again soon", async () => {
      await replaced("all");
      await rig.store.submit([submission("another", { priority: "low", recipients: to("bob") })], t0 + 1);
      expect(await due(t0 + 2)).toEqual(["another"]);
      expect(await rig.store.nextDueAtMs("deliveries")).toBe(t0 + 2 + LOOK_AGAIN_MS);
      expect(
        await rig.store.delivery((await rig.store.find({ pushId: "new", limit: 1 })).deliveries[0]?.id ?? 0),
      ).toMatchObject({
        state: "pending",
        version: 0,
        attempts: 0,
        owner: null,
      });
    });

    it("is told that it is replaced, and not cancelled, when it would be tried again", async () => {
      const old = await replaced("all");
      expect(await rig.store.advance([retryLater(old, t0 + 1_000)])).toEqual([
        { result: "cancelRequested", reason: "replaced" },
      ]);
      const takenBack: TakenBack[] = [];
      const stop = rig.store.onTakenBack((taken) => void takenBack.push(...taken));
      expect(await rig.store.release([leaseOf(old)], t0 + 20)).toEqual(["cancelled"]);
      expect(takenBack).toMatchObject([{ delivery: old.id, from: "sending", reason: "replaced" }]);
      stop();
    });

    it.each([
      ["pending-only", "delivered", true],
      ["pending-only", "waiting-report", true],
      ["pending-only", "undeliverable", false],
      ["all", "delivered", false],
      ["all", "waiting-report", false],
    ] as const)("%s, of a push that becomes %s, was overtaken by it: %s", async (method, state, overtaken) => {
      const old = await replaced(method);
      const dueAtMs = state === "waiting-report" ? t0 + 1e9 : null;
      await rig.store.advance([outcome(old, { to: state, dueAtMs })]);
      const [claimed] = await rig.store.claim(claimAs("n1", t0 + 100));
      expect(claimed).toMatchObject({ content: { pushId: "new" }, overtaken });
    });

    it("waits for that push also when it replaces one that waits for it", async () => {
      const old = await replaced("pending-only");
      const [newer] = await rig.store.submit([replacing("newer", "new", "pending-only")], t0 + 3);
      expect(newer?.result).toBe("accepted");
      expect(await due(t0 + 4)).toEqual([]);
      await rig.store.advance([outcome(old)]);
      const claimed = await rig.store.claim(claimAs("n1", t0 + 4 + LOOK_AGAIN_MS));
      // Nobody has got the one that it replaces.
      expect(claimed).toMatchObject([{ content: { pushId: "newer" }, overtaken: false }]);
    });

    it("waits for the end of what a dead node left under way, which comes first", async () => {
      const old = await replaced("all");
      expect(await due(t0 + 2)).toEqual([]);
      const left = await rig.store.claim(claimAs("n2", t0 + LEASE_MS));
      expect(left.map(({ id, wokenFrom }) => [id, wokenFrom])).toEqual([[old.id, "sending"]]);
      const [first] = left;
      if (first === undefined) throw new Error("one delivery");
      await rig.store.advance([outcome(first, { to: "unknown" })]);
      expect(await due(t0 + LEASE_MS + LOOK_AGAIN_MS)).toEqual(["new"]);
    });
  });
}
