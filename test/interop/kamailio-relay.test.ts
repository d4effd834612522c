import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { freePort } from "../support/free-port.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import type { RawMessage } from "../support/raw-message.ts";
import { messageLength, parseMessage } from "../support/raw-message.ts";
import type { RawPeer, RawTransport } from "../support/raw-peer.ts";

const transports: readonly RawTransport[] = ["udp", "tcp", "ws"];
const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";

const push = (sender: RawPeer, user: string, headers: string[] = [], body = everyOctet): Promise<RawMessage> =>
  sender.request({
    method: "MESSAGE",
    uri: `sip:${user}@example.test`,
    headers: ["Content-Type: application/octet-stream", ...headers],
    body,
  });

describeWithPeers("Kamailio with docker/kamailio/kamailio.cfg, as a proxy", ["kamailio"], () => {
  const bed = useKamailio();

  it.each(transports.flatMap((from) => transports.map((to) => ({ from, to }))))(
    "relays a body of all 256 octet values unchanged from $from to $to",
    async ({ from, to }) => {
      const handset = await bed.openRegistered(to, `octets-${from}-${to}`);
      const answer = await push(await bed.open(from, "sender"), handset.user);
      expect(answer.status).toBe(200);
      expect((await handset.next(isMessage)).body).toEqual(everyOctet);
    },
  );

  it("relays 3000 octets to a handset on UDP over TCP when it listens there (RFC 3261 18.1.1)", async () => {
    const localPort = await freePort();
    const handset = await bed.open("udp", "large-tcp", { localPort });
    expect((await handset.register()).status).toBe(200);
    const listener = createServer().listen(localPort, "127.0.0.1");
    await once(listener, "listening");
    try {
      const sender = await bed.open("tcp", "sender");
      void push(sender, handset.user, [], Buffer.alloc(3000, 0xff)).catch(() => undefined);
      const [connection] = await once(listener, "connection");
      let octets = Buffer.alloc(0);
      while (messageLength(octets) === undefined) octets = Buffer.concat([octets, ...(await once(connection, "data"))]);
      expect(parseMessage(octets).body).toEqual(Buffer.alloc(3000, 0xff));
      connection.destroy();
    } finally {
      listener.close();
    }
  });

  it("relays 3000 octets over UDP all the same when the handset has no TCP (RFC 3261 18.1.1)", async () => {
    const handset = await bed.openRegistered("udp", "large-udp");
    const answer = await push(await bed.open("tcp", "sender"), handset.user, [], Buffer.alloc(3000, 0xff));
    expect(answer.status).toBe(200);
    expect((await handset.next(isMessage)).body).toEqual(Buffer.alloc(3000, 0xff));
  });

  it("passes a handset's refusal on, but 503 as 500 (RFC 3261 16.7)", async () => {
    const sender = await bed.open("udp", "sender");
    const refusals = [
      { answered: "415 Unsupported Media Type", relayed: 415 },
      { answered: "486 Busy Here", relayed: 486 },
      { answered: "603 Decline", relayed: 603 },
      { answered: "503 Service Unavailable", relayed: 500 },
    ];
    for (const { answered, relayed } of refusals) {
      const handset = await bed.openRegistered("udp", `answers-${answered.slice(0, 3)}`, answered);
      expect((await push(sender, handset.user)).status, answered).toBe(relayed);
    }
  });

  it("sends to every binding of a user, or to one with Request-Disposition: no-fork (RFC 3841 9.1)", async () => {
    const [first, second] = [await bed.openRegistered("udp", "two"), await bed.openRegistered("tcp", "two")];
    const sender = await bed.open("udp", "sender");
    await push(sender, "two", ["Subject: both"]);
    const subject = (text: string) => (message: RawMessage) => message.value("subject") === text;
    await Promise.all([first.next(subject("both")), second.next(subject("both"))]);
    expect((await push(sender, "two", ["Request-Disposition: no-fork", "Subject: one"])).status).toBe(200);
    // This one comes after "one" on every path, so what has not come by then does not come.
    await push(sender, "two", ["Subject: after"]);
    await Promise.all([first.next(subject("after")), second.next(subject("after"))]);
    const came = await Promise.allSettled([first.next(subject("one"), 1), second.next(subject("one"), 1)]);
    expect(came.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it.each([
    { what: "an address", uri: "sip:bob@192.0.2.1", route: undefined },
    { what: "a host name", uri: "sip:bob@example.com", route: undefined },
    { what: "the next hop of a route", uri: "sip:bob@example.test", route: "<sip:192.0.2.1;lr>" },
  ])("relays nothing to $what outside this machine (LOOPBACK_ONLY)", async ({ uri, route }) => {
    await bed.openRegistered("udp", "bob");
    const sender = await bed.open("udp", "sender");
    const headers = route === undefined ? [] : [`Route: <sip:127.0.0.1:${bed.kamailio.udpPort};lr>, ${route}`];
    expect((await sender.request({ method: "MESSAGE", uri, headers })).status).toBe(403);
  });

  it("believes a P-Asserted-Identity that comes from loopback", async () => {
    const handset = await bed.openRegistered("udp", "identity");
    await push(await bed.open("udp", "sender"), handset.user, ["P-Asserted-Identity: <sip:ppg@example.test>"]);
    expect((await handset.next(isMessage)).value("p-asserted-identity")).toBe("<sip:ppg@example.test>");
  });

  it("carries a subscription between a WebSocket handset and a notifier on UDP (RFC 6665, RFC 7118)", async () => {
    const notifier = await bed.openRegistered("udp", "notifier");
    notifier.answerAll("200 OK", [`Contact: ${notifier.contact}`, "Expires: 60"]);
    const handset = await bed.openRegistered("ws", "subscriber");
    const accepted = await handset.request({
      method: "SUBSCRIBE",
      uri: "sip:notifier@example.test",
      headers: ["Event: oma-push", `Contact: ${handset.contact}`],
    });
    expect(accepted.status).toBe(200);
    const subscribe = await notifier.next((message) => message.method === "SUBSCRIBE");
    const target = /<([^>]+)>/.exec(subscribe.value("contact") ?? "")?.[1] ?? "";
    const notified = await notifier.request({
      method: "NOTIFY",
      uri: target,
      to: `sip:subscriber@example.test>;tag=${/tag=([^;>]+)/.exec(subscribe.value("from") ?? "")?.[1]};x=<`,
      callId: subscribe.value("call-id") ?? "",
      headers: [
        ...subscribe.values("record-route").map((route) => `Route: ${route}`),
        "Event: oma-push",
        "Subscription-State: active",
        `Contact: ${notifier.contact}`,
      ],
      body: everyOctet,
    });
    expect(notified.status).toBe(200);
    expect((await handset.next((message) => message.method === "NOTIFY")).body).toEqual(everyOctet);
  });

  it("answers an HTTP request that is not a WebSocket handshake with 404", async () => {
    expect((await fetch(`http://127.0.0.1:${bed.kamailio.wsPort}/`)).status).toBe(404);
  });
});

describeWithPeers("Kamailio with FR_TIMER_MS", ["kamailio"], () => {
  const bed = useKamailio({ finalResponseTimerMs: 500 });

  it("answers 408 when the handset is silent for the final response timer", async () => {
    const handset = await bed.open("udp", "silent");
    await handset.register();
    expect((await push(await bed.open("udp", "sender"), handset.user)).status).toBe(408);
  });
});

describeWithPeers("Kamailio with TRUSTED_PEERS elsewhere", ["kamailio"], () => {
  const bed = useKamailio({ trustedPeers: "192.0.2.0/24" });

  it("takes P-Asserted-Identity away (RFC 3325 5)", async () => {
    const handset = await bed.openRegistered("udp", "identity");
    await push(await bed.open("udp", "sender"), handset.user, ["P-Asserted-Identity: <sip:ppg@example.test>"]);
    expect((await handset.next(isMessage)).values("p-asserted-identity")).toEqual([]);
  });
});
