import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SipRequest } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { HANDSET, SERVER } from "./testdata/rig.ts";
import { SubscriberBench } from "./testdata/subscriber-bench.ts";

let bench: SubscriberBench;

const requests = (): SipRequest[] => bench.requests;
const last = (): ServerTransaction => bench.last;
const notify: SubscriberBench["notify"] = (init, of) => bench.notify(init, of);
const accept: SubscriberBench["accept"] = (transaction, expires, code) => bench.accept(transaction, expires, code);
const serve: SubscriberBench["serve"] = (transaction) => bench.serve(transaction);
const open: SubscriberBench["open"] = (options) => bench.open(options);

beforeEach(() => {
  bench = new SubscriberBench();
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
  expect(bench.subscribers.size).toBe(0);
});

describe("the end of a subscription by its notifier (RFC 6665 §4.1.3)", () => {
  it.each<[string, number | null]>([
    ["deactivated", 0],
    ["deactivated;retry-after=99", 0],
    ["probation", 2000],
    ["probation;retry-after=120", 120_000],
    ["rejected", null],
    ["rejected;retry-after=5", null],
    ["timeout", 0],
    ["giveup;retry-after=30", 30_000],
    ["giveup", 2000],
    ["noresource", null],
    ["invariant;retry-after=1", null],
    ["badfilter", null],
    ["somethingelse", 2000],
    ["somethingelse;retry-after=9", 9000],
  ])("reason=%s: again in %s ms", async (reason, retryInMs) => {
    await open();
    notify({ state: `terminated;reason=${reason}`, cseq: 2 });
    await bench.rig.clock.advance(10);
    expect(bench.rig.reports[1]).toEqual({ kind: "terminated", reason: reason.split(";")[0], retryInMs });
    expect(bench.answers.slice(0, 2)).toEqual([200, 200]);
    if (retryInMs === null) {
      expect(bench.rig.kinds).toEqual(["active", "terminated", "ended"]);
      await bench.rig.clock.advance(3_600_000);
      expect(requests()).toHaveLength(1);
    } else {
      await bench.rig.clock.advance(retryInMs + 110);
      expect(bench.rig.kinds).toEqual(["active", "terminated", "active"]);
      expect(requests()[1]?.callId).not.toBe(requests()[0]?.callId);
    }
  });

  it("without a reason: later", async () => {
    await open();
    notify({ state: "terminated", cseq: 2 });
    await bench.rig.clock.advance(10);
    expect(bench.rig.reports[1]).toEqual({ kind: "terminated", reason: null, retryInMs: 2000 });
  });

  it("again and again at once is answered with waits, not with a storm", async () => {
    bench.answer = (transaction) => {
      accept(transaction);
      notify({ state: "terminated;reason=deactivated" });
    };
    await open();
    await bench.rig.clock.advance(60_000);
    expect(requests().length).toBeLessThan(10);
    expect(bench.rig.kinds).not.toContain("ended");
  });
});

