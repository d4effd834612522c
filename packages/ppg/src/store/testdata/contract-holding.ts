import { describe, expect, it } from "vitest";
import type { ClaimedDelivery, PushSubmission } from "../types.ts";
import { claimAs, LEASE_MS, leaseOf, outcome, pushIds, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

const hold = (limit = 100) => ({ owner: "n1", limit, leaseMs: LEASE_MS });

export function describeHolding(rig: StoreRig): void {
  async function submitHeld(submissions: readonly PushSubmission[], limit?: number): Promise<(string | null)[]> {
    const results = await rig.store.submit(submissions, t0, hold(limit));
    return results.map((each) => (each.result === "accepted" ? (each.held?.content.pushId ?? null) : each.result));
  }

  async function holdOne(push: PushSubmission): Promise<ClaimedDelivery> {
    const [result] = await rig.store.submit([push], t0, hold());
    if (result?.result !== "accepted" || result.held === null) throw new Error("not held");
    return result.held;
  }

  describe("submit and hold", () => {
    it("gives what a claim would have given", async () => {
      const changes: Partial<PushSubmission> = {
        priority: "high",
        deliveryMethod: "confirmed",
        notifyUrl: "https://pi.example.com/",
        content: octets,
        deliverAfterMs: t0,
        deliverBeforeMs: t0 + 60_000,
        capabilities: octets,
        progressNotesRequested: true,
        applicationData: { a: [1, null, "é"] },
      };
      const held = await holdOne(submission("p", changes));
      expect(await rig.store.claim(claimAs("n2"))).toEqual([]);
      await rig.store.submit([submission("q", changes)], t0);
      const [claimed] = await rig.store.claim(claimAs("n1"));
      if (claimed === undefined) throw new Error("nothing claimed");
      const { id, push, callId } = claimed;
      const content = { ...held.content, id: claimed.content.id, pushId: "q" };
      expect({ ...held, id, push, callId, content }).toEqual(claimed);
      expect(held.callId).not.toBe(callId);
      const { wokenFrom: _, overtaken: __, content: ___, ...record } = held;
      expect(await rig.store.delivery(held.id)).toEqual(record);
      expect(await rig.store.deliveryOfCallId(held.callId)).toMatchObject({ id: held.id });
    });

    it("keeps it as a claim does: until it is advanced, handed back, or its lease ends, over a restart", async () => {
      const done = await holdOne(submission("done"));
      const back = await holdOne(submission("back"));
      const left = await holdOne(submission("left"));
      expect(await rig.store.countByState()).toMatchObject({ pending: 0, sending: 3 });
      expect(await rig.store.advance([outcome(done)])).toEqual([{ result: "done", version: 2 }]);
      expect(await rig.store.release([leaseOf(back)], t0)).toEqual(["released"]);
      const again = await rig.store.claim(claimAs("n1", t0 + 1));
      expect(again).toMatchObject([{ id: back.id, wokenFrom: "pending", attempts: 1, callId: back.callId }]);
      await rig.reopen();
      expect(await rig.store.nextDueAtMs("deliveries")).toBe(t0 + LEASE_MS);
      const [late] = await rig.store.claim(claimAs("n2", t0 + LEASE_MS));
      expect(late).toMatchObject({ id: left.id, wokenFrom: "sending", attempts: 2, callId: left.callId });
      expect(late?.content).toEqual(left.content);
      expect(await rig.store.timeline(done.id)).toMatchObject([{ version: 2, state: "delivered", owner: "n1" }]);
    });

    it("ends in a result that is told, as any other", async () => {
      const held = await holdOne(submission("p", { notifyUrl: "http://pi" }));
      await rig.store.advance([outcome(held)]);
      expect(await rig.store.claimNotifications(claimAs("n1", t0 + 60))).toMatchObject([
        { pushId: "p", sequence: 1, messageState: "delivered" },
      ]);
    });

    it("holds no more than was asked for, the first first; the rest is there to be claimed", async () => {
      const pushes = ["a", "b", "c", "d"].map((pushId) => submission(pushId));
      expect(await submitHeld(pushes, 2)).toEqual(["a", "b", null, null]);
      expect(pushIds(await rig.store.claim(claimAs("n2"))).sort()).toEqual(["c", "d"]);
    });

    it("holds nothing that is due later or over, to several or to nobody, or that replaces", async () => {
      const [bob] = to("bob");
      if (bob === undefined) throw new Error("one recipient");
      const rejected = { ...bob, rejected: { papCode: 2002, reason: "address error" } };
      await rig.store.submit([submission("old", { deliverAfterMs: t0 + 1 })], t0);
      expect(
        await submitHeld([
          submission("later", { deliverAfterMs: t0 + 1 }),
          submission("over", { deliverBeforeMs: t0 - 1 }),
          submission("several", { recipients: to("alice", "bob") }),
          submission("nobody", { recipients: [rejected] }),
          submission("replaces", { replace: { pushId: "old", method: "all" } }),
          submission("plain"),
        ]),
      ).toEqual([null, null, null, null, null, "plain"]);
      const due = pushIds(await rig.store.claim(claimAs("n2", t0 + 1)));
      expect(due.sort()).toEqual(["later", "over", "replaces", "several", "several"]);
    });

    it("holds the first of two with one push-id (PAP 2007)", async () => {
      expect(await submitHeld([submission("p"), submission("p")])).toEqual(["p", "duplicate"]);
      expect(await submitHeld([submission("p")])).toEqual(["duplicate"]);
      expect(await rig.store.countByState()).toMatchObject({ pending: 0, sending: 1 });
    });

    it("announces no work for what is held", async () => {
      const heard: string[] = [];
      const stops = (["deliveries", "results"] as const).map((kind) => rig.store.onWork(kind, () => heard.push(kind)));
      const held = await holdOne(submission("p", { notifyUrl: "http://pi" }));
      expect(heard).toEqual([]);
      await rig.store.advance([outcome(held)]);
      expect(heard).toEqual(["results"]);
      await rig.store.submit([submission("q")], t0, hold(0));
      expect(heard).toEqual(["results", "deliveries"]);
      for (const stop of stops) stop();
    });
  });
}

const octets = Uint8Array.from({ length: 256 }, (_, index) => index);
