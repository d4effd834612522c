import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import { dialogOf, subscribe } from "../support/raw-dialog.ts";
import type { RawMessage } from "../support/raw-message.ts";
import { runSipp, type SippOptions, type SippRun, startSipp } from "../support/sipp.ts";

const event = 'oma-push;event-app-id="urn:x-wap-application:push.syncml"';
const transports = ["udp", "tcp"] as const;

describeWithPeers("SIPp as subscriber, notifier, agent and referrer through Kamailio", ["kamailio", "sipp"], () => {
  const bed = useKamailio();

  /** A notifier that is registered as `user`. */
  const startNotifier = async (user: string, ended: string, options: Partial<SippOptions> = {}): Promise<SippRun> => {
    const notifier = await startSipp({
      scenario: "oma-push-notifier",
      transport: "udp",
      keywords: { event, content_type: "application/octet-stream", ended },
      body: everyOctet,
      ...options,
    });
    await bed.bind(user, `sip:127.0.0.1:${notifier.port};transport=${options.transport ?? "udp"}`);
    return notifier;
  };
  const subscriber = (user: string, options: Partial<SippOptions> = {}): SippOptions => ({
    scenario: "oma-push-subscriber",
    transport: "udp",
    remotePort: bed.kamailio.udpPort,
    keywords: { request_uri: `sip:${user}@example.test`, event, accept: "application/octet-stream" },
    variables: { notifies: 1, renewed: 1 },
    args: ["-s", "alice"],
    ...options,
  });

  it.each(transports)("subscribe, push, refresh and end over %s", async (transport) => {
    const notifier = await startNotifier(`push-${transport}`, "no", { transport });
    const subscribed = await runSipp(subscriber(`push-${transport}`, { transport }));
    const notified = await notifier.finish();
    expect([subscribed.errors, notified.errors]).toEqual(["", ""]);
    expect([subscribed.exitCode, notified.exitCode]).toEqual([0, 0]);
    expect(subscribed.log.trim().split("\n")).toEqual([
      "answered 200, expires 600",
      `notified ${event} active;expires=600 256 octets`,
      "refreshed",
      `notified ${event} active;expires=300 0 octets`,
      `notified at the end ${event} terminated;reason=timeout 0 octets`,
    ]);
    expect(notified.log.match(/expires \d+/g)).toEqual(["expires 600", "expires 300", "expires 0"]);
  });

  it("notifies before its answer, which is 202, and ends the subscription for its own reason", async () => {
    const notifier = await startNotifier("hasty", "deactivated", { scenario: "oma-push-notifier-hasty" });
    const handset = await bed.openRegistered("ws", "patient");
    const subscription = await subscribe(handset, { uri: "sip:hasty@example.test", event });
    expect(subscription.response.status).toBe(202);
    const early = await subscription.next("NOTIFY");
    expect(early.value("subscription-state")).toMatch(/^active;expires=/);
    expect(early.body).toEqual(everyOctet);
    // The first may come twice: SIPp sends it again after T1, and Kamailio relays both when it had begun neither.
    const last = await handset.next(
      (message) =>
        message.value("call-id") === subscription.callId &&
        (message.value("subscription-state") ?? "").startsWith("terminated"),
    );
    expect(last.value("subscription-state")).toBe("terminated;reason=deactivated");
    expect(await notifier.finish()).toMatchObject({ exitCode: 0, errors: "" });
  });

  it("subscribes at a notifier whose NOTIFY overtakes its 202", async () => {
    await bed.openRegistered("udp", "overtakes").then((sender) => {
      sender.answerWith(() => undefined);
      void (async () => {
        const request = await sender.next((message) => message.method === "SUBSCRIBE");
        const dialog = dialogOf(sender, request);
        const notify = (state: string): Promise<RawMessage> =>
          dialog.request({ method: "NOTIFY", headers: [`Event: ${event}`, `Subscription-State: ${state}`] });
        await notify("active;expires=600");
        sender.answerAll("200 OK", [`Contact: ${sender.contact}`, "Expires: 600"]);
        sender.answer(request, "202 Accepted", [`Contact: ${sender.contact}`, "Expires: 600"]);
        await dialog.next("SUBSCRIBE");
        await notify("active;expires=300");
        await dialog.next("SUBSCRIBE");
        await notify("terminated;reason=timeout");
      })();
    });
    const subscribed = await runSipp(subscriber("overtakes"));
    expect(subscribed.errors).toBe("");
    expect(subscribed).toMatchObject({
      exitCode: 0,
      log: expect.stringMatching(/^notified early .*\nanswered 202\nrefreshed/),
    });
  });

  it("ends a subscription with the reason that it is told, after one push", async () => {
    const notifier = await startNotifier("leaves", "probation;retry-after=1");
    const handset = await bed.openRegistered("tcp", "left");
    const subscription = await subscribe(handset, { uri: "sip:leaves@example.test", event });
    expect((await subscription.next("NOTIFY")).body).toEqual(everyOctet);
    const last = await subscription.next("NOTIFY");
    expect(last.value("subscription-state")).toBe("terminated;reason=probation;retry-after=1");
    expect(await notifier.finish()).toMatchObject({ exitCode: 0, errors: "" });
  });

  it("says by its exit code that the subscription was refused", async () => {
    expect(await runSipp(subscriber("nobody"))).toMatchObject({ exitCode: 1, failedCalls: 1 });
  });

  it("answers PUBLISH with entity tags, and the first with SIP-If-Match with 412 (RFC 3903 6)", async () => {
    const agent = await startSipp({ scenario: "publish-agent", transport: "udp", calls: 100 });
    await bed.bind("push", `sip:127.0.0.1:${agent.port}`);
    const handset = await bed.open("tcp", "publisher");
    const publish = async (...headers: string[]): Promise<RawMessage> =>
      handset.request({
        method: "PUBLISH",
        uri: "sip:push@example.test",
        headers: ["Event: presence", "Expires: 60", ...headers],
        body: Buffer.from("<presence/>"),
      });
    const initial = await publish();
    expect([initial.status, initial.value("sip-etag"), initial.value("expires")]).toEqual([200, "sipp-1.000000", "60"]);
    expect((await publish("SIP-If-Match: sipp-1.000000")).status).toBe(412);
    const again = await publish();
    expect([again.status, again.value("sip-etag")]).toEqual([200, "sipp-3.000000"]);
    expect((await publish("SIP-If-Match: sipp-3.000000")).value("sip-etag")).toBe("sipp-4.000000");
    expect((await agent.stop()).log.split("\n")[1]).toBe("published 11 octets for 60 s, SIP-If-Match sipp-1.000000");
  });

  it.each([
    { reports: 0, header: "Refer-Sub: false" },
    { reports: 1, header: "Supported: norefersub" },
  ])(
    "sends REFER with $header, and takes reports when it asked for them (RFC 3515, RFC 4488)",
    async ({ reports, header }) => {
      const user = `referred-${reports}`;
      const handset = await bed.openRegistered("ws", user);
      const accepted = [`Contact: ${handset.contact}`, ...(reports === 0 ? ["Refer-Sub: false"] : [])];
      handset.answerAll("202 Accepted", accepted);
      const referTo = "<sip:push@example.test;method=SUBSCRIBE?Event=oma-push>";
      const referring = runSipp({
        scenario: "refer-sender",
        transport: "udp",
        remotePort: bed.kamailio.udpPort,
        keywords: { request_uri: handset.aor, refer_to: referTo, header },
        variables: { reports },
        args: ["-s", "push"],
      });
      const refer = await handset.next((message) => message.method === "REFER");
      expect(refer.value("refer-to")).toBe(referTo);
      if (reports > 0) {
        const dialog = dialogOf(handset, refer);
        const states = {
          "active;expires=60": "SIP/2.0 100 Trying\r\n",
          "terminated;reason=noresource": "SIP/2.0 200 OK\r\n",
        };
        for (const [state, fragment] of Object.entries(states)) {
          const answer = await dialog.request({
            method: "NOTIFY",
            headers: ["Event: refer", `Subscription-State: ${state}`, "Content-Type: message/sipfrag"],
            body: Buffer.from(fragment),
          });
          expect(answer.status).toBe(200);
        }
      }
      const referred = await referring;
      expect(referred).toMatchObject({ exitCode: 0, errors: "" });
      expect(referred.log).toContain(`accepted, Refer-Sub ${reports === 0 ? "false" : ""}`);
      expect(referred.log.match(/reported SIP\/2\.0 \d+/g) ?? []).toHaveLength(reports * 2);
    },
  );

  it("reports the delivery of a CPIM push by an IMDN to its author (RFC 5438)", async () => {
    const handset = await startSipp({
      scenario: "imdn-receiver",
      transport: "udp",
      remotePort: bed.kamailio.udpPort,
      keywords: { status: "delivered" },
    });
    await bed.bind("reports", `sip:127.0.0.1:${handset.port}`);
    const sender = await bed.openRegistered("tcp", "author");
    const cpim = [
      "From: <im:author@example.test>",
      "To: <im:reports@example.test>",
      "NS: imdn <urn:ietf:params:imdn>",
      "imdn.Message-ID: 34jk324j",
      "DateTime: 2006-04-04T12:16:49-05:00",
      "imdn.Disposition-Notification: positive-delivery, negative-delivery",
      "",
      "Content-Type: text/plain",
      "",
      "Hello",
    ].join("\r\n");
    const answer = await sender.request({
      method: "MESSAGE",
      uri: "sip:reports@example.test",
      headers: ["Content-Type: message/cpim"],
      body: Buffer.from(cpim),
    });
    expect(answer.status).toBe(202);
    const report = await sender.next((message) => message.method === "MESSAGE");
    expect(report.value("content-type")).toBe("message/cpim");
    const text = Buffer.from(report.body).toString();
    expect(text).toMatch(/^To: <im:author@example\.test>\r$/m);
    expect(text).toContain("<message-id>34jk324j</message-id>");
    expect(text).toContain("<recipient-uri>im:reports@example.test</recipient-uri>");
    expect(text).toContain("<delivery-notification><status><delivered/></status></delivery-notification>");
    expect(await handset.finish()).toMatchObject({ exitCode: 0, errors: "" });
  });
});
