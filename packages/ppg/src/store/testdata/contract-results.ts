import { describe, expect, it } from "vitest";
import type { NotificationVerdict, ResultNotification } from "../types.ts";
import { address, claimAs, LEASE_MS, outcome, retryLater, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

export function describeResults(rig: StoreRig): void {
  const notifyUrl = "http://pi.example.com/results";

  /** A push of which these users got it, in this order. */
  async function finished(pushId: string, ...users: string[]): Promise<void> {
    await rig.store.submit([submission(pushId, { notifyUrl, recipients: to(...users) })], t0);
    const claimed = await rig.store.claim(claimAs("n1"));
    for (const each of claimed) await rig.store.advance([outcome(each)]);
  }

  const settle = (notification: ResultNotification | undefined, verdict: NotificationVerdict["verdict"], atMs = t0) => {
    if (notification === undefined) throw new Error("a notification");
    return rig.store.settleNotifications([{ notification, verdict, atMs }]);
  };

  describe("result notifications", () => {
    it("hold what a resultnotification-message says (PAP 2.x)", async () => {
      await finished("p", "alice");
      expect(await rig.store.claimNotifications(claimAs("n1", t0 + 50))).toEqual([
        {
          push: expect.any(Number),
          owner: "n1",
          sequence: 1,
          attempts: 1,
          notifyUrl,
          initiator: "pi",
          pushId: "p",
          address: address("alice"),
          messageState: "delivered",
          papCode: 1000,
          reason: "OK",
          receivedAtMs: t0,
          eventAtMs: t0 + 50,
          priority: "medium",
          deliveryMethod: "notspecified",
          applicationData: null,
        },
      ]);
    });

    it("that are postponed come again then, and no attempt was made", async () => {
      await finished("p", "alice");
      await rig.store.submit([submission("later", { deliverAfterMs: t0 + 2_000 })], t0);
      expect(await rig.store.nextDueAtMs("results")).toBe(t0 + 50);
      const [first] = await rig.store.claimNotifications(claimAs("n1", t0 + 50));
      expect(await settle(first, "retry", t0 + 60)).toEqual([true]);
      const [second] = await rig.store.claimNotifications(claimAs("n1", t0 + 60));
      expect(await settle(second, "postponed", t0 + 5_000)).toEqual([true]);
      expect(await rig.store.nextDueAtMs("results")).toBe(t0 + 5_000);
      expect(await rig.store.nextDueAtMs("deliveries")).toBe(t0 + 2_000);
      expect(await rig.store.nextDueAtMs()).toBe(t0 + 2_000);
      expect(await rig.store.claimNotifications(claimAs("n1", t0 + 4_999))).toEqual([]);
      const [third] = await rig.store.claimNotifications(claimAs("n1", t0 + 5_000));
      expect([first?.attempts, second?.attempts, third?.attempts]).toEqual([1, 2, 2]);
      expect(third?.sequence).toBe(1);
    });

    it("of one push come one after the other, in the order of the results; of different pushes side by side", async () => {
      await finished("p", "alice", "bob", "carol");
      await finished("q", "dave");
      const first = await rig.store.claimNotifications(claimAs("n1", t0 + 50));
      expect(first.map((each) => each.address)).toEqual(["alice", "dave"].map(address));
      expect(await rig.store.claimNotifications(claimAs("n2", t0 + 50))).toEqual([]);
      expect(await settle(first[0], "accepted", t0 + 60)).toEqual([true]);
      const [second] = await rig.store.claimNotifications(claimAs("n2", t0 + 60));
      expect(second).toMatchObject({ address: address("bob"), sequence: 2, attempts: 1 });
      expect(await settle(second, "retry", t0 + 5_000)).toEqual([true]);
      expect(await rig.store.claimNotifications(claimAs("n1", t0 + 4_999))).toEqual([]);
      const [again] = await rig.store.claimNotifications(claimAs("n1", t0 + 5_000));
      expect(again).toMatchObject({ address: address("bob"), attempts: 2 });
      expect(await settle(again, "abandoned", t0 + 5_000)).toEqual([true]);
      const [last] = await rig.store.claimNotifications(claimAs("n1", t0 + 5_000));
      expect(last).toMatchObject({ address: address("carol"), sequence: 3, attempts: 1 });
      await settle(last, "accepted");
      expect(await rig.store.claimNotifications(claimAs("n1", t0 + 1e9))).toHaveLength(1); // dave's, not settled
    });

    it("are told again when the node that claimed them dies, and it cannot settle them any more", async () => {
      await finished("p", "alice", "bob");
      const [first] = await rig.store.claimNotifications(claimAs("n1", t0 + 50));
      await rig.reopen();
      const [again] = await rig.store.claimNotifications(claimAs("n2", t0 + 50 + LEASE_MS));
      expect(again).toMatchObject({ sequence: 1, attempts: 2 });
      expect(await settle(first, "accepted")).toEqual([false]);
      expect(await settle(again, "accepted")).toEqual([true]);
      expect(await settle(again, "accepted")).toEqual([false]);
    });

    it("come for what is cancelled too, and not for a push that wants none", async () => {
      await rig.store.submit([submission("p", { notifyUrl }), submission("silent")], t0);
      await rig.store.cancel({ initiator: "pi", pushId: "p" }, t0 + 1);
      await rig.store.cancel({ initiator: "pi", pushId: "silent" }, t0 + 1);
      const all = await rig.store.claimNotifications(claimAs("n1", t0 + 1));
      expect(all.map((each) => [each.pushId, each.messageState])).toEqual([["p", "cancelled"]]);
    });
  });

  describe("notificationsOf", () => {
    it("says of each result whether it is queued, tried, told or given up, how often and when", async () => {
      await finished("p", "alice", "bob", "carol");
      const [first] = await rig.store.claimNotifications(claimAs("n1", t0 + 50));
      const push = first?.push ?? 0;
      const shape = async () =>
        (await rig.store.notificationsOf(push)).map((each) => [
          each.sequence,
          each.state,
          each.attempts,
          each.nextAtMs,
          each.settledAtMs,
        ]);
      expect(await shape()).toEqual([
        [1, "retry", 1, t0 + 50 + LEASE_MS, null],
        [2, "queued", 0, null, null],
        [3, "queued", 0, null, null],
      ]);
      await settle(first, "retry", t0 + 1_000);
      const [again] = await rig.store.claimNotifications(claimAs("n1", t0 + 1_000));
      await settle(again, "accepted", t0 + 1_100);
      const [second] = await rig.store.claimNotifications(claimAs("n1", t0 + 1_100));
      await settle(second, "abandoned", t0 + 1_200);
      await rig.reopen();
      expect(await shape()).toEqual([
        [1, "accepted", 2, null, t0 + 1_100],
        [2, "abandoned", 1, null, t0 + 1_200],
        [3, "queued", 0, t0 + 1_200, null],
      ]);
      const [record] = await rig.store.notificationsOf(push);
      expect((await rig.store.delivery(record?.delivery ?? 0))?.address).toBe(address("alice"));
    });

    it("is empty for a push that wants no results, that has none yet, or that is not kept", async () => {
      const [silent, waiting] = await rig.store.submit([submission("silent"), submission("q", { notifyUrl })], t0);
      await rig.store.cancel({ initiator: "pi", pushId: "silent" }, t0);
      for (const result of [silent, waiting])
        expect(await rig.store.notificationsOf(result?.result === "accepted" ? result.id : 0)).toEqual([]);
      expect(await rig.store.notificationsOf(999_999)).toEqual([]);
    });
  });

  describe("prune", () => {
    it("takes fewer pushes at once when they have many recipients, and always whole ones", async () => {
      const users = Array.from({ length: 30 }, (_, n) => `u${n}`);
      const pushes = ["p", "q", "r"].map((pushId) => submission(pushId, { recipients: to(...users) }));
      await rig.store.submit(pushes, t0);
      await rig.store.advance((await rig.store.claim(claimAs("n1"))).map((each) => outcome(each)));
      const pruned: number[] = [];
      for (let n = 0; n < 3; n++) pruned.push(await rig.store.prune(t0 + 1e9, 40));
      expect(pruned).toEqual([2, 1, 0]);
      expect(await rig.store.find({ limit: 1 })).toMatchObject({ deliveries: [] });
    });

    it("deletes what is finished and told, in batches, and nothing else", async () => {
      await rig.store.submit(
        ["a", "b", "c"].map((id) => submission(id)),
        t0,
      );
      await rig.store.advance((await rig.store.claim(claimAs("n1"))).map((each) => outcome(each)));
      await finished("untold", "alice");
      await rig.store.submit([submission("half", { recipients: to("x", "y") })], t0);
      const [x, y] = await rig.store.claim(claimAs("n1"));
      if (x === undefined || y === undefined) throw new Error("two");
      await rig.store.advance([outcome(x), retryLater(y, t0 + 60_000)]);

      expect(await rig.store.prune(t0 + 50, 10)).toBe(0);
      expect(await rig.store.prune(t0 + 51, 2)).toBe(2);
      expect(await rig.store.prune(t0 + 51, 2)).toBe(1);
      expect(await rig.store.prune(t0 + 1e9, 10)).toBe(0);
      expect(await rig.store.countByState()).toMatchObject({ delivered: 2, "retry-wait": 1, pending: 0, sending: 0 });
      const { deliveries } = await rig.store.find({ limit: 10 });
      expect(new Set(deliveries.map(({ pushId }) => pushId))).toEqual(new Set(["untold", "half"]));

      const [notification] = await rig.store.claimNotifications(claimAs("n1", t0 + 50));
      await settle(notification, "accepted");
      expect(await rig.store.prune(t0 + 1e9, 10)).toBe(1);
      const [again] = await rig.store.submit([submission("untold")], t0);
      expect(again?.result).toBe("accepted");
    });
  });

  describe("queries", () => {
    it("status tells of all recipients, in their order, and nothing of another's push (PAP statusquery)", async () => {
      await rig.store.submit([submission("p", { recipients: to("a", "b", "c") })], t0);
      const all = await rig.store.status({ initiator: "pi", pushId: "p" });
      expect(all?.push).toMatchObject({ pushId: "p", acceptedAtMs: t0, contentType: "application/octet-stream" });
      expect(all?.deliveries.map((each) => [each.address, each.state, each.papCode])).toEqual(
        ["a", "b", "c"].map((user) => [address(user), "pending", 1001]),
      );
      expect(await rig.store.status({ initiator: "stranger", pushId: "p" })).toBeUndefined();
    });

    it("find pages through what matches, newest first", async () => {
      const ids = Array.from({ length: 7 }, (_, index) => `p${index}`);
      await rig.store.submit(
        ids.map((id) => submission(id)),
        t0,
      );
      await rig.store.submit([submission("mine", { initiator: "other", recipients: to("bob") })], t0);
      const seen: string[] = [];
      for (let after: number | null | undefined; after !== null; ) {
        const recipient = "sip:alice@example.com";
        const page = await rig.store.find({ recipient, limit: 3, ...(after === undefined ? {} : { after }) });
        seen.push(...page.deliveries.map(({ pushId }) => pushId));
        after = page.next;
      }
      expect(seen).toEqual(ids.reverse());
      const find = async (query: object) =>
        (await rig.store.find({ limit: 100, ...query })).deliveries.map(({ pushId }) => pushId);
      expect(await find({ initiator: "other" })).toEqual(["mine"]);
      expect(await find({ pushId: "p3" })).toEqual(["p3"]);
      await rig.store.cancel({ initiator: "pi", pushId: "p5" }, t0);
      expect(await find({ state: "cancelled" })).toEqual(["p5"]);
      expect(await find({ state: "pending" })).toHaveLength(7);
      expect(await find({ state: "delivered" })).toEqual([]);
      expect(await find({ state: "pending", recipient: "sip:bob@example.com" })).toEqual(["mine"]);
      expect(await find({ state: "cancelled", initiator: "other" })).toEqual([]);
      expect(await find({ pushId: "p5", state: "cancelled" })).toEqual(["p5"]);
      expect(await find({ pushId: "p5", initiator: "other" })).toEqual([]);
      expect(await find({ state: "no such state' OR 1" })).toEqual([]);
      await expect(rig.store.find({ limit: 0 })).rejects.toMatchObject({ code: "STORE_BAD_INPUT" });
    });
  });

  describe("awaitingRegistration", () => {
    it("names who is absent, each once, newest first, and nobody else", async () => {
      const users = ["alice", "bob", "carol", "dave"];
      await rig.store.submit(
        [submission("p", { recipients: to(...users) }), submission("q", { recipients: to("alice") })],
        t0,
      );
      const claimed = await rig.store.claim(claimAs("n1"));
      const absent = { to: "retry-wait", dueAtMs: t0 + 60_000, sipStatus: 480, papCode: 5028 } as const;
      await rig.store.advance(
        claimed.map((each) =>
          each.recipient === "sip:carol@example.com" ? retryLater(each, t0 + 60_000) : outcome(each, absent),
        ),
      );
      await rig.reopen();
      const uris = (...names: string[]) => names.map((name) => `sip:${name}@example.com`);
      expect(await rig.store.awaitingRegistration(10)).toEqual(uris("alice", "dave", "bob"));
      expect(await rig.store.awaitingRegistration(1)).toEqual(uris("alice"));
      await expect(rig.store.awaitingRegistration(0)).rejects.toMatchObject({ code: "STORE_BAD_INPUT" });
      await rig.store.wake(uris("alice", "bob", "dave"), t0 + 1, 0);
      const woken = await rig.store.claim(claimAs("n1", t0 + 1));
      await rig.store.advance(woken.map((each) => outcome(each)));
      expect(await rig.store.awaitingRegistration(10)).toEqual([]);
    });
  });

  it("is closed once and for all", async () => {
    const store = await rig.another();
    const last = store.submit([submission("last")], t0);
    await store.close();
    await store.close();
    expect((await last)[0]?.result).toBe("accepted");
    await expect(store.submit([submission("p")], t0)).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await expect(store.countByState()).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });
}
