import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { type ReservedPort, reservePort } from "../support/free-port.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import { dialogOf, type RawDialog, subscribe } from "../support/raw-dialog.ts";
import type { RawMessage } from "../support/raw-message.ts";
import type { RawPeer, RawTransport } from "../support/raw-peer.ts";

const transports: readonly RawTransport[] = ["udp", "tcp", "ws"];
const event = 'oma-push;event-app-id="urn:x-wap-application:push.syncml"';

/** From now on the peer accepts whatever comes, as a notifier does. */
function acceptAll(sender: RawPeer): RawPeer {
  sender.answerAll("200 OK", [`Contact: ${sender.contact}`, "Expires: 60"]);
  return sender;
}

/** The notifier's side of a subscription that the peer accepted. */
async function acceptedBy(sender: RawPeer, callId: string): Promise<RawDialog> {
  return dialogOf(
    sender,
    await sender.next((message) => message.method === "SUBSCRIBE" && message.value("call-id") === callId),
  );
}

function notify(notifier: RawDialog, state: string, body?: Uint8Array): Promise<RawMessage> {
  return notifier.request({
    method: "NOTIFY",
    headers: [`Event: ${event}`, `Subscription-State: ${state}`, "Content-Type: application/octet-stream"],
    ...(body === undefined ? {} : { body }),
  });
}

/** Registers with an instance id; gives the public GRUU (RFC 5627 section 5.1). */
async function registerWithGruu(handset: RawPeer): Promise<string> {
  const answer = await handset.request({
    method: "REGISTER",
    uri: "sip:example.test",
    to: handset.aor,
    headers: [
      `Contact: ${handset.contact};+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000007>"`,
      "Supported: gruu, path",
      "Expires: 60",
    ],
  });
  return /pub-gruu="([^"]+)"/.exec(answer.value("contact") ?? "")?.[1] ?? "no GRUU";
}

