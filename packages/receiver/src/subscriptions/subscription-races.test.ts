import { type Flow, RequestSender, SipEndpoint, type SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HANDSET, NETWORK, ReceiverRig, udp } from "../../../../test/support/receiver-rig.ts";
import { openNotifier, PSI, type PushNotifier } from "../testdata/push-notifier.ts";
import { PushSubscriptions, type ReceiverFace } from "./push-subscriptions.ts";
import type { SubscriptionEvent } from "./subscription-events.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const wish = { to: PSI, applications: undefined };
const seconds = (request: SipRequest): string => request.headers.get("Expires") ?? "";

let rig: ReceiverRig;
let peer: PushNotifier;
let face: Mutable<ReceiverFace>;
let subscriptions: PushSubscriptions;
let events: SubscriptionEvent[];

beforeEach(async () => {
  rig = await ReceiverRig.start();
  peer = await openNotifier(rig);
  events = [];
  face = {
    applications: ["x.app"],
    acceptOf: () => ["text/plain"],
    contact: `<sip:bob@${HANDSET}>`,
    methods: ["NOTIFY"],
    way: { routeSet: [`<sip:${NETWORK};lr>`], headers: [], flow: undefined, nextHop: undefined },
    boundFlow: undefined,
    reachable: true,
  };
  const endpoint = await SipEndpoint.open({
    listen: [udp(HANDSET)],
    clock: rig.clock,
    open: rig.network.open,
    onRequest: (transaction) => subscriptions.handle(transaction),
  });
  rig.closeLater(endpoint);
  subscriptions = new PushSubscriptions({
    endpoint,
    sender: new RequestSender({ endpoint }),
    aor: "sip:bob@home.test",
    face,
    credentials: undefined,
    nextHop: undefined,
    takePush: () => ({ statusCode: 200 }),
    answerTimeoutMs: 1000,
    onEvent: (event) => void events.push(event),
    random: () => 0.5,
  });
  rig.closeLater({ close: () => subscriptions.close(400) });
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

/** Answers SUBSCRIBEs with what `status` says, 0 for silence, and takes those that it says nothing about. */
function answering(status: (request: SipRequest) => number | undefined): SipRequest[] {
  const seen: SipRequest[] = [];
  rig.methods["SUBSCRIBE"] = (transaction) => {
    seen.push(transaction.request);
    const statusCode = status(transaction.request);
    if (statusCode === undefined) peer.notifier.handle(transaction);
    else if (statusCode !== 0) transaction.reply(statusCode);
  };
  return seen;
}

const flow = (): Flow => ({}) as Flow;

describe("a subscription that is being stopped", () => {
  it.each([
    ["the connection that leads here is another", () => void (face.boundFlow = flow())],
    ["the address is another", () => void (face.contact = "<sip:bob@192.0.2.9>")],
  ])("stays so when %s", async (_, change) => {
    face.boundFlow = flow();
    subscriptions.registered();
    const entry = subscriptions.subscribe(wish);
    await rig.clock.advance(100);
    expect(entry.state).toBe("active");
    const seen = answering((request) => (seconds(request) === "0" ? 0 : undefined));
    const stopped = entry.stop();
    change();
    subscriptions.registered();
    await rig.clock.until(stopped);
    await rig.clock.advance(1000);
    expect(seen.map(seconds)).not.toContain("86400");
    expect([subscriptions.all, entry.state]).toEqual([[], "ended"]);
  });

  it("is over, and said to be, although no application is left meanwhile", async () => {
    const entry = subscriptions.subscribe(wish);
    await rig.clock.advance(100);
    const stopped = entry.stop();
    face.applications = [];
    subscriptions.changed();
    await rig.clock.until(stopped);
    await rig.clock.until(entry.over);
    expect(subscriptions.all).toEqual([]);
    expect(events.at(-1)).toMatchObject({ event: "subscription-ended", reason: "stopped" });
  });

  it("is not what a new wish for the same gets", async () => {
    const entry = subscriptions.subscribe(wish);
    await rig.clock.advance(100);
    const stopped = entry.stop();
    const next = subscriptions.subscribe(wish);
    expect(next).not.toBe(entry);
    expect(subscriptions.covering(PSI, ["x.app"])).toBe(next);
    await rig.clock.until(stopped);
    await rig.clock.advance(100);
    expect([subscriptions.all, next.state]).toEqual([[next], "active"]);
  });
});

describe("a sender that confirms what nobody thought of", () => {
  it("does so for as many applications as one list can name, and no more", async () => {
    face.applications = ["*"];
    const entry = subscriptions.subscribe(wish);
    await rig.clock.advance(100);
    for (let batch = 0; batch < 3; batch++) {
      const ids = Array.from({ length: 40 }, (_, index) => `app${batch}.${index}`);
      await rig.clock.until(peer.notifier.notify(peer.id, { event: `oma-push;event-app-id="${ids.join(",")}"` }));
    }
    expect(entry.confirmed.length).toBe(64);
    expect(events.length).toBe(64);
  });
});

describe("a subscription of the settings that was refused for good (403, RFC 3261 §21.4.4)", () => {
  const refused = { event: "subscription-failed", sipStatus: 403, retryInMs: null };

  it.each<[string, number, () => void]>([
    ["is not tried again when the registration is refreshed", 1, () => subscriptions.registered()],
    ["is when the registration came back after it had failed", 2, () => subscriptions.registered(true)],
    [
      "is when the address is another",
      2,
      () => {
        face.contact = `<sip:robert@${HANDSET}>`;
        subscriptions.registered();
      },
    ],
    ["is when the applications are others", 2, () => subscriptions.changed()],
  ])("%s", async (_, count, change) => {
    const seen = answering(() => (seen.length === 1 ? 403 : undefined));
    subscriptions.configure(wish);
    subscriptions.registered();
    await rig.clock.advance(100);
    expect(events).toMatchObject([refused]);
    change();
    await rig.clock.advance(3_600_000);
    expect(seen.length).toBe(count);
    expect(subscriptions.all.length).toBe(count - 1);
  });

  it("is told each time; one that the application asked for is not tried again", async () => {
    const seen = answering(() => 403);
    subscriptions.configure(wish);
    subscriptions.subscribe({ to: "sip:other@home.test", applications: undefined });
    await rig.clock.advance(100);
    for (const _ of [1, 2]) {
      subscriptions.registered(true);
      await rig.clock.advance(100);
    }
    expect(seen.map(({ requestUri }) => requestUri)).toEqual([PSI, "sip:other@home.test", PSI, PSI]);
    expect(events.length).toBe(4);
  });

  it("is not tried again after a NOTIFY ended it for good (RFC 6665 §4.1.3)", async () => {
    subscriptions.configure(wish);
    await rig.clock.advance(100);
    peer.notifier.terminate(peer.id, "rejected");
    await rig.clock.advance(100);
    subscriptions.registered(true);
    await rig.clock.advance(100);
    expect([peer.subscribes.length, subscriptions.all.length]).toEqual([1, 0]);
  });
});
