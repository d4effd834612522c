import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";
import type { PpgStore } from "../store/store.ts";
import type { ClaimedDelivery, TakenBack } from "../store/types.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

/** The store, with pushes of one push-id that cannot be read. */
function spoilt(store: PpgStore, pushId: string): PpgStore {
  const unreadable = (each: ClaimedDelivery): ClaimedDelivery => ({
    ...each,
    content: Object.defineProperty({ ...each.content }, "applicationData", {
      get: () => {
        throw new Error("unreadable");
      },
    }),
  });
  return new Proxy(store, {
    get: (target, name) => {
      if (name !== "claim") return Reflect.get(target, name, target) as unknown;
      return async (request: Parameters<PpgStore["claim"]>[0]) =>
        (await target.claim(request)).map((each) => (each.content.pushId === pushId ? unreadable(each) : each));
    },
  });
}

describe("a push that we make a mistake about", () => {
  it("before it is sent, ends once and for all, and those claimed with it are delivered", async () => {
    await rig.handset(() => [200]);
    await rig.submit("bad", ["alice"]);
    await rig.submit("good", ["bob"]);
    const { watched } = await rig.node({ dispatcher: { store: spoilt(rig.store, "bad") } });
    expect(await rig.untilTold("good", "delivered")).toMatchObject({ sipStatus: 200 });
    expect(await rig.untilTold("bad", "undeliverable")).toMatchObject({ papCode: 3000, attempts: 0 });
    expect(rig.seen).toHaveLength(1);
    expect(watched.pending).toBe(0);
  });

  it("after its attempt, ends, and the next to that recipient has its turn", async () => {
    await rig.handset((_, n) => (n === 0 ? [503] : [200]));
    await rig.submit("bad");
    await rig.submit("good");
    const random = (): number => {
      throw new Error("no random numbers");
    };
    const { dispatcher } = await rig.node({ dispatcher: { random } });
    expect(await rig.untilTold("bad", "undeliverable")).toMatchObject({ attempts: 1 });
    expect(await rig.untilTold("good", "delivered")).toMatchObject({ attempts: 1 });
    expect(dispatcher.stats).toMatchObject({ inFlight: 0, waiting: 0 });
  });
});

describe("a change whose answer is lost", () => {
  it("was committed, is found so, and is told", async () => {
    await rig.handset(() => [200]);
    const { watched } = await rig.node();
    let faults = 1;
    watched.fault = (method) => (method === "advance" && faults-- > 0 ? "after" : undefined);
    await rig.submit("p1");
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ state: "delivered" });
    expect(rig.told("p1")).toEqual(["pending>sending", "sending>delivered"]);
    expect(watched.calls.get("advance")).toBe(2);
  });
});

describe("a push that is taken back while it is under way", () => {
  it("and handed back, is told as cancelled by the store, and not as pending", async () => {
    const takenBack: TakenBack[] = [];
    rig.store.onTakenBack((taken) => void takenBack.push(...taken));
    await rig.handset(() => undefined);
    const { dispatcher } = await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    await rig.store.cancel({ initiator: "pi", pushId: "p1" }, rig.clock.wallMs);
    await rig.clock.untilSettled(dispatcher.stop({ graceMs: 0 }));
    expect(rig.told("p1")).toEqual(["pending>sending"]);
    expect(takenBack).toMatchObject([{ pushId: "p1", from: "sending", reason: "cancelled" }]);
    expect(await rig.delivery("p1")).toMatchObject({ state: "cancelled" });
  });
});

describe("a clock that is set back", () => {
  it("makes no CSeq smaller than before (RFC 3261 §8.1.3.5)", async () => {
    await rig.handset((_, n) => (n === 0 ? [486] : [200]));
    await rig.submit("p1", ["bob"], { deliverAfterMs: rig.clock.wallMs + 3_600_000 });
    await rig.clock.advance(3_600_000);
    const first = await rig.node({ owner: "ppg-1" });
    await rig.untilTold("p1", "retry-wait");
    await rig.clock.untilSettled(first.dispatcher.stop({ graceMs: 0 }));
    // A node whose clock is behind by less than a lease.
    const slow = {
      now: () => rig.clock.now(),
      schedule: rig.clock.schedule.bind(rig.clock),
      date: () => new Date(rig.clock.wallMs - 3_000),
    };
    await rig.node({ owner: "ppg-2", address: "192.0.2.3", dispatcher: { clock: slow } });
    await rig.untilTold("p1", "delivered");
    const [one, two] = rig.seen.map(({ cseq }) => cseq.seq);
    expect(two).toBeGreaterThan(one ?? 0);
  });
});
