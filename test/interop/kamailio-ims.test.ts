import { describe, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { authorization } from "../support/digest.ts";
import { type ReservedPort, reservePort } from "../support/free-port.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { parseMessage, type RawMessage } from "../support/raw-message.ts";
import type { RawPeer } from "../support/raw-peer.ts";

const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";

describeWithPeers("Kamailio with WITH_IMS", ["kamailio"], () => {
  const bed = useKamailio({ ims: true });
  const identitySeen = async (sender: RawPeer, headers: readonly string[] = []): Promise<RawMessage> => {
    const heard = await bed.openRegistered("udp", "hears");
    expect((await sender.request({ method: "MESSAGE", uri: heard.aor, headers })).status).toBe(200);
    const message = await heard.next(isMessage);
    await heard.register(0);
    return message;
  };

  it.each(["udp", "tcp", "ws"] as const)(
    "names the way back in the 200 to REGISTER on %s, and takes it (RFC 3608)",
    async (transport) => {
      const handset = await bed.open(transport, `served-${transport}`);
      const registered = await handset.register();
      expect(registered.value("p-associated-uri")).toBe(`<${handset.aor}>`);
      const serviceRoute = registered.value("service-route") ?? "";
      expect(serviceRoute).toMatch(new RegExp(`^<sip:orig@127\\.0\\.0\\.1:\\d+;transport=${transport};lr>$`));
      const message = await identitySeen(handset, [`Route: ${serviceRoute}`]);
      expect(message.values("route")).toEqual([]);
      expect(message.value("p-asserted-identity")).toBe(`<${handset.aor}>`);
      expect(message.value("p-charging-vector")).toMatch(/^icid-value="[^"]+";orig-ioi=example\.test$/);
    },
  );

  it("asserts the preferred identity of who registered with it the same way, and of nobody else (RFC 3325 5)", async () => {
    const alice = await bed.open("udp", "alice");
    await alice.register();
    const preferred = await identitySeen(alice, ["P-Preferred-Identity: <sip:alice@example.test>"]);
    expect(preferred.value("p-asserted-identity")).toBe("<sip:alice@example.test>");
    expect(preferred.value("p-preferred-identity")).toBeUndefined();
    const pretended = await identitySeen(alice, ["P-Preferred-Identity: <sip:bob@example.test>"]);
    expect(pretended.value("p-asserted-identity")).toBeUndefined();
    expect(pretended.value("p-preferred-identity")).toBeUndefined();
    const elsewhere = await bed.open("udp", "alice");
    expect((await identitySeen(elsewhere)).value("p-asserted-identity")).toBeUndefined();
    await alice.register(0);
    expect((await identitySeen(alice)).value("p-asserted-identity")).toBeUndefined();
  });

  it("leaves the identity that a trusted peer asserts", async () => {
    const server = await bed.open("udp", "push");
    const message = await identitySeen(server, ["P-Asserted-Identity: <sip:psi@example.test>"]);
    expect(message.values("p-asserted-identity")).toEqual(["<sip:psi@example.test>"]);
  });
});

describeWithPeers("Kamailio with WITH_IMS and WITH_AUTH", ["kamailio"], () => {
  describe.each(["MD5", "SHA-256"] as const)("and %s", (algorithm) => {
    const bed = useKamailio({ ims: true, users: { alice: "wonderland", bob: "builder" }, algorithm });
    const user = { username: "alice", password: "wonderland", algorithm };

    it("asks who did not register here for credentials, and asserts the identity that they prove", async () => {
      const bob = await bed.openRegistered("udp", "bob");
      const alice = await bed.open("udp", "alice");
      const push = { method: "MESSAGE", uri: bob.aor };
      const challenged = await alice.request(push);
      expect(challenged.status).toBe(407);
      const proof = authorization(challenged.value("proxy-authenticate") ?? "", { ...user, ...push });
      expect((await alice.request({ ...push, headers: [`Proxy-Authorization: ${proof}`] })).status).toBe(200);
      const message = await bob.next(isMessage);
      expect(message.value("p-asserted-identity")).toBe("<sip:alice@example.test>");
      expect(message.value("proxy-authorization")).toBeUndefined();
      // He registered with credentials, so his requests need none.
      expect((await bob.request({ method: "MESSAGE", uri: bob.aor })).status).toBe(200);
      expect((await bob.next(isMessage)).value("p-asserted-identity")).toBe("<sip:bob@example.test>");
    });
  });
});

describeWithPeers("Kamailio with APPLICATION_SERVER", ["kamailio"], () => {
  let port: ReservedPort;
  const bed = useKamailio(async () => {
    port = await reservePort();
    return {
      applicationServer: `sip:127.0.0.1:${port.port}`,
      minExpiresSeconds: 1,
      users: { "comes-and-goes": "secret", drops: "secret" },
    };
  });

  it("tells it of each registration and its end by a third-party REGISTER (TS 24.229 5.4.1.7)", async () => {
    await port.release();
    const server = await bed.open("udp", "as", { localPort: port.port });
    server.answerAll("200 OK");
    const told = async (aor: string): Promise<RawMessage> => {
      const news = await server.next((message) => message.method === "REGISTER" && message.value("to") === `<${aor}>`);
      expect(news.startLine).toBe(`REGISTER sip:127.0.0.1:${port.port} SIP/2.0`);
      expect(news.value("from")).toMatch(/^<sip:s-cscf@example\.test>;tag=/);
      expect(news.value("contact")).toBe("<sip:s-cscf@example.test>");
      return news;
    };
    const handset = await bed.open("udp", "comes-and-goes");
    await bed.register(handset, 60);
    const registered = await told(handset.aor);
    expect(registered.value("expires")).toBeOneOf(["59", "60"]);
    expect(registered.value("content-type")).toBe("message/sip");
    const inner = parseMessage(registered.body);
    expect(inner.value("contact")).toBe(handset.contact);
    expect(inner.value("authorization")).toMatch(/username="comes-and-goes".*\bnonce="".*response=""$/);
    await bed.register(handset, 0);
    expect((await told(handset.aor)).value("expires")).toBe("0");

    const drops = await bed.open("tcp", "drops");
    await bed.register(drops, 60);
    expect((await told(drops.aor)).value("expires")).not.toBe("0");
    drops.close();
    const dropped = await told(drops.aor);
    expect(dropped.value("expires")).toBe("0");
    expect(dropped.body).toHaveLength(0);
  });
});
