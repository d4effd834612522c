import type { PushSenderOptions } from "@sip-push/sender";
import { afterAll, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { Inbox, named } from "../support/inbox.ts";
import { aorOf, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { subscribe } from "../support/raw-dialog.ts";
import { useTcpTaps } from "../support/tcp-tap.ts";

const delivered = { messageState: "delivered", papCode: 1000, sipStatus: 200 };

describeWithPeers("Who is who through Kamailio, which trusts 127.0.0.2 alone", ["kamailio"], () => {
  const bed = useKamailio({ ims: true, trustedPeers: "127.0.0.2/32" });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  const inside: Partial<PushSenderOptions> = {
    listen: (["UDP", "TCP"] as const).map((transport) => ({ transport, address: "127.0.0.2", port: 0 })),
    // Kamailio takes a Contact at another address than the REGISTER came from for one behind a NAT.
    register: true,
  };
  const openTap = useTcpTaps();

  it("a handset in the role gm goes by its Service-Route and prefers an identity, which Kamailio asserts (RFC 3608, RFC 3325)", async () => {
    const { events, aor: to } = await core.openSender("hears", inside);
    const tap = await openTap(bed.kamailio.tcpPort);
    const settings = core.handset("on-gm", "tcp");
    const handset = await agents.openRegistered({
      ...settings,
      proxy: `sip:127.0.0.1:${tap.port};transport=tcp`,
      role: "gm",
      accessNetworkInfo: "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2340155",
      trustedAccess: true,
    });
    handset.receiver.subscribe(to);
    await handset.events.next(named("subscribed"));
    const [sent = ""] = /^SUBSCRIBE [^]*/m.exec(tap.sent) ?? [];
    expect(sent).toContain(`Route: <sip:orig@127.0.0.1:${bed.kamailio.tcpPort};transport=tcp;lr>\r\n`);
    expect(sent).toContain(`P-Preferred-Identity: <${settings.aor}>\r\n`);
    expect(sent).toContain("P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2340155\r\n");
    expect(await events.next()).toMatchObject({ event: "subscribed", subscriber: settings.aor });
  });

  it("an application server's identity is believed, a stranger's is not: the handset says 403 (RFC 3325 5)", async () => {
    const trustedPpgs = [{ address: aorOf("ppg") }];
    const settings = core.handset("picky", "ws");
    const handset = await agents.openRegistered({ ...settings, trustedPpgs });
    const { sender } = await core.openSender("ppg", inside);
    const { sender: stranger } = await core.openSender("stranger", { identity: aorOf("ppg") });
    const push = (from: typeof sender) => from.deliver(toPush(newDsNotification()), { to: settings.aor });
    expect(await push(stranger)).toMatchObject([{ papCode: 2001, sipStatus: 403 }]);
    expect(await push(sender)).toMatchObject([delivered]);
    expect((await handset.pushes.next()).assertedIdentity).toBe(aorOf("ppg"));
    expect(handset.pushes.waiting).toEqual([]);
  });

  it("nobody gets an assertion of his own past Kamailio by pretending to be within a dialog (RFC 3325 5)", async () => {
    const handset = await bed.openRegistered("udp", "credulous");
    const spoofer = await bed.open("udp", "dialog-spoofer");
    const answer = await spoofer.request({
      method: "MESSAGE",
      uri: handset.contact.replace(/^<|>.*$/g, ""),
      toTag: "made-up",
      headers: [`Route: <sip:127.0.0.1:${bed.kamailio.udpPort};lr>`, `P-Asserted-Identity: <${aorOf("ppg")}>`],
    });
    expect(answer.status).toBe(200);
    const message = await handset.next(({ method }) => method === "MESSAGE");
    expect(message.values("p-asserted-identity")).toEqual([]);
  });

  it("a subscriber who writes P-Asserted-Identity himself is nobody: 403", async () => {
    const { sender, aor: uri } = await core.openSender("wary", inside);
    const spoofer = await bed.open("tcp", "spoofer");
    const headers = [`P-Asserted-Identity: <${aorOf("alice")}>`];
    const event = 'oma-push;event-app-id="x-wap-application:push.syncml"';
    expect((await subscribe(spoofer, { uri, event, headers })).response.status).toBe(403);
    // As himself he may.
    expect((await bed.register(spoofer)).status).toBe(200);
    spoofer.answerAll("200 OK");
    expect((await subscribe(spoofer, { uri, event, headers })).response.status).toBe(200);
    expect(await sender.deliver(toPush(newDsNotification()), { to: aorOf("alice"), via: "notify" })).toMatchObject([
      { via: null },
    ]);
    expect(sender.subscriptions).toBe(1);
  });
});

describeWithPeers("Who is who through Kamailio, which asks for a password", ["kamailio"], () => {
  const users = { alice: "wonderland", gateway: "secret", push: "secret" };
  const bed = useKamailio({ ims: true, users });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  const credentials = (username: keyof typeof users) => ({ credentials: [{ username, password: users[username] }] });

  it("a sender in the role gm proves who it is, which Kamailio then asserts (RFC 3325 5)", async () => {
    const { sender } = await core.openSender("gateway", { role: "gm", ...credentials("gateway") });
    const handset = await agents.openRegistered({ ...core.handset("alice", "ws"), ...credentials("alice") });
    const push = () => sender.deliver(toPush(newDsNotification()), { to: aorOf("alice") });
    expect(await push()).toMatchObject([{ ...delivered, attempts: 2 }]);
    expect(await push()).toMatchObject([delivered]);
    for (const _ of [1, 2]) expect((await handset.pushes.next()).assertedIdentity).toBe(aorOf("gateway"));
  });

  it("a handset on UDP proves it where its PUBLISH is too large for that and takes another way (RFC 3261 18.1.1)", async () => {
    const { sender, aor: to } = await core.openSender("push", { register: true, ...credentials("push") });
    const { events } = await agents.openReceiver({
      ...core.handset("alice", "udp"),
      ...credentials("alice"),
      publish: { to },
    });
    expect(await events.next(named("published"))).toMatchObject({ to, operation: "initial" });
    expect(sender.capabilitiesOf(aorOf("alice"))).toMatchObject([{ facts: { applications: ["push.syncml"] } }]);
    expect(events.waiting.filter(named("publication-failed"))).toEqual([]);
  });
});

describeWithPeers(
  "Our agents at Kamailio over TLS with mutual authentication (RFC 5922)",
  ["kamailio", "openssl"],
  () => {
    let certificates: Certificates;
    const bed = useKamailio(async () => {
      certificates = await makeCertificates();
      return { ims: true, tls: { folder: certificates.folder, mutual: true } };
    });
    const agents = useAgents();
    afterAll(() => certificates.remove());
    const listen = [{ transport: "TLS", address: "127.0.0.1", port: 0, clientOnly: true }] as const;
    const proxy = (): string => `sip:127.0.0.1:${bed.kamailio.tlsPort};transport=tls`;

    it("subscribe and push; the sender believes the core by the name in its certificate", async () => {
      const events = new Inbox<{ readonly event: string }>((event) => JSON.stringify(event));
      const sender = await agents.openSender({
        from: aorOf("ppg"),
        listen,
        proxy: proxy(),
        register: true,
        trusted: ["example.test"],
        stack: { tls: await certificates.issue("URI:sip:ppg@example.test") },
        onEvent: (event) => events.put(event),
      });
      await events.next(named("registered"));
      const handset = await agents.openRegistered({
        aor: aorOf("alice"),
        listen,
        proxy: proxy(),
        stack: { tls: await certificates.issue("URI:sip:alice@example.test") },
        trustedPpgs: [{ address: aorOf("ppg") }],
      });
      handset.receiver.subscribe(aorOf("ppg"));
      await handset.events.next(named("subscribed"));
      expect(await events.next(named("subscribed"))).toMatchObject({ subscriber: aorOf("alice") });
      for (const via of ["notify", "message"] as const) {
        const outcomes = await sender.deliver(toPush(newDsNotification()), { to: aorOf("alice"), via });
        expect(outcomes).toMatchObject([{ ...delivered, via }]);
        expect(await handset.pushes.next()).toMatchObject({ via, from: aorOf("ppg") });
      }
    });

    it("do not get in without a certificate, nor take one for the core that nobody vouches for", async () => {
      const stranger = await makeCertificates();
      const strangers = await stranger.issue("URI:sip:mallory@example.test");
      stranger.remove();
      const { ca, ...own } = await certificates.issue("URI:sip:mallory@example.test");
      for (const tls of [{ ca }, { ...strangers, ca }, { ...own, ca: strangers.ca }]) {
        const { events } = await agents.openReceiver({ aor: aorOf("mallory"), listen, proxy: proxy(), stack: { tls } });
        expect(await events.next(named("registration-failed"))).toMatchObject({ sipStatus: null });
      }
    });
  },
);
