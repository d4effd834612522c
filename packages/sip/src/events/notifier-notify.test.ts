import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SipParseError } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { RequestSender } from "../user-agent/request-sender.ts";
import type { NotifyOutcome } from "./notifier-options.ts";
import { MemorySubscriptionStore, type SubscriptionRecord } from "./subscription-store.ts";
import { NotifierBench, usual } from "./testdata/notifier-bench.ts";
import { HANDSET } from "./testdata/rig.ts";

let bench: NotifierBench;

const open: NotifierBench["open"] = (options) => bench.open(options);
const subscribe: NotifierBench["subscribe"] = (headers) => bench.subscribe(headers);
const again: NotifierBench["again"] = (made, cseq, headers, to) => bench.again(made, cseq, headers, to);
const states = (): Array<string | undefined> => bench.states;
const only = (): string => bench.only;
const reports = (): string[] => bench.reports;

/** The answer, and whether it ended the subscription. */
const short = (outcome: NotifyOutcome) =>
  [outcome.kind === "response" ? outcome.response.statusCode : outcome.code, outcome.subscriptionEnded] as const;

beforeEach(() => {
  bench = new NotifierBench();
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
});

describe("notify() (RFC 6665 §4.2.2)", () => {
  it("sends in order, one at a time, and counts down the time", async () => {
    await open({ headers: [["X", "1"]] });
    await subscribe();
    await bench.rig.clock.advance(100_000);
    const waiting: ServerTransaction[] = [];
    bench.answer = (transaction) => void waiting.push(transaction);
    const id = only();
    const outcomes = [1, 2, 3].map((n) => bench.notifier.notify(id, { body: new Uint8Array([n]), contentType: "x/y" }));
    for (let n = 1; n <= 3; n++) {
      await bench.rig.clock.advance(10);
      expect(waiting).toHaveLength(n);
      expect([...(waiting.at(-1)?.request.body ?? [])]).toEqual([n]);
      waiting.at(-1)?.reply(200);
    }
    expect((await bench.rig.clock.until(Promise.all(outcomes))).map(short)).toEqual(outcomes.map(() => [200, false]));
    expect(states()[1]).toMatch(/^active;expires=(?:500|499)$/);
    expect(waiting[0]?.request.headers.get("X")).toBe("1");
  });

  it.each([404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])(
    "that is answered %i ends the subscription, and what waits fails",
    async (statusCode) => {
      await open();
      await subscribe();
      await bench.rig.clock.advance(10);
      bench.answer = (transaction) => transaction.reply(statusCode);
      const id = only();
      const outcomes = await bench.rig.clock.until(
        Promise.all([bench.notifier.notify(id, {}), bench.notifier.notify(id, {})]),
      );
      expect(outcomes.map(short)).toEqual([
        [statusCode, true],
        ["SIP_SUBSCRIPTION_ENDED", true],
      ]);
      expect([bench.notifier.size, bench.rig.notifierReports.at(-1)]).toMatchObject([
        0,
        { kind: "ended", reason: "failed" },
      ]);
      expect(short(await bench.notifier.notify(id, {}))).toEqual(["SIP_NO_SUBSCRIPTION", true]);
    },
  );

  it.each([400, 403, 415, 486, 500, 503, 600, 603])("that is answered %i leaves it", async (statusCode) => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    bench.answer = (transaction) => transaction.reply(statusCode);
    expect(short(await bench.rig.clock.until(bench.notifier.notify(only(), {})))).toEqual([statusCode, false]);
    expect(bench.notifier.size).toBe(1);
  });

  it("that nobody answers ends it after Timer F", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    bench.answer = () => {};
    expect(short(await bench.rig.clock.until(bench.notifier.notify(only(), {})))).toEqual(["SIP_TIMEOUT", true]);
    expect(bench.notifier.size).toBe(0);
  });

  it("past the queue's bound is refused and counted; aborted ones are taken back", async () => {
    await open({ maxQueued: 2 });
    await subscribe();
    await bench.rig.clock.advance(10);
    bench.answer = () => {};
    const id = only();
    const abort = new AbortController();
    const outcomes = [1, 2, 3, 4].map(() => bench.notifier.notify(id, {}, abort.signal));
    expect(short(await (outcomes[3] as Promise<NotifyOutcome>))).toEqual(["SIP_QUEUE_FULL", false]);
    await bench.rig.clock.advance(10);
    abort.abort();
    expect((await bench.rig.clock.until(Promise.all(outcomes.slice(0, 3)))).map(short)).toEqual(
      [1, 2, 3].map(() => ["SIP_ABORTED", false]),
    );
    expect(bench.notifier.stats.queueFull).toBe(1);
    expect(bench.notifier.size).toBe(1);
    bench.answer = (transaction) => transaction.reply(200);
    expect(short(await bench.rig.clock.until(bench.notifier.notify(id, {})))).toEqual([200, false]);
  });

  it("taken back while it waits is told so at once, and those behind it leave in order", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    const waiting: ServerTransaction[] = [];
    bench.answer = (transaction) => void waiting.push(transaction);
    const abort = new AbortController();
    const [first, second, third] = [1, 2, 3].map((n) =>
      bench.notifier.notify(only(), { body: new Uint8Array([n]) }, n === 2 ? abort.signal : undefined),
    ) as [Promise<NotifyOutcome>, Promise<NotifyOutcome>, Promise<NotifyOutcome>];
    await bench.rig.clock.advance(10);
    abort.abort();
    expect(short(await second)).toEqual(["SIP_ABORTED", false]);
    waiting[0]?.reply(200);
    await bench.rig.clock.advance(10);
    waiting[1]?.reply(200);
    expect((await bench.rig.clock.until(Promise.all([first, third]))).map(short)).toEqual([
      [200, false],
      [200, false],
    ]);
    expect(waiting.map(({ request }) => request.body[0])).toEqual([1, 3]);
  });

  it("whose time is over before its turn comes is not sent, takes no CSeq, and those behind it are", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    const waiting: ServerTransaction[] = [];
    bench.answer = (transaction) => void waiting.push(transaction);
    const inMs = (ms: number): Date => new Date(bench.rig.clock.date().getTime() + ms);
    const outcomes = [10_000, 1000, 20_000].map((ms, n) =>
      bench.notifier.notify(only(), { body: new Uint8Array([n]), notAfter: inMs(ms) }),
    );
    await bench.rig.clock.advance(1000);
    waiting[0]?.reply(200);
    await bench.rig.clock.advance(10);
    waiting[1]?.reply(200);
    expect((await bench.rig.clock.until(Promise.all(outcomes))).map(short)).toEqual([
      [200, false],
      ["SIP_EXPIRED", false],
      [200, false],
    ]);
    expect(waiting.map(({ request }) => [request.body[0], request.cseq.seq])).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });

  it.each([{ event: "presence" }, { event: ";;" }, { headers: [["X", "a\nb"]] as const }])(
    "of what cannot be sent (%j) fails and nothing else is lost",
    async (init) => {
      await open();
      await subscribe();
      await bench.rig.clock.advance(10);
      expect(short(await bench.rig.clock.until(bench.notifier.notify(only(), init)))).toEqual([
        "SIP_UNRESOLVED",
        false,
      ]);
      expect(short(await bench.rig.clock.until(bench.notifier.notify(only(), {})))).toEqual([200, false]);
      expect(bench.handset.received.map(({ request }) => request.cseq.seq)).toEqual([1, 2]);
    },
  );

  it("by a sender that chokes on the target fails, and the next one is sent", async () => {
    const chokes = (): never => {
      throw new SipParseError("SIP_BAD_URI", "maddr", "bad host");
    };
    await open({ sender: { send: chokes } as unknown as RequestSender });
    await subscribe();
    await bench.rig.clock.advance(10);
    for (let i = 0; i < 2; i++) {
      const outcome = await bench.rig.clock.until(bench.notifier.notify(only(), {}));
      expect(short(outcome)).toEqual(["SIP_UNRESOLVED", false]);
    }
  });

  it("fails with SIP_CLOSED when the notifier is closed meanwhile", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    bench.answer = () => {};
    const outcomes = Promise.all([bench.notifier.notify(only(), {}), bench.notifier.notify(only(), {})]);
    const start = bench.rig.clock.now();
    await bench.rig.clock.until(bench.notifier.close());
    expect(bench.rig.clock.now() - start).toBeLessThanOrEqual(1000);
    expect((await bench.rig.clock.until(outcomes)).map((outcome) => short(outcome)[0])).toEqual([
      "SIP_CLOSED",
      "SIP_CLOSED",
    ]);
  });

  it("goes by the route set, and first to a strict router (RFC 3261 §12.2.1.1)", async () => {
    await open();
    const proxy = await bench.rig.side("192.0.2.9");
    proxy.handle = (transaction) => transaction.reply(200);
    await subscribe([...usual, ["Record-Route", "<sip:192.0.2.9>, <sip:192.0.2.8;lr>"]]);
    await bench.rig.clock.advance(10);
    const [notify] = proxy.received.map(({ request }) => request);
    expect([notify?.requestUri, notify?.headers.list("Route")]).toEqual([
      "sip:192.0.2.9",
      ["<sip:192.0.2.8;lr>", `<sip:alice@${HANDSET}>`],
    ]);
  });
});

