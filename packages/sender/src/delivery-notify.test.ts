import type { Resolver } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PushHandset } from "../../../test/support/push-handset.ts";
import { BOB, SenderRig } from "../../../test/support/sender-rig.ts";
import type { PushSenderOptions } from "./options.ts";
import type { PushSender } from "./push-sender.ts";

let rig: SenderRig;
let handset: PushHandset;

beforeEach(async () => {
  rig = new SenderRig();
  handset = await PushHandset.open(rig);
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const open = (options: Partial<PushSenderOptions> = {}): Promise<PushSender> =>
  rig.open({ trusted: ["192.0.2.0/24"], ...options });

/** A name server that knows nothing. */
const nowhere: Resolver = { addresses: async () => [], srv: async () => [], naptr: async () => [] };

/** Methods of what came after the confirmation of the subscription. */
const ways = (): string[] => handset.seen.slice(1).map(({ method }) => method);

describe("via auto", () => {
  it("takes the NOTIFY of a live subscription: one event-app-id, the content as it is, no Expires (RFC 6665)", async () => {
    const sender = await open();
    const { callId } = await handset.subscribe();
    const outcome = await rig.deliver(sender, { expiresSeconds: 60, priority: "urgent" });
    expect(outcome).toMatchObject({ messageState: "delivered", papCode: 1000, via: "notify", attempts: 1 });
    const push = handset.seen.at(-1);
    expect([push?.method, push?.callId, push?.cseq.seq]).toEqual(["NOTIFY", callId, 2]);
    expect(outcome.callId).toBe(callId);
    expect(push?.headers.get("Event")).toBe('oma-push;event-app-id="x-wap-application:push.syncml"');
    expect(push?.headers.get("Subscription-State")).toBe("active;expires=3600");
    expect([push?.headers.get("Expires"), push?.headers.get("Priority")]).toEqual([undefined, "urgent"]);
    expect(Buffer.from(push?.body ?? []).equals(Buffer.from(rig.push.body))).toBe(true);
  });

  it("has the chain of a push that may be sent again in a header field, as the dialog has the Call-ID", async () => {
    const sender = await open();
    await handset.subscribe();
    await rig.deliver(sender, {}, { chain: { callId: "1a.abc", cseq: 100 } });
    expect(handset.seen.at(-1)?.headers.get("Push-Chain")).toBe("1a.abc");
    await rig.deliver(sender);
    expect(handset.seen.at(-1)?.headers.get("Push-Chain")).toBeUndefined();
  });

  it.each([
    ["another application", { applicationId: "syncml.dm" }],
    ["no application", { applicationId: null }],
  ])("takes MESSAGE for a push of %s", async (_, change) => {
    const sender = await open();
    await handset.subscribe();
    expect(await rig.deliver(sender, change)).toMatchObject({ messageState: "delivered", via: "message" });
    expect(ways()).toEqual(["MESSAGE"]);
  });

  it("takes MESSAGE for somebody else", async () => {
    const sender = await open();
    await handset.subscribe();
    expect(await rig.deliver(sender, {}, { to: "sip:carol@192.0.2.2" })).toMatchObject({ via: "message" });
  });

  it("finds the subscription of a number by its sip: and tel: form (RFC 3261 §19.1.6)", async () => {
    const sender = await open({ domain: "192.0.2.2" });
    await handset.subscribe({ asserted: "tel:+12015550123" });
    expect(await rig.deliver(sender, {}, { to: "tel:+1-201-555-0123" })).toMatchObject({ via: "notify" });
  });

  it("takes MESSAGE after the subscription has expired", async () => {
    const sender = await open();
    await handset.subscribe({ expires: "60" });
    await rig.clock.advance(61_000);
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "message", attempts: 1 });
  });

  it("takes MESSAGE as soon as its time is over, whatever NOTIFY still waits for Timer F, also for a push behind that", async () => {
    const events: string[] = [];
    const sender = await open({ allowOverlap: true, onEvent: ({ event }) => void events.push(event) });
    await handset.subscribe({ expires: "60" });
    await rig.clock.advance(50_000);
    // Its 200 is lost with the connection.
    handset.answer = ({ method }) => (method === "NOTIFY" ? undefined : [200]);
    const under = sender.deliver(rig.push, { to: BOB });
    await rig.clock.advance(1000);
    const startMs = rig.clock.now();
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "message", attempts: 1 });
    expect(rig.clock.now() - startMs).toBeLessThan(12_000);
    expect([events.at(-1), sender.subscriptions]).toEqual(["subscription-ended", 0]);
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "message", attempts: 1 });
    // That one left, so it may have arrived, and is not sent twice.
    expect(await rig.clock.until(under)).toMatchObject([{ messageState: "timeout", via: "notify" }]);
  });

  it.each([481, 489, 405, 501, 404, 410, 604])(
    "falls back to MESSAGE at once when the NOTIFY is answered %i (RFC 6665 §4.2.2, RFC 5057 §5.1), and the subscription is over",
    async (statusCode) => {
      const sender = await open();
      await handset.subscribe();
      handset.answer = ({ method }) => (method === "NOTIFY" ? [statusCode] : [200]);
      expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "message", attempts: 2 });
      expect(ways()).toEqual(["NOTIFY", "MESSAGE"]);
      expect(sender.subscriptions).toBe(0);
      await rig.deliver(sender);
      expect(ways()).toEqual(["NOTIFY", "MESSAGE", "MESSAGE"]);
    },
  );

  it.each([
    [200, "delivered"],
    [202, "pending"],
    [603, "aborted"],
    [400, "undeliverable"],
  ] as const)(
    "sends no second time what was answered %i after the handset unsubscribed: the answer counts",
    async (statusCode, messageState) => {
      const sender = await open();
      const { again } = await handset.subscribe();
      const { promise: later, resolve } = Promise.withResolvers<readonly [number]>();
      handset.answer = ({ body }) => (body.length > 0 ? later : [200]);
      const outcome = rig.deliver(sender);
      await rig.clock.advance(10);
      await again({ expires: "0" });
      resolve([statusCode]);
      expect(await outcome).toMatchObject({ messageState, via: "notify", attempts: 1 });
      expect(handset.of("MESSAGE")).toEqual([]);
    },
  );

  it.each([489, 405, 501])(
    "comes back to NOTIFY when the handset that answered %i subscribes again",
    async (statusCode) => {
      const sender = await open();
      await handset.subscribe();
      handset.answer = ({ method }) => (method === "NOTIFY" ? [statusCode] : [200]);
      expect(await rig.deliver(sender)).toMatchObject({ via: "message" });
      handset.answer = () => [200];
      await handset.subscribe();
      expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "notify", attempts: 1 });
    },
  );

  it("does not follow a 3xx to a NOTIFY: the target of a dialog is its subscriber's; it takes MESSAGE", async () => {
    const sender = await open();
    await handset.subscribe();
    const moved = [302, { headers: [["Contact", "<sip:carol@192.0.2.2>"]] }] as const;
    handset.answer = ({ method }) => (method === "NOTIFY" ? moved : [200]);
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "message", attempts: 2 });
    expect(handset.seen.at(-1)?.requestUri).toBe(BOB);
  });

  it("takes the latest of several devices, and the one before when that is gone (481)", async () => {
    const other = await PushHandset.open(rig, "192.0.2.3");
    const sender = await open();
    await handset.subscribe();
    await other.subscribe();
    expect(await rig.deliver(sender)).toMatchObject({ via: "notify", attempts: 1 });
    expect([handset.seen.length, other.seen.length]).toEqual([1, 2]);
    other.answer = () => [481];
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "notify", attempts: 2 });
    expect([handset.seen.length, other.seen.length]).toEqual([2, 3]);
  });

  it("does not lose a push when the receiver is gone: no answer ends the subscription, and the outcome says so", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => undefined;
    const outcome = await rig.deliver(sender);
    expect(outcome).toMatchObject({ messageState: "timeout", papCode: 4000, via: "notify", retryable: true });
    expect(outcome.reason).toMatch(/; the subscription is over$/);
    expect(sender.subscriptions).toBe(0);
  });

  it.each([
    [480, 0],
    [430, 1],
  ])(
    "falls back to MESSAGE when the target of the dialog is not there (%i): the user may be elsewhere",
    async (statusCode, left) => {
      const sender = await open();
      await handset.subscribe();
      handset.answer = ({ method }) => (method === "NOTIFY" ? [statusCode] : [200]);
      const outcome = await rig.deliver(sender);
      expect(outcome).toMatchObject({ messageState: "delivered", via: "message", attempts: 2 });
      expect(sender.subscriptions).toBe(left);
    },
  );

  it("and where the user is not there either the outcome is that of the MESSAGE", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => [480];
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "pending", via: "message", retryable: true });
    expect(ways()).toEqual(["NOTIFY", "MESSAGE"]);
  });

  it("falls back to MESSAGE when the subscriber's Contact leads nowhere, push after push", async () => {
    const sender = await open({ stack: { resolver: nowhere } });
    await handset.subscribe({ headers: [["Contact", "<sip:bob@nowhere.test>"]] });
    for (let n = 1; n <= 2; n++) {
      expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", via: "message", attempts: 1 });
    }
    expect(await rig.deliver(sender, {}, { via: "notify" })).toMatchObject({ messageState: "undeliverable" });
  });

  it("does not send a push that waited in the dialog until deliver-before: it is expired", async () => {
    const sender = await open({ allowOverlap: true });
    await handset.subscribe();
    const { promise: later, resolve } = Promise.withResolvers<readonly [number]>();
    handset.answer = () => later;
    const outcomes = [60, 5, 60].map((expiresSeconds) =>
      sender.deliver({ ...rig.push, expiresSeconds, body: Uint8Array.of(expiresSeconds) }, { to: BOB }),
    );
    await rig.clock.advance(6000);
    handset.answer = () => [200];
    resolve([200]);
    const ended = (await rig.clock.until(Promise.all(outcomes))).flat();
    expect(ended.map(({ messageState, attempts }) => [messageState, attempts])).toEqual([
      ["delivered", 1],
      ["expired", 0],
      ["delivered", 1],
    ]);
    expect(ways()).toEqual(["NOTIFY", "NOTIFY"]);
  });

  it("gives up at once a push that waits in the dialog, at the caller's signal", async () => {
    const sender = await open({ allowOverlap: true });
    await handset.subscribe();
    handset.answer = () => undefined;
    const abort = new AbortController();
    const first = sender.deliver(rig.push, { to: BOB });
    const second = sender.deliver(rig.push, { to: BOB, signal: abort.signal });
    await rig.clock.advance(100);
    abort.abort();
    expect(await second).toMatchObject([{ messageState: "cancelled", attempts: 0, elapsedMs: 100 }]);
    await rig.clock.until(first);
  });

  it("goes on with the subscription after an answer that does not end it, and reports that", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => [486];
    const outcome = await rig.deliver(sender);
    expect(outcome).toMatchObject({ messageState: "pending", papCode: 5029, sipStatus: 486, reason: "486 Busy Here" });
    expect(sender.subscriptions).toBe(1);
  });

  it("re-offers in the dialog what a 415 to a NOTIFY allows, and nothing of another application", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = ({ headers }) =>
      headers.get("Content-Type") === "text/plain" ? [200] : [415, { headers: [["Accept", "text/plain"]] }];
    const body = new Uint8Array([1]);
    const alternatives = [
      { contentType: "text/plain", body, applicationId: "ulp.ua" },
      { contentType: "text/plain", body },
    ];
    expect(await rig.deliver(sender, {}, { alternatives })).toMatchObject({ messageState: "delivered", attempts: 2 });
    const last = handset.seen.at(-1);
    expect([last?.method, last?.headers.get("Event"), last?.body.length]).toEqual([
      "NOTIFY",
      'oma-push;event-app-id="x-wap-application:push.syncml"',
      1,
    ]);
  });

  it("waits its turn behind another push to the same user", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => undefined;
    const both = [sender.deliver(rig.push, { to: BOB }), sender.deliver(rig.push, { to: BOB })];
    await rig.clock.advance(31_000);
    expect(ways()).toEqual(["NOTIFY"]);
    handset.answer = () => [200];
    const outcomes = (await rig.clock.until(Promise.all(both))).flat();
    expect(outcomes.map(({ messageState, via }) => [messageState, via])).toEqual([
      ["timeout", "notify"],
      ["delivered", "message"],
    ]);
  });

  it("ends at the caller's signal, and when the sender closes", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => undefined;
    const abort = new AbortController();
    const aborted = sender.deliver(rig.push, { to: BOB, signal: abort.signal });
    await rig.clock.advance(100);
    abort.abort();
    expect(await rig.clock.until(aborted)).toEqual([
      expect.objectContaining({ messageState: "cancelled", via: "notify", elapsedMs: 100 }),
    ]);
    const closed = sender.deliver(rig.push, { to: BOB });
    await rig.clock.advance(100);
    await rig.clock.until(sender.close());
    expect(await closed).toEqual([expect.objectContaining({ messageState: "unknown", via: "notify" })]);
  });
});

