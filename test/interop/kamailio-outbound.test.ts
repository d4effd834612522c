import {
  createRequest,
  OutboundRegistration,
  parseUri,
  type RegistrationEventReport,
  RequestSender,
  SipEndpoint,
  type SipUri,
} from "@sip-push/sip";
import { afterEach, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";

const instanceId = "urn:uuid:00000000-0000-4000-8000-000000000001";

describeWithPeers("Two flows of packages/sip to Kamailio", ["kamailio"], () => {
  const bed = useKamailio({});
  const opened: SipEndpoint[] = [];
  afterEach(async () => {
    for (const endpoint of opened.splice(0)) await endpoint.close();
  });

  /** One handset, a flow over TCP and one over WebSocket. */
  const openHandset = async () => {
    const received: string[] = [];
    const endpoint = await SipEndpoint.open({
      listen: (["TCP", "WS"] as const).map((transport) => ({ transport, address: "127.0.0.1", port: 0 })),
      onRequest: (transaction) => {
        received.push(`${transaction.request.method} ${transaction.flow.transport}`);
        transaction.reply(200);
      },
    });
    opened.push(endpoint);
    const { udpPort, wsPort } = bed.kamailio;
    const events: Array<readonly [string, number]> = [];
    let wake = (): void => undefined;
    const registration = new OutboundRegistration({
      endpoint,
      sender: new RequestSender({ endpoint }),
      aor: "sip:alice@example.test",
      instanceId,
      proxies: [`sip:127.0.0.1:${udpPort};transport=tcp`, `sip:127.0.0.1:${wsPort};transport=ws`].map(
        (uri) => parseUri(uri) as SipUri,
      ),
      onFlowEvent: (event: RegistrationEventReport, regId) => {
        events.push([event.kind, regId]);
        wake();
      },
    });
    registration.start();
    /** The next time that this flow is registered; what the other one does meanwhile stays to be waited for. */
    const untilRegistered = async (regId: number): Promise<void> => {
      const isIt = ([kind, of]: readonly [string, number]): boolean => kind === "registered" && of === regId;
      while (!events.some(isIt)) await new Promise<void>((resolve) => (wake = resolve));
      events.splice(events.findIndex(isIt), 1);
    };
    return { endpoint, registration, received, untilRegistered };
  };

  it("are bindings of one instance; each MESSAGE comes once, to the address-of-record and to the GRUU (RFC 5626, RFC 5627)", async () => {
    const { endpoint, registration, received, untilRegistered } = await openHandset();
    await untilRegistered(1);
    await untilRegistered(2);
    expect(registration.flows.map(({ outbound }) => outbound)).toEqual([true, true]);
    const sender = await bed.open("udp", "sender");
    const message = async (uri: string): Promise<number | undefined> =>
      (await sender.request({ method: "MESSAGE", uri })).status;
    expect(await message("sip:alice@example.test")).toBe(200);
    expect(received).toHaveLength(1);
    // GRUU, RFC 5627
    expect(registration.gruu).toBe(`sip:alice@example.test;gr=${instanceId}`);
    expect(await message(registration.gruu ?? "")).toBe(200);
    expect(received).toHaveLength(2);
    const request = createRequest({
      method: "OPTIONS",
      requestUri: "sip:example.test",
      from: "sip:alice@example.test",
    });
    expect(await registration.send(request)).toMatchObject({ kind: "response", flow: { transport: "TCP" } });
    // A flow that is lost comes back under its reg-id.
    registration.flows[1]?.flow?.close();
    await untilRegistered(2);
    expect(await message("sip:alice@example.test")).toBe(200);
    expect(received).toHaveLength(3);
    await registration.stop();
    expect(await message("sip:alice@example.test")).toBe(480);
    await endpoint.close();
  });
});
