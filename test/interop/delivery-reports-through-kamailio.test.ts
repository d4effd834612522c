import type { PushMessage } from "@sip-push/push";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { named } from "../support/inbox.ts";
import { aorOf, coreTransports, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import type { RawMessage } from "../support/raw-message.ts";
import type { RawPeer } from "../support/raw-peer.ts";
import { startSipp } from "../support/sipp.ts";

const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";
const reported = (): PushMessage => ({ ...toPush(newDsNotification()), report: "receiver" });

describeWithPeers("Delivery reports through Kamailio (RFC 5438)", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each(coreTransports)(
    "say that a push was delivered to a handset on %s, whose octets are all there",
    async (on) => {
      const { sender } = await core.openSender(`asks-${on}`);
      const settings = core.handset(`reports-${on}`, on);
      const { pushes } = await agents.openRegistered(settings);
      const push = reported();
      expect(await sender.deliver(push, { to: settings.aor })).toMatchObject([
        { messageState: "delivered", papCode: 1000, sipStatus: 200, report: "delivered", attempts: 1 },
      ]);
      const received = await pushes.next();
      expect(Buffer.from(received.body)).toEqual(Buffer.from(push.body));
      expect(received.reportsAsked).toEqual(["positive-delivery", "negative-delivery"]);
      expect(sender.reports).toMatchObject({ waiting: 0, reported: 1 });
    },
  );

  it.each([
    { fate: true, on: "udp", outcome: { messageState: "delivered", papCode: 1000, report: "delivered" } },
    { fate: false, on: "ws", outcome: { messageState: "undeliverable", report: "failed" } },
  ] as const)(
    "settle what was 202 until then: $outcome.report, from a handset on $on",
    async ({ fate, on, outcome }) => {
      const { sender } = await core.openSender(`waits-${on}`);
      const settings = core.handset(`tells-later-${on}`, on);
      const { promise: delivered, resolve: settle } = Promise.withResolvers<boolean>();
      const handset = await agents.openRegistered({
        ...settings,
        handlers: { informative: () => ({ statusCode: 202, delivered }) },
      });
      const outcomes = sender.deliver(reported(), { to: settings.aor });
      expect((await handset.pushes.next()).sipStatus).toBe(202);
      await expect.poll(() => sender.reports.waiting).toBe(1);
      settle(fate);
      expect(await outcomes).toMatchObject([{ ...outcome, sipStatus: 202 }]);
    },
  );

  it("that do not come leave a push that was answered 202 pending", async () => {
    const { sender } = await core.openSender("waits-in-vain");
    const handset = await bed.openRegistered("tcp", "never-reports", "202 Accepted");
    const outcomes = await sender.deliver(reported(), { to: handset.aor, reportTimeoutSeconds: 0.1 });
    expect(outcomes).toMatchObject([{ messageState: "pending", papCode: 1001, sipStatus: 202, report: null }]);
  });

  it("come for a push in a NOTIFY, too", async () => {
    const { sender, aor: to } = await core.openSender("asks-subscriber");
    const settings = core.handset("subscriber", "ws");
    const handset = await agents.openRegistered({ ...settings, subscriptions: [{ to }] });
    await handset.events.next(named("subscribed"));
    const outcomes = await sender.deliver(reported(), { to: settings.aor, via: "notify" });
    expect(outcomes).toMatchObject([{ messageState: "delivered", via: "notify", report: "delivered" }]);
    expect((await handset.pushes.next()).via).toBe("notify");
  });

  it("of somebody else, and a second one, are ignored and counted (RFC 5438 14)", async () => {
    const { sender, aor: author } = await core.openSender("is-lied-to");
    const handset = await bed.openRegistered("tcp", "honest", "202 Accepted");
    const liar = await bed.openRegistered("tcp", "liar");
    const outcome = sender.deliver(reported(), { to: handset.aor });
    const text = Buffer.from((await handset.next(isMessage)).body).toString("latin1");
    const messageId = /imdn\.Message-ID: *(\S+)/i.exec(text)?.[1] ?? "";
    const report = (peer: RawPeer, id: string, status: string): Promise<RawMessage> =>
      peer.request({
        method: "MESSAGE",
        uri: author,
        headers: ["Content-Type: message/cpim"],
        body: imdnOf({ author, recipient: handset.aor, messageId: id, status }),
      });
    await report(liar, messageId, "failed");
    await report(liar, "guessed", "failed");
    expect(sender.reports).toMatchObject({ waiting: 1, ignored: { foreign: 1, unknown: 1 } });
    await report(handset, messageId, "delivered");
    expect(await outcome).toMatchObject([{ messageState: "delivered", sipStatus: 202, report: "delivered" }]);
    await report(handset, messageId, "failed");
    expect(sender.reports).toMatchObject({ waiting: 0, ignored: { duplicate: 1 } });
  });
});

/** A report as RFC 5438 section 7.2.1.1 draws it. */
function imdnOf(report: Readonly<Record<"author" | "recipient" | "messageId" | "status", string>>): Buffer {
  const { author, recipient, messageId, status } = report;
  return Buffer.from(
    [
      `From: <${recipient}>`,
      `To: <${author}>`,
      "NS: imdn <urn:ietf:params:imdn>",
      "imdn.Message-ID: its-own",
      "",
      "Content-type: message/imdn+xml",
      "Content-Disposition: notification",
      "",
      '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
      `<message-id>${messageId}</message-id><datetime>2026-01-01T00:00:00Z</datetime>`,
      `<recipient-uri>${recipient}</recipient-uri>`,
      `<delivery-notification><status><${status}/></status></delivery-notification></imdn>`,
    ].join("\r\n"),
  );
}

describeWithPeers("Delivery reports of SIPp through Kamailio", ["kamailio", "sipp"], () => {
  const bed = useKamailio();
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each([
    { status: "delivered", messageState: "delivered" },
    { status: "failed", messageState: "undeliverable" },
    { status: "forbidden", messageState: "unknown" },
    { status: "error", messageState: "unknown" },
  ] as const)("$status: the push is $messageState", async ({ status, messageState }) => {
    const { sender } = await core.openSender(`asks-sipp-${status}`);
    const handset = await startSipp({
      scenario: "imdn-receiver",
      transport: "udp",
      remotePort: bed.kamailio.udpPort,
      keywords: { status },
    });
    await bed.bind(`sipp-${status}`, `sip:127.0.0.1:${handset.port}`);
    const outcomes = await sender.deliver(reported(), { to: aorOf(`sipp-${status}`) });
    expect(outcomes).toMatchObject([{ messageState, sipStatus: 202, report: status }]);
    expect(await handset.finish()).toMatchObject({ exitCode: 0, errors: "" });
  });
});
