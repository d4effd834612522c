import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig, type Node, type NodeOptions } from "../../../../test/support/dispatch-rig.ts";
import type { PpgStore } from "../store/store.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

/** One that has asked the store, and knows that nothing waits. */
async function idleNode(options?: NodeOptions): Promise<Node> {
  const node = await rig.node(options);
  await rig.clock.advance(100);
  return node;
}

const submit = ({ submissions }: Node, pushId: string, to?: readonly string[]): Promise<number[]> =>
  rig.submit(pushId, to, {}, submissions);

describe("a push submitted by way of a dispatcher that has nothing else to do", () => {
  it("is delivered without a claim, and told of as any other", async () => {
    await rig.handset(() => [200]);
    const node = await idleNode();
    const claims = node.watched.calls.get("claim");
    await submit(node, "p1");
    const delivery = await rig.untilTold("p1", "delivered");
    expect(delivery).toMatchObject({ sipStatus: 200, attempts: 1 });
    expect(rig.seen.map(({ callId }) => callId)).toEqual([delivery.callId]);
    expect(rig.told("p1")).toEqual(["pending>sending", "sending>delivered"]);
    expect(node.watched.calls.get("claim")).toBe(claims);
  });

  it("is tried again as any other", async () => {
    await rig.handset((_, n) => (n === 0 ? [503] : [200]));
    await submit(await idleNode(), "p1");
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ attempts: 2 });
    expect(new Set(rig.seen.map(({ callId }) => callId)).size).toBe(1);
  });

  it("is told to whoever submitted it before it is sent", async () => {
    await rig.handset(() => [200]);
    const { submissions } = await idleNode();
    let seenAtFirst: number | undefined;
    const by: Pick<PpgStore, "submit"> = {
      submit: async (given, nowMs) => {
        const results = await submissions.submit(given, nowMs);
        seenAtFirst = rig.events.length;
        return results;
      },
    };
    await rig.submit("p1", ["bob"], {}, by);
    await rig.untilTold("p1", "delivered");
    expect(seenAtFirst).toBe(0);
  });

  it("whose commit was not heard of is taken up when the lease ends, with the same Call-ID", async () => {
    await rig.handset(() => [200]);
    const node = await idleNode({ dispatcher: { leaseMs: 10_000 } });
    node.watched.fault = (method) => (method === "submit" ? "after" : undefined);
    await expect(submit(node, "p1")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const { callId } = await rig.delivery("p1");
    const fromMs = rig.clock.now();
    expect(await rig.untilTold("p1", "delivered")).toMatchObject({ attempts: 2, callId });
    expect(rig.clock.now() - fromMs).toBeGreaterThanOrEqual(9_000);
    expect(rig.seen.map((request) => request.callId)).toEqual([callId]);
  });

  it("that the store does not take leaves no place spoken for", async () => {
    const node = await idleNode();
    node.watched.fault = (method) => (method === "submit" ? "before" : undefined);
    const submitted = submit(node, "p1");
    expect(node.dispatcher.places.spokenFor).toBe(1);
    await expect(submitted).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await rig.clock.advance(1);
    expect(node.dispatcher.places.spokenFor).toBe(0);
  });
});

