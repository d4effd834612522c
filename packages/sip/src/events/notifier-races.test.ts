import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRequest } from "../user-agent/request.ts";
import type { SubscribeDecision } from "./notifier-options.ts";
import { MemorySubscriptionStore, type SubscriptionRecord } from "./subscription-store.ts";
import { heapBytes } from "./testdata/heap.ts";
import { NotifierBench, usual } from "./testdata/notifier-bench.ts";
import { EVENT, HANDSET } from "./testdata/rig.ts";

let bench: NotifierBench;

const advance = (ms: number): Promise<void> => bench.rig.clock.advance(ms);
const after = (ms: number): Promise<void> => new Promise((resolve) => void bench.rig.clock.schedule(ms, resolve));

beforeEach(() => {
  bench = new NotifierBench();
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
});

it("the Contact of a NOTIFY is that of the 200, octet by octet (RFC 3261 §12.1.1)", async () => {
  await bench.open({ contact: '"Zoë" <sip:push@192.0.2.2>' });
  const response = await bench.subscribe();
  await advance(10);
  const [notify] = bench.handset.received;
  expect(notify?.request.headers.get("Contact")).toBe(response.headers.get("Contact"));
});

it("an empty Accept, or one of q=0 only, takes no content at all: 406 (RFC 3261 §20.1)", async () => {
  await bench.open({ contentTypes: ["text/plain"] });
  expect((await bench.subscribe([...usual, ["Accept", ""]])).statusCode).toBe(406);
  expect((await bench.subscribe([...usual, ["Accept", "*/*;q=0"]])).statusCode).toBe(406);
});

describe("SUBSCRIBEs that cross (RFC 3261 §12.2.2)", () => {
  it("one that is judged after a later one changes nothing: 500", async () => {
    let waitMs = 0;
    await bench.open({
      authorize: async (): Promise<SubscribeDecision> => {
        const ms = waitMs;
        waitMs = 0;
        if (ms > 0) await after(ms);
        return { verdict: "accept" };
      },
    });
    const made = await bench.subscribe();
    waitMs = 3000;
    const older = bench.again(made, 2, [
      ["Event", EVENT],
      ["Contact", `<sip:old@${HANDSET}>`],
      ["Expires", "100"],
    ]);
    await advance(10);
    const newer = bench.again(made, 3, [
      ["Event", EVENT],
      ["Contact", `<sip:new@${HANDSET}>`],
      ["Expires", "900"],
    ]);
    expect((await newer).statusCode).toBe(200);
    expect((await older).statusCode).toBe(500);
    expect(bench.handset.received.map(({ request }) => request.requestUri)).toEqual([
      `sip:alice@${HANDSET}`,
      `sip:new@${HANDSET}`,
    ]);
    await advance(300_000);
    expect(bench.notifier.size).toBe(1);
  });

  it("the state that was asked for first is not notified after a newer one", async () => {
    let asked = 0;
    await bench.open({
      initialNotifications: async () => {
        const n = ++asked;
        await after(n === 1 ? 5000 : 100);
        return [{ body: Buffer.from(String(n)) }];
      },
    });
    const made = await bench.subscribe();
    await bench.again(made, 2, usual);
    await advance(11_000);
    expect(bench.handset.received.map(({ request }) => Buffer.from(request.body).toString())).toEqual(["2"]);
  });

  it("a refresh that is judged while the time runs out is 481, after the last NOTIFY", async () => {
    let waitMs = 0;
    await bench.open({
      authorize: async () => {
        await after(waitMs);
        return { verdict: "accept" };
      },
    });
    const made = await bench.subscribe();
    await advance(599_000);
    waitMs = 4000;
    expect((await bench.again(made, 2, usual)).statusCode).toBe(481);
    expect(bench.states.at(-1)).toBe("terminated;reason=timeout");
    expect(bench.notifier.size).toBe(0);
  });

  it("Expires 0 while a NOTIFY is under way ends it behind that, and what the application sends then is told", async () => {
    await bench.open();
    const made = await bench.subscribe();
    await advance(10);
    const usually = bench.answer;
    bench.answer = () => {};
    const id = bench.only;
    const sent = bench.notifier.notify(id, {});
    await advance(10);
    expect((await bench.again(made, 2, [...usual, ["Expires", "0"]])).statusCode).toBe(200);
    expect(await bench.notifier.notify(id, {})).toMatchObject({ code: "SIP_NO_SUBSCRIPTION" });
    const under = bench.handset.received.at(-1);
    bench.answer = usually;
    under?.reply(200);
    expect(await bench.rig.clock.until(sent)).toMatchObject({ kind: "response", subscriptionEnded: true });
    await advance(10);
    expect(bench.states.at(-1)).toBe("terminated;reason=timeout");
    expect(bench.notifier.size).toBe(0);
  });
});

