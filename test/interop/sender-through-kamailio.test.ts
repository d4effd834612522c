import type { PushMessage } from "@sip-push/push";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { browserPeers } from "../support/browser-peers.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import type { RawMessage } from "../support/raw-message.ts";

const transports = ["udp", "tcp", "ws"] as const;
const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";
const push: PushMessage = {
  applicationId: "push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  body: everyOctet,
};

describeWithPeers("Our sender through Kamailio", ["kamailio"], () => {
  const agents = useAgents();
  // Who answers must have done so by then, on a busy machine too.
  const bed = useKamailio({ finalResponseTimerMs: 2_000 });
  const openSender = (transport: (typeof transports)[number]) => {
    const port = transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.udpPort;
    return agents.openSender({ proxy: `sip:127.0.0.1:${port};transport=${transport}` });
  };

  it.each(transports)("sends all octet values over %s, with the fields of a push", async (transport) => {
    const handset = await bed.openRegistered("tcp", `octets-${transport}`);
    const sender = await openSender(transport);
    const outcomes = await sender.deliver({ ...push, expiresSeconds: 60 }, { to: `sip:${handset.user}@example.test` });
    expect(outcomes).toMatchObject([{ messageState: "delivered", papCode: 1000, sipStatus: 200, attempts: 1 }]);
    const message = await handset.next(isMessage);
    expect(message.body).toEqual(Buffer.from(everyOctet));
    expect(message.value("accept-contact")).toBe('*;+g.oma.pusheventapp="push.syncml";require;explicit');
    expect(message.value("content-type")).toBe("application/vnd.syncml.ds.notification");
    expect(message.value("p-asserted-identity")).toBe("<sip:ppg@example.test>");
    expect(message.value("expires")).toBe("60");
    expect(message.values("contact")).toEqual([]);
  });

  it.each(transports)("sends 5000 octets over %s", async (transport) => {
    const handset = await bed.openRegistered("ws", `large-${transport}`);
    const sender = await openSender(transport);
    const body = Buffer.alloc(5000, everyOctet);
    const outcomes = await sender.deliver({ ...push, body }, { to: `sip:${handset.user}@example.test` });
    expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
    const message = await handset.next(isMessage);
    expect(message.body).toEqual(body);
    // Asked for UDP, it changed to TCP by itself (RFC 3261 18.1.1).
    expect(message.values("via").at(-1)).toContain(transport === "ws" ? "SIP/2.0/WS" : "SIP/2.0/TCP");
  });

  it("says what became of a push to each of several recipients", async () => {
    const [willing, unwilling] = [
      await bed.openRegistered("udp", "willing"),
      await bed.openRegistered("ws", "unwilling", "603 Decline"),
    ];
    const silent = await bed.open("udp", "silent");
    await silent.register();
    const left = await bed.open("udp", "left");
    await left.register();
    await left.register(0);
    const sender = await openSender("udp");
    const users = [willing.user, unwilling.user, silent.user, left.user, "nobody"];
    const outcomes = await sender.deliver(push, { to: users.map((user) => `sip:${user}@example.test`) });
    expect(outcomes).toMatchObject([
      { messageState: "delivered", papCode: 1000, sipStatus: 200, retryable: false },
      { messageState: "aborted", papCode: 5027, sipStatus: 603, retryable: false },
      { messageState: "timeout", papCode: 4000, sipStatus: 408, retryable: true },
      { messageState: "pending", papCode: 5028, sipStatus: 480, retryable: true },
      { messageState: "undeliverable", papCode: 2003, sipStatus: 404, retryable: false },
    ]);
  });

  it.each(Object.entries(browserPeers))(
    "pushes text to %s (which corrupts octets from 0x80 up)",
    async (name, open) => {
      const peer = await open({ user: name, wsPort: bed.kamailio.wsPort });
      try {
        const sender = await openSender("udp");
        const text: PushMessage = { applicationId: null, contentType: "text/plain", body: Buffer.from("sync now") };
        const outcomes = await sender.deliver(text, { to: `sip:${name}@example.test` });
        expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
        expect(await peer.nextPush()).toEqual({ contentType: "text/plain", body: "sync now" });
      } finally {
        await peer.stop();
      }
    },
  );
});
