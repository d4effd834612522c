import type { SenderEvent } from "@sip-push/sender";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { Inbox, named } from "../support/inbox.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import type { RawMessage } from "../support/raw-message.ts";

const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";

describeWithPeers("Our sender with the reg events of Kamailio (RFC 3680)", ["kamailio"], () => {
  const bed = useKamailio({ regEvents: true });
  const agents = useAgents();

  it.each(["udp", "tcp", "ws"] as const)(
    "keeps a push for a handset that is off until it registers over %s",
    async (transport) => {
      const events = new Inbox<SenderEvent>((event) => JSON.stringify(event));
      const sender = await agents.openSender({
        proxy: `sip:127.0.0.1:${bed.kamailio.udpPort};transport=udp`,
        onEvent: (event) => events.put(event),
      });
      const handset = await bed.openRegistered(transport, `off-${transport}`, "480 Temporarily Unavailable");
      const push = toPush(newDsNotification());
      const delivered = sender.deliver(push, { to: handset.aor, waitForRegistrationSeconds: 60 });
      // The registrar believes the handset to be there: that is news to the push once, and no more.
      await events.next(named("handset-registered"));
      await handset.next(isMessage);
      await handset.next(isMessage);
      expect((await handset.register(0)).status).toBe(200);
      // Kamailio publishes each change by a PUBLISH of its own: two at a time may overtake each other.
      await events.next(named("handset-unregistered"));
      handset.answerAll("200 OK");
      expect((await handset.register()).status).toBe(200);
      expect(await delivered).toMatchObject([{ messageState: "delivered", sipStatus: 200, attempts: 3 }]);
      expect(Buffer.from((await handset.next(isMessage)).body)).toEqual(Buffer.from(push.body));
    },
  );

  it("says that the handset stayed away when the time to wait is over", async () => {
    const sender = await agents.openSender({ proxy: `sip:127.0.0.1:${bed.kamailio.udpPort};transport=udp` });
    const outcome = await sender.deliver(toPush(newDsNotification()), {
      to: "sip:away@example.test",
      waitForRegistrationSeconds: 1,
    });
    expect(outcome).toMatchObject([{ sipStatus: 404, attempts: 1 }]);
  });
});