describe("an application that errs", () => {
  it("a header that none is in the answer to Expires 0: 500, and the subscription is there still", async () => {
    let headers: Array<[string, string]> = [];
    await bench.open({ authorize: () => ({ verdict: "accept", headers }) });
    const made = await bench.subscribe();
    headers = [["X", "a\r\nb"]];
    expect((await bench.again(made, 2, [...usual, ["Expires", "0"]])).statusCode).toBe(500);
    expect([...bench.notifier.subscriptions()]).toHaveLength(1);
    headers = [];
    expect((await bench.again(made, 3, [...usual, ["Expires", "0"]])).statusCode).toBe(200);
    await advance(10);
    expect(bench.notifier.size).toBe(0);
  });

  it("initial notifications that are no list: one NOTIFY without a body, and nothing is thrown", async () => {
    await bench.open({ initialNotifications: (async () => undefined) as never });
    await bench.subscribe();
    await advance(10);
    expect(bench.states).toHaveLength(1);
  });

  it("terminate() in the report of a new subscription: one NOTIFY, the last", async () => {
    const kinds: string[] = [];
    await bench.open({
      onReport: ({ kind, subscription }) => {
        kinds.push(kind);
        if (kind === "created") bench.notifier.terminate(subscription.id, "rejected");
      },
    });
    expect((await bench.subscribe()).statusCode).toBe(200);
    await advance(1000);
    expect(kinds).toEqual(["created", "ended"]);
    expect(bench.states).toEqual(["terminated;reason=rejected"]);
    expect(bench.notifier.size).toBe(0);
  });
});

describe("a store that fails", () => {
  it("close() settles a NOTIFY that waits for a store that hangs", async () => {
    const store = new MemorySubscriptionStore();
    await bench.open({ store, seqBlock: 32 });
    await bench.subscribe();
    await advance(10);
    for (let n = 0; n < 15; n++) await bench.rig.clock.until(bench.notifier.notify(bench.only, {}));
    store.put = () => new Promise(() => {});
    const outcomes = [...Array(10)].map(() => bench.notifier.notify(bench.only, {}));
    await bench.rig.clock.until(bench.notifier.close());
    const settled = await bench.rig.clock.until(Promise.all(outcomes));
    expect(settled.at(-1)).toMatchObject({ kind: "failure", code: "SIP_CLOSED" });
  });

  it("while it is read rejects, and leaves no timer", async () => {
    await bench.open();
    await bench.subscribe();
    await advance(10);
    const store = new MemorySubscriptionStore();
    const record = recordOf(bench.only);
    store.load = async function* () {
      yield record;
      throw new Error("disk gone");
    };
    await bench.rig.clock.until(bench.notifier.close());
    await advance(100_000);
    const timers = bench.rig.clock.pendingTimers;
    await expect(bench.rig.notifier(bench.server, { store })).rejects.toThrow("disk gone");
    expect(bench.rig.clock.pendingTimers).toBe(timers);
  });

  it.each<[string, (record: SubscriptionRecord) => unknown]>([
    ["null", () => null],
    ["a text", () => "x"],
    ["an unknown state", (record) => ({ ...record, state: "terminating" })],
    ["no dialog", (record) => ({ ...record, dialog: undefined })],
    ["a CSeq that is no number", (record) => ({ ...record, dialog: { ...record.dialog, localSeq: null } })],
    ["no route set", (record) => ({ ...record, dialog: { ...record.dialog, routeSet: null } })],
    ["no target", (record) => ({ ...record, dialog: { ...record.dialog, remoteTarget: 7 } })],
    ["no Accept", (record) => ({ ...record, accept: undefined })],
    ["no parameters", (record) => ({ ...record, eventParams: {} })],
    ["another package", (record) => ({ ...record, package: "presence" })],
    ["an id that is not its tag", (record) => ({ ...record, id: "x" })],
    ["an id that was there already", (record) => record],
  ])("a record that is damaged (%s) is counted and left alone", async (_, damage) => {
    await bench.open();
    await bench.subscribe();
    await advance(10);
    const record = recordOf(bench.only);
    await bench.rig.clock.until(bench.notifier.close());
    const store = new MemorySubscriptionStore();
    store.load = async function* () {
      yield JSON.parse(JSON.stringify(record)) as SubscriptionRecord;
      yield damage(record) as SubscriptionRecord;
    };
    bench.notifier = await bench.rig.notifier(bench.server, { store });
    expect([bench.notifier.size, bench.notifier.stats.damaged]).toEqual([1, 1]);
    expect(await bench.rig.clock.until(bench.notifier.notify(record.id, {}))).toMatchObject({ kind: "response" });
  });
});