describe("the end by the notifier", () => {
  it("is terminated;reason=timeout when it runs out (§4.2.1.4)", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(599_000);
    expect(bench.notifier.size).toBe(1);
    await bench.rig.clock.advance(2100);
    expect([bench.notifier.size, states().at(-1)]).toEqual([0, "terminated;reason=timeout"]);
  });

  it("is at its time, whatever NOTIFY still waits for Timer F: what waits behind fails, and the last comes after (§4.2.2)", async () => {
    await open({ minExpiresSeconds: 1 });
    const made = await subscribe([...usual, ["Expires", "2"]]);
    await bench.rig.clock.advance(1000);
    // The answer to the refresh arrives; the NOTIFY, or its answer, is lost with the connection.
    bench.answer = () => {};
    expect((await again(made, 2, [...usual, ["Expires", "2"]])).statusCode).toBe(200);
    const id = only();
    const behind = bench.notifier.notify(id, {});
    await bench.rig.clock.advance(3000);
    expect(bench.rig.notifierReports.at(-1)).toMatchObject({ kind: "ended", reason: "timeout" });
    expect(short(await behind)).toEqual(["SIP_SUBSCRIPTION_ENDED", true]);
    expect(bench.notifier.get(id)).toBeUndefined();
    expect(short(await bench.notifier.notify(id, {}))).toEqual(["SIP_NO_SUBSCRIPTION", true]);
    bench.answer = (transaction) => transaction.reply(200);
    bench.handset.received.at(-1)?.reply(200);
    await bench.rig.clock.advance(10);
    expect([bench.notifier.size, states().at(-1)]).toEqual([0, "terminated;reason=timeout"]);
    expect(reports().filter((kind) => kind === "ended")).toHaveLength(1);
  });

  it("is one, and nothing is left, when Timer F fires after its time", async () => {
    await open({ minExpiresSeconds: 1 });
    await subscribe([...usual, ["Expires", "2"]]);
    await bench.rig.clock.advance(10);
    bench.answer = () => {};
    const under = bench.notifier.notify(only(), {});
    await bench.rig.clock.advance(3000);
    expect(reports()).toEqual(["created", "ended"]);
    expect(short(await bench.rig.clock.until(under))).toEqual(["SIP_TIMEOUT", true]);
    expect([bench.notifier.size, reports()]).toEqual([0, ["created", "ended", "notify-failed"]]);
  });

  it("says reason and retry-after, behind what waits", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    const id = only();
    const sent = bench.notifier.notify(id, {});
    expect(bench.notifier.terminate(id, "probation", 30)).toBe(true);
    expect(bench.notifier.terminate(id, "probation", 30)).toBe(false);
    expect(bench.notifier.get(id)).toBeUndefined();
    expect(await bench.rig.clock.until(sent)).toMatchObject({ kind: "response" });
    await bench.rig.clock.advance(10);
    expect(states().at(-1)).toBe("terminated;reason=probation;retry-after=30");
    expect([bench.notifier.size, bench.rig.notifierReports.at(-1)]).toMatchObject([
      0,
      { kind: "ended", reason: "probation" },
    ]);
  });

  it("is over after Timer F when nobody takes the last NOTIFY, and says so", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    bench.answer = () => {};
    bench.notifier.terminate(only(), "noresource");
    await bench.rig.clock.advance(33_000);
    expect([bench.notifier.size, reports()]).toEqual([0, ["created", "ended", "notify-failed"]]);
  });
});

