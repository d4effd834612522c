import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DigestClient } from "../auth/index.ts";
import { HANDSET, SERVER } from "./testdata/rig.ts";
import { SubscriberBench } from "./testdata/subscriber-bench.ts";

let bench: SubscriberBench;

const notify: SubscriberBench["notify"] = (init, of) => bench.notify(init, of);
const advance = (ms: number): Promise<void> => bench.rig.clock.advance(ms);
const after = (ms: number): Promise<void> => new Promise((resolve) => void bench.rig.clock.schedule(ms, resolve));

beforeEach(() => {
  bench = new SubscriberBench();
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
  expect(bench.subscribers.size).toBe(0);
});

describe("NOTIFYs and refreshes (RFC 6665 §4.1.2.2, §4.1.3)", () => {
  it("NOTIFYs that come all the time do not put the refresh off until it is too late", async () => {
    await bench.open({ expiresSeconds: 60 });
    const first = bench.last;
    for (let cseq = 10, leftMs = 60_000; leftMs > 0; cseq++, leftMs -= 400) {
      notify({ cseq, state: `active;expires=${Math.floor(leftMs / 1000)}` }, first);
      await advance(400);
      if (bench.requests.length > 1) break;
    }
    expect(bench.requests).toHaveLength(2);
    expect(bench.rig.clock.now()).toBeLessThan(32_000);
    expect(new Set(bench.rig.kinds)).toEqual(new Set(["active"]));
  });

  it("a refresh that is refused again and again is tried with waits that double", async () => {
    bench.answer = (transaction) =>
      transaction.request.headers.get("Expires") === "600" && transaction.request.to.params.has("tag")
        ? transaction.reply(500)
        : bench.serve(transaction);
    await bench.open();
    await advance(364_000);
    // At 300 s, and 2, 4, 8, 16 and 32 s after each other.
    expect(bench.requests).toHaveLength(7);
  });

  it("a NOTIFY that says more than was asked for is no reason to be silent for years", async () => {
    await bench.open();
    notify({ cseq: 2, state: "active;expires=4294967295" });
    await advance(10);
    await advance(301_000);
    expect(bench.requests).toHaveLength(2);
  });

  it("a SUBSCRIBE with Expires 0 goes above the CSeq of an answer to a challenge that is under way (RFC 3261 §22.2)", async () => {
    const challenge = ["Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'] as const;
    bench.answer = (transaction) => {
      if (transaction.request.headers.get("Expires") === "0") return bench.serve(transaction);
      if (!transaction.request.headers.has("Proxy-Authorization")) transaction.reply(407, { headers: [challenge] });
      else notify(); // and the 200 is lost
    };
    const subscriber = await bench.open({
      credentials: new DigestClient({ accounts: [{ username: "alice", password: "secret" }] }),
    });
    expect(subscriber.state).toBe("active");
    await bench.rig.clock.until(subscriber.stop());
    const numbers = bench.requests.map(({ cseq }) => cseq.seq);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers).toHaveLength(3);
  });
});

describe("an application that takes its time over a NOTIFY", () => {
  it("answers the last one too, before the end is reported", async () => {
    await bench.open({
      onNotify: async ({ subscriptionState }) => {
        if (subscriptionState.state === "terminated") await after(3000);
        return { statusCode: 202 };
      },
    });
    notify({ cseq: 2, state: "terminated;reason=noresource" });
    await advance(2000);
    expect(bench.rig.kinds).toEqual(["active"]);
    await advance(1100);
    expect(bench.answers).toEqual([202, 202]);
    expect(bench.rig.kinds).toEqual(["active", "terminated", "ended"]);
  });

  it("answers the NOTIFY of a fetch (§4.4.3)", async () => {
    await bench.open({ expiresSeconds: 0, onNotify: async () => after(1000) });
    await advance(1100);
    expect([bench.answers, bench.rig.kinds]).toEqual([[200], ["terminated", "ended"]]);
  });

  it("with an answer that cannot be sent is answered 500 for, and nothing is thrown", async () => {
    await bench.open({
      onNotify: async () => ({ statusCode: 200, headers: [["X", "a\r\nb"]] }),
    });
    await advance(10);
    expect(bench.answers).toEqual([500]);
  });
});

describe("a fetch (RFC 6665 §4.4.3)", () => {
  it("waits for all NOTIFYs of it, however long the one before takes", async () => {
    const seen: number[] = [];
    bench.answer = (transaction) => {
      bench.accept(transaction);
      notify({ state: "active;expires=0" });
    };
    await bench.open({ expiresSeconds: 0, onNotify: ({ request }) => void seen.push(request.cseq.seq) });
    await advance(5000);
    notify({ cseq: 2, state: "terminated;reason=timeout" });
    await advance(10);
    expect([seen, bench.answers]).toEqual([
      [1, 2],
      [200, 200],
    ]);
    expect(bench.rig.kinds.at(-1)).toBe("ended");
  });

  it("does not become a subscription by 423", async () => {
    bench.answer = (transaction) => transaction.reply(423, { headers: [["Min-Expires", "60"]] });
    await bench.open({ expiresSeconds: 0 });
    await advance(100_000);
    expect(bench.requests).toHaveLength(1);
    expect(bench.rig.reports.at(-1)).toMatchObject({ kind: "ended", sipStatus: 423 });
  });
});

describe("stop() called in a report", () => {
  it.each<[string, string | null, number]>([
    ["of a failure", null, 1],
    ["of an end that is followed by another subscription", "terminated;reason=deactivated", 2],
    ["of an end that asks for a wait", "terminated;reason=probation;retry-after=80000", 1],
    ["of the state", "active;expires=600", 2],
  ])("%s ends it, and leaves no timer", async (_, state, count) => {
    const first = await bench.open();
    await bench.rig.clock.until(first.stop());
    await advance(40_000);
    const [timers, before] = [bench.rig.clock.pendingTimers, bench.requests.length];
    bench.answer = (transaction) => {
      if (transaction.request.headers.get("Expires") === "0") return bench.serve(transaction);
      if (state === null) return transaction.reply(500);
      bench.accept(transaction);
      notify({ state });
    };
    const kinds: string[] = [];
    const subscriber = bench.subscribers.subscribe(
      bench.rig.options({
        onReport: ({ kind }) => {
          kinds.push(kind);
          if (kind !== "ended") void subscriber.stop();
        },
      }),
    );
    await advance(40_000);
    expect(kinds).toHaveLength(2);
    expect([subscriber.state, kinds[1], bench.requests.length - before]).toEqual(["ended", "ended", count]);
    expect(bench.rig.clock.pendingTimers).toBe(timers);
  });
});

it("what a target says of itself stays as it is in each of our requests", async () => {
  bench.answer = (transaction) => {
    bench.accept(transaction);
    notify({ contact: `"Zo\u00c3\u00ab" <sip:other@${SERVER};x=1>;y` });
  };
  const subscriber = await bench.open({ contact: `"Zoë" <sip:alice@${HANDSET}>` });
  subscriber.refresh();
  await advance(10);
  expect(bench.requests[1]?.requestUri).toBe(`sip:other@${SERVER};x=1`);
  const contacts = bench.requests.map(({ headers }) => headers.get("Contact"));
  expect(contacts).toEqual([contacts[0], contacts[0]]);
});
