import { MemorySubscriptionStore, parseEvent, unquote } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_EVENT, PushHandset, type SubscribeChange } from "../../../../test/support/push-handset.ts";
import { BOB, SenderRig } from "../../../../test/support/sender-rig.ts";
import { MemoryCapabilityStore } from "../capabilities/index.ts";
import type { SenderEvent } from "../events.ts";
import type { PushSenderOptions } from "../options.ts";
import type { PushSender } from "../push-sender.ts";

const TRUSTED = ["192.0.2.2"];
const TWO = 'oma-push;event-app-id="x-wap-application:push.syncml, x-wap-application:syncml.dm"';

let rig: SenderRig;
let handset: PushHandset;
let events: SenderEvent[];

beforeEach(async () => {
  rig = new SenderRig();
  handset = await PushHandset.open(rig);
  events = [];
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

function open(options: Partial<PushSenderOptions> = {}): Promise<PushSender> {
  return rig.open({ trusted: TRUSTED, onEvent: (event) => void events.push(event), ...options });
}

/** Of each NOTIFY that came: its applications and the state that it tells. */
const told = (): string[][] =>
  handset.of("NOTIFY").map(({ headers }) => {
    const list = parseEvent(headers.get("Event") ?? "").params.get("event-app-id") ?? "";
    return [unquote(list), headers.get("Subscription-State") ?? ""];
  });

describe("a SUBSCRIBE to oma-push (draft-mdolly-dispatch-oma-push §11)", () => {
  it("is answered 200, never 202 (RFC 6665 §8.3.1), with what was granted", async () => {
    const sender = await open();
    const { response } = await handset.subscribe({ expires: "600" });
    expect(response.statusCode).toBe(200);
    expect(response.headers.get("Expires")).toBe("600");
    expect(response.headers.get("Allow-Events")).toContain("oma-push");
    expect(response.headers.get("Contact")).toMatch(/^<sip:push-psi@192\.0\.2\.1/);
    expect(sender.subscriptions).toBe(1);
    expect(events).toEqual([{ event: "subscribed", subscriber: BOB, applications: ["push.syncml"], reason: null }]);
  });

  it("gets one NOTIFY at once per application, each with exactly one event-app-id and no content (§11.2)", async () => {
    await open();
    await handset.subscribe({ event: TWO });
    expect(told()).toEqual([
      ["x-wap-application:push.syncml", "active;expires=3600"],
      ["x-wap-application:syncml.dm", "active;expires=3600"],
    ]);
    expect(handset.of("NOTIFY").map(({ body, cseq }) => [body.length, cseq.seq])).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it("gets none for an application that is not pushed (§11.2)", async () => {
    await open({ subscriptions: { applications: ["x-wap-application:syncml.dm"] } });
    expect((await handset.subscribe({ event: TWO })).response.statusCode).toBe(200);
    expect(told()).toEqual([["x-wap-application:syncml.dm", "active;expires=3600"]]);
  });

  it.each<[number, string, SubscribeChange, Partial<PushSenderOptions>]>([
    [403, "nobody asserts who it is (§11.1)", { asserted: "" }, {}],
    [403, "who asserts it is outside the trust domain (RFC 3325 §5)", {}, { trusted: ["198.51.100.0/24"] }],
    [403, "the operator says no", {}, { subscriptions: { admits: () => false } }],
    [488, "none of its applications is pushed", {}, { subscriptions: { applications: ["syncml.dm"] } }],
    [400, "it names no application", { event: "oma-push" }, {}],
    [400, "it has no Event, which is a header that must be there (RFC 6665 §8.2.1)", { event: undefined }, {}],
    [489, "it is to another package (RFC 6665 §4.2.1.1)", { event: "presence" }, {}],
    [423, "it asks for less than the least (RFC 6665 §4.2.1.1)", { expires: "59" }, {}],
    [503, "there are too many", {}, { subscriptions: { maxSubscriptions: 0 } }],
  ])("gets %i and no NOTIFY when %s", async (statusCode, _why, change, options) => {
    const sender = await open(options);
    const { response } = await handset.subscribe(change);
    expect(response.statusCode === 489 && change.event === undefined ? 400 : response.statusCode).toBe(statusCode);
    if (statusCode === 423) expect(response.headers.get("Min-Expires")).toBe("60");
    if (statusCode === 489) expect(response.headers.get("Allow-Events")).toContain("oma-push");
    if (statusCode === 503) expect(response.headers.get("Retry-After")).toBe("60");
    expect([handset.seen, events, sender.subscriptions]).toEqual([[], [], 0]);
  });

  it("of somebody whom nobody asserts is taken where the operator does not ask for that", async () => {
    await open({ trusted: [], subscriptions: { requireAsserted: false } });
    expect((await handset.subscribe({ asserted: "" })).response.statusCode).toBe(200);
    expect(events).toEqual([expect.objectContaining({ event: "subscribed", subscriber: BOB })]);
  });

  it("lasts a day unless it says how long (§10), and never longer than the most", async () => {
    await open();
    expect((await handset.subscribe({ expires: "" })).response.headers.get("Expires")).toBe("86400");
    expect((await handset.subscribe({ expires: "100000" })).response.headers.get("Expires")).toBe("86400");
  });

  it("asks the operator with the identity and the applications, and waits for the answer", async () => {
    const asked: unknown[] = [];
    const admits = async (...args: unknown[]): Promise<boolean> => {
      asked.push(args);
      return true;
    };
    await open({ subscriptions: { admits } });
    expect((await handset.subscribe({ event: TWO })).response.statusCode).toBe(200);
    expect(asked).toEqual([[BOB, ["push.syncml", "syncml.dm"]]]);
  });

  it("with Expires 0 fetches: the state, at once terminated, and nothing stays (RFC 6665 §4.4.3)", async () => {
    const sender = await open();
    const waiting = sender.deliver(rig.push, { to: BOB, via: "notify", waitForRegistrationSeconds: 5 });
    expect((await handset.subscribe({ event: TWO, expires: "0" })).response.statusCode).toBe(200);
    expect(told()).toEqual([
      ["x-wap-application:push.syncml", "active;expires=0"],
      ["x-wap-application:syncml.dm", "terminated;reason=timeout"],
    ]);
    expect([sender.subscriptions, events]).toEqual([0, []]);
    const ended = { messageState: "undeliverable", attempts: 0, elapsedMs: 5000 };
    expect(await rig.clock.until(waiting)).toEqual([expect.objectContaining(ended)]);
  });
});

describe("a subscription", () => {
  it("is refreshed in its dialog, with other applications if the handset says so", async () => {
    const sender = await open();
    const { again } = await handset.subscribe();
    const answer = await again({ event: 'oma-push;event-app-id="x-wap-application:syncml.dm"', expires: "900" });
    await rig.clock.advance(0);
    expect([answer.statusCode, answer.headers.get("Expires"), sender.subscriptions]).toEqual([200, "900", 1]);
    expect(told().at(-1)).toEqual(["x-wap-application:syncml.dm", "active;expires=900"]);
    expect(await rig.deliver(sender, { applicationId: "syncml.dm" }, { via: "notify" })).toMatchObject({
      via: "notify",
    });
    expect(await rig.deliver(sender, {}, { via: "notify" })).toMatchObject({ messageState: "undeliverable" });
    expect(events.map(({ event }) => event)).toEqual(["subscribed"]);
  });

  it("is not refreshed or ended by somebody else: 403, and it stays", async () => {
    const sender = await open();
    const { again } = await handset.subscribe();
    for (const expires of ["900", "0"]) {
      expect((await again({ asserted: "sip:mallory@192.0.2.2", expires })).statusCode).toBe(403);
    }
    expect(sender.subscriptions).toBe(1);
  });

  it("is refreshed and ended through a trusted core that asserts nobody within a dialog, as whose it is (RFC 3325 §5)", async () => {
    const sender = await open();
    const { again } = await handset.subscribe();
    expect((await again({ asserted: "", event: TWO, expires: "900" })).statusCode).toBe(200);
    expect(await rig.deliver(sender, { applicationId: "syncml.dm" }, { via: "notify" })).toMatchObject({
      via: "notify",
    });
    expect((await again({ asserted: "", expires: "0" })).statusCode).toBe(200);
    expect(events.map(({ event }) => event)).toEqual(["subscribed", "subscription-ended"]);
    expect(events.at(-1)).toMatchObject({ subscriber: BOB });
  });

  it("ends when the handset says so, with a last NOTIFY (RFC 6665 §4.2.1.4); applications matter no more", async () => {
    const sender = await open();
    const { again } = await handset.subscribe();
    expect((await again({ event: "oma-push", expires: "0" })).statusCode).toBe(200);
    await rig.clock.advance(0);
    expect(told().at(-1)).toEqual(["x-wap-application:push.syncml", "terminated;reason=timeout"]);
    expect(sender.subscriptions).toBe(0);
    expect(events.at(-1)).toEqual({
      event: "subscription-ended",
      subscriber: BOB,
      applications: ["push.syncml"],
      reason: "timeout",
    });
  });

  it("ends when it is not refreshed in time, and says so (RFC 6665 §4.2.2)", async () => {
    const sender = await open();
    await handset.subscribe({ expires: "60" });
    await rig.clock.advance(62_000);
    expect(handset.of("NOTIFY").at(-1)?.headers.get("Subscription-State")).toBe("terminated;reason=timeout");
    expect([sender.subscriptions, events.at(-1)?.event]).toEqual([0, "subscription-ended"]);
  });

  it("outlives its sender in the store: the next one notifies with a higher CSeq, and takes its refresh", async () => {
    const subscriptionStore = new MemorySubscriptionStore();
    const first = await open({ subscriptionStore });
    const { again } = await handset.subscribe();
    await rig.deliver(first, {}, { via: "notify" });
    await rig.clock.until(first.close());
    const second = await open({ subscriptionStore });
    expect(await rig.deliver(second)).toMatchObject({ messageState: "delivered", via: "notify", sipStatus: 200 });
    const cseqs = handset.of("NOTIFY").map(({ cseq }) => cseq.seq);
    expect(cseqs.slice(0, 2)).toEqual([1, 2]);
    expect(cseqs[2]).toBeGreaterThan(2);
    expect(new Set(handset.of("NOTIFY").map(({ callId }) => callId)).size).toBe(1);
    expect((await again({ event: DS_EVENT })).statusCode).toBe(200);
    await rig.clock.advance(0);
    expect(events.map(({ event }) => event)).toEqual(["subscribed", "subscribed"]);
  });

  it("without a store is ended when its sender closes: the handset may come back in a while (RFC 6665 §4.1.3)", async () => {
    const sender = await open();
    await handset.subscribe({ event: TWO });
    await rig.clock.until(sender.close());
    expect(told().slice(2)).toEqual([["", "terminated;reason=probation;retry-after=45"]]);
    expect(events.at(-1)).toMatchObject({ event: "subscription-ended", subscriber: BOB, reason: "probation" });
  });

  it("without a store is ended within a second, whoever does not answer", async () => {
    const sender = await open({ trusted: ["192.0.2.0/24"] });
    const others = await Promise.all(["192.0.2.3", "192.0.2.4"].map((address) => PushHandset.open(rig, address)));
    for (const each of [handset, ...others]) await each.subscribe();
    await others[1]?.close();
    handset.answer = () => undefined;
    const startMs = rig.clock.now();
    await rig.clock.until(sender.close());
    expect(rig.clock.now() - startMs).toBeLessThanOrEqual(1000);
    expect(others[0]?.of("NOTIFY").at(-1)?.headers.get("Subscription-State")).toMatch(/^terminated;reason=probation/);
  });

  it("whose sender closes while a push waits behind another gets the push first, and then the end", async () => {
    const sender = await open({ allowOverlap: true });
    await handset.subscribe();
    const pushes = [1, 2].map((octet) => sender.deliver({ ...rig.push, body: Uint8Array.of(octet) }, { to: BOB }));
    const closed = sender.close();
    const outcomes = (await rig.clock.until(Promise.all(pushes))).flat();
    await rig.clock.until(closed);
    expect(outcomes.map(({ messageState }) => messageState)).toEqual(["delivered", "delivered"]);
    expect(handset.of("NOTIFY").map(({ body }) => body[0])).toEqual([undefined, 1, 2, undefined]);
  });

  it("whose store cannot be read keeps the sender from opening, and leaves nothing", async () => {
    const subscriptionStore = new MemorySubscriptionStore();
    subscriptionStore.load = async function* () {
      yield* [];
      throw new Error("no disk");
    };
    await expect(open({ subscriptionStore })).rejects.toThrow("no disk");
  });

  it("leaves nothing running either when the store of the capabilities cannot be read", async () => {
    const subscriptionStore = new MemorySubscriptionStore();
    const sender = await open({ subscriptionStore });
    await handset.subscribe();
    await rig.clock.until(sender.close());
    await handset.close();
    const store = new MemoryCapabilityStore();
    store.load = async function* () {
      yield* [];
      throw new Error("no disk");
    };
    await expect(open({ subscriptionStore, capabilities: { store } })).rejects.toThrow("no disk");
    expect(rig.clock.pendingTimers).toBe(0);
  });
});
