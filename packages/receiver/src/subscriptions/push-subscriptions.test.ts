import { decodeText, type SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, HANDSET, ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import {
  GRUU,
  grantGruu,
  INSTANCE,
  openNotifier,
  PSI,
  scriptSubscribe,
  subscribing,
} from "../testdata/push-notifier.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const field = (request: SipRequest | undefined, name: string): string => decodeText(request?.headers.get(name) ?? "");
const told = (): unknown[] => rig.events.filter(({ event }) => event.startsWith("subscri"));
const notification = { contentType: DS_TYPE, event: 'oma-push;event-app-id="x-wap-application:push.syncml"' };

describe("a SUBSCRIBE to oma-push (draft-mdolly-dispatch-oma-push-00 §11.1)", () => {
  it("has the applications as URNs, what they take, the feature tag of all, all methods, and a day", async () => {
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open({
      applications: ["push.syncml", "x.app"],
      subscriptions: [{ to: PSI, applications: ["push.syncml"], deviceCapabilities: "screen=2" }],
    });
    receiver.subscribe("sip:other@home.test", { acceptContact: true, expiresSeconds: 600 });
    await rig.clock.advance(100);
    const [first, second] = subscribes;
    expect(first?.requestUri).toBe(PSI);
    expect(field(first, "Event")).toBe('oma-push;event-app-id="x-wap-application:push.syncml";dev-cap="screen=2"');
    expect(field(first, "Accept")).toMatch(new RegExp(`^${DS_TYPE.replaceAll(".", "\\.")}, .*text/plain`));
    expect(field(first, "Accept")).not.toContain("*/*");
    const tag = '+g.oma.pusheventapp="push.syncml,x.app"';
    expect(field(first, "Contact")).toBe(`<sip:bob@${HANDSET}:5060>;${tag}`);
    expect(field(first, "Supported")).toBe("gruu, norefersub");
    expect(field(first, "Allow")).toBe("MESSAGE, NOTIFY, REFER, SUBSCRIBE, OPTIONS");
    expect(field(first, "Expires")).toBe("86400");
    expect(first?.headers.has("Accept-Contact")).toBe(false);
    expect(field(second, "Event")).toBe(
      'oma-push;event-app-id="x-wap-application:push.syncml,x-oma-application:x.app"',
    );
    expect(field(second, "Accept-Contact")).toBe(`*;${tag}`);
    expect(field(second, "Expires")).toBe("600");
  });

  it("waits for the registration, and has its GRUU (RFC 5627 §4.4), instance, Service-Route and identity", async () => {
    grantGruu(rig, [
      ["Service-Route", "<sip:orig@192.0.2.1;lr>"],
      ["P-Associated-URI", "<sip:bobby@home.test>, <tel:+1>"],
    ]);
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open({ ...subscribing, register: true, instanceId: INSTANCE, role: "gm" });
    expect([subscribes.length, receiver.subscriptions[0]?.state]).toEqual([0, "idle"]);
    await rig.clock.advance(100);
    expect(subscribes.length).toBe(1);
    expect(field(subscribes[0], "Contact")).toBe(
      `<${GRUU}>;+sip.instance="<${INSTANCE}>";+g.oma.pusheventapp="push.syncml,x.app"`,
    );
    expect(field(subscribes[0], "Route")).toBe("<sip:orig@192.0.2.1;lr>");
    // None of the identities that the registrar lists is the user's own, so the default one is asked for.
    expect(field(subscribes[0], "P-Preferred-Identity")).toBe("<sip:bobby@home.test>");
    expect(receiver.gruu).toBe(GRUU);
  });

  it("keeps what the push notification service must keep secret out of its Contact (RFC 8599 §4)", async () => {
    const { subscribes } = await openNotifier(rig);
    const pushNotificationService = { provider: "fcm", prid: "secret", param: "app" };
    await rig.open({ ...subscribing, register: true, pushNotificationService });
    await rig.clock.advance(100);
    expect(field(rig.registers[0], "Contact")).toContain(";pn-provider=fcm;pn-param=app;pn-prid=secret>");
    expect(rig.events).toContainEqual(expect.objectContaining({ event: "registered", pushNotificationService }));
    expect(field(subscribes[0], "Contact")).toMatch(/^<sip:bob@192\.0\.2\.2:5060>/);
  });
});

describe("what a subscription brings", () => {
  it("is told for each application that the sender confirms, once, and not for others (§11.2)", async () => {
    const { subscribes } = await openNotifier(rig, {
      initialNotifications: () => [{ event: 'oma-push;event-app-id="x-oma-application:x.app"' }],
      maxExpiresSeconds: 600,
    });
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(400_000);
    expect(subscribes.length).toBe(2);
    expect(told()).toEqual([{ event: "subscribed", to: PSI, applicationId: "x.app", expiresSeconds: 600 }]);
    expect(receiver.subscriptions[0]).toMatchObject({ state: "active", confirmed: ["x.app"] });
  });

  it.each([
    ["none", "oma-push", ["push.syncml", "x.app"]],
    ["several", 'oma-push;event-app-id="x-wap-application:push.syncml, x.app"', ["push.syncml", "x.app"]],
    ["one that was not asked for", 'oma-push;event-app-id="ulp.ua"', []],
  ])("is taken leniently where a NOTIFY names %s", async (_, event, confirmed) => {
    await openNotifier(rig, { initialNotifications: () => [{ event }] });
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    expect(receiver.subscriptions[0]?.confirmed).toEqual(confirmed);
  });

  it("is a push where a NOTIFY has a body, whose answer is the answer to it", async () => {
    const peer = await openNotifier(rig);
    await rig.open({ ...subscribing, handlers: { default: () => ({ statusCode: 202 }) } });
    await rig.clock.advance(100);
    const outcome = await rig.clock.until(
      peer.notifier.notify(peer.id, { ...notification, body: rig.notification({ sessionId: 9 }) }),
    );
    expect(outcome).toMatchObject({ response: { statusCode: 202 }, subscriptionEnded: false });
    expect(rig.pushes).toMatchObject([{ via: "notify", applicationId: "push.syncml", notification: { sessionId: 9 } }]);
  });

  it.each([
    ["a handler says 480", { statusCode: 480 }, 486],
    ["a handler says 404", { statusCode: 404 }, 488],
    ["the user is busy", { statusCode: 486 }, 486],
  ])("outlives a push that is refused because %s (RFC 6665 §4.2.2)", async (_, answer, statusCode) => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open({ ...subscribing, handlers: { default: () => answer } });
    await rig.clock.advance(100);
    const sent = peer.notifier.notify(peer.id, { ...notification, body: rig.notification() });
    expect(await rig.clock.until(sent)).toMatchObject({ response: { statusCode }, subscriptionEnded: false });
    expect(receiver.subscriptions[0]?.state).toBe("active");
  });

  it("is limited by pushes in a minute, each sender for itself (draft §14)", async () => {
    const peer = await openNotifier(rig);
    await rig.open({ ...subscribing, limits: { maxPushesPerMinute: 2 } });
    await rig.clock.advance(100);
    const push = async (): Promise<unknown> => {
      const sent = peer.notifier.notify(peer.id, { ...notification, body: rig.notification() });
      const outcome = await rig.clock.until(sent);
      if (outcome.kind === "failure") throw new Error(outcome.code);
      return [outcome.response.statusCode, outcome.response.headers.get("Retry-After"), outcome.subscriptionEnded];
    };
    expect([await push(), await push()]).toEqual([
      [200, undefined, false],
      [200, undefined, false],
    ]);
    expect(await push()).toEqual([486, "60", false]);
    expect(rig.events.at(-1)).toMatchObject({ event: "refused", sipStatus: 486 });
    // What a stranger writes in From is not what a trusted hop asserts.
    const other = await rig.send({ from: PSI, body: new Uint8Array(), headers: [] });
    expect(other.statusCode).toBe(200);
    await rig.clock.advance(60_000);
    expect(await push()).toEqual([200, undefined, false]);
  });

  it("does not take a NOTIFY that belongs to none (RFC 6665 §4.1.3)", async () => {
    await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    const headers = [
      ["Event", "oma-push"],
      ["Subscription-State", "active"],
    ] as const;
    expect((await rig.send({ method: "NOTIFY", headers })).statusCode).toBe(481);
    expect(receiver.notifyStats).toEqual({ unmatched: 1, malformed: 0 });
  });
});

