import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DigestClient } from "../auth/index.ts";
import type { SipRequest } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { SubscriberOptions } from "./subscriber-options.ts";
import { HANDSET, type NotifyInit, SERVER } from "./testdata/rig.ts";
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

describe("a subscription (RFC 6665 §4.1.2)", () => {
  it("is active when a NOTIFY says so, with what the SUBSCRIBE was given", async () => {
    const body = new Uint8Array([0, 255]);
    await open({
      event: 'oma-push;event-app-id="x-wap-application:push.syncml"',
      accept: ["text/plain", "image/*"],
      headers: [["Supported", "gruu"]],
      contentType: "application/x",
      body,
      routeSet: () => ["<sip:192.0.2.2;lr>"],
      contact: () => `<sip:alice@${HANDSET}>;+g.oma.pusheventapp="push.syncml"`,
    });
    const [request] = requests();
    const shown = ["Event", "Accept", "Supported", "Route", "Contact", "Expires", "Content-Type"].map((name) =>
      request?.headers.get(name),
    );
    expect(shown).toEqual([
      'oma-push;event-app-id="x-wap-application:push.syncml"',
      "text/plain, image/*",
      "gruu",
      "<sip:192.0.2.2;lr>",
      `<sip:alice@${HANDSET}>;+g.oma.pusheventapp="push.syncml"`,
      "600",
      "application/x",
    ]);
    expect([...(request?.body ?? [])]).toEqual([0, 255]);
    expect(bench.rig.reports).toEqual([{ kind: "active", expiresSeconds: 600 }]);
    expect(bench.answers).toEqual([200]);
  });

  it("takes 202 for 200 (§8.3.1), and what is pending becomes active", async () => {
    bench.answer = (transaction) => {
      if (transaction.request.headers.get("Expires") === "0") return serve(transaction);
      accept(transaction, "600", 202);
      notify({ state: "pending;expires=600" });
    };
    await open();
    notify({ cseq: 2 });
    await bench.rig.clock.advance(10);
    expect(bench.rig.kinds).toEqual(["pending", "active"]);
  });

  it("is made by a NOTIFY that overtakes the 200 (§4.1.2.4)", async () => {
    const open200: ServerTransaction[] = [];
    bench.answer = (transaction) => {
      if (bench.server.received.length > 1) return serve(transaction);
      open200.push(transaction);
      notify();
    };
    await open();
    expect([bench.rig.kinds, bench.answers]).toEqual([["active"], [200]]);
    accept(open200[0] ?? expect.fail("no SUBSCRIBE"), "100");
    await bench.rig.clock.advance(10);
    expect(bench.rig.kinds).toEqual(["active"]);
  });

  it("is refreshed in its dialog before it runs out, by the route set and target of the NOTIFY (§4.1.2.2, §4.4.1)", async () => {
    bench.answer = (transaction) => {
      if (bench.server.received.length > 1) return serve(transaction);
      accept(transaction, "100");
      notify({
        state: "active;expires=100",
        contact: `<sip:other@${SERVER}>`,
        headers: [["Record-Route", `<sip:${SERVER};lr;a>, <sip:${SERVER};lr;b>`]],
      });
    };
    await open();
    await bench.rig.clock.advance(49_000);
    expect(requests()).toHaveLength(1);
    await bench.rig.clock.advance(2000);
    const [first, second] = requests();
    expect(second?.requestUri).toBe(`sip:other@${SERVER}`);
    expect(second?.headers.list("Route")).toEqual([`<sip:${SERVER};lr;a>`, `<sip:${SERVER};lr;b>`]);
    expect(second?.headers.get("To")).toMatch(/;tag=n1$/);
    expect([second?.callId, second?.cseq.seq]).toEqual([first?.callId, 2]);
    expect(bench.rig.kinds).toEqual(["active", "active"]);
  });

  it("is asked for again with Min-Expires after 423, once", async () => {
    bench.answer = (transaction) => {
      const asked = Number(transaction.request.headers.get("Expires"));
      if (asked === 0) return serve(transaction);
      transaction.reply(423, { headers: [["Min-Expires", String(asked + 1000)]] });
    };
    await open();
    expect(requests().map(({ headers }) => headers.get("Expires"))).toEqual(["600", "1600"]);
    expect(bench.rig.reports).toMatchObject([{ kind: "failed", sipStatus: 423, retryInMs: 2000 }]);
  });

  it("fails when no NOTIFY comes within Timer N, and is tried again (§4.1.2.4)", async () => {
    bench.answer = (transaction) => accept(transaction);
    await open();
    const first = last();
    await bench.rig.clock.advance(31_800);
    expect(bench.rig.kinds).toEqual([]);
    await bench.rig.clock.advance(300);
    expect(bench.rig.reports).toMatchObject([{ kind: "failed", sipStatus: null, retryInMs: 2000 }]);
    // One that comes now is too late for the dialog.
    notify({}, first);
    await bench.rig.clock.advance(10);
    expect(bench.answers).toEqual([481]);
    bench.answer = serve;
    await bench.rig.clock.advance(2000);
    expect(bench.rig.kinds).toEqual(["failed", "active"]);
    expect(requests()[1]?.callId).not.toBe(requests()[0]?.callId);
  });

  it("is over for good when it is refused for good (489)", async () => {
    bench.answer = (transaction) => transaction.reply(489, { headers: [["Allow-Events", "presence"]] });
    const subscriber = await open();
    expect(bench.rig.reports).toEqual([{ kind: "ended", sipStatus: 489, reason: "Bad Event" }]);
    expect(subscriber.state).toBe("ended");
  });

  it("waits as long as Retry-After asks, or doubles its waits with jitter", async () => {
    bench.answer = (transaction) =>
      bench.server.received.length === 1
        ? transaction.reply(480, { headers: [["Retry-After", "60"]] })
        : transaction.reply(480);
    await open();
    await bench.rig.clock.advance(70_000);
    expect(bench.rig.reports.map((report) => (report.kind === "failed" ? report.retryInMs : 0))).toEqual([
      60_000, 4000, 8000,
    ]);
  });

  it("answers 407 by its credentials, and counts the numbers that took (RFC 3261 §22.2)", async () => {
    const challenge: [string, string] = [
      "Proxy-Authenticate",
      'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"',
    ];
    bench.answer = (transaction) => {
      if (!transaction.request.headers.has("Proxy-Authorization")) transaction.reply(407, { headers: [challenge] });
      else serve(transaction);
    };
    await open({ credentials: new DigestClient({ accounts: [{ username: "alice", password: "secret" }] }) });
    await bench.rig.clock.advance(301_000);
    expect(requests().map(({ cseq }) => cseq.seq)).toEqual([1, 2, 3]);
    expect(bench.rig.kinds).toEqual(["active", "active"]);
  });
});