describe("via message and via notify", () => {
  it("message: does not look at subscriptions; the sender's setting, and the call's before it", async () => {
    const sender = await open({ via: "message" });
    await handset.subscribe();
    expect(await rig.deliver(sender)).toMatchObject({ via: "message" });
    expect(await rig.deliver(sender, {}, { via: "auto" })).toMatchObject({ via: "notify" });
  });

  it("notify: is undeliverable without a subscription, and sends nothing", async () => {
    const outcome = await rig.deliver(await open(), {}, { via: "notify" });
    expect(outcome).toMatchObject({ messageState: "undeliverable", papCode: 5028, attempts: 0, via: null });
    expect(outcome.reason).toContain("no subscription");
    expect(handset.seen).toEqual([]);
  });

  it("notify: takes no MESSAGE when the subscription is refused", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => [489];
    expect(await rig.deliver(sender, {}, { via: "notify" })).toMatchObject({
      messageState: "undeliverable",
      papCode: 2006,
      sipStatus: 489,
      via: "notify",
    });
    expect(ways()).toEqual(["NOTIFY"]);
  });

  it("notify: waits for the subscription of a handset that is not there, and pushes at once when it comes", async () => {
    const sender = await open();
    const outcomes = sender.deliver(rig.push, { to: BOB, via: "notify", waitForRegistrationSeconds: 600 });
    await rig.clock.advance(10_000);
    await handset.subscribe({ event: 'oma-push;event-app-id="x-wap-application:syncml.dm"' });
    await rig.clock.advance(10_000);
    await handset.subscribe();
    const [outcome] = await rig.clock.until(outcomes);
    expect(outcome).toMatchObject({ messageState: "delivered", via: "notify", attempts: 1, elapsedMs: 20_000 });
    expect(handset.of("NOTIFY").at(-1)?.body.length).toBe(256);
  });

  it("notify: waits for the next subscription when the one there was is gone (481)", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = () => [481];
    const outcome = sender.deliver(rig.push, { to: BOB, via: "notify", waitForRegistrationSeconds: 600 });
    await rig.clock.advance(5000);
    handset.answer = () => [200];
    await handset.subscribe();
    expect((await rig.clock.until(outcome))[0]).toMatchObject({ messageState: "delivered", attempts: 2 });
  });

  it("notify: does not try the same subscription again and again (430): it waits until that is refreshed", async () => {
    const sender = await open();
    const { again } = await handset.subscribe();
    handset.answer = () => [430];
    const outcomes = sender.deliver(rig.push, { to: BOB, via: "notify", waitForRegistrationSeconds: 600 });
    await rig.clock.advance(5000);
    expect(ways()).toEqual(["NOTIFY"]);
    handset.answer = () => [200];
    await again({});
    const [outcome] = await rig.clock.until(outcomes);
    expect(outcome).toMatchObject({ messageState: "delivered", attempts: 2, elapsedMs: 5000 });
  });
});
