import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { named } from "../support/inbox.ts";
import { aorOf, coreTransports, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { runSipp, type SippOptions, startSipp } from "../support/sipp.ts";

const event = { applicationIds: ["push.syncml"] };

describeWithPeers(
  "A reference to subscribe through Kamailio (draft-mdolly-dispatch-oma-push 11.4)",
  ["kamailio"],
  () => {
    const bed = useKamailio({ ims: true });
    const agents = useAgents();
    const core = useKamailioAgents(bed, agents);

    it.each(coreTransports)(
      "is followed by a handset on %s: it subscribes to the sender that it was referred to (RFC 4488)",
      async (transport) => {
        const { sender, aor: from } = await core.openSender(`refers-${transport}`);
        const { sender: other, aor: target } = await core.openSender(`referred-to-${transport}`);
        const settings = core.handset(`referred-${transport}`, transport);
        const handset = await agents.openRegistered(settings);
        expect(await sender.refer(settings.aor, { target, event })).toEqual({
          kind: "accepted",
          sipStatus: 202,
          result: null,
        });
        expect(await handset.events.next(named("referred"))).toMatchObject({
          from,
          assertedIdentity: from,
          target,
          applications: ["push.syncml"],
          sipStatus: 202,
        });
        expect(await handset.events.next(named("subscribed"))).toMatchObject({ to: target });
        const push = toPush(newDsNotification());
        const outcomes = await other.deliver(push, { to: settings.aor, via: "notify" });
        expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200, via: "notify" }]);
        const received = await handset.pushes.next();
        expect(received).toMatchObject({ via: "notify", from: target });
        expect(Buffer.from(received.body)).toEqual(Buffer.from(push.body));
      },
    );

    it.each(coreTransports)(
      "is reported on by message/sipfrag from a handset on %s when the sender asks for that (RFC 3515 2.4.5)",
      async (transport) => {
        const { sender } = await core.openSender(`asks-${transport}`);
        const settings = core.handset(`reports-${transport}`, transport);
        await agents.openRegistered(settings);
        expect(await sender.refer(settings.aor, { event, report: true })).toEqual({
          kind: "accepted",
          sipStatus: 202,
          result: { sipStatus: 200, reason: "OK" },
        });
        const target = aorOf("not-there");
        expect(await sender.refer(settings.aor, { target, event, report: true })).toMatchObject({
          kind: "accepted",
          result: { sipStatus: 404 },
        });
      },
    );

    it("is refused by policy, and when the application is not there", async () => {
      const { sender } = await core.openSender("refused");
      const wary = { ...core.handset("wary", "udp"), refer: "refuse" } as const;
      const other = { ...core.handset("other", "ws"), applications: ["syncml.dm"] };
      await agents.openRegistered(wary);
      await agents.openRegistered(other);
      expect(await sender.refer(wary.aor, { event })).toMatchObject({ kind: "refused", sipStatus: 403 });
      expect(await sender.refer(other.aor, { event })).toMatchObject({ kind: "refused", sipStatus: 488 });
      expect(await sender.refer(aorOf("nobody"), { event })).toMatchObject({ kind: "refused", sipStatus: 404 });
    });
  },
);

describeWithPeers("SIPp refers our receiver", ["kamailio", "sipp"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  const refers = (requestUri: string, referTo: string, reports: 0 | 1): SippOptions => ({
    scenario: "refer-sender",
    transport: "udp",
    remotePort: bed.kamailio.udpPort,
    keywords: {
      request_uri: requestUri,
      refer_to: `<${referTo}>`,
      header: reports === 0 ? "Refer-Sub: false" : "Supported: norefersub",
    },
    variables: { reports },
    args: ["-s", "foreign"],
  });
  const omaPush = (aor: string): string =>
    `${aor};method=SUBSCRIBE?Event=oma-push%3Bevent-app-id%3D%22x-wap-application%3Apush.syncml%22`;

  it.each([
    { reports: 0, transport: "udp", fragments: [] },
    { reports: 1, transport: "ws", fragments: ["SIP/2.0 100", "SIP/2.0 200"] },
  ] as const)(
    "on $transport, which subscribes, and tells so in $fragments.length NOTIFYs (RFC 3515, RFC 4488)",
    async ({ reports, transport, fragments }) => {
      const { sender, aor: target } = await core.openSender(`target-${transport}`);
      const settings = core.handset(`by-sipp-${transport}`, transport);
      const handset = await agents.openRegistered(settings);
      const referred = await runSipp(refers(settings.aor, omaPush(target), reports));
      expect(referred).toMatchObject({ exitCode: 0, errors: "" });
      expect(referred.log).toContain(`accepted, Refer-Sub ${reports === 0 ? "false" : ""}`);
      expect(referred.log.match(/SIP\/2\.0 \d+/g) ?? []).toEqual(fragments);
      expect(await handset.events.next(named("subscribed"))).toMatchObject({ to: target });
      expect(sender.subscriptions).toBe(1);
    },
  );

  it("to something else, which is answered 489 with Allow-Events (RFC 6665 7.2)", async () => {
    const settings = core.handset("picky", "tcp");
    const handset = await agents.openRegistered(settings);
    const referred = await runSipp(refers(settings.aor, `${aorOf("bob")};method=SUBSCRIBE?Event=presence`, 0));
    expect(referred).toMatchObject({ exitCode: 1, failedCalls: 1 });
    expect(referred.errors).toMatch(/SIP\/2\.0 489 [^]*^Allow-Events: oma-push/m);
    expect(await handset.events.next(named("referred"))).toMatchObject({ sipStatus: 489, target: null });
    expect(handset.receiver.subscriptions).toEqual([]);
  });
});

describeWithPeers("Our sender refers SIPp, which knows nothing of Refer-Sub", ["kamailio", "sipp"], () => {
  const bed = useKamailio();
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each([
    { fragment: "SIP/2.0 200 OK", report: true, result: { sipStatus: 200, reason: "OK" } },
    { fragment: "SIP/2.0 403 Forbidden", report: true, result: { sipStatus: 403, reason: "Forbidden" } },
    { fragment: "SIP/2.0 200 OK", report: false, result: null },
  ])(
    "and hears $fragment, or takes it in passing (report: $report; RFC 4488 4)",
    async ({ fragment, report, result }) => {
      const user = `reports-${fragment.slice(8, 11)}-${report}`;
      const { sender, aor } = await core.openSender(`refers-${user}`);
      const handset = await startSipp({ scenario: "refer-receiver", transport: "udp", keywords: { fragment } });
      await bed.bind(user, `sip:127.0.0.1:${handset.port}`);
      expect(await sender.refer(aorOf(user), { event, report })).toEqual({ kind: "accepted", sipStatus: 202, result });
      const referred = await handset.finish();
      expect(referred).toMatchObject({ exitCode: 0, errors: "" });
      const asked = `referred to <${aor};method=SUBSCRIBE?Event=oma-push%3B`;
      expect(referred.log).toContain(asked);
      expect(referred.log).toMatch(report ? /Refer-Sub $/m : /Refer-Sub false$/m);
    },
  );
});