describe("a refresh (RFC 6665 §4.1.2.2)", () => {
  /** The first SUBSCRIBE is served, later ones get `statusCode`. */
  const refuseRefresh = (statusCode: number) => (transaction: ServerTransaction) => {
    if (bench.server.received.length === 2) transaction.reply(statusCode);
    else serve(transaction);
  };

  it("that is answered 481 starts over with a new dialog at once", async () => {
    bench.answer = refuseRefresh(481);
    await open();
    await bench.rig.clock.advance(301_000);
    expect(requests().map(({ to }) => to.params.has("tag"))).toEqual([false, true, false]);
    expect(bench.rig.kinds).toEqual(["active", "failed", "active"]);
    expect(bench.rig.reports[1]).toMatchObject({ sipStatus: 481, retryInMs: 0 });
  });

  it.each([404, 408, 480, 482, 483])("that is answered %i ends it, to be made anew later", async (statusCode) => {
    bench.answer = refuseRefresh(statusCode);
    await open();
    await bench.rig.clock.advance(303_000);
    expect(requests().map(({ to }) => to.params.has("tag"))).toEqual([false, true, false]);
    expect(bench.rig.kinds).toEqual(["active", "failed", "active"]);
  });

  it.each([405, 410, 416, 484, 485, 489, 501, 604])("that is answered %i ends it for good", async (statusCode) => {
    bench.answer = refuseRefresh(statusCode);
    await open();
    await bench.rig.clock.advance(301_000);
    expect(bench.rig.reports.at(-1)).toMatchObject({ kind: "ended", sipStatus: statusCode });
  });

  it.each([403, 486, 500, 503])(
    "that is answered %i leaves it, and is tried again in the dialog",
    async (statusCode) => {
      bench.answer = refuseRefresh(statusCode);
      await open();
      await bench.rig.clock.advance(303_000);
      expect(requests().map(({ to }) => to.params.has("tag"))).toEqual([false, true, true]);
      expect(bench.rig.kinds).toEqual(["active", "active"]);
    },
  );

  it("that fails until the subscription runs out starts over", async () => {
    bench.answer = (transaction) =>
      transaction.request.to.params.has("tag") ? transaction.reply(500) : serve(transaction);
    await open({ expiresSeconds: 60 });
    await bench.rig.clock.advance(61_000);
    expect(bench.rig.reports.at(-1)).toMatchObject({ kind: "failed", reason: "it ran out before it was refreshed" });
    await bench.rig.clock.advance(64_000);
    expect(bench.rig.kinds.slice(0, 3)).toEqual(["active", "failed", "active"]);
  });

  it("without a NOTIFY within Timer N ends it", async () => {
    bench.answer = (transaction) =>
      transaction.request.to.params.has("tag") ? accept(transaction) : serve(transaction);
    await open();
    await bench.rig.clock.advance(300_000 + 32_300);
    expect(bench.rig.kinds).toEqual(["active", "failed"]);
  });

  it("that is answered 204 needs no NOTIFY (RFC 5839)", async () => {
    bench.answer = (transaction) =>
      bench.server.received.length === 2 ? accept(transaction, "600", 204) : serve(transaction);
    await open();
    await bench.rig.clock.advance(400_000);
    expect(bench.rig.kinds).toEqual(["active", "active"]);
  });

  it("comes back when the notifier was silent for hours", async () => {
    await open();
    bench.rig.network.filter = ({ to }) => to.address !== SERVER;
    await bench.rig.clock.advance(7_200_000);
    expect(bench.rig.kinds.at(-1)).toBe("failed");
    bench.rig.network.filter = () => true;
    await bench.rig.clock.advance(1_900_000);
    expect(bench.rig.kinds.at(-1)).toBe("active");
  });
});

