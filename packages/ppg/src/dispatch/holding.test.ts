import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const cancel = (pushId: string) => rig.store.cancel({ initiator: "pi", pushId }, rig.clock.wallMs);

describe("leases", () => {
  it("are renewed while an attempt is under way, in one call for all, and nobody else takes it", async () => {
    await rig.handset(() => undefined);
    const { watched } = await rig.node({ dispatcher: { leaseMs: 6000 } });
    await rig.node({ owner: "ppg-2", address: "192.0.2.11", dispatcher: { leaseMs: 6000 } });
    await rig.submit("p1", ["a", "b", "c"]);
    await rig.clock.advance(31_000);
    expect(new Set(rig.seen.map(({ callId }) => callId)).size).toBe(3);
    expect((await rig.status("p1")).deliveries.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
    expect(watched.calls.get("renew") ?? 0).toBeLessThan(20);
  });

  it("that end are another node's: what is sent again has the same Call-ID, and a real receiver drops it", async () => {
    const pushes: string[] = [];
    const held = Promise.withResolvers<{ statusCode: number }>();
    const receiver = await rig.receiver({
      handlers: { default: () => held.promise },
      onPush: ({ callId }) => void pushes.push(callId),
    });
    const first = await rig.node({ dispatcher: { leaseMs: 6000 } });
    const [id] = await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    await first.kill();
    await rig.node({ owner: "ppg-2", address: "192.0.2.11" });
    await rig.clock.advance(10_000);
    held.resolve({ statusCode: 200 });
    const delivery = await rig.untilTold("p1", "delivered");
    expect(delivery.attempts).toBe(2);
    expect(pushes).toEqual([delivery.callId]);
    expect(receiver.stats).toMatchObject({ pushes: 1, repeats: 1 });
    expect((await rig.store.timeline(id ?? 0)).at(-1)).toMatchObject({ owner: "ppg-2", state: "delivered" });
  });

  it("that are lost are not written about: the attempt is aborted", async () => {
    await rig.handset(() => undefined);
    const { dispatcher, watched } = await rig.node({ dispatcher: { leaseMs: 6000 } });
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    watched.fault = (method) => (method === "renew" || method === "claim" ? "before" : undefined);
    await rig.clock.advance(7000);
    const [taken] = await rig.store.claim({ owner: "ppg-2", limit: 1, nowMs: rig.clock.wallMs, leaseMs: 100_000 });
    expect(taken?.wokenFrom).toBe("sending");
    watched.fault = () => undefined;
    await rig.clock.advance(7000);
    expect(dispatcher.stats).toMatchObject({ inFlight: 0, lost: 1 });
    expect(await rig.delivery("p1")).toMatchObject({ state: "sending", owner: "ppg-2", attempts: 2 });
  });

  it("two dispatchers share the work, each push once", async () => {
    await rig.handset(() => [200]);
    await rig.node({ dispatcher: { claimBatch: 5, concurrency: 5 } });
    await rig.node({ owner: "ppg-2", address: "192.0.2.11", dispatcher: { claimBatch: 5, concurrency: 5 } });
    const users = Array.from({ length: 60 }, (_, n) => `u${n}`);
    await rig.submit("p1", users);
    await rig.clock.until(() => rig.told("p1").filter((each) => each === "sending>delivered").length === 60);
    expect(rig.seen).toHaveLength(60);
    expect(new Set(rig.seen.map(({ callId }) => callId)).size).toBe(60);
    const owners = new Set<string | null>();
    for (const { id } of (await rig.status("p1")).deliveries) {
      owners.add((await rig.store.timeline(id)).at(-1)?.owner ?? null);
    }
    expect(owners).toEqual(new Set(["ppg-1", "ppg-2"]));
  });
});

describe("a push that is taken back", () => {
  it("before it is due, is not sent", async () => {
    await rig.handset(() => [200]);
    await rig.node();
    await rig.submit("p1", ["bob"], { deliverAfterMs: rig.clock.wallMs + 1000 });
    await cancel("p1");
    await rig.clock.advance(5000);
    expect(rig.seen).toHaveLength(0);
  });

  it.each([
    [486, "cancelled"],
    [200, "delivered"],
    [403, "undeliverable"],
  ])("while it is under way, ends after this attempt: %d, %s", async (statusCode, state) => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset(() => held.promise);
    await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    expect(await cancel("p1")).toEqual([{ address: "bob", verdict: "requested" }]);
    held.resolve([statusCode]);
    expect(await rig.untilTold("p1", state)).toMatchObject({ sipStatus: statusCode });
    await rig.clock.advance(100_000);
    expect(rig.seen).toHaveLength(1);
  });

  it("while it waits to be tried again, is not", async () => {
    await rig.handset(() => [486]);
    await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "retry-wait");
    await cancel("p1");
    await rig.clock.advance(100_000);
    expect(rig.seen).toHaveLength(1);
    expect((await rig.delivery("p1")).state).toBe("cancelled");
  });

  it("while a node that died had it under way: nobody knows", async () => {
    await rig.handset(() => undefined);
    const first = await rig.node({ dispatcher: { leaseMs: 6000 } });
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    await first.kill();
    await cancel("p1");
    await rig.node({ owner: "ppg-2", address: "192.0.2.11" });
    expect(await rig.untilTold("p1", "unknown")).toMatchObject({ papCode: 4000 });
  });
});