describe("a push submitted by way of a dispatcher", () => {
  it("waits its turn while others wait: no more are held than there is room for", async () => {
    await rig.handset(() => undefined);
    const node = await idleNode({ dispatcher: { concurrency: 8 } });
    for (let n = 1; n <= 12; n++) await submit(node, `p${n}`, [`user${n}`]);
    await rig.clock.advance(100);
    const states = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => (await rig.delivery(`p${n + 1}`)).state),
    );
    expect(states.filter((state) => state === "sending")).toHaveLength(8);
    expect(states.slice(8)).toEqual(["pending", "pending", "pending", "pending"]);
  });

  it("is held at once although other work has just come, and both are delivered", async () => {
    await rig.handset(() => [200]);
    const { store, close, open } = slowStore(rig.store, "claim");
    const node = await idleNode({ dispatcher: { store } });
    close();
    await rig.submit("other");
    await rig.clock.advance(1);
    await submit(node, "p1");
    expect(await rig.delivery("p1")).toMatchObject({ state: "sending", attempts: 1 });
    open();
    await rig.untilTold("p1", "delivered");
    await rig.untilTold("other", "delivered");
  });

  it("queues behind others while there are more of them than the node takes at once", async () => {
    await rig.handset(() => undefined);
    const { store, close, open } = slowStore(rig.store, "claim");
    const node = await idleNode({ dispatcher: { store, claimBatch: 2 } });
    close();
    await rig.submit(
      "others",
      Array.from({ length: 9 }, (_, n) => `user${n}`),
    );
    await rig.clock.advance(10);
    expect(node.dispatcher.places.reserve(1)).toBe(1);
    node.dispatcher.places.free(1);
    // The first answer comes, the next question waits for its own.
    open();
    close();
    await rig.clock.advance(10);
    expect(node.dispatcher.places.reserve(1)).toBe(0);
    open();
  });

  it("does not find its room taken by what becomes due meanwhile", async () => {
    await rig.handset(() => undefined);
    const { store, close, open } = slowStore(rig.store, "claim");
    const node = await idleNode({ dispatcher: { store, concurrency: 8 } });
    for (let n = 1; n <= 8; n++) await rig.submit(`due${n}`, [`due${n}`], { deliverAfterMs: rig.clock.wallMs + 500 });
    await rig.clock.advance(100);
    close();
    await rig.clock.advance(600);
    for (let n = 1; n <= 8; n++) await submit(node, `p${n}`, [`user${n}`]);
    open();
    await rig.clock.advance(100);
    expect(node.dispatcher.stats).toMatchObject({ inFlight: 8, waiting: 0, parked: 0 });
  });

  it("goes through the store when it is not started, or stopped", async () => {
    const node = await rig.node();
    await rig.clock.untilSettled(node.stop(0));
    await submit(node, "p1");
    expect(await rig.delivery("p1")).toMatchObject({ state: "pending", attempts: 0 });
  });

  it("that is being submitted when it stops is handed back", async () => {
    await rig.handset(() => [200]);
    const node = await idleNode();
    const submitted = submit(node, "p1");
    const stopped = node.stop(5_000);
    await rig.clock.untilSettled(Promise.all([submitted, stopped]));
    expect(await rig.delivery("p1")).toMatchObject({ state: "pending", attempts: 0 });
    expect(rig.seen).toEqual([]);
  });
});

/** A store whose answers to such calls come when they are let through. */
function slowStore(
  inner: PpgStore,
  call: "submit" | "claim" = "submit",
): {
  readonly store: PpgStore;
  readonly close: () => void;
  readonly open: () => void;
} {
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const slowly = async (...given: unknown[]): Promise<unknown> => {
    const results: unknown = await Reflect.apply(inner[call], inner, given);
    await gate.promise;
    return results;
  };
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = name === call ? slowly : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return {
    store,
    close: () => {
      gate = Promise.withResolvers();
    },
    open: () => gate.resolve(),
  };
}

describe("a store that answers a submission late", () => {
  it("past the lease, when this node has claimed it again: the claim stands", async () => {
    await rig.handset(() => undefined);
    const { store, close, open } = slowStore(rig.store);
    const node = await idleNode({ dispatcher: { store, leaseMs: 10_000 } });
    close();
    const submitted = submit(node, "p1");
    await rig.clock.advance(11_000);
    open();
    await submitted;
    await rig.clock.advance(100);
    expect(node.dispatcher.stats).toMatchObject({ inFlight: 1, lost: 0 });
    expect(await rig.delivery("p1")).toMatchObject({ state: "sending", version: 2 });
    expect(new Set(rig.seen.map(({ cseq }) => cseq.seq)).size).toBe(1);
  });

  it("with less than there was room kept for: what is due gets the rest at once", async () => {
    await rig.handset(() => undefined);
    const { store, close, open } = slowStore(rig.store);
    const node = await idleNode({ dispatcher: { store, concurrency: 8 } });
    for (let n = 1; n <= 6; n++) await submit(node, `silent${n}`, [`user${n}`]);
    await rig.submit("due1", ["due1"], { deliverAfterMs: rig.clock.wallMs + 500 });
    await rig.submit("due2", ["due2"], { deliverAfterMs: rig.clock.wallMs + 510 });
    await rig.clock.advance(100);
    close();
    const duplicate = submit(node, "silent1", ["user1"]);
    await rig.clock.advance(600);
    expect(await rig.delivery("due2")).toMatchObject({ state: "pending" });
    open();
    await duplicate;
    await rig.clock.advance(1_000);
    expect(await rig.delivery("due2")).toMatchObject({ state: "sending" });
  });

  it("after the dispatcher has stopped: nothing is held, and it is said", async () => {
    const { store, close, open } = slowStore(rig.store);
    const warnings: unknown[] = [];
    const logger = {
      trace: () => {},
      debug: () => {},
      info: () => {},
      warn: (fields: object) => void warnings.push(fields),
      error: () => {},
    };
    const node = await idleNode({ dispatcher: { store, logger } });
    close();
    const submitted = submit(node, "p1");
    await rig.clock.advance(1);
    await rig.clock.untilSettled(node.stop(0));
    expect(warnings).toEqual([{ inFlight: 0, committing: 0, submitting: 1 }]);
    open();
    await submitted;
    await rig.clock.advance(100);
    expect(node.dispatcher.stats).toMatchObject({ inFlight: 0, committing: 0 });
    expect(rig.seen).toEqual([]);
  });
});