describe("the store", () => {
  /** A store whose writes all fail. */
  const broken = () => {
    const store = new MemorySubscriptionStore();
    store.put = () => Promise.reject(new Error("disk full"));
    store.delete = () => {
      throw new Error("disk full");
    };
    return store;
  };

  it("lets a new notifier go on: route set, target, time left, and a higher CSeq than any before", async () => {
    const store = new MemorySubscriptionStore();
    await open({ store, seqBlock: 40 });
    const made = await subscribe([...usual, ["Expires", "600"], ["Record-Route", `<sip:${HANDSET};lr>`]]);
    await bench.rig.clock.advance(10);
    const id = only();
    for (let i = 0; i < 60; i++) await bench.rig.clock.until(bench.notifier.notify(id, {}));
    await bench.rig.clock.until(bench.notifier.close());
    const highest = Math.max(...bench.handset.received.map(({ request }) => request.cseq.seq));
    expect(highest).toBe(61);
    bench.notifier = await bench.rig.notifier(bench.server, { store });
    await bench.rig.clock.advance(100_000);
    expect(await bench.rig.clock.until(bench.notifier.notify(id, {}))).toMatchObject({ kind: "response" });
    const request = bench.handset.received.at(-1)?.request;
    expect(request?.cseq.seq).toBeGreaterThan(highest);
    expect([request?.requestUri, request?.headers.get("Route")]).toEqual([
      `sip:alice@${HANDSET}`,
      `<sip:${HANDSET};lr>`,
    ]);
    expect(request?.headers.get("Subscription-State")).toMatch(/^active;expires=(?:499|498|497)$/);
    expect((await again(made, 2, usual)).statusCode).toBe(200);
    expect(reports()).toContain("restored");
  });

  it("costs one write per block of CSeq numbers, and one per SUBSCRIBE", async () => {
    const store = new MemorySubscriptionStore();
    let writes = 0;
    const put = store.put.bind(store);
    store.put = (record: SubscriptionRecord) => {
      writes++;
      return put(record);
    };
    await open({ store });
    await subscribe();
    await bench.rig.clock.advance(10);
    for (let i = 0; i < 180; i++) await bench.rig.clock.until(bench.notifier.notify(only(), {}));
    expect(writes).toBe(3);
  });

  it("ends what ran out while nobody was there", async () => {
    const store = new MemorySubscriptionStore();
    await open({ store });
    await subscribe();
    await bench.rig.clock.until(bench.notifier.close());
    expect(store.size).toBe(1);
    await bench.rig.clock.advance(700_000);
    bench.notifier = await bench.rig.notifier(bench.server, { store });
    await bench.rig.clock.advance(10);
    expect([states().at(-1), bench.notifier.size, store.size]).toEqual(["terminated;reason=timeout", 0, 0]);
  });

  it("that fails is counted, and every NOTIFY goes out all the same", async () => {
    await open({ store: broken(), seqBlock: 32 });
    await subscribe();
    await bench.rig.clock.advance(10);
    const id = only();
    for (let i = 0; i < 50; i++) {
      expect(await bench.rig.clock.until(bench.notifier.notify(id, {}))).toMatchObject({ kind: "response" });
    }
    bench.notifier.terminate(id, "rejected");
    await bench.rig.clock.advance(10);
    expect(bench.notifier.size).toBe(0);
    expect(bench.notifier.stats.storeFailures).toBeGreaterThan(2);
  });

  it("that hangs holds nothing up for ever", async () => {
    const store = new MemorySubscriptionStore();
    store.put = () => new Promise(() => {});
    await open({ store, seqBlock: 32 });
    await subscribe();
    await bench.rig.clock.advance(10);
    for (let i = 0; i < 40; i++) {
      expect(await bench.rig.clock.until(bench.notifier.notify(only(), {}))).toMatchObject({ kind: "response" });
    }
    expect(bench.notifier.stats.storeFailures).toBeGreaterThan(0);
  });

  it("with a damaged record loses nothing else", async () => {
    const store = new MemorySubscriptionStore();
    await open({ store });
    await subscribe();
    await bench.rig.clock.until(bench.notifier.close());
    const [id] = [...bench.rig.notifierReports].map((report) => report.subscription.id);
    const record = store.get(id ?? "") ?? expect.fail("no record");
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    await store.put({ ...record, id: "x", expiresAt: "soon" });
    bench.notifier = await bench.rig.notifier(bench.server, { store });
    expect([bench.notifier.size, bench.notifier.stats.damaged]).toEqual([1, 1]);
  });
});