describe("the end of a subscription by the sender (RFC 6665 §4.1.3)", () => {
  it.each([
    ["deactivated", undefined, 0],
    ["timeout", undefined, 0],
    ["probation", 60, 60_000],
    ["giveup", 90, 90_000],
    ["rejected", undefined, null],
    ["noresource", undefined, null],
    ["invariant", undefined, null],
  ] as const)("with %s is told with the time of the next try", async (reason, retryAfterSeconds, retryInMs) => {
    const { notifier, subscribes, id } = await openNotifier(rig).then(async (peer) => {
      await rig.open(subscribing);
      await rig.clock.advance(40_000);
      return peer;
    });
    expect(id).not.toBe("");
    notifier.terminate(id, reason, retryAfterSeconds);
    await rig.clock.advance(100);
    const ended = { event: "subscription-ended", to: PSI, applications: ["push.syncml", "x.app"], reason, retryInMs };
    expect(told()).toContainEqual(ended);
    expect(told().filter((event) => (event as { event: string }).event === "subscription-ended").length).toBe(1);
    expect(subscribes.length).toBe(retryInMs === 0 ? 2 : 1);
    await rig.clock.advance(120_000);
    expect(subscribes.length).toBe(retryInMs === null ? 1 : 2);
    // The new one is confirmed anew.
    expect(told().filter((event) => (event as { event: string }).event === "subscribed").length).toBe(
      retryInMs === null ? 2 : 4,
    );
  });
});

