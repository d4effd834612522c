import type { PushReceiver } from "@sip-push/receiver";
import { MemorySubscriptionStore, SipEndpoint } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ALICE, handsetBehind, openCore, PPG, senderBehind } from "../support/push-core.ts";

const agents = useAgents();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function core(): Promise<Awaited<ReturnType<typeof openCore>>> {
  const proxy = await openCore();
  open.push(proxy);
  return proxy;
}

describe("subscribed push through our core", () => {
  it("goes out in a NOTIFY of the subscription, and in a MESSAGE when that is over", async () => {
    const proxy = await core();
    const settings = senderBehind(proxy);
    const sender = await agents.openSender(settings);
    await settings.events.next(({ event }) => event === "registered");
    const { receiver, pushes, events } = await agents.openReceiver({
      ...handsetBehind(proxy),
      applications: ["push.syncml", "x.app"],
      subscriptions: [{ to: PPG }],
    });
    const confirmed = [await events.next(named("subscribed")), await events.next(named("subscribed"))];
    expect(confirmed).toMatchObject([{ applicationId: "push.syncml" }, { applicationId: "x.app" }]);
    expect(receiver.gruu).toMatch(/^sip:alice@example\.test;gr=/);
    expect(await settings.events.next(({ event }) => event === "subscribed")).toMatchObject({ subscriber: ALICE });

    const [first] = await sender.deliver(toPush(newDsNotification()), { to: ALICE });
    expect(first).toMatchObject({ messageState: "delivered", sipStatus: 200 });
    expect(await pushes.next()).toMatchObject({ via: "notify", applicationId: "push.syncml", assertedIdentity: PPG });

    await receiver.subscriptions[0]?.stop();
    const [second] = await sender.deliver(toPush(newDsNotification()), { to: ALICE });
    expect(second).toMatchObject({ messageState: "delivered", sipStatus: 200 });
    expect(await pushes.next()).toMatchObject({ via: "message" });
  });

  it("is taken from those in trustedPpgs only: the one whom the core let us subscribe to", async () => {
    const proxy = await core();
    const settings = senderBehind(proxy);
    const sender = await agents.openSender(settings);
    await settings.events.next(({ event }) => event === "registered");
    for (const [address, sipStatus] of [
      [PPG, 200],
      ["sip:other@example.test", 403],
    ] as const) {
      const { receiver, events } = await agents.openReceiver({
        ...handsetBehind(proxy),
        trustedPpgs: [{ address }],
        subscriptions: [{ to: PPG }],
      });
      await events.next(named("subscribed"));
      const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, via: "notify" });
      expect(outcome?.sipStatus).toBe(sipStatus);
      await receiver.close();
    }
  });

  it("is refused to one whom nobody asserts: 403", async () => {
    const proxy = await openCore({ asserts: false });
    open.push(proxy);
    const settings = senderBehind(proxy);
    await agents.openSender(settings);
    await settings.events.next(({ event }) => event === "registered");
    const { events } = await agents.openReceiver({ ...handsetBehind(proxy), subscriptions: [{ to: PPG }] });
    expect(await events.next(named("subscription-failed"))).toMatchObject({ sipStatus: 403, retryInMs: null });
  });

  it("goes on after the sender restarted with its store, in the same dialog", async () => {
    const proxy = await core();
    const subscriptionStore = new MemorySubscriptionStore();
    const before = senderBehind(proxy);
    const former = await agents.openSender({ ...before, subscriptionStore });
    await before.events.next(({ event }) => event === "registered");
    const { receiver, pushes, events } = await agents.openReceiver({
      ...handsetBehind(proxy),
      subscriptions: [{ to: PPG }],
    });
    await events.next(named("subscribed"));
    await former.deliver(toPush(newDsNotification()), { to: ALICE, via: "notify" });
    await pushes.next();
    await former.close();

    const after = senderBehind(proxy);
    const sender = await agents.openSender({ ...after, subscriptionStore });
    expect(await after.events.next(({ event }) => event === "subscribed")).toMatchObject({ subscriber: ALICE });
    const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, via: "notify" });
    expect(outcome).toMatchObject({ messageState: "delivered" });
    expect(await pushes.next()).toMatchObject({ via: "notify" });
    expect(receiver.subscriptions[0]?.state).toBe("active");
  });

  it("is not lost when the handset restarted without memory: the old subscription is 481, and a MESSAGE goes", async () => {
    const proxy = await core();
    const settings = senderBehind(proxy);
    const sender = await agents.openSender(settings);
    await settings.events.next(({ event }) => event === "registered");
    const handset = handsetBehind(proxy);
    const former = await agents.openReceiver({ ...handset, subscriptions: [{ to: PPG }] });
    await former.events.next(named("subscribed"));
    // The same instance registers from another address, to which the GRUU leads from then on; it does not subscribe.
    const { pushes } = await agents.openRegistered(handset);
    const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE });
    expect(outcome).toMatchObject({ messageState: "delivered" });
    expect((await pushes.next()).via).toBe("message");
  });

  it.each([
    ["with a GRUU", true],
    ["without one, in another dialog", false],
  ])("goes on when the handset lost its connection and made another, %s", async (_, gruu) => {
    const proxy = await core();
    const settings = senderBehind(proxy);
    const sender = await agents.openSender(settings);
    await settings.events.next(named("registered"));
    const handset = Promise.withResolvers<PushReceiver>();
    const endpoint = await SipEndpoint.open({
      listen: [{ transport: "TCP", address: "127.0.0.1", port: 0, clientOnly: true }],
      onRequest: (transaction) => void handset.promise.then((receiver) => receiver.handle(transaction)),
    });
    const { instanceId, ...anonymous } = handsetBehind(proxy);
    const { receiver, pushes, events } = await agents.openReceiver({
      ...anonymous,
      ...(gruu && instanceId !== undefined ? { instanceId } : {}),
      listen: [],
      endpoint,
      subscriptions: [{ to: PPG }],
    });
    handset.resolve(receiver);
    await events.next(named("subscribed"));
    const port = proxy.listening.find(({ transport }) => transport === "TCP")?.port ?? 0;
    endpoint.existingFlow({ transport: "TCP", address: "127.0.0.1", port })?.close();
    await events.next(named("registered"));
    await events.next(named("registered"));
    if (!gruu) await events.next(named("subscribed"));
    const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, via: "notify" });
    expect(outcome).toMatchObject({ messageState: "delivered" });
    expect(await pushes.next()).toMatchObject({ via: "notify" });
    await receiver.close();
    await endpoint.close();
  });

  it("ends on both sides when both close at the same time", async () => {
    const proxy = await core();
    const settings = senderBehind(proxy);
    const sender = await agents.openSender(settings);
    await settings.events.next(({ event }) => event === "registered");
    const { receiver, events } = await agents.openReceiver({ ...handsetBehind(proxy), subscriptions: [{ to: PPG }] });
    await events.next(named("subscribed"));
    await Promise.all([receiver.close(), sender.close()]);
    expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "stopped" });
    expect(await events.next(named("unregistered"))).toBeDefined();
  });
});
