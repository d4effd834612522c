import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { freePort } from "../support/free-port.ts";
import { named } from "../support/inbox.ts";
import { aorOf, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { useTcpTaps } from "../support/tcp-tap.ts";

describeWithPeers("A handset with two flows to Kamailio (RFC 5626)", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  const openTap = useTcpTaps();

  it.each([0, 1] as const)(
    "subscribes with its GRUU, and gets pushes over the other when number %i is cut (RFC 5627)",
    async (number) => {
      const { sender, events, aor: to } = await core.openSender(`ppg-${number}`);
      const wires = [await openTap(bed.kamailio.tcpPort), await openTap(bed.kamailio.tcpPort)];
      const { aor, instanceId = "" } = core.handset(`two-flows-${number}`, "tcp");
      const proxies = wires.map(({ port }) => `sip:127.0.0.1:${port};transport=tcp`);
      const handset = await agents.openRegistered({ aor, instanceId, proxies, subscriptions: [{ to }] });
      await handset.events.next(named("subscribed"));
      const registered = /^SIP\/2\.0 200 [^]*^CSeq: \d+ REGISTER\r$/m;
      await expect.poll(() => wires.map(({ received }) => registered.test(received))).toEqual([true, true]);
      const gruu = `${aor};gr=${instanceId}`;
      expect(handset.receiver.gruu).toBe(gruu);
      expect(wires.map(({ sent }) => sent).join("")).toContain(`Contact: <${gruu}>;+sip.instance="<${instanceId}>"`);
      const push = async (via: "notify" | "message"): Promise<void> => {
        const outcomes = await sender.deliver(toPush(newDsNotification()), { to: aor, via });
        expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200, via, attempts: 1 }]);
        expect((await handset.pushes.next()).via).toBe(via);
      };
      await push("notify");
      await wires[number]?.cut();
      await push("notify");
      await push("message");
      expect(handset.pushes.waiting).toEqual([]);
      await handset.receiver.subscriptions[0]?.stop();
      expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "timeout" });
    },
  );

  it.each(["tcp", "ws"] as const)(
    "is not there when its only one over %s broke just now: 480, so that the push can be tried again (RFC 5627 3.4)",
    async (transport) => {
      const { sender } = await core.openSender(`ppg-${transport}`);
      const tap = await openTap(transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.tcpPort);
      const proxy = `sip:127.0.0.1:${tap.port};transport=${transport}`;
      const settings = { ...core.handset(`broken-${transport}`, transport), proxy };
      const { aor } = settings;
      await agents.openRegistered(settings);
      await tap.cut();
      const outcomes = await sender.deliver(toPush(newDsNotification()), { to: aor });
      expect(outcomes).toMatchObject([{ messageState: "pending", papCode: 5028, sipStatus: 480, retryable: true }]);
    },
  );

  it("is not there when nobody listens at its registered address", async () => {
    const { sender } = await core.openSender("ppg-refused");
    await bed.bind("refuses", `sip:refuses@127.0.0.1:${await freePort()};transport=tcp`);
    const outcomes = await sender.deliver(toPush(newDsNotification()), { to: aorOf("refuses") });
    expect(outcomes).toMatchObject([{ messageState: "pending", papCode: 5028, sipStatus: 480, retryable: true }]);
  });
});
