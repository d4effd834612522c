import { describe, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { authorization } from "../support/digest.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import type { RawMessage } from "../support/raw-message.ts";
import type { RawPeer } from "../support/raw-peer.ts";

const options = (peer: RawPeer, user: string): Promise<RawMessage> =>
  peer.request({ method: "OPTIONS", uri: `sip:${user}@example.test` });

describeWithPeers("Kamailio with docker/kamailio/kamailio.cfg, as a registrar", ["kamailio"], () => {
  // What goes to a connection that has just closed is given up soon, and asked again.
  const bed = useKamailio({ minExpiresSeconds: 30, finalResponseTimerMs: 2_000 });

  it("answers 404 for a user who never registered and 480 for one who did and left", async () => {
    const handset = await bed.open("udp", "comes-and-goes");
    const sender = await bed.open("udp", "sender");
    expect((await options(sender, handset.user)).status).toBe(404);
    expect((await handset.register()).status).toBe(200);
    expect((await handset.register(0)).status).toBe(200);
    expect((await options(sender, handset.user)).status).toBe(480);
  });

  it.each(["tcp", "ws"] as const)("forgets a binding when its %s connection closes", async (transport) => {
    const handset = await bed.openRegistered(transport, `drops-${transport}`);
    const sender = await bed.open("udp", "sender");
    expect((await options(sender, handset.user)).status).toBe(200);
    handset.close();
    // Kamailio notices on its own time: ask until it has.
    await expect.poll(async () => (await options(sender, handset.user)).status).toBe(480);
  });

  it("refuses a registration shorter than its minimum with 423 and Min-Expires (RFC 3261 10.3)", async () => {
    const refused = await (await bed.open("udp", "brief")).register(5);
    expect(refused.status).toBe(423);
    expect(refused.value("min-expires")).toBe("30");
  });

  it("gives a GRUU and does RFC 5626 for a handset that asks for them", async () => {
    const handset = await bed.open("tcp", "flows");
    const contact = `${handset.contact};+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>";reg-id=1`;
    const registered = await handset.request({
      method: "REGISTER",
      uri: "sip:example.test",
      to: "sip:flows@example.test",
      headers: [`Contact: ${contact}`, "Supported: path, outbound, gruu", "Expires: 60"],
    });
    expect(registered.status).toBe(200);
    expect(registered.value("require")).toMatch(/outbound/);
    expect(registered.value("flow-timer")).toBe("25");
    const gruu = /pub-gruu="([^"]+)"/.exec(registered.value("contact") ?? "")?.[1];
    expect(gruu).toMatch(/^sip:flows@example\.test;gr=urn:uuid:0{8}-/);
    handset.answerAll("200 OK");
    const sender = await bed.open("udp", "sender");
    expect((await sender.request({ method: "OPTIONS", uri: gruu ?? "" })).status).toBe(200);
  });

  it("keeps Path, tells it to a client that supports it, and routes by it (RFC 3327)", async () => {
    const edge = await bed.open("udp", "edge");
    const handset = await bed.open("udp", "behind-edge");
    const path = `<sip:127.0.0.1:${edge.localPort};lr>`;
    const registered = await handset.register(60, [`Path: ${path}`, "Supported: path"]);
    expect(registered.value("path")).toBe(path);
    edge.answerAll("200 OK");
    const sender = await bed.open("udp", "sender");
    expect((await options(sender, handset.user)).status).toBe(200);
    expect((await edge.next((message) => message.method === "OPTIONS")).value("route")).toBe(path);
  });

  it("answers OPTIONS to itself, which tells that it is up", async () => {
    const peer = await bed.open("udp", "anyone");
    expect((await peer.request({ method: "OPTIONS", uri: `sip:127.0.0.1:${bed.kamailio.udpPort}` })).status).toBe(200);
  });
});

describeWithPeers("Kamailio with WITH_AUTH", ["kamailio"], () => {
  describe.each(["MD5", "SHA-256"] as const)("and %s", (algorithm) => {
    const bed = useKamailio({ users: { alice: 'wonder "land\\', bob: "builder" }, algorithm });

    it("registers who knows the password, once per nonce count, and nobody else (RFC 7616 3.4)", async () => {
      const alice = await bed.open("udp", "alice");
      const challenged = await alice.register();
      expect(challenged.status).toBe(401);
      const challenge = challenged.value("www-authenticate") ?? "";
      expect(challenge).toMatch(/realm="example\.test"/);
      expect(challenge).toMatch(/qop="auth"/);
      const proof = (text: string, password: string): string =>
        `Authorization: ${authorization(text, { username: "alice", password, algorithm, method: "REGISTER", uri: "sip:example.test" })}`;
      expect((await alice.register(60, [proof(challenge, "looking-glass")])).status).toBe(401);
      const good = proof((await alice.register()).value("www-authenticate") ?? "", 'wonder "land\\');
      expect((await alice.register(60, [good])).status).toBe(200);
      expect((await alice.retransmit()).status).toBe(200);
      const replayed = await alice.register(60, [good]);
      expect(replayed.status).toBe(401);
      expect(replayed.value("www-authenticate")).toMatch(/stale=true/);
    });

    it("answers 480 for a user in users.cfg who has not registered, and 404 for others", async () => {
      const sender = await bed.open("udp", "sender");
      expect((await options(sender, "bob")).status).toBe(480);
      expect((await options(sender, "nobody")).status).toBe(404);
    });
  });
});
