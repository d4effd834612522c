import { describe, expect, it } from "vitest";
import { listenOnLoopback, useAgents } from "../support/agents.ts";
import { browserPeers } from "../support/browser-peers.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";

const transports = ["udp", "tcp", "ws"] as const;
type Transport = (typeof transports)[number];

describeWithPeers("Our sender and our receiver through Kamailio", ["kamailio"], () => {
  const agents = useAgents();
  const bed = useKamailio();
  const proxyOver = (transport: Transport): string =>
    `sip:127.0.0.1:${transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.udpPort};transport=${transport}`;
  const openSender = (transport: Transport = "udp") => agents.openSender({ proxy: proxyOver(transport) });
  const aorOf = (user: string): string => `sip:${user}@example.test`;

  it.each(transports.flatMap((from) => transports.map((to) => ({ from, to }))))(
    "carry a DS notification with all 256 octet values from $from to $to",
    async ({ from, to }) => {
      const aor = aorOf(`octets-${from}-${to}`);
      const { pushes } = await agents.openRegistered({ aor, proxy: proxyOver(to) });
      const notification = newDsNotification();
      const push = toPush(notification);
      const sender = await openSender(from);
      const [outcome] = await sender.deliver(push, { to: aor });
      expect(outcome).toMatchObject({ messageState: "delivered", papCode: 1000, sipStatus: 200, attempts: 1 });
      const event = await pushes.next();
      expect(Buffer.from(event.body)).toEqual(Buffer.from(push.body));
      expect(event).toMatchObject({
        from: "sip:ppg@example.test",
        assertedIdentity: "sip:ppg@example.test",
        applicationId: "push.syncml",
        callId: outcome?.callId,
        sipStatus: 200,
        notification,
      });
      expect(pushes.waiting).toEqual([]);
    },
  );

  it.each(transports)("carry 3000 octets, over TCP where UDP is too small, to a handset on %s", async (to) => {
    const aor = aorOf(`large-${to}`);
    const { pushes } = await agents.openRegistered({ aor, proxy: proxyOver(to) });
    const push = toPush(newDsNotification(Buffer.alloc(3000, 0xfe)));
    const sender = await openSender("udp");
    expect(await sender.deliver(push, { to: aor })).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
    expect(Buffer.from((await pushes.next()).body)).toEqual(Buffer.from(push.body));
  });

  it("say 404 for an unknown user, 200 for one who is there, 480 for one who has left", async () => {
    const aor = aorOf("leaves");
    const sender = await openSender();
    const push = () => sender.deliver(toPush(newDsNotification()), { to: aor });
    expect(await push()).toMatchObject([{ messageState: "undeliverable", papCode: 2003, sipStatus: 404 }]);
    const { receiver } = await agents.openRegistered({ aor, proxy: proxyOver("tcp") });
    expect(await push()).toMatchObject([{ messageState: "delivered", papCode: 1000, sipStatus: 200 }]);
    await receiver.close();
    expect(await push()).toMatchObject([{ messageState: "pending", papCode: 5028, sipStatus: 480, retryable: true }]);
  });

  it("carry the handset's refusals back", async () => {
    const sender = await openSender();
    const refusing = await agents.openRegistered({
      aor: aorOf("refusing"),
      proxy: proxyOver("ws"),
      handlers: { informative: () => ({ statusCode: 603 }) },
    });
    const busy = await agents.openRegistered({
      aor: aorOf("busy"),
      proxy: proxyOver("tcp"),
      handlers: { default: () => ({ statusCode: 486, retryAfterSeconds: 7 }) },
    });
    const other = await agents.openRegistered({
      aor: aorOf("other"),
      proxy: proxyOver("udp"),
      applications: ["syncml.dm"],
    });
    const to = ["refusing", "busy", "other"].map(aorOf);
    expect(await sender.deliver(toPush(newDsNotification()), { to })).toMatchObject([
      { messageState: "aborted", papCode: 5027, sipStatus: 603 },
      { messageState: "pending", papCode: 5029, sipStatus: 486, retryAfterSeconds: 7 },
      { messageState: "undeliverable", papCode: 2005, sipStatus: 488 },
    ]);
    expect((await refusing.pushes.next()).sipStatus).toBe(603);
    expect((await busy.pushes.next()).sipStatus).toBe(486);
    expect((await other.events.next(({ event }) => event === "refused")).event).toBe("refused");
  });

  it("let in only a PPG whose identity Kamailio passed on (RFC 3325)", async () => {
    const aor = aorOf("picky");
    const { pushes } = await agents.openRegistered({
      aor,
      proxy: proxyOver("udp"),
      trustedPpgs: [{ address: "sip:ppg@example.test" }],
    });
    const trusted = await openSender();
    const stranger = await agents.openSender({ proxy: proxyOver("udp"), identity: "sip:stranger@example.test" });
    const push = toPush(newDsNotification());
    expect(await stranger.deliver(push, { to: aor })).toMatchObject([{ papCode: 2001, sipStatus: 403 }]);
    expect(await trusted.deliver(push, { to: aor })).toMatchObject([{ papCode: 1000, sipStatus: 200 }]);
    expect((await pushes.next()).assertedIdentity).toBe("sip:ppg@example.test");
    expect(pushes.waiting).toEqual([]);
  });

  it.each(Object.entries(browserPeers))(
    "take a text push from %s (text only: it corrupts octets from 0x80 up)",
    async (name, open) => {
      const aor = aorOf(`for-${name}`);
      const { pushes } = await agents.openRegistered({ aor, proxy: proxyOver("tcp") });
      const peer = await open({ user: name, wsPort: bed.kamailio.wsPort });
      try {
        expect(await peer.send(aor, "sync now", "text/plain")).toBe(200);
        const event = await pushes.next();
        expect(event).toMatchObject({
          from: `sip:${name}@example.test`,
          contentType: "text/plain",
          applicationId: null,
        });
        expect(Buffer.from(event.body).toString()).toBe("sync now");
      } finally {
        await peer.stop();
      }
    },
  );
});

