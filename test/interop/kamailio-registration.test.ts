import {
  DigestClient,
  parseUri,
  Registration,
  type RegistrationEventReport,
  type RegistrationOptions,
  RequestSender,
  SipEndpoint,
  type SipUri,
  type TransportName,
} from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { type Kamailio, startKamailio } from "../support/kamailio.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { openRawPeer, type RawPeer } from "../support/raw-peer.ts";

const transports = ["UDP", "TCP", "WS"] as const;

describeWithPeers("A registration of packages/sip at Kamailio", ["kamailio"], () => {
  const opened: SipEndpoint[] = [];
  afterEach(async () => {
    for (const endpoint of opened.splice(0)) await endpoint.close();
  });

  /** A handset that answers 200 to everything; `next` gives its registration events one by one. */
  const openHandset = async (kamailio: Kamailio, transport: TransportName, options: Partial<RegistrationOptions>) => {
    const endpoint = await SipEndpoint.open({
      listen: transports.map((name) => ({ transport: name, address: "127.0.0.1", port: 0 })),
      onRequest: (transaction) => transaction.reply(200),
    });
    opened.push(endpoint);
    const port = transport === "WS" ? kamailio.wsPort : kamailio.udpPort;
    const events: RegistrationEventReport[] = [];
    let wake = (): void => undefined;
    const registration = new Registration({
      endpoint,
      sender: new RequestSender({ endpoint }),
      aor: "sip:alice@example.test",
      nextHop: parseUri(`sip:127.0.0.1:${port};transport=${transport.toLowerCase()}`, "proxy") as SipUri,
      instanceId: "urn:uuid:00000000-0000-4000-8000-000000000001",
      contactParams: new Map([["+g.oma.pusheventapp", '"push.syncml"']]),
      onEvent: (event) => {
        events.push(event);
        wake();
      },
      ...options,
    });
    registration.start();
    const next = async (): Promise<RegistrationEventReport> => {
      while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return events.shift() as RegistrationEventReport;
    };
    return { registration, next };
  };
  const message = async (sender: RawPeer): Promise<number | undefined> =>
    (await sender.request({ method: "MESSAGE", uri: "sip:alice@example.test" })).status;

  describe.each(["MD5", "SHA-256"] as const)("that asks for %s", (algorithm) => {
    const bed = useKamailio({ users: { alice: "wonderland" }, algorithm, minExpiresSeconds: 30 });
    const credentials = (password: string): DigestClient =>
      new DigestClient({ accounts: [{ username: "alice", password }] });

    it.each(transports)("is made over %s after 423, with digest, and taken back (RFC 3261 10.2)", async (transport) => {
      const { registration, next } = await openHandset(bed.kamailio, transport, {
        expiresSeconds: 7,
        credentials: credentials("wonderland"),
      });
      expect(await next()).toMatchObject({ kind: "registered", expiresSeconds: 30 });
      const sender = await bed.open("udp", "sender");
      expect(await message(sender)).toBe(200);
      await registration.stop();
      expect(await message(sender)).toBe(480);
    });

    it("is refused with 401 when the password is wrong (RFC 7616)", async () => {
      const { registration, next } = await openHandset(bed.kamailio, "UDP", { credentials: credentials("sesame") });
      expect(await next()).toMatchObject({ kind: "failed", sipStatus: 401 });
      await registration.stop();
    });
  });

  it.each(transports)("over %s comes back by itself after the registrar was away (RFC 5626 4.5)", async (transport) => {
    const first = await startKamailio({ minExpiresSeconds: 2 });
    const { registration, next } = await openHandset(first, transport, { expiresSeconds: 2, retryBaseMs: 20 });
    expect(await next()).toMatchObject({ kind: "registered" });
    await first.stop();
    const second = await startKamailio({ successorOf: first, minExpiresSeconds: 2 });
    let event = await next();
    while (event.kind === "failed") event = await next();
    expect(event.kind).toBe("registered");
    const sender = await openRawPeer("udp", "sender", second.udpPort);
    expect(await message(sender)).toBe(200);
    sender.close();
    await registration.stop();
    await second.stop();
  });
});
