import { SipProxy } from "@sip-push/proxy";
import { PushReceiver } from "@sip-push/receiver";
import {
  createRequest,
  type ListenAddress,
  parseUri,
  RequestSender,
  SipEndpoint,
  type SipUri,
  type TlsOptions,
} from "@sip-push/sip";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";

const tlsOn = (port: number): ListenAddress => ({ transport: "TLS", address: "127.0.0.1", port });

describeWithPeers("A trust domain by TLS names (RFC 3325, RFC 5922)", ["openssl"], () => {
  let certificates: Certificates;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });

  /** A proxy that trusts core.example.test, and a registered handset; gives the proxy's URI, and what the handset hears. */
  async function start(): Promise<{ proxy: string; asserted: (string | null)[] }> {
    const server = await certificates.issue("URI:sip:example.test,IP:127.0.0.1");
    const proxy = await SipProxy.open({
      listen: [tlsOn(0)],
      domains: ["example.test"],
      tls: server,
      trusted: ["core.example.test"],
    });
    open.push(proxy);
    const uri = `sip:127.0.0.1:${proxy.listening[0]?.port};transport=tls`;
    const asserted: (string | null)[] = [];
    const registered = Promise.withResolvers<void>();
    const receiver = await PushReceiver.open({
      aor: "sip:alice@example.test",
      proxy: uri,
      listen: [{ ...tlsOn(0), clientOnly: true }],
      stack: { tls: { ca: server.ca } },
      onPush: ({ assertedIdentity }) => asserted.push(assertedIdentity),
      onEvent: ({ event }) => void (event === "registered" && registered.resolve()),
    });
    open.push(receiver);
    await registered.promise;
    return { proxy: uri, asserted };
  }

  async function push(proxy: string, tls: TlsOptions): Promise<unknown> {
    const endpoint = await SipEndpoint.open({ listen: [{ ...tlsOn(0), clientOnly: true }], tls, onRequest: () => {} });
    open.push(endpoint);
    const { contentType, body } = toPush(newDsNotification());
    const request = createRequest({
      method: "MESSAGE",
      requestUri: "sip:alice@example.test",
      from: "sip:psi@example.test",
      headers: [
        ["P-Asserted-Identity", "<sip:psi@example.test>"],
        ["Content-Type", contentType],
      ],
      body,
    });
    const outcome = await new RequestSender({ endpoint }).send(request, { nextHop: parseUri(proxy) as SipUri });
    return outcome.kind === "response" ? outcome.response.statusCode : outcome.code;
  }

  it("believes the peer whose certificate has the name, and nobody else", async () => {
    const { proxy, asserted } = await start();
    const core = await certificates.issue("URI:sip:core.example.test");
    const other = await certificates.issue("URI:sip:other.example.test");
    expect(await push(proxy, core)).toBe(200);
    expect(await push(proxy, other)).toBe(200);
    expect(await push(proxy, { ca: core.ca })).toBe(200);
    expect(asserted).toEqual(["sip:psi@example.test", null, null]);
  });

  it("refuses the connection of one whose certificate nobody vouches for", async () => {
    const { proxy, asserted } = await start();
    const strangers = await makeCertificates();
    try {
      const { cert, key } = await strangers.issue("URI:sip:core.example.test");
      expect(await push(proxy, { cert, key, ca: certificates.ca })).toBe("SIP_TRANSPORT");
      expect(asserted).toEqual([]);
    } finally {
      strangers.remove();
    }
  });
});