describeWithPeers("Kamailio between Push Sender and Push Receiver", ["kamailio"], () => {
  const bed = useKamailio();

  it.each(transports.flatMap((from) => transports.map((to) => ({ from, to }))))(
    "carries an oma-push subscription from $from to a sender on $to, and its NOTIFYs back (RFC 6665)",
    async ({ from, to }) => {
      const sender = acceptAll(await bed.openRegistered(to, `sender-${from}-${to}`));
      const handset = await bed.openRegistered(from, `handset-${from}-${to}`);
      const subscription = await subscribe(handset, { uri: sender.aor, event });
      expect(subscription.response.status).toBe(200);
      const notifier = await acceptedBy(sender, subscription.callId);
      expect((await notify(notifier, "active;expires=60", everyOctet)).status).toBe(200);
      expect((await subscription.next("NOTIFY")).body).toEqual(everyOctet);
      const refresh = { method: "SUBSCRIBE", headers: [`Event: ${event}`, "Expires: 60"] };
      expect((await subscription.request(refresh)).status).toBe(200);
      expect((await notifier.next("SUBSCRIBE")).value("event")).toBe(event);
      expect((await notify(notifier, "terminated;reason=noresource")).status).toBe(200);
      expect((await subscription.next("NOTIFY")).value("subscription-state")).toBe("terminated;reason=noresource");
    },
  );

  it.each(transports)("finds a handset on %s by the GRUU in its Contact (RFC 5627 4.4)", async (transport) => {
    const sender = acceptAll(await bed.openRegistered("udp", `gruu-sender-${transport}`));
    const handset = await bed.open(transport, `gruu-${transport}`);
    const gruu = await registerWithGruu(handset);
    handset.answerAll("200 OK");
    const subscription = await subscribe(handset, { uri: sender.aor, event, contact: `<${gruu}>` });
    const notifier = await acceptedBy(sender, subscription.callId);
    expect((await notify(notifier, "active;expires=60", everyOctet)).status).toBe(200);
    expect((await subscription.next("NOTIFY")).body).toEqual(everyOctet);
  });

  it("delivers a NOTIFY that overtakes the answer to the SUBSCRIBE (RFC 6665 4.4.1)", async () => {
    const sender = await bed.openRegistered("udp", "hasty");
    sender.answerWith(() => undefined);
    const handset = await bed.openRegistered("ws", "waits");
    const opening = subscribe(handset, { uri: sender.aor, event });
    const request = await sender.next((message) => message.method === "SUBSCRIBE");
    expect((await notify(dialogOf(sender, request), "active;expires=60", everyOctet)).status).toBe(200);
    sender.answer(request, "202 Accepted", [`Contact: ${sender.contact}`, "Expires: 60"]);
    const subscription = await opening;
    expect(subscription.response.status).toBe(202);
    expect((await subscription.next("NOTIFY")).body).toEqual(everyOctet);
  });

  it.each(["481 Subscription Does Not Exist", "489 Bad Event", "403 Forbidden"])(
    "passes %s on, to the SUBSCRIBE and to the NOTIFY",
    async (refusal) => {
      const status = Number(refusal.slice(0, 3));
      const sender = await bed.openRegistered("udp", `refuses-${status}`, refusal);
      const handset = await bed.openRegistered("tcp", `refused-${status}`);
      expect((await subscribe(handset, { uri: sender.aor, event })).response.status).toBe(status);
      acceptAll(sender);
      const accepted = await subscribe(handset, { uri: sender.aor, event });
      handset.answerAll(refusal);
      expect((await notify(await acceptedBy(sender, accepted.callId), "active;expires=60")).status).toBe(status);
    },
  );

  it.each(transports)(
    "carries a REFER to a handset on %s, its 202, and the NOTIFY about it (RFC 3515)",
    async (transport) => {
      const sender = await bed.openRegistered("udp", `refers-${transport}`);
      const handset = await bed.openRegistered(transport, `referred-${transport}`);
      handset.answerAll("202 Accepted", [`Contact: ${handset.contact}`]);
      const referTo = "Refer-To: <sip:push@example.test;method=SUBSCRIBE?Event=oma-push>";
      const callId = `refer-${transport}`;
      const answer = await sender.request({
        method: "REFER",
        uri: handset.aor,
        callId,
        headers: [referTo, `Contact: ${sender.contact}`, `Referred-By: <${sender.aor}>`],
      });
      expect(answer.status).toBe(202);
      const refer = await handset.next((message) => message.method === "REFER");
      expect(`Refer-To: ${refer.value("refer-to")}`).toBe(referTo);
      const notified = await dialogOf(handset, refer).request({
        method: "NOTIFY",
        headers: ["Event: refer", "Subscription-State: terminated;reason=noresource", "Content-Type: message/sipfrag"],
        body: Buffer.from("SIP/2.0 200 OK\r\n"),
      });
      expect(notified.status).toBe(200);
      const heard = await sender.next((message) => message.method === "NOTIFY" && message.value("call-id") === callId);
      expect(Buffer.from(heard.body).toString()).toBe("SIP/2.0 200 OK\r\n");
    },
  );
});

describeWithPeers("Kamailio with PUSH_SENDER", ["kamailio"], () => {
  let port: ReservedPort;
  const bed = useKamailio(async () => {
    port = await reservePort();
    return { pushSender: `sip:127.0.0.1:${port.port};transport=udp` };
  });

  it("brings it what is for its service identity, and every SUBSCRIBE to oma-push", async () => {
    await port.release();
    const sender = acceptAll(await bed.open("udp", "push", { localPort: port.port }));
    const handset = await bed.openRegistered("ws", "alice");
    for (const uri of ["sip:push@example.test", handset.aor]) {
      const subscription = await subscribe(handset, { uri, event });
      expect(subscription.response.status).toBe(200);
      const notifier = await acceptedBy(sender, subscription.callId);
      expect((await notify(notifier, "active;expires=60", everyOctet)).status).toBe(200);
      expect((await subscription.next("NOTIFY")).body).toEqual(everyOctet);
    }
    for (const method of ["MESSAGE", "PUBLISH", "OPTIONS"]) {
      expect((await handset.request({ method, uri: "sip:push@example.test" })).status).toBe(200);
      expect((await sender.next((message) => message.method === method)).startLine).toContain("sip:push@example.test");
    }
  });
});