describe("a subscription that cannot be had", () => {
  it.each([403, 489])("is given up after %i, which another try would get too", async (statusCode) => {
    const seen = scriptSubscribe(rig, (transaction) => transaction.reply(statusCode));
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(3_600_000);
    expect(seen.length).toBe(1);
    expect(told()).toMatchObject([{ event: "subscription-failed", to: PSI, sipStatus: statusCode, retryInMs: null }]);
    expect(receiver.subscriptions).toEqual([]);
  });

  it("is tried again after 503, when the sender says (RFC 3261 §20.33)", async () => {
    const seen = scriptSubscribe(rig, (transaction) => transaction.reply(503, { headers: [["Retry-After", "30"]] }));
    await rig.open(subscribing);
    await rig.clock.advance(29_000);
    expect(seen.length).toBe(1);
    expect(told()).toMatchObject([{ event: "subscription-failed", sipStatus: 503, retryInMs: 30_000 }]);
    await rig.clock.advance(2000);
    expect(seen.length).toBe(2);
  });

  it("is tried again when nobody answers, and at once when the registration comes back", async () => {
    let silent = true;
    const seen: SipRequest[] = [];
    const { notifier } = await openNotifier(rig);
    rig.methods["SUBSCRIBE"] = (transaction) => {
      seen.push(transaction.request);
      if (!silent) notifier.handle(transaction);
    };
    await rig.open({ ...subscribing, register: true, expiresSeconds: 60 });
    await rig.clock.advance(227_000);
    expect(told().at(-1)).toMatchObject({ event: "subscription-failed", sipStatus: null, retryInMs: 24_000 });
    silent = false;
    // The registration is refreshed each half minute.
    await rig.clock.advance(13_500);
    expect(told().at(-1)).toMatchObject({ event: "subscribed" });
  });

  it("is made anew when the sender restarted without memory of it (481, RFC 6665 §4.1.2.2)", async () => {
    await openNotifier(rig, { maxExpiresSeconds: 600 });
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    const after = await openNotifier(rig, { maxExpiresSeconds: 600 });
    await rig.clock.advance(400_000);
    expect(after.subscribes.map((request) => request.to.params.has("tag"))).toEqual([true, false]);
    expect(receiver.subscriptions[0]?.state).toBe("active");
    expect(told().filter((event) => (event as { event: string }).event === "subscribed").length).toBe(4);
  });
});