describe("a store that fails", () => {
  it("keeps nothing from being sent once it is back, and nothing is sent twice", async () => {
    await rig.handset(() => [200]);
    const { dispatcher, watched } = await rig.node();
    await rig.clock.advance(1000);
    watched.fault = () => "before";
    await rig.submit("p1");
    await rig.clock.advance(20_000);
    expect(rig.seen).toHaveLength(0);
    expect(dispatcher.healthy).toBe(false);
    expect(watched.calls.get("claim") ?? 0).toBeLessThan(30);
    watched.fault = () => undefined;
    await rig.untilTold("p1", "delivered");
    expect(dispatcher.healthy).toBe(true);
    expect(rig.seen).toHaveLength(1);
  });

  it("while an attempt ends: what became of it is written when it is back", async () => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset(() => held.promise);
    const { watched } = await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    watched.fault = () => "before";
    held.resolve([200]);
    await rig.clock.advance(20_000);
    watched.fault = () => undefined;
    await rig.untilTold("p1", "delivered");
    expect(rig.seen).toHaveLength(1);
  });

  it("after it committed: the second try is stale, and nothing is lost", async () => {
    await rig.handset(() => [200]);
    const { dispatcher, watched } = await rig.node();
    let failures = 1;
    watched.fault = (method) => (method === "advance" && failures-- > 0 ? "after" : undefined);
    await rig.submit("p1");
    await rig.clock.advance(5000);
    expect(await rig.delivery("p1")).toMatchObject({ state: "delivered", attempts: 1 });
    expect(dispatcher.stats).toMatchObject({ inFlight: 0, committing: 0 });
  });

  it("that lost the answer to a claim: the lease ends, and then it is sent", async () => {
    await rig.handset(() => [200]);
    let failures = 1;
    const { watched } = await rig.node({ dispatcher: { leaseMs: 6000 } });
    await rig.clock.advance(100);
    watched.fault = (method) => (method === "claim" && failures-- > 0 ? "after" : undefined);
    await rig.submit("p1");
    await rig.untilTold("p1", "delivered", 20_000);
    expect(rig.seen).toHaveLength(1);
  });
});

describe("a graceful stop", () => {
  it("waits for what is under way, and hands back what was not sent", async () => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset(() => held.promise);
    const { dispatcher } = await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    await rig.submit("p2");
    await rig.clock.advance(100);
    expect(dispatcher.stats).toMatchObject({ inFlight: 1, waiting: 1 });
    const stopped = dispatcher.stop();
    await rig.submit("p3");
    await rig.clock.advance(1000);
    held.resolve([200]);
    await rig.clock.untilSettled(stopped);
    expect((await rig.delivery("p1")).state).toBe("delivered");
    expect(await rig.delivery("p2")).toMatchObject({ state: "pending", owner: null, attempts: 0 });
    expect((await rig.delivery("p3")).state).toBe("pending");
    expect(rig.seen).toHaveLength(1);
    expect(dispatcher.stats).toMatchObject({ inFlight: 0, waiting: 0, committing: 0 });
  });

  it("ends after its grace: attempts are aborted and handed back, and the next node sends them", async () => {
    let answers = false;
    await rig.handset(() => (answers ? [200] : undefined));
    const { dispatcher } = await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    const beganMs = rig.clock.now();
    await rig.clock.untilSettled(dispatcher.stop({ graceMs: 3000 }));
    expect(rig.clock.now() - beganMs).toBeLessThan(3100);
    expect(await rig.delivery("p1")).toMatchObject({ state: "pending", owner: null });
    answers = true;
    await rig.node({ owner: "ppg-2", address: "192.0.2.11" });
    expect((await rig.untilTold("p1", "delivered")).state).toBe("delivered");
  });

  it("does not wait when told so, also later; and is idempotent", async () => {
    await rig.handset(() => undefined);
    const { dispatcher } = await rig.node();
    await rig.submit("p1");
    await rig.untilTold("p1", "sending");
    const stopped = dispatcher.stop();
    await rig.clock.advance(1000);
    expect(dispatcher.stop({ graceMs: 0 })).toBe(stopped);
    const beganMs = rig.clock.now();
    await rig.clock.untilSettled(stopped);
    expect(rig.clock.now()).toBe(beganMs);
    expect((await rig.delivery("p1")).state).toBe("pending");
  });
});