describeWithPeers("Our sender and our receiver through Kamailio on IPv6", ["kamailio"], () => {
  const agents = useAgents();
  const bed = useKamailio({ host: "::1" });

  it.each(transports)("carry a DS notification over %s on [::1]", async (transport) => {
    const port = transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.udpPort;
    const options = { listen: listenOnLoopback("::1"), proxy: `sip:[::1]:${port};transport=${transport}` };
    const { pushes } = await agents.openRegistered({ aor: `sip:six-${transport}@example.test`, ...options });
    const sender = await agents.openSender(options);
    const push = toPush(newDsNotification());
    // The domain by name, and as an IPv6 literal.
    const to = [`sip:six-${transport}@example.test`, `sip:six-${transport}@[::1]:${bed.kamailio.udpPort}`];
    for (const recipient of to) {
      const outcomes = await sender.deliver(push, { to: recipient });
      expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
    }
    expect(Buffer.from((await pushes.next()).body)).toEqual(Buffer.from(push.body));
  });
});

describeWithPeers("Our receiver at Kamailio with digest", ["kamailio"], () => {
  const agents = useAgents();

  describe.each(["MD5", "SHA-256"] as const)("%s", (algorithm) => {
    const bed = useKamailio({ users: { alice: "wonderland" }, algorithm });
    const optionsOver = (transport: Transport, password: string) => ({
      aor: "sip:alice@example.test",
      proxy: `sip:127.0.0.1:${transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.udpPort};transport=${transport}`,
      credentials: [{ username: "alice", password }],
    });

    it.each(transports)("registers over %s, gets a push, and unregisters", async (transport) => {
      const { receiver, pushes, events } = await agents.openRegistered(optionsOver(transport, "wonderland"));
      const sender = await agents.openSender({ proxy: `sip:127.0.0.1:${bed.kamailio.udpPort};transport=tcp` });
      const push = () => sender.deliver(toPush(newDsNotification()), { to: "sip:alice@example.test" });
      expect(await push()).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
      await pushes.next();
      await receiver.close();
      await events.next(({ event }) => event === "unregistered");
      expect(await push()).toMatchObject([{ papCode: 5028, sipStatus: 480 }]);
    });

    it("says that the registration failed with 401 when the password is wrong", async () => {
      const { events } = await agents.openReceiver(optionsOver("udp", "sesame"));
      expect(await events.next(({ event }) => event === "registration-failed")).toMatchObject({ sipStatus: 401 });
    });
  });
});
