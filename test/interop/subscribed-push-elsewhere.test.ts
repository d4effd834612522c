import { expect, it } from "vitest";
import { listenOnLoopback, useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { type ReservedPort, reservePort } from "../support/free-port.ts";
import { Inbox, named } from "../support/inbox.ts";
import { startKamailio } from "../support/kamailio.ts";
import { aorOf, coreTransports, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { useTcpTaps } from "../support/tcp-tap.ts";

const viaNotify = { messageState: "delivered", papCode: 1000, sipStatus: 200, via: "notify", attempts: 1 };

describeWithPeers("Subscribed push of a size that UDP does not carry", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each(coreTransports)(
    "goes by TCP from a sender on UDP, to a handset on %s (RFC 3261 18.1.1)",
    async (transport) => {
      const { sender, aor: to } = await core.openSender(`ppg-${transport}`);
      const settings = { ...core.handset(`large-${transport}`, transport), subscriptions: [{ to }] };
      const handset = await agents.openRegistered(settings);
      await handset.events.next(named("subscribed"));
      const push = toPush(newDsNotification(Buffer.alloc(20_000, 0xfe)));
      expect(await sender.deliver(push, { to: settings.aor })).toMatchObject([viaNotify]);
      expect(Buffer.from((await handset.pushes.next()).body)).toEqual(Buffer.from(push.body));
    },
  );
});

describeWithPeers("Subscribed push where the core knows the Push Sender (iFC)", ["kamailio"], () => {
  let port: ReservedPort;
  const bed = useKamailio(async () => {
    port = await reservePort();
    return { ims: true, pushSender: `sip:127.0.0.1:${port.port};transport=udp` };
  });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it("is subscribed to at the user's own address, over WebSocket (draft-mdolly-dispatch-oma-push 11.1)", async () => {
    await port.release();
    const sender = await agents.openSender({
      from: aorOf("push"),
      listen: [{ transport: "UDP", address: "127.0.0.1", port: port.port }],
      proxy: core.proxyOver("udp"),
      trusted: ["127.0.0.1"],
    });
    const settings = core.handset("alice", "ws");
    const handset = await agents.openRegistered({ ...settings, subscriptions: [{ to: settings.aor }] });
    expect(await handset.events.next(named("subscribed"))).toMatchObject({ to: settings.aor });
    expect(await sender.deliver(toPush(newDsNotification()), { to: settings.aor })).toMatchObject([viaNotify]);
    expect(await handset.pushes.next()).toMatchObject({ via: "notify", applicationId: "push.syncml" });
  });
});

describeWithPeers("Subscribed push on IPv6", ["kamailio"], () => {
  const bed = useKamailio({ host: "::1", ims: true });
  const agents = useAgents();

  it.each(coreTransports)("comes over %s on [::1]", async (transport) => {
    const listen = listenOnLoopback("::1");
    const proxyOver = (name: string): string =>
      `sip:[::1]:${name === "ws" ? bed.kamailio.wsPort : bed.kamailio.udpPort};transport=${name}`;
    const events = new Inbox<{ readonly event: string }>((event) => JSON.stringify(event));
    const [from, aor] = [aorOf(`ppg-six-${transport}`), aorOf(`six-${transport}`)];
    const sender = await agents.openSender({
      from,
      listen,
      proxy: proxyOver("tcp"),
      register: true,
      trusted: ["::1"],
      onEvent: (event) => events.put(event),
    });
    await events.next(named("registered"));
    const handset = await agents.openRegistered({
      aor,
      listen,
      proxy: proxyOver(transport),
      subscriptions: [{ to: from }],
    });
    await handset.events.next(named("subscribed"));
    expect(await sender.deliver(toPush(newDsNotification()), { to: aor })).toMatchObject([viaNotify]);
    expect((await handset.pushes.next()).via).toBe("notify");
    await handset.receiver.subscriptions[0]?.stop();
    expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "timeout" });
  });
});

describeWithPeers("Subscribed push to a handset whose connection breaks", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  const openTap = useTcpTaps();

  it.each(["tcp", "ws"] as const)(
    "goes on over %s in its dialog, once the handset has registered again (RFC 5626 4.2)",
    async (transport) => {
      const { sender, aor: to } = await core.openSender(`ppg-of-broken-${transport}`);
      const tap = await openTap(transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.tcpPort);
      const proxy = `sip:127.0.0.1:${tap.port};transport=${transport}`;
      const settings = { ...core.handset(`breaks-${transport}`, transport), proxy, subscriptions: [{ to }] };
      const handset = await agents.openRegistered(settings);
      await handset.events.next(named("subscribed"));
      const push = async (): Promise<string> => {
        expect(await sender.deliver(toPush(newDsNotification()), { to: settings.aor })).toMatchObject([viaNotify]);
        return (await handset.pushes.next()).callId;
      };
      const callId = await push();
      await tap.break();
      await handset.events.next(named("registered"));
      expect(await push()).toBe(callId);
    },
  );
});

describeWithPeers("Subscribed push through a Kamailio that restarts", ["kamailio"], () => {
  const agents = useAgents();

  it.each(["tcp", "ws"] as const)(
    "goes on to a handset on %s, once that has registered again (RFC 5626 4.5)",
    async (transport) => {
      const before = await startKamailio({ ims: true });
      const port = transport === "ws" ? before.wsPort : before.tcpPort;
      const events = new Inbox<{ readonly event: string }>((event) => JSON.stringify(event));
      const [from, aor] = [aorOf("ppg"), aorOf("stays")];
      const sender = await agents.openSender({
        from,
        proxy: `sip:127.0.0.1:${before.udpPort};transport=udp`,
        register: true,
        trusted: ["127.0.0.1"],
        onEvent: (event) => events.put(event),
      });
      await events.next(named("registered"));
      const handset = await agents.openRegistered({
        aor,
        instanceId: "urn:uuid:00000000-0000-4000-8000-00000000000a",
        proxy: `sip:127.0.0.1:${port};transport=${transport}`,
        subscriptions: [{ to: from }],
      });
      await handset.events.next(named("subscribed"));
      expect(await sender.deliver(toPush(newDsNotification()), { to: aor })).toMatchObject([viaNotify]);
      expect((await handset.pushes.next()).via).toBe("notify");
      await before.stop();
      const after = await startKamailio({ ims: true, successorOf: before });
      try {
        await handset.events.next(named("registered"));
        expect(await sender.deliver(toPush(newDsNotification()), { to: aor })).toMatchObject([viaNotify]);
        expect((await handset.pushes.next()).via).toBe("notify");
        // It may be refreshing it just now: whoever registers anew does.
        await expect.poll(() => handset.receiver.subscriptions.map(({ state }) => state)).toEqual(["active"]);
        await handset.receiver.subscriptions[0]?.stop();
        expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "timeout" });
        await Promise.all([handset.receiver.close(), sender.close()]);
      } finally {
        await after.stop();
      }
    },
  );
});
