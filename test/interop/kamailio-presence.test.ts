import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { subscribe } from "../support/raw-dialog.ts";
import type { RawMessage } from "../support/raw-message.ts";
import type { RawPeer } from "../support/raw-peer.ts";

const pidf = (basic: string, entity = "sip:alice@example.test"): Buffer =>
  Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${entity}">` +
      `<tuple id="t1"><status><basic>${basic}</basic></status></tuple></presence>`,
  );

const publish = (peer: RawPeer, headers: readonly string[], body?: Uint8Array): Promise<RawMessage> =>
  peer.request({
    method: "PUBLISH",
    uri: peer.aor,
    headers: [
      "Event: presence",
      "Expires: 60",
      ...(body === undefined ? [] : ["Content-Type: application/pidf+xml"]),
      ...headers,
    ],
    ...(body === undefined ? {} : { body }),
  });

describeWithPeers("Kamailio as a presence agent", ["kamailio"], () => {
  const bed = useKamailio({ minExpiresSeconds: 2 });

  it("keeps a publication through initial, refresh, modify and remove, with a new entity tag each time (RFC 3903 6)", async () => {
    const alice = await bed.open("udp", "publisher");
    const initial = await publish(alice, [], pidf("open"));
    const tags = [initial.value("sip-etag")];
    expect(initial.status).toBe(200);
    expect(initial.value("expires")).toBe("60");
    for (const body of [undefined, pidf("closed")]) {
      const answer = await publish(alice, [`SIP-If-Match: ${tags.at(-1)}`], body);
      expect(answer.status).toBe(200);
      tags.push(answer.value("sip-etag"));
    }
    expect(new Set(tags).size).toBe(3);
    const stale = await publish(alice, [`SIP-If-Match: ${tags[0]}`], pidf("open"));
    expect(stale.status).toBe(412);
    const last = tags.at(-1);
    const removed = await alice.request({
      method: "PUBLISH",
      uri: alice.aor,
      headers: ["Event: presence", "Expires: 0", `SIP-If-Match: ${last}`],
    });
    expect(removed.status).toBe(200);
    // It answers before it removes.
    await expect.poll(async () => (await publish(alice, [`SIP-If-Match: ${last}`])).status).toBe(412);
  });

  it("answers 412 to an entity tag that it never gave (RFC 3903 6)", async () => {
    const alice = await bed.open("udp", "stranger");
    for (const tag of ["never-given", "a.1.2.3.4"]) {
      expect((await publish(alice, [`SIP-If-Match: ${tag}`], pidf("open"))).status, tag).toBe(412);
    }
  });

  it("answers 489 to an event package that it does not have, and 423 to what is too brief (RFC 3903 6, RFC 6665 4.2.1.1)", async () => {
    const alice = await bed.open("udp", "wrong");
    const uri = alice.aor;
    const unknown = await alice.request({ method: "PUBLISH", uri, headers: ["Event: weather"], body: pidf("open") });
    expect(unknown.status).toBe(489);
    expect(unknown.value("allow-events")).toMatch(/presence/);
    const brief = await alice.request({
      method: "PUBLISH",
      uri,
      headers: ["Event: presence", "Expires: 1", "Content-Type: application/pidf+xml"],
      body: pidf("open"),
    });
    expect(brief.status).toBe(423);
    expect(brief.value("min-expires")).toBe("2");
    const subscription = await subscribe(alice, { uri, event: "presence", expiresSeconds: 1 });
    expect(subscription.response.status).toBe(423);
    expect(subscription.response.value("min-expires")).toBe("2");
  });

  it.each(["udp", "tcp", "ws"] as const)(
    "notifies a watcher over %s at once, of each change, and of the end (RFC 6665 4.2)",
    async (transport) => {
      const presentity = await bed.open("udp", `presentity-${transport}`);
      const watcher = await bed.open(transport, "watcher");
      watcher.answerAll("200 OK");
      const subscription = await subscribe(watcher, { uri: presentity.aor, event: "presence" });
      expect(subscription.response.status).toBe(200);
      expect((await subscription.next("NOTIFY")).value("subscription-state")).toMatch(/^active;expires=/);
      const published = await publish(presentity, [], pidf("open", presentity.aor));
      const changed = await subscription.next("NOTIFY");
      expect(changed.value("content-type")).toBe("application/pidf+xml");
      expect(Buffer.from(changed.body).toString()).toMatch(/<basic>open<\/basic>/);
      await publish(presentity, [`SIP-If-Match: ${published.value("sip-etag")}`], pidf("closed", presentity.aor));
      expect(Buffer.from((await subscription.next("NOTIFY")).body).toString()).toMatch(/<basic>closed<\/basic>/);

      const refreshed = await subscription.request({
        method: "SUBSCRIBE",
        headers: ["Event: presence", "Expires: 30"],
      });
      expect(refreshed.status).toBe(200);
      expect(refreshed.value("expires")).toBe("30");
      expect(Buffer.from((await subscription.next("NOTIFY")).body).toString()).toMatch(/closed/);
      const ended = await subscription.request({ method: "SUBSCRIBE", headers: ["Event: presence", "Expires: 0"] });
      expect(ended.status).toBe(200);
      // A change may be told twice: to who subscribed, and to all, at the same time.
      await watcher.next(
        (message) =>
          message.value("call-id") === subscription.callId &&
          (message.value("subscription-state") ?? "").startsWith("terminated"),
      );
    },
  );

  it("gives the state once to a fetch (Expires: 0, RFC 6665 4.4.3)", async () => {
    const presentity = await bed.open("udp", "fetched");
    await publish(presentity, [], pidf("open", presentity.aor));
    const watcher = await bed.open("udp", "watcher");
    watcher.answerAll("200 OK");
    const fetched = await subscribe(watcher, { uri: presentity.aor, event: "presence", expiresSeconds: 0 });
    expect(fetched.response.status).toBe(200);
    const notify = await fetched.next("NOTIFY");
    expect(notify.value("subscription-state")).toMatch(/^terminated/);
  });

  it("answers 481 to a refresh of a subscription that it does not have", async () => {
    const watcher = await bed.open("udp", "watcher");
    const answer = await watcher.request({
      method: "SUBSCRIBE",
      uri: `sip:127.0.0.1:${bed.kamailio.udpPort}`,
      to: "sip:nobody@example.test",
      toTag: "gone",
      cseq: 7,
      headers: ["Event: presence", `Contact: ${watcher.contact}`],
    });
    expect(answer.status).toBe(481);
  });

  it("tells a watcher when a publication expires, and ends a subscription that expires (RFC 3903 6, RFC 6665 4.2.2)", async () => {
    const presentity = await bed.open("udp", "expires");
    await presentity.request({
      method: "PUBLISH",
      uri: presentity.aor,
      headers: ["Event: presence", "Expires: 5", "Content-Type: application/pidf+xml"],
      body: pidf("open", presentity.aor),
    });
    const watcher = await bed.open("udp", "watcher");
    watcher.answerAll("200 OK");
    const [long, brief] = [
      await subscribe(watcher, { uri: presentity.aor, event: "presence" }),
      await subscribe(watcher, { uri: presentity.aor, event: "presence", expiresSeconds: 2 }),
    ];
    expect(Buffer.from((await long.next("NOTIFY")).body).toString()).toMatch(/open/);
    // What was published may be told twice: to who subscribed, and to all, at the same time.
    const without = await watcher.next(
      (message) => message.value("call-id") === long.callId && !Buffer.from(message.body).includes("open"),
    );
    expect(without.value("subscription-state")).toMatch(/^active/);
    const ended = await watcher.next(
      (message) =>
        message.value("call-id") === brief.callId && (message.value("subscription-state") ?? "").startsWith("term"),
    );
    expect(ended.value("subscription-state")).toBe("terminated;reason=timeout");
  });

  it("leaves what is addressed to the Push Sender to it", async () => {
    const sender = await bed.openRegistered("udp", "push", "202 Accepted");
    const handset = await bed.open("udp", "handset");
    const headers = ["Event: presence", `Contact: ${handset.contact}`];
    expect((await handset.request({ method: "PUBLISH", uri: sender.aor, headers })).status).toBe(202);
    expect((await handset.request({ method: "SUBSCRIBE", uri: sender.aor, headers })).status).toBe(202);
  });
});
