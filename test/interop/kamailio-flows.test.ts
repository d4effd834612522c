import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import type { RawMessage } from "../support/raw-message.ts";
import type { RawPeer } from "../support/raw-peer.ts";

const instance = '+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000002>"';
const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";

const registerFlow = (
  flow: RawPeer,
  regId: number,
  headers: readonly string[] = [],
  options: { callId?: string; cseq?: number } = {},
): Promise<RawMessage> =>
  flow.request({
    ...options,
    method: "REGISTER",
    uri: "sip:example.test",
    to: flow.aor,
    headers: [
      `Contact: ${flow.contact};${instance};reg-id=${regId}`,
      "Supported: path, outbound, gruu",
      "Expires: 60",
      ...headers,
    ],
  });

const contacts = (answer: RawMessage): string[] =>
  (
    answer
      .values("contact")
      .join()
      .match(/<sip:[^>]+>/g) ?? []
  ).sort();

const push = (sender: RawPeer, uri: string, subject: string, headers: readonly string[] = []): Promise<RawMessage> =>
  sender.request({ method: "MESSAGE", uri, headers: [`Subject: ${subject}`, ...headers] });

describeWithPeers("Kamailio and flows (RFC 5626)", ["kamailio"], () => {
  // Who answers must have done so by then, on a busy machine too.
  const bed = useKamailio({ finalResponseTimerMs: 2_000 });

  it.each(["tcp", "ws"] as const)(
    "sends over one of two %s flows, and over the other when that one is gone",
    async (transport) => {
      const user = `two-flows-${transport}`;
      const flows = [await bed.open(transport, user), await bed.open(transport, user)] as const;
      for (const [index, flow] of flows.entries()) {
        const registered = await registerFlow(flow, index + 1);
        expect(registered.status).toBe(200);
        expect(registered.value("require")).toMatch(/outbound/);
        expect(registered.value("flow-timer")).toBe("25");
        flow.answerAll("200 OK");
      }
      const sender = await bed.open("udp", "sender");
      expect((await push(sender, flows[0].aor, "first")).status).toBe(200);
      const came = flows.map((flow) => flow.next(isMessage));
      const used = await Promise.any(came.map((message, index) => message.then(() => index)));
      flows[used]?.close();
      expect((await push(sender, flows[0].aor, "second")).status).toBe(200);
      // Nothing of the first push came over the other one.
      expect((await came[1 - used])?.value("subject")).toBe("second");
    },
  );

  it("replaces a flow by a newer one with its reg-id and Call-ID, and keeps the other one (RFC 5626 6)", async () => {
    const user = "replaced";
    const [old, kept, fresh] = [await bed.open("tcp", user), await bed.open("tcp", user), await bed.open("tcp", user)];
    await registerFlow(old, 1, [], { callId: "flow-1" });
    await registerFlow(kept, 2, [], { callId: "flow-2" });
    const replaced = await registerFlow(fresh, 1, [], { callId: "flow-1", cseq: 2 });
    expect(contacts(replaced)).toEqual([kept.contact, fresh.contact].sort());
    // With another Call-ID it takes the handset for rebooted, and forgets all that was before.
    const rebooted = await registerFlow(old, 1, [], { callId: "after the reboot" });
    expect(contacts(rebooted)).toEqual([old.contact]);
  });

  it.each([
    { answer: "430 Flow Failed", headers: [] },
    { answer: "430 Flow Failed", headers: ["Request-Disposition: no-fork"] },
    { answer: undefined, headers: [] },
  ])("tries the next flow when the edge of the first answers $answer (with $headers)", async ({ answer, headers }) => {
    const user = `edges-${answer?.slice(0, 3) ?? "silent"}-${headers.length}`;
    const edges = [await bed.open("udp", "edge-1"), await bed.open("udp", "edge-2")] as const;
    const handset = await bed.open("udp", user);
    for (const [index, edge] of edges.entries()) {
      const path = `Path: <sip:token${index}@127.0.0.1:${edge.localPort};lr;ob>`;
      expect((await registerFlow(handset, index + 1, [path])).status).toBe(200);
    }
    const sender = await bed.open("udp", "sender");
    const pushed = push(sender, handset.aor, "either", headers);
    const came = edges.map((edge) => edge.next(isMessage));
    const tried = await Promise.any(came.map((message, index) => message.then(() => index)));
    const answerBy = async (index: number, status: string): Promise<void> => {
      const message = await came[index];
      if (message) edges[index]?.answer(message, status);
    };
    if (answer !== undefined) await answerBy(tried, answer);
    await answerBy(1 - tried, "200 OK");
    expect((await pushed).status).toBe(200);
    expect((await came[1 - tried])?.value("route")).toContain(`token${1 - tried}@`);
  });

  it("says by 439 that the edge has no flows to offer: two Vias, and no ;ob in Path (RFC 5626 6)", async () => {
    const edge = await bed.open("udp", "old-edge");
    const passedOn = [
      "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKhandset",
      `Path: <sip:127.0.0.1:${edge.localPort};lr>`,
    ];
    expect((await registerFlow(edge, 1, passedOn)).status).toBe(439);
  });

  it("reaches a GRUU over whichever flow is left, and answers 480 when none is (RFC 5627 3.4)", async () => {
    const flows = [await bed.open("tcp", "gruu-flows"), await bed.open("tcp", "gruu-flows")] as const;
    let gruu = "";
    for (const [index, flow] of flows.entries()) {
      const registered = await registerFlow(flow, index + 1);
      gruu = /pub-gruu="([^"]+)"/.exec(registered.values("contact").join())?.[1] ?? "";
      flow.answerAll("200 OK");
    }
    expect(gruu).toBe("sip:gruu-flows@example.test;gr=urn:uuid:00000000-0000-4000-8000-000000000002");
    const sender = await bed.open("udp", "sender");
    for (const [flow, afterwards] of [
      [flows[0], 200],
      [flows[1], 480],
    ] as const) {
      expect((await push(sender, gruu, "to the instance")).status).toBe(200);
      flow.close();
      // Kamailio notices on its own time: ask until it has.
      await expect.poll(async () => (await push(sender, gruu, "again")).status).toBe(afterwards);
    }
  });
});
