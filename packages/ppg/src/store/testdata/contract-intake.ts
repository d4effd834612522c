import { describe, expect, it } from "vitest";
import type { TakenBack } from "../types.ts";
import { address, claimAs, LEASE_MS, leaseOf, outcome, pushIds, retryLater, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

export function describeIntake(rig: StoreRig): void {
  describe("submit", () => {
    it("keeps all of a push, octet by octet, over a restart", async () => {
      const content = Uint8Array.from({ length: 4_096 }, (_, index) => index % 256);
      const push = submission("p1@pi", {
        content,
        capabilities: new Uint8Array([60, 0, 62]),
        priority: "high",
        deliveryMethod: "confirmed",
        deliverAfterMs: t0 + 1,
        deliverBeforeMs: t0 + 2,
        notifyUrl: "https://pi.example.com/results",
        progressNotesRequested: true,
        applicationData: { applicationId: "x-wap-application:ua", list: [1, "é", null] },
      });
      const [result] = await rig.store.submit([push], t0);
      expect(result).toEqual({ result: "accepted", id: expect.any(Number), rejected: [], held: null });
      const store = await rig.reopen();
      const id = result?.result === "accepted" ? result.id : 0;
      const { recipients, replace, ...kept } = push;
      expect(recipients.length + Number(replace === null)).toBe(2);
      expect(await store.push(id)).toEqual({ ...kept, id, acceptedAtMs: t0 });
    });

    it("refuses a push-id that the initiator has used, also in the same call, and not that of another (PAP 2007)", async () => {
      const twice = [submission("same"), submission("same"), submission("same", { initiator: "other" })];
      const first = await rig.store.submit(twice, t0);
      expect(first.map(({ result }) => result)).toEqual(["accepted", "duplicate", "accepted"]);
      const [again] = await rig.store.submit([submission("same", { recipients: to("bob") })], t0);
      expect(again).toEqual({ result: "duplicate" });
      expect((await rig.store.status({ initiator: "pi", pushId: "same" }))?.deliveries).toHaveLength(1);
    });

    it("accepts one of many that submit the same push-id at once", async () => {
      const all = await Promise.all(Array.from({ length: 20 }, () => rig.store.submit([submission("race")], t0)));
      expect(all.flat().filter(({ result }) => result === "accepted")).toHaveLength(1);
      expect(all.flat().filter(({ result }) => result === "duplicate")).toHaveLength(19);
    });

    it("takes neither a push without recipients nor the same address twice", async () => {
      const none = rig.store.submit([submission("none", { recipients: [] })], t0);
      await expect(none).rejects.toMatchObject({ code: "STORE_BAD_INPUT", retryable: false });
      const twice = rig.store.submit([submission("two", { recipients: to("a", "a") })], t0);
      await expect(twice).rejects.toMatchObject({ code: "STORE_BAD_INPUT" });
      expect((await rig.store.countByState()).pending).toBe(0);
    });

    it("stores a rejected recipient as final at once, with its code, its timeline and its result (PAP 2.x)", async () => {
      const notifyUrl = "http://pi.example.com/results";
      const [alice, bob] = to("alice", "bob");
      if (alice === undefined || bob === undefined) throw new Error("two recipients");
      const rejected = { papCode: 2002, reason: "address error" };
      const quality = { priority: "high", deliveryMethod: "confirmed", applicationData: { a: 1 } } as const;
      const [result] = await rig.store.submit(
        [submission("p", { ...quality, notifyUrl, recipients: [alice, { ...bob, rejected }] })],
        t0,
      );
      const status = await rig.store.status({ initiator: "pi", pushId: "p" });
      const ended = { delivery: status?.deliveries[1]?.id, ...bob, ...rejected };
      expect(result).toMatchObject({ result: "accepted", rejected: [ended] });
      expect(status?.deliveries.map(({ state, papCode }) => [state, papCode])).toEqual([
        ["pending", 1001],
        ["rejected", 2002],
      ]);
      expect(await rig.store.countByState()).toMatchObject({ pending: 1, rejected: 1 });
      const refused = status?.deliveries[1]?.id ?? 0;
      expect(await rig.store.timeline(refused)).toMatchObject([
        { version: 1, atMs: t0, state: "rejected", papCode: 2002, reason: "address error", owner: null },
      ]);
      const [notification] = await rig.store.claimNotifications(claimAs("n1"));
      expect(notification).toMatchObject({ address: bob.address, messageState: "rejected", papCode: 2002, ...quality });
      expect(pushIds(await rig.store.claim(claimAs("n1")))).toEqual(["p"]);
    });

    it("takes a push all of whose recipients are rejected: it is finished, and its results are told", async () => {
      const rejected = { papCode: 2002, reason: "address error" };
      const recipients = to("a", "b").map((each) => ({ ...each, rejected }));
      await rig.store.submit(
        [submission("p", { recipients, notifyUrl: "http://pi" }), submission("q", { recipients })],
        t0,
      );
      expect(await rig.store.claim(claimAs("n1"))).toEqual([]);
      const [first] = await rig.store.claimNotifications(claimAs("n1"));
      if (first === undefined) throw new Error("a result");
      await rig.store.settleNotifications([{ notification: first, verdict: "accepted", atMs: t0 }]);
      expect(await rig.store.claimNotifications(claimAs("n1"))).toMatchObject([{ sequence: 2, address: address("b") }]);
      expect(await rig.store.prune(t0 + 1, 10)).toBe(1); // q: nobody waits for its results
    });

    it("tells listeners that there is work, until they stop", async () => {
      let calls = 0;
      const heard = new Promise<void>((resolve) => {
        const stop = rig.store.onWork("deliveries", () => {
          calls += 1;
          stop();
          resolve();
        });
      });
      await rig.store.submit([submission("a")], t0);
      await heard;
      await rig.store.submit([submission("b")], t0);
      expect(calls).toBe(1);
    });
  });

  describe("cancel", () => {
    it("takes back what waits, stops what is under way, and says what is too late (PAP 2008)", async () => {
      const users = ["done", "busy", "reporting", "waiting"];
      await rig.store.submit([submission("p", { recipients: to(...users) })], t0);
      const [done, , reporting] = await rig.store.claim(claimAs("n1", t0, 3));
      if (done === undefined || reporting === undefined) throw new Error("three deliveries");
      await rig.store.advance([
        outcome(done),
        outcome(reporting, { to: "waiting-report", dueAtMs: t0 + 60_000, papCode: 1001 }),
      ]);
      const addresses = [...users, "nobody"].map(address);
      const result = await rig.store.cancel({ initiator: "pi", pushId: "p", addresses }, t0);
      expect(result?.map(({ verdict }) => verdict)).toEqual([
        "notPossible",
        "requested",
        "notPossible",
        "cancelled",
        "addressNotFound",
      ]);
      expect(await rig.store.cancel({ initiator: "pi", pushId: "other" }, t0)).toBeUndefined();
      expect(await rig.store.cancel({ initiator: "stranger", pushId: "p" }, t0)).toBeUndefined();
    });

    it("keeps a delivery that was taken back from being tried again, and lets it end", async () => {
      await rig.store.submit([submission("p")], t0);
      const [claimed] = await rig.store.claim(claimAs("n1"));
      if (claimed === undefined) throw new Error("one delivery");
      await rig.store.cancel({ initiator: "pi", pushId: "p" }, t0);
      expect(await rig.store.advance([retryLater(claimed, t0 + 1_000)])).toEqual([
        { result: "cancelRequested", reason: "cancelled" },
      ]);
      const [ended] = await rig.store.advance([outcome(claimed, { to: "cancelled", sipStatus: 503 })]);
      expect(ended?.result).toBe("done");
    });

    it("and claim never both get a delivery: it is cancelled, or it is under way", async () => {
      const ids = Array.from({ length: 40 }, (_, index) => `p${index}`);
      await rig.store.submit(
        ids.map((id) => submission(id)),
        t0,
      );
      const other = await rig.another();
      const [claimed, ...cancelled] = await Promise.all([
        other.claim(claimAs("n1", t0, 20)),
        ...ids.map((pushId) => rig.store.cancel({ initiator: "pi", pushId }, t0)),
      ]);
      const verdicts = cancelled.map((result) => result?.[0]?.verdict);
      const taken = new Set(pushIds(claimed ?? []));
      for (const [index, id] of ids.entries()) {
        if (!taken.has(id)) expect(verdicts[index]).toBe("cancelled");
        else expect(verdicts[index]).toBe("requested");
      }
    });

    it("while it is under way ends it when the node hands it back", async () => {
      await rig.store.submit([submission("p")], t0);
      const [claimed] = await rig.store.claim(claimAs("n1"));
      if (claimed === undefined) throw new Error("one delivery");
      await rig.store.cancel({ initiator: "pi", pushId: "p" }, t0);
      const takenBack: TakenBack[] = [];
      const stop = rig.store.onTakenBack((taken) => void takenBack.push(...taken));
      expect(await rig.store.release([leaseOf(claimed)], t0 + 20, t0 + LEASE_MS)).toEqual(["cancelled"]);
      expect(await rig.store.delivery(claimed.id)).toMatchObject({
        state: "cancelled",
        eventAtMs: t0 + 20,
        attempts: 0,
      });
      expect(takenBack).toMatchObject([{ delivery: claimed.id, from: "sending", atMs: t0 + 20, reason: "cancelled" }]);
      stop();
    });

    it("and a replacement, say which deliveries they ended, once that is committed; not those under way", async () => {
      const takenBack: TakenBack[] = [];
      const stop = rig.store.onTakenBack((taken) => void takenBack.push(...taken));
      await rig.store.submit([submission("p", { recipients: to("alice", "bob") }), submission("q")], t0);
      await rig.store.claim(claimAs("n1", t0, 1));
      await rig.store.cancel({ initiator: "pi", pushId: "p" }, t0 + 5);
      const { deliveries } = (await rig.store.status({ initiator: "pi", pushId: "p" })) ?? {};
      const [, bob] = deliveries ?? [];
      expect(takenBack).toEqual([
        {
          push: bob?.push,
          pushId: "p",
          initiator: "pi",
          acceptedAtMs: t0,
          delivery: bob?.id,
          recipient: "sip:bob@example.com",
          from: "pending",
          atMs: t0 + 5,
          sipStatus: null,
          papCode: 1000,
          reason: "cancelled",
        },
      ]);
      await rig.store.submit([submission("r", { replace: { pushId: "q", method: "all" } })], t0 + 6);
      expect(takenBack[1]).toMatchObject({ pushId: "q", from: "pending", reason: "replaced", atMs: t0 + 6 });
      await rig.store.cancel({ initiator: "pi", pushId: "p" }, t0 + 7);
      expect(takenBack).toHaveLength(2);
      stop();
    });
  });
}
