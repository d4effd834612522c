import type { PushSenderOptions } from "@sip-push/sender";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { Inbox } from "../support/inbox.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import { runSipp, type SippOptions, startSipp } from "../support/sipp.ts";

type SenderEvent = Parameters<NonNullable<PushSenderOptions["onEvent"]>>[0];

const push = { applicationId: "push.syncml", contentType: "application/octet-stream", body: everyOctet };
const alice = "sip:alice@example.test";

describeWithPeers("Our sender through Kamailio to SIPp that subscribed", ["kamailio", "sipp"], () => {
  const bed = useKamailio();
  const agents = useAgents();

  const openNotifier = async (user: string, trusted: readonly string[]) => {
    const events = new Inbox<SenderEvent>((event) => JSON.stringify(event));
    const proxy = `sip:127.0.0.1:${bed.kamailio.udpPort};transport=udp`;
    const sender = await agents.openSender({
      from: `sip:${user}@example.test`,
      proxy,
      trusted,
      onEvent: (event) => events.put(event),
    });
    const listening = sender.listening.find(({ transport }) => transport === "UDP");
    await bed.bind(user, `sip:${user}@127.0.0.1:${listening?.port}`);
    return { sender, events };
  };
  const subscriber = (user: string, transport: "udp" | "tcp"): SippOptions => ({
    scenario: "oma-push-subscriber",
    transport,
    remotePort: bed.kamailio.udpPort,
    keywords: {
      request_uri: `sip:${user}@example.test`,
      event: 'oma-push;event-app-id="urn:x-wap-application:push.syncml"',
      accept: push.contentType,
      header: `P-Asserted-Identity: <${alice}>`,
    },
    variables: { notifies: 2, renewed: 1 },
    args: ["-s", "alice"],
  });

  it.each(["udp", "tcp"] as const)(
    "notifies it at once, pushes by NOTIFY, renews and ends, over %s",
    async (transport) => {
      const { sender, events } = await openNotifier(`ppg-${transport}`, ["127.0.0.1"]);
      const handset = await startSipp(subscriber(`ppg-${transport}`, transport));
      expect(await events.next()).toMatchObject({
        event: "subscribed",
        subscriber: alice,
        applications: ["push.syncml"],
      });
      expect(await sender.deliver(push, { to: alice })).toMatchObject([
        { messageState: "delivered", papCode: 1000, sipStatus: 200, via: "notify", attempts: 1 },
      ]);
      const subscribed = await handset.finish();
      expect(subscribed).toMatchObject({ exitCode: 0, successfulCalls: 1, errors: "" });
      expect(subscribed.log.trim().split("\n")).toEqual([
        expect.stringMatching(/^answered 200, expires 600$/),
        expect.stringMatching(/^notified oma-push;event-app-id="\S+" active;expires=\d+ 0 octets$/),
        expect.stringMatching(/^notified oma-push;event-app-id="\S+" active;expires=\d+ 256 octets$/),
        expect.stringMatching(/^refreshed$/),
        expect.stringMatching(/^notified oma-push;event-app-id="\S+" active;expires=\d+ 0 octets$/),
        expect.stringMatching(/^notified at the end oma-push;event-app-id="\S+" terminated;reason=timeout 0 octets$/),
      ]);
      expect(await events.next()).toMatchObject({ event: "subscription-ended", subscriber: alice });
      // Nobody is subscribed, and alice is not registered.
      expect(await sender.deliver(push, { to: alice })).toMatchObject([{ via: "message", sipStatus: 404 }]);
    },
  );

  it("refuses it with 403 when nobody that is trusted says who it is (draft-mdolly-sipping-push 11.1)", async () => {
    await openNotifier("wary", []);
    const refused = await runSipp(subscriber("wary", "udp"));
    expect(refused).toMatchObject({ exitCode: 1, failedCalls: 1 });
    expect(refused.errors).toMatch(/SIP\/2\.0 403 /);
  });
});
