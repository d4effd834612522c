import { MemorySubscriptionStore } from "@sip-push/sip";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { named } from "../support/inbox.ts";
import { aorOf, coreTransports, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { subscribe } from "../support/raw-dialog.ts";
import { buildResponse } from "../support/raw-message.ts";
import { useTcpTaps } from "../support/tcp-tap.ts";

const viaNotify = { messageState: "delivered", papCode: 1000, sipStatus: 200, via: "notify", attempts: 1 };

describeWithPeers("Subscribed push through Kamailio, which asserts who subscribes", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  const openTap = useTcpTaps();

  it.each(coreTransports)(
    "subscribes, gets a push with all octet values once, refreshes and unsubscribes, over %s (RFC 6665)",
    async (transport) => {
      const { sender, events, aor: to } = await core.openSender(`ppg-${transport}`);
      const settings = core.handset(`subscriber-${transport}`, transport);
      const handset = await agents.openRegistered(settings);
      const subscription = handset.receiver.subscribe(to);
      expect(await handset.events.next(named("subscribed"))).toMatchObject({
        to,
        applicationId: "push.syncml",
        expiresSeconds: expect.closeTo(86_400, -1),
      });
      expect(await events.next()).toMatchObject({
        event: "subscribed",
        subscriber: settings.aor,
        applications: ["push.syncml"],
      });
      const notification = newDsNotification();
      const push = toPush(notification);
      expect(await sender.deliver(push, { to: settings.aor })).toMatchObject([viaNotify]);
      const received = await handset.pushes.next();
      expect(received).toMatchObject({ via: "notify", from: to, applicationId: "push.syncml", notification });
      expect(Buffer.from(received.body)).toEqual(Buffer.from(push.body));

      // A refresh that asks for one more.
      handset.receiver.setApplications(["push.syncml", "syncml.dm"]);
      expect(await handset.events.next(named("subscribed"))).toMatchObject({ applicationId: "syncml.dm" });
      expect(sender.subscriptions).toBe(1);
      const other = { ...push, applicationId: "syncml.dm", contentType: "application/vnd.syncml.notification" };
      expect(await sender.deliver(other, { to: settings.aor })).toMatchObject([viaNotify]);
      expect(await handset.pushes.next()).toMatchObject({ via: "notify", applicationId: "syncml.dm" });

      await subscription.stop();
      expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "timeout" });
      expect(await sender.deliver(toPush(newDsNotification()), { to: settings.aor })).toMatchObject([
        { ...viaNotify, via: "message" },
      ]);
      expect((await handset.pushes.next()).via).toBe("message");
      expect(handset.pushes.waiting).toEqual([]);
    },
  );

  it("is refused with 403 to a handset that Kamailio does not know: nobody asserts who it is (draft §11.1)", async () => {
    const { aor: to } = await core.openSender("ppg-wary");
    const { events } = await agents.openReceiver({
      ...core.handset("unregistered", "udp"),
      register: false,
      subscriptions: [{ to }],
    });
    expect(await events.next(named("subscription-failed"))).toMatchObject({ to, sipStatus: 403, retryInMs: null });
  });

  it.each(["udp", "ws"] as const)(
    "goes on in the same dialog when the sender restarts elsewhere with its store, to a handset on %s",
    async (transport) => {
      const subscriptionStore = new MemorySubscriptionStore();
      const user = `ppg-restarts-${transport}`;
      const former = await core.openSender(user, { subscriptionStore });
      const settings = core.handset(`outlives-${transport}`, transport);
      const handset = await agents.openRegistered({ ...settings, subscriptions: [{ to: former.aor }] });
      await handset.events.next(named("subscribed"));
      const push = (sender: typeof former.sender) =>
        sender.deliver(toPush(newDsNotification()), { to: settings.aor, via: "notify" });
      expect(await push(former.sender)).toMatchObject([viaNotify]);
      await former.sender.close();

      const { sender, events } = await core.openSender(user, { subscriptionStore });
      expect(await events.next()).toMatchObject({ event: "subscribed", subscriber: settings.aor });
      expect(await push(sender)).toMatchObject([viaNotify]);
      const [first, second] = [await handset.pushes.next(), await handset.pushes.next()];
      expect(second.callId).toBe(first.callId);
      // Its NOTIFY said where it is now (RFC 3261 12.2.2), so that a SUBSCRIBE finds it.
      await handset.receiver.subscriptions[0]?.stop();
      expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "timeout" });
    },
  );

  it.each(["udp", "ws"] as const)(
    "becomes a MESSAGE when the handset over %s came back without its subscriptions: 481",
    async (transport) => {
      const { sender, events, aor: to } = await core.openSender(`ppg-forgotten-${transport}`);
      const settings = core.handset(`forgets-${transport}`, transport);
      const former = await agents.openRegistered({ ...settings, subscriptions: [{ to }] });
      await former.events.next(named("subscribed"));
      // The same instance from another address: its GRUU leads there from now on.
      const handset = await agents.openRegistered(settings);
      const outcomes = await sender.deliver(toPush(newDsNotification()), { to: settings.aor });
      expect(outcomes).toMatchObject([{ ...viaNotify, via: "message", attempts: 2 }]);
      expect((await handset.pushes.next()).via).toBe("message");
      expect(handset.pushes.waiting).toEqual([]);
      expect(await events.next(named("subscription-ended"))).toMatchObject({ subscriber: settings.aor });
      const notified = await sender.deliver(toPush(newDsNotification()), { to: settings.aor, via: "notify" });
      expect(notified).toMatchObject([{ messageState: "undeliverable", via: null }]);
    },
  );

  it.each(["udp", "ws"] as const)(
    "comes once to a handset over %s that restarted and subscribed anew, whose old subscription is still there",
    async (transport) => {
      const { sender, aor: to } = await core.openSender(`ppg-twice-${transport}`);
      const settings = { ...core.handset(`restarts-${transport}`, transport), subscriptions: [{ to }] };
      const former = await agents.openRegistered(settings);
      await former.events.next(named("subscribed"));
      const handset = await agents.openRegistered(settings);
      await handset.events.next(named("subscribed"));
      expect(sender.subscriptions).toBe(2);
      const outcomes = await sender.deliver(toPush(newDsNotification()), { to: settings.aor });
      expect(outcomes).toMatchObject([viaNotify]);
      expect((await handset.pushes.next()).via).toBe("notify");
      expect([...handset.pushes.waiting, ...former.pushes.waiting]).toEqual([]);
    },
  );

  it("is granted for longer than asked for when that is too brief: 423 with Min-Expires (RFC 6665 4.2.1.1)", async () => {
    const { aor: to } = await core.openSender("ppg-patient", { subscriptions: { minExpiresSeconds: 90 } });
    const subscriptions = [{ to, expiresSeconds: 10 }];
    const { events } = await agents.openRegistered({ ...core.handset("hurried", "tcp"), subscriptions });
    expect(await events.next(named("subscribed"))).toMatchObject({ expiresSeconds: expect.closeTo(90, -1) });
    expect(events.waiting.filter(named("subscription-failed"))).toEqual([]);
  });

  it("is refreshed in time, and over when it is not: then a push is no NOTIFY any more (RFC 6665 4.2.2)", async () => {
    const subscriptions = { minExpiresSeconds: 1, maxExpiresSeconds: 4 };
    const { sender, events, aor: to } = await core.openSender("ppg-brief", { subscriptions });
    const settings = core.handset("brief", "tcp");
    const tap = await openTap(bed.kamailio.tcpPort);
    const proxy = `sip:127.0.0.1:${tap.port};transport=tcp`;
    const handset = await agents.openRegistered({ ...settings, proxy, subscriptions: [{ to }] });
    await handset.events.next(named("subscribed"));
    await expect.poll(() => tap.sent.match(/^SUBSCRIBE /gm)?.length).toBeGreaterThanOrEqual(2);
    expect(sender.subscriptions).toBe(1);
    await tap.cut();
    expect(await events.next(named("subscription-ended"))).toMatchObject({ subscriber: settings.aor });
    const outcomes = await sender.deliver(toPush(newDsNotification()), { to: settings.aor });
    expect(outcomes).toMatchObject([{ via: "message", papCode: 5028, sipStatus: 480 }]);
  });

  it.each(["481 Subscription Does Not Exist", "489 Bad Event", "501 Not Implemented"])(
    "becomes a MESSAGE when a foreign handset answers its NOTIFY with %s",
    async (answer) => {
      const { sender, events } = await core.openSender(`ppg-of-${answer.slice(0, 3)}`);
      const handset = await bed.openRegistered("ws", `answers-${answer.slice(0, 3)}`);
      const event = 'oma-push;event-app-id="x-wap-application:push.syncml"';
      const subscription = await subscribe(handset, { uri: aorOf(`ppg-of-${answer.slice(0, 3)}`), event });
      expect(subscription.response.status).toBe(200);
      expect((await subscription.next("NOTIFY")).body).toHaveLength(0);
      await events.next(named("subscribed"));
      handset.answerWith((request) => buildResponse(request, request.method === "NOTIFY" ? answer : "200 OK"));
      const push = toPush(newDsNotification());
      const outcomes = await sender.deliver(push, { to: handset.aor });
      expect(outcomes).toMatchObject([{ ...viaNotify, via: "message", attempts: 2 }]);
      expect((await subscription.next("NOTIFY")).body).toEqual(Buffer.from(push.body));
      expect((await handset.next(({ method }) => method === "MESSAGE")).body).toEqual(Buffer.from(push.body));
      expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "failed" });
    },
  );
});

describeWithPeers("Subscribed push through Kamailio to a handset that fell silent", ["kamailio"], () => {
  // Until it falls silent the handset must have answered by then, on a busy machine too.
  const bed = useKamailio({ ims: true, finalResponseTimerMs: 2_000 });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each(["auto", "notify"] as const)("says so, and nothing is left of its subscription (via: %s)", async (via) => {
    const { sender, events, aor: uri } = await core.openSender(`ppg-${via}`);
    const handset = await bed.openRegistered("udp", `silent-${via}`);
    const subscription = await subscribe(handset, {
      uri,
      event: 'oma-push;event-app-id="x-wap-application:push.syncml"',
    });
    await subscription.next("NOTIFY");
    await events.next(named("subscribed"));
    handset.answerWith(() => undefined);
    const outcomes = await sender.deliver(toPush(newDsNotification()), { to: handset.aor, via });
    expect(outcomes).toMatchObject([{ messageState: "timeout", sipStatus: 408, via: "notify", retryable: true }]);
    expect(await events.next(named("subscription-ended"))).toMatchObject({ subscriber: handset.aor, reason: "failed" });
    expect(sender.subscriptions).toBe(0);
  });
});