describe("a subscription by the way (RFC 3515 §2.4.4)", () => {
  const refer = async (headers: ReadonlyArray<readonly [string, string]> = []) => {
    let adopted: unknown;
    bench.server.handle = (transaction) => {
      adopted = bench.notifier.adopt(transaction, { expiresSeconds: 60, headers });
    };
    const from = "sip:alice@example.test";
    const request = createRequest({ method: "REFER", requestUri: "sip:push@192.0.2.2", from, headers: usual.slice(1) });
    const { statusCode } = await bench.send(request);
    await advance(10);
    return [statusCode, adopted !== undefined];
  };

  it("counts for the limit of its subscriber: 486", async () => {
    await bench.open({ maxPerSubscriber: 1 });
    expect([await refer(), await refer()]).toEqual([
      [202, true],
      [486, false],
    ]);
  });

  it("with a header that none is is 500, and there is none", async () => {
    await bench.open();
    expect(await refer([["X", "a\r\nb"]])).toEqual([500, false]);
    expect([bench.notifier.size, bench.notifier.stats.created]).toEqual([0, 0]);
  });
});

/** What a store would have of a live subscription. */
function recordOf(id: string): SubscriptionRecord {
  return (bench.notifier.get(id) as unknown as { record: SubscriptionRecord }).record;
}

it("close() is done as soon as nothing is under way, by no clock of its own", async () => {
  await bench.open();
  await bench.subscribe();
  await advance(10);
  const before = bench.rig.clock.now();
  let done = false;
  const waiting: Array<() => void> = [];
  bench.answer = (transaction) => void waiting.push(() => transaction.reply(200));
  void bench.notifier.notify(bench.only, {});
  await advance(3);
  void bench.notifier.close().then(() => {
    done = true;
  });
  await advance(4);
  expect(done).toBe(false);
  waiting[0]?.();
  await advance(1);
  expect([done, bench.rig.clock.now() - before]).toEqual([true, 8]);
});

it("keeps nothing of a SUBSCRIBE but what it needs: not the text of its other header fields", async () => {
  await bench.open();
  const padding = Array.from({ length: 10 }, (_, n) => [`X-${n}`, "x".repeat(4000)] as const);
  bench.rig.network.sent.push = () => 0;
  bench.handset.received.push = () => 0;
  bench.server.received.push = () => 0;
  bench.rig.notifierReports.push = () => 0;
  await bench.rig.clock.until(bench.notifier.close());
  bench.notifier = await bench.rig.notifier(bench.server, { maxPerSubscriber: 1000, onReport: () => {} });
  const subscribe = () => bench.subscribe([...usual, ...padding, ["Expires", "86400"]]);
  for (let n = 0; n < 20; n++) await subscribe();
  await advance(100_000);
  const before = heapBytes();
  for (let n = 0; n < 100; n++) await subscribe();
  await advance(100_000);
  expect(bench.notifier.size).toBe(120);
  expect((heapBytes() - before) / 100).toBeLessThan(20_000);
});