describe("what changes at the receiver", () => {
  it("is told to the sender when the address is another (RFC 6665 §4.1.2.2)", async () => {
    let gruu = GRUU;
    grantGruu(rig, [], () => gruu);
    const { subscribes } = await openNotifier(rig);
    await rig.open({ ...subscribing, register: true, instanceId: INSTANCE, expiresSeconds: 60 });
    await rig.clock.advance(100);
    gruu = "sip:bob@home.test;gr=other";
    await rig.clock.advance(40_000);
    expect(subscribes.map((request) => field(request, "Contact").split(">")[0])).toEqual([
      `<${GRUU}`,
      "<sip:bob@home.test;gr=other",
    ]);
    expect(subscribes[1]?.to.params.has("tag")).toBe(true);
    await rig.clock.advance(60_000);
    expect(subscribes.length).toBe(2);
  });

  it("is told when the applications are others: to the registrar and, in its dialog, to the sender", async () => {
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open({ ...subscribing, register: true });
    await rig.clock.advance(100);
    receiver.setApplications(["push.syncml", "syncml.dm"]);
    await rig.clock.advance(100);
    const tag = '+g.oma.pusheventapp="push.syncml,syncml.dm"';
    expect(field(rig.registers[1], "Contact")).toContain(tag);
    expect(field(subscribes[1], "Contact")).toContain(tag);
    expect(subscribes[1]?.to.params.has("tag")).toBe(true);
    expect(field(subscribes[1], "Event")).toContain("x-wap-application:syncml.dm");
    expect(receiver.subscriptions[0]?.confirmed).toEqual(["push.syncml", "syncml.dm"]);
    expect(() => receiver.setApplications(["a,b"])).toThrow("applications[0]");
    const { headers } = await rig.send({ method: "OPTIONS" });
    expect(headers.get("Contact")).toContain(tag);
    // One registration, one refresh for it.
    expect([rig.registers.length, subscribes.length]).toEqual([2, 2]);
  });

  it("ends the subscription when no application is left, and begins another when there are some again", async () => {
    const { subscribes, notifier } = await openNotifier(rig);
    const receiver = await rig.open({ ...subscribing, applications: [] });
    await rig.clock.advance(100);
    expect(subscribes.length).toBe(0);
    receiver.setApplications(["x.app"]);
    await rig.clock.advance(100);
    expect(receiver.subscriptions[0]?.confirmed).toEqual(["x.app"]);
    receiver.setApplications([]);
    await rig.clock.advance(2000);
    expect([notifier.size, receiver.subscriptions[0]?.state]).toEqual([0, "idle"]);
    expect(told().at(-1)).toMatchObject({ event: "subscription-ended", reason: "no applications", retryInMs: null });
    receiver.setApplications(["push.syncml"]);
    await rig.clock.advance(100);
    expect(receiver.subscriptions[0]?.confirmed).toEqual(["push.syncml"]);
  });

  it("is told after the REGISTER and the SUBSCRIBE that are under way", async () => {
    rig.network.conditions = { loss: 0, duplicate: 0, minDelayMs: 50, maxDelayMs: 50 };
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open({ ...subscribing, register: true });
    receiver.setApplications(["x.app"]);
    await rig.clock.advance(150);
    expect(subscribes.length).toBe(1);
    receiver.setApplications(["syncml.dm"]);
    await rig.clock.advance(1000);
    expect(field(rig.registers.at(-1), "Contact")).toContain('"syncml.dm"');
    expect(field(subscribes.at(-1), "Event")).toContain("syncml.dm");
    expect(receiver.subscriptions[0]?.confirmed).toEqual(["syncml.dm"]);
  });
});