describe("ends of our own", () => {
  it("stop() unsubscribes in the dialog with Expires 0, and waits for the last NOTIFY (§4.1.2.3)", async () => {
    const subscriber = await open();
    await bench.rig.clock.until(Promise.all([subscriber.stop(), subscriber.stop()]));
    expect(requests().map(({ headers }) => headers.get("Expires"))).toEqual(["600", "0"]);
    await bench.rig.clock.advance(10);
    expect(bench.answers).toEqual([200, 200]);
    expect(bench.rig.reports.at(-1)).toEqual({ kind: "ended", sipStatus: null, reason: "stopped" });
  });

  it.each<[string, (transaction: ServerTransaction) => void]>([
    ["is silent", () => {}],
    ["only accepts", (transaction) => accept(transaction)],
    ["refuses", (transaction) => transaction.reply(500)],
  ])("stop() is done within its time when the notifier %s", async (_, to) => {
    const subscriber = await open();
    bench.answer = to;
    const start = bench.rig.clock.now();
    await bench.rig.clock.until(subscriber.stop(900));
    expect(bench.rig.clock.now() - start).toBeLessThanOrEqual(900);
    expect(subscriber.state).toBe("ended");
  });

  it.each<[string, (transaction: ServerTransaction) => void, number]>([
    ["before any answer", () => {}, 1],
    ["in a wait", (transaction) => transaction.reply(500), 1],
    ["after the 200, before the NOTIFY", (transaction) => accept(transaction), 1],
  ])("stop() %s leaves nothing", async (_, to, count) => {
    bench.answer = to;
    const subscriber = await open();
    await bench.rig.clock.until(subscriber.stop());
    expect(requests()).toHaveLength(count);
    expect(bench.rig.kinds.at(-1)).toBe("ended");
  });

  it("stop() while the first NOTIFY is on its way unsubscribes when it is there", async () => {
    bench.answer = (transaction) => (bench.server.received.length === 1 ? accept(transaction) : serve(transaction));
    const subscriber = await open();
    const stopped = subscriber.stop();
    notify();
    await bench.rig.clock.until(stopped);
    expect(requests().map(({ headers }) => headers.get("Expires"))).toEqual(["600", "0"]);
  });

  it("a fetch is over with its NOTIFY (§4.4.3)", async () => {
    const seen: string[] = [];
    await open({ expiresSeconds: 0, onNotify: ({ subscriptionState }) => void seen.push(subscriptionState.state) });
    expect(seen).toEqual(["terminated"]);
    expect(bench.rig.kinds).toEqual(["terminated", "ended"]);
    await bench.rig.clock.advance(3_600_000);
    expect(requests()).toHaveLength(1);
  });

  it("a fetch that nobody answers is over after Timer N", async () => {
    bench.answer = () => {};
    await open({ expiresSeconds: 0 });
    await bench.rig.clock.advance(33_000);
    expect(bench.rig.kinds).toEqual(["ended"]);
  });

  it("ends when its endpoint is closed", async () => {
    const subscriber = await open();
    await bench.handset.endpoint.close();
    await bench.rig.clock.advance(301_000);
    expect([subscriber.state, bench.rig.reports.at(-1)?.kind]).toEqual(["ended", "ended"]);
  });

  it("close() ends all, and nothing can be subscribed to any more", async () => {
    const subscriber = await open();
    await bench.rig.clock.until(bench.subscribers.close());
    expect(() => bench.subscribers.subscribe(bench.rig.options())).toThrow("closed");
    expect(subscriber.state).toBe("ended");
  });

  it("retryNow() does not wait for the back-off", async () => {
    bench.answer = (transaction) => (bench.server.received.length === 1 ? transaction.reply(500) : serve(transaction));
    const subscriber = await open();
    subscriber.retryNow();
    await bench.rig.clock.advance(10);
    expect(bench.rig.kinds).toEqual(["failed", "active"]);
  });
});

describe("over a connection (RFC 5626)", () => {
  it("refreshes at once when the connection of its SUBSCRIBE is lost; soon again, it waits", async () => {
    const handset = await bench.rig.side(HANDSET, "TCP");
    bench.server = await bench.rig.side(SERVER, "TCP");
    bench.server.handle = (transaction) => bench.answer(transaction);
    bench.subscribers = bench.rig.subscribers(handset);
    bench.subscribers.subscribe(bench.rig.options({ target: `sip:push@${SERVER};transport=tcp` }));
    await bench.rig.clock.advance(10);
    bench.answer = (transaction) => {
      accept(transaction);
      notify({ contact: `<sip:push@${SERVER};transport=tcp>` });
    };
    for (const [waitMs, count] of [
      [10, 2],
      [10, 2],
      [2100, 3],
    ] as const) {
      if (waitMs === 10) last().flow.close();
      await bench.rig.clock.advance(waitMs);
      expect(requests()).toHaveLength(count);
    }
    expect(new Set(requests().map(({ callId }) => callId)).size).toBe(1);
    bench.answer = serve;
  });

  it("does not refresh while it is not reachable: the NOTIFY would be lost, and the subscription with it (§4.2.2)", async () => {
    const handset = await bench.rig.side(HANDSET, "TCP");
    bench.server = await bench.rig.side(SERVER, "TCP");
    bench.server.handle = (transaction) => bench.answer(transaction);
    bench.subscribers = bench.rig.subscribers(handset);
    let registered = true;
    const reachable = (): boolean => registered;
    bench.subscribers.subscribe(bench.rig.options({ target: `sip:push@${SERVER};transport=tcp`, reachable }));
    await bench.rig.clock.advance(10);
    registered = false;
    last().flow.close();
    await bench.rig.clock.advance(10_000);
    expect(requests()).toHaveLength(1);
    registered = true;
    await bench.rig.clock.advance(10_000);
    expect(requests()).toHaveLength(2);
    expect(requests()[1]?.callId).toBe(requests()[0]?.callId);
    bench.answer = serve;
  });
});