describe("a NOTIFY (RFC 6665 §4.1.3)", () => {
  it.each<[string, NotifyInit, number]>([
    ["of an unknown dialog 481", { toTag: "nobody" }, 481],
    ["with another Call-ID 481", { callId: "other", cseq: 2 }, 481],
    ["of a second dialog 481 (§5.4.9)", { tag: "n2", cseq: 2 }, 481],
    ["with an older CSeq 500 (RFC 3261 §12.2.2)", { cseq: 0 }, 500],
    ["without Event 400", { event: null, cseq: 2 }, 400],
    ["with a malformed Event 400", { event: "a;;b", cseq: 2 }, 400],
    ["of another package 489", { event: "presence", cseq: 2 }, 489],
    ["with another id 481 (§8.2.1)", { event: "oma-push;id=7", cseq: 2 }, 481],
    ["without Subscription-State 400", { state: "", cseq: 2 }, 400],
    ["with a malformed Subscription-State 400", { state: "active;expires=x", cseq: 2 }, 400],
    ["with two Contacts 400", { contact: "<sip:a@b>, <sip:c@d>", cseq: 2 }, 400],
    ["with a tel Contact 400", { contact: "<tel:+1>", cseq: 2 }, 400],
    ["without Contact 200", { contact: null, cseq: 2 }, 200],
    ["with an unknown state 200", { state: "dormant", cseq: 2 }, 200],
  ])("%s", async (_, init, statusCode) => {
    await open();
    notify(init);
    await bench.rig.clock.advance(10);
    expect(bench.answers).toEqual([200, statusCode]);
    expect(bench.rig.kinds).toEqual(["active"]);
  });

  it("without Contact makes no dialog: 400", async () => {
    bench.answer = (transaction) => {
      accept(transaction);
      notify({ contact: null });
    };
    await open();
    expect(bench.answers).toEqual([400]);
  });

  it("that comes again by another way has the same answer, and the application sees it once", async () => {
    const seen: number[] = [];
    await open({ onNotify: ({ request }) => void seen.push(request.cseq.seq) });
    notify({ cseq: 2 });
    await bench.rig.clock.advance(10);
    notify({ cseq: 2 });
    await bench.rig.clock.advance(10);
    expect([seen, bench.answers]).toEqual([
      [1, 2],
      [200, 200, 200],
    ]);
  });

  it("is answered as the application says, in its own time", async () => {
    await open({
      onNotify: async ({ request, contentType, body }) => {
        if (request.cseq.seq === 1) return undefined;
        expect([contentType, [...body]]).toEqual(["text/plain", [7]]);
        await new Promise<void>((resolve) => void bench.rig.clock.schedule(3000, resolve));
        return { statusCode: 415, headers: [["Accept", "x/y"]] };
      },
    });
    notify({ cseq: 2, headers: [["Content-Type", "text/plain"]], body: new Uint8Array([7]) });
    await bench.rig.clock.advance(2500);
    expect(bench.answers).toEqual([200]);
    await bench.rig.clock.advance(1000);
    expect(bench.answers).toEqual([200, 415]);
  });

  it.each<[string, SubscriberOptions["onNotify"]]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["never answers", () => new Promise(() => {})],
    ["gives no final status", () => ({ statusCode: 100 })],
  ])("is answered 500 when the application %s", async (_, onNotify) => {
    await open({ onNotify: onNotify as NonNullable<SubscriberOptions["onNotify"]>, answerTimeoutMs: 1000 });
    await bench.rig.clock.advance(1000);
    expect(bench.answers).toEqual([500]);
  });

  it("is answered 500 with Retry-After when too many wait for the application", async () => {
    await open({ maxRunning: 1, onNotify: () => new Promise(() => {}) });
    notify({ cseq: 2 });
    await bench.rig.clock.advance(10);
    expect(bench.answers).toEqual([500]);
  });

  it("whose answer ends the subscription at the notifier (§4.2.2) ends it here, to be made anew", async () => {
    await open({ onNotify: ({ request }) => (request.cseq.seq === 2 ? { statusCode: 480 } : undefined) });
    notify({ cseq: 2 });
    await bench.rig.clock.advance(10);
    expect(bench.rig.reports.at(-1)).toMatchObject({
      kind: "failed",
      reason: "a NOTIFY was answered 480",
      retryInMs: 2000,
    });
    await bench.rig.clock.advance(2100);
    expect(bench.rig.kinds).toEqual(["active", "failed", "active"]);
  });
});
