import type { PushMessage } from "@sip-push/push";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { named } from "../support/inbox.ts";
import { startKamailio } from "../support/kamailio.ts";
import { aorOf, coreTransports, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";

/** One application, which takes its own type only. */
const applications = [{ applicationId: "x.cards", contentTypes: ["text/x-vcard"] }];
const asXml: PushMessage = { applicationId: "x.cards", contentType: "application/vcard+xml", body: everyOctet };
const asText = { contentType: "text/x-vcard", body: Buffer.from("BEGIN:VCARD") };
const text: PushMessage = { applicationId: null, contentType: "text/plain", body: Buffer.from("sync now") };
const chosenAtOnce = { messageState: "delivered", sipStatus: 200, attempts: 1 };

describeWithPeers("What a handset can take, through Kamailio", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each(coreTransports)(
    "is published at its presence agent over %s, and the sender that watches that chooses by it (RFC 3903, RFC 3856)",
    async (transport) => {
      const { sender } = await core.openSender(`watches-${transport}`, { capabilities: { presence: true } });
      const settings = core.handset(`publishes-${transport}`, transport);
      const handset = await agents.openReceiver({ ...settings, applications, publish: true });
      expect(await handset.events.next(named("published"))).toMatchObject({ to: settings.aor, operation: "initial" });
      // The watch begins with the first push.
      expect(await sender.deliver(text, { to: settings.aor })).toMatchObject([chosenAtOnce]);
      await handset.pushes.next();
      const known = () => sender.capabilitiesOf(settings.aor).map(({ facts }) => facts.applications);
      await expect.poll(known).toEqual([["x.cards"]]);
      const facts = sender.capabilitiesOf(settings.aor)[0]?.facts;
      expect(facts?.mediaTypes).toContain("text/x-vcard");
      expect(facts?.eventPackages).toContain("oma-push");

      const outcomes = await sender.deliver(asXml, { to: settings.aor, alternatives: [asText] });
      expect(outcomes).toMatchObject([chosenAtOnce]);
      expect(await handset.pushes.next()).toMatchObject({ contentType: "text/x-vcard", applicationId: "x.cards" });

      handset.receiver.setApplications([...applications, "push.syncml"]);
      expect(await handset.events.next(named("published"))).toMatchObject({ operation: "modify" });
      await expect.poll(known).toEqual([["x.cards", "push.syncml"]]);
      await handset.receiver.close();
      await expect.poll(known).toEqual([]);
    },
  );

  it("is published to the sender itself, which chooses by it at once", async () => {
    // Kamailio keeps the presence of all others.
    const { sender, aor: to } = await core.openSender("push");
    // Not UDP: the document is too large for it (RFC 3261 18.1.1), and over TCP Kamailio would not know whose it is.
    const settings = core.handset("addresses-the-sender", "ws");
    const handset = await agents.openReceiver({ ...settings, applications, publish: { to } });
    expect(await handset.events.next(named("published"))).toMatchObject({ to, operation: "initial" });
    expect(sender.capabilitiesOf(settings.aor)).toMatchObject([{ facts: { applications: ["x.cards"] } }]);
    const outcomes = await sender.deliver(asXml, { to: settings.aor, alternatives: [asText] });
    expect(outcomes).toMatchObject([chosenAtOnce]);
    expect((await handset.pushes.next()).contentType).toBe("text/x-vcard");
    await handset.receiver.close();
    expect(sender.capabilitiesOf(settings.aor)).toEqual([]);
  });

  it.each(coreTransports)("is told in the answer to OPTIONS over %s (RFC 3261 11)", async (transport) => {
    const { sender } = await core.openSender(`queries-${transport}`);
    const settings = core.handset(`queried-${transport}`, transport);
    const handset = await agents.openRegistered({ ...settings, applications });
    const learnt = {
      facts: {
        applications: ["x.cards"],
        mediaTypes: expect.arrayContaining(["text/x-vcard", "text/plain"]),
        methods: expect.arrayContaining(["MESSAGE", "NOTIFY", "REFER", "OPTIONS"]),
        eventPackages: expect.arrayContaining(["oma-push"]),
        optionTags: expect.arrayContaining(["gruu", "outbound"]),
      },
    };
    const answer = await sender.queryCapabilities(settings.aor, { applicationId: "x.cards" });
    expect(answer).toMatchObject({ kind: "answered", sipStatus: 200, learnt });
    expect(sender.capabilitiesOf(settings.aor)).toMatchObject([learnt]);
    const outcomes = await sender.deliver(asXml, { to: settings.aor, alternatives: [asText] });
    expect(outcomes).toMatchObject([chosenAtOnce]);
    expect((await handset.pushes.next()).contentType).toBe("text/x-vcard");
  });

  it("is not to be had of a handset that is not there: 404, then 480 (RFC 3261 11.2)", async () => {
    const { sender } = await core.openSender("queries-in-vain");
    const settings = core.handset("comes-and-goes", "udp");
    expect(await sender.queryCapabilities(settings.aor)).toMatchObject({ kind: "refused", sipStatus: 404 });
    const { receiver } = await agents.openRegistered(settings);
    await receiver.close();
    expect(await sender.queryCapabilities(settings.aor)).toMatchObject({ kind: "refused", sipStatus: 480 });
  });
});

describeWithPeers("A Kamailio that forgot everything", ["kamailio"], () => {
  const agents = useAgents();

  it("answers the modified publication 412, and gets it anew (RFC 3903 5)", async () => {
    const before = await startKamailio();
    const { events, receiver } = await agents.openReceiver({
      aor: aorOf("remembers"),
      proxy: `sip:127.0.0.1:${before.udpPort};transport=udp`,
      publish: true,
    });
    expect(await events.next(named("published"))).toMatchObject({ operation: "initial" });
    await before.stop();
    const after = await startKamailio({ successorOf: before });
    try {
      receiver.setApplications(["push.syncml", "syncml.dm"]);
      expect(await events.next(named("published"))).toMatchObject({ operation: "initial" });
      expect(events.waiting.filter(named("publication-failed"))).toEqual([]);
      await receiver.close();
    } finally {
      await after.stop();
    }
  });
});
