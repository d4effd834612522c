import { describe, expect, it } from "vitest";
import {
  type DeliveryEvent,
  type DeliveryGuard,
  type DeliveryTransition,
  deliveryMachine,
  deliveryTransition,
  finalStates,
  isFinal,
  type LiveState,
  liveStates,
} from "../../delivery/delivery.machine.ts";
import type { ClaimedDelivery, DeliveryRecord } from "../types.ts";
import { claimAs, leaseOf, outcome, retryAbsent, retryLater, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

const LATER_MS = t0 + 600_000;
const push = { initiator: "pi", pushId: "p" };

/** What the delivery machine says; nothing holds but these. */
const says = (
  state: LiveState,
  event: DeliveryEvent,
  guards: readonly DeliveryGuard[] = [],
): DeliveryTransition | undefined => deliveryTransition(state, event, (guard) => guards.includes(guard));

/** At these events the stores' own statements say what becomes of a delivery: the same as the delivery machine. */
export function describeMachine(rig: StoreRig): void {
  async function claimOne(nowMs: number = t0): Promise<ClaimedDelivery> {
    const [claimed] = await rig.store.claim(claimAs("n1", nowMs));
    if (claimed === undefined) throw new Error("nothing is due");
    return claimed;
  }

  async function only(): Promise<DeliveryRecord> {
    const [delivery] = (await rig.store.status(push))?.deliveries ?? [];
    if (delivery === undefined) throw new Error("no delivery");
    return delivery;
  }

  /** A delivery in this state that was absent before, or busy, and is due later. */
  const reach: Readonly<Record<LiveState, (retry: typeof retryLater) => Promise<unknown>>> = {
    pending: () => rig.store.submit([submission("p", { deliverAfterMs: LATER_MS })], t0),
    "retry-wait": async (retry) => {
      await rig.store.submit([submission("p")], t0);
      await rig.store.advance([retry(await claimOne(), LATER_MS)]);
    },
    sending: async (retry) => {
      await rig.store.submit([submission("p")], t0);
      await rig.store.advance([retry(await claimOne(), t0)]);
      await claimOne();
    },
    "waiting-report": async (retry) => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      await rig.store.advance([{ ...retry(claimed, LATER_MS), to: "waiting-report" }]);
    },
  };

  describe("as the delivery machine says", () => {
    it.each(liveStates)("%s: cancel", async (state) => {
      await reach[state](retryLater);
      const transition = says(state, "cancel");
      const requested = transition?.actions.includes("requestCancel") === true;
      const verdict = transition === undefined ? "notPossible" : requested ? "requested" : transition.next;
      expect(await rig.store.cancel(push, t0)).toMatchObject([{ verdict }]);
      expect(await only()).toMatchObject({ state: transition?.next ?? state, cancelRequested: requested });
    });

    const waits = liveStates.flatMap((state) => [[state, true] as const, [state, false] as const]);
    it.each(waits)("%s: registered, absent %s", async (state, absent) => {
      await reach[state](absent ? retryAbsent : retryLater);
      const before = await only();
      const transition = says(state, "registered", absent ? ["wasAbsent"] : []);
      const woken = transition?.actions.includes("wake") === true;
      expect(await rig.store.wake([before.recipient], t0 + 1, 0)).toBe(woken ? 1 : 0);
      expect(await only()).toEqual({ ...before, dueAtMs: woken ? t0 + 1 : before.dueAtMs });
      expect(await rig.store.awaitingRegistration(1)).toEqual(woken ? [before.recipient] : []);
    });

    it.each(liveStates)("%s: due", async (state) => {
      await reach[state](retryLater);
      const before = await only();
      const row = deliveryMachine[state][state === "sending" ? "leaseExpired" : "due"] ?? [];
      const sends = row.some(({ actions }) => actions.includes("send"));
      expect(await claimOne(LATER_MS)).toMatchObject({
        wokenFrom: state,
        state: sends ? "sending" : state,
        attempts: before.attempts + (sends ? 1 : 0),
      });
    });

    const held = (["sending", "waiting-report"] as const).flatMap((state) => [
      [state, true] as const,
      [state, false] as const,
    ]);
    it.each(held)("%s: release, taken back %s", async (state, takenBack) => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      if (takenBack) await rig.store.cancel(push, t0);
      if (state === "waiting-report")
        await rig.store.advance([outcome(claimed, { to: state, dueAtMs: t0, papCode: 1001 })]);
      const lease = state === "waiting-report" ? await claimOne() : claimed;
      const next = says(state, "release", takenBack ? ["cancelRequested"] : [])?.next;
      const result = next === "cancelled" ? "cancelled" : "released";
      expect(await rig.store.release([leaseOf(lease)], t0 + 1, LATER_MS)).toEqual([result]);
      expect(await only()).toMatchObject({ state: next, owner: null });
      expect(await rig.store.nextDueAtMs("deliveries")).toBe(result === "released" ? LATER_MS : undefined);
    });

    const ends = [...finalStates, "pending", "retry-wait", "waiting-report"] as const;
    it.each(ends)("%s: not after a cancel that would have ended it there", async (state) => {
      await rig.store.submit([submission("p")], t0);
      const claimed = await claimOne();
      await rig.store.cancel(push, t0);
      const dueAtMs = isFinal(state) ? null : LATER_MS;
      const [answer] = await rig.store.advance([outcome(claimed, { to: state, dueAtMs })]);
      const refused = deliveryTransition(state, "cancel", () => false)?.next === "cancelled";
      expect(answer?.result).toBe(refused ? "cancelRequested" : "done");
    });

    it("pending: reject", async () => {
      const recipients = to("x").map((each) => ({ ...each, rejected: { papCode: 2002, reason: "bad" } }));
      await rig.store.submit([submission("p", { recipients })], t0);
      expect((await only()).state).toBe(says("pending", "reject")?.next);
    });
  });
}