describe("subscribe and stop", () => {
  it("make one subscription for one target and list, and end it with Expires 0 (RFC 6665 §4.1.2.3)", async () => {
    const { subscribes, notifier } = await openNotifier(rig);
    const receiver = await rig.open({ applications: ["push.syncml", "x.app"] });
    const one = receiver.subscribe(PSI, { applications: ["x.app", "push.syncml"] });
    expect(receiver.subscribe("SIP:psi@HOME.test", { applications: ["push.syncml", "x.app"] })).toBe(one);
    expect(receiver.subscribe(PSI, { applications: ["x.app"] })).not.toBe(one);
    await rig.clock.advance(100);
    expect(subscribes.length).toBe(2);
    await rig.clock.until(one.stop());
    expect(field(subscribes[2], "Expires")).toBe("0");
    expect(one.state).toBe("ended");
    expect(told().at(-1)).toMatchObject({ event: "subscription-ended", reason: "stopped", retryInMs: null });
    expect([notifier.size, receiver.subscriptions.length]).toEqual([1, 1]);
    await one.stop();
    expect(subscribes.length).toBe(3);
  });

  it.each([
    [{ to: "tel:+1" }, "subscriptions[0].to"],
    [{ to: "sip:psi@home.test?Route=%3Csip:x%3E" }, "subscriptions[0].to"],
    [{ to: "sip:psi@home.test;method=INVITE" }, "subscriptions[0].to"],
    [{ to: PSI, applications: [] }, "subscriptions[0].applications"],
    [{ to: PSI, applications: ["a,b"] }, "subscriptions[0].applications[0]"],
    [{ to: PSI, expiresSeconds: 0 }, "subscriptions[0].expiresSeconds"],
    [{ to: PSI, deviceCapabilities: "a\u0000" }, "subscriptions[0].deviceCapabilities"],
  ])("refuse %j naming %s", async (subscription, named) => {
    await expect(rig.open({ subscriptions: [subscription] })).rejects.toMatchObject({ field: named });
  });
});

describe("close", () => {
  it("unsubscribes while the binding stands, and removes it then", async () => {
    const order: string[] = [];
    grantGruu(rig);
    const { registrar } = rig;
    rig.registrar = (request) => {
      order.push(`REGISTER ${field(request, "Expires")}`);
      return registrar(request);
    };
    const { notifier } = await openNotifier(rig);
    rig.methods["SUBSCRIBE"] = (transaction) => {
      order.push(`SUBSCRIBE ${field(transaction.request, "Expires")}`);
      notifier.handle(transaction);
    };
    const receiver = await rig.open({ ...subscribing, register: true });
    await rig.clock.advance(100);
    await rig.clock.until(receiver.close());
    expect(order).toEqual(["REGISTER 3600", "SUBSCRIBE 86400", "SUBSCRIBE 0", "REGISTER 0"]);
    expect(() => receiver.subscribe(PSI)).toThrow(TypeError);
  });

  it.each([
    ["before SUBSCRIBE is answered", 0],
    ["after the sender went silent", 1],
    ["while it waits to try again", 2],
  ])("ends within a second %s, and leaves nothing running", async (_, kind) => {
    const { notifier } = await openNotifier(rig);
    let silent = kind === 0;
    rig.methods["SUBSCRIBE"] = (transaction) => {
      if (kind === 2) transaction.reply(503);
      else if (!silent) notifier.handle(transaction);
    };
    const receiver = await rig.open({ ...subscribing, register: true });
    await rig.clock.advance(100);
    silent = true;
    rig.registrar = () => undefined;
    const startMs = rig.clock.now();
    await rig.clock.until(receiver.close());
    expect(rig.clock.now() - startMs).toBeLessThanOrEqual(1000);
  });

  it("refuses a push of a subscription meanwhile so that it is tried again (486)", async () => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    rig.methods["SUBSCRIBE"] = () => {};
    const closing = receiver.close();
    const sent = peer.notifier.notify(peer.id, { ...notification, body: rig.notification() });
    expect(await rig.clock.until(sent)).toMatchObject({ response: { statusCode: 486 } });
    await rig.clock.until(closing);
    expect(rig.pushes).toEqual([]);
  });
});
