import { afterAll, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";

describeWithPeers("Kamailio with WITH_TLS", ["kamailio", "openssl"], () => {
  let certificates: Certificates;
  const bed = useKamailio(async () => {
    certificates = await makeCertificates();
    return { tls: { folder: certificates.folder } };
  });
  afterAll(() => certificates.remove());

  it("shows a certificate for 127.0.0.1 and example.test, and relays to a handset over its connection (RFC 5922 7.1)", async () => {
    for (const servername of ["", "example.test"]) {
      const user = `handset-${servername}`;
      const handset = await bed.open("tls", user, { tls: { ca: certificates.ca, servername } });
      expect((await handset.register()).status).toBe(200);
      handset.answerAll("200 OK");
      const sender = await bed.open("udp", "sender");
      const answer = await sender.request({ method: "MESSAGE", uri: handset.aor, body: everyOctet });
      expect(answer.status).toBe(200);
      expect((await handset.next(({ method }) => method === "MESSAGE")).body).toEqual(everyOctet);
    }
  });

  it("is not taken for another name, nor without its authority", async () => {
    const other = { ca: certificates.ca, servername: "other.test" };
    await expect(bed.open("tls", "misled", { tls: other })).rejects.toThrow(/altnames/);
    await expect(bed.open("tls", "wary")).rejects.toThrow(/certificate/);
  });
});

describeWithPeers("Kamailio with WITH_TLS and TLS_MUTUAL", ["kamailio", "openssl"], () => {
  let certificates: Certificates;
  const bed = useKamailio(async () => {
    certificates = await makeCertificates();
    return { tls: { folder: certificates.folder, mutual: true } };
  });
  afterAll(() => certificates.remove());

  it("serves who has a certificate of its authority, and nobody else", async () => {
    const known = await certificates.issue("URI:sip:push@example.test");
    const peer = await bed.open("tls", "push", { tls: known });
    expect((await peer.register()).status).toBe(200);
    const stranger = await makeCertificates();
    const forged = await stranger.issue("URI:sip:push@example.test");
    stranger.remove();
    for (const credentials of [{ ca: known.ca }, { ...forged, ca: known.ca }]) {
      // With TLS 1.3 the refusal comes when the client takes its handshake for done.
      const refused = bed.open("tls", "push", { tls: credentials }).then((refusedPeer) => refusedPeer.closed);
      expect(await refused.catch((error: unknown) => error)).toBeInstanceOf(Error);
    }
  });
});
