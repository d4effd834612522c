import type { PushMessage } from "@sip-push/push";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import { type SippOptions, startSipp } from "../support/sipp.ts";

const push: PushMessage = {
  applicationId: "push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  body: everyOctet,
};
const receiverOf = (options: Partial<SippOptions>): SippOptions => ({
  scenario: "message-receiver",
  transport: "udp",
  ...options,
});

describeWithPeers("Our sender to SIPp", ["sipp"], () => {
  const agents = useAgents();

  it.each(["udp", "tcp"] as const)("delivers a body of all octet values over %s and gets 200", async (transport) => {
    const sipp = await startSipp(receiverOf({ transport }));
    const sender = await agents.openSender();
    const to = `sip:handset@127.0.0.1:${sipp.port};transport=${transport}`;
    expect(await sender.deliver(push, { to })).toMatchObject([
      { to, messageState: "delivered", papCode: 1000, sipStatus: 200, sipReason: "OK", attempts: 1 },
    ]);
    const received = await sipp.finish();
    expect(received).toMatchObject({ exitCode: 0, successfulCalls: 1 });
    expect(received.log).toMatch(/received\s+256\b/);
  });

  it("switches to TCP for a body over 1300 octets, though asked for UDP (RFC 3261 18.1.1)", async () => {
    const sipp = await startSipp(receiverOf({ transport: "tcp" }));
    const sender = await agents.openSender();
    const outcomes = await sender.deliver(
      { ...push, body: new Uint8Array(1301).fill(0xff) },
      { to: `sip:handset@127.0.0.1:${sipp.port};transport=udp` },
    );
    expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
    expect((await sipp.finish()).log).toMatch(/received\s+1301\b/);
  });

  it("falls back to UDP for a large body when nobody listens on TCP (RFC 3261 18.1.1)", async () => {
    const sipp = await startSipp(receiverOf({ transport: "udp" }));
    const sender = await agents.openSender();
    const outcomes = await sender.deliver(
      { ...push, body: new Uint8Array(1301).fill(0xff) },
      { to: `sip:handset@127.0.0.1:${sipp.port};transport=udp` },
    );
    expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
    expect((await sipp.finish()).log).toMatch(/received\s+1301\b/);
  });

  it.each([
    { answer: "403 Forbidden", messageState: "undeliverable", papCode: 2001, retryable: false },
    { answer: "404 Not Found", messageState: "undeliverable", papCode: 2003, retryable: false },
    {
      answer: "415 Unsupported Media Type",
      answerHeader: "Accept: text/plain",
      messageState: "aborted",
      papCode: 5030,
      retryable: false,
    },
    { answer: "480 Temporarily Unavailable", messageState: "pending", papCode: 5028, retryable: true },
    {
      answer: "486 Busy Here",
      answerHeader: "Retry-After: 7",
      messageState: "pending",
      papCode: 5029,
      retryable: true,
      retryAfterSeconds: 7,
    },
    {
      answer: "503 Service Unavailable",
      answerHeader: "Retry-After: 9",
      messageState: "pending",
      papCode: 4001,
      retryable: true,
      retryAfterSeconds: 9,
    },
    { answer: "603 Decline", messageState: "aborted", papCode: 5027, retryable: false },
  ])("takes $answer for $messageState, $papCode", async ({ answer, answerHeader, ...expected }) => {
    const sipp = await startSipp(receiverOf({ answer, ...(answerHeader === undefined ? {} : { answerHeader }) }));
    const sender = await agents.openSender();
    const outcomes = await sender.deliver(push, { to: `sip:handset@127.0.0.1:${sipp.port}` });
    expect(outcomes).toMatchObject([{ ...expected, sipStatus: Number(answer.slice(0, 3)), attempts: 1 }]);
    expect(await sipp.finish()).toMatchObject({ exitCode: 0, successfulCalls: 1 });
  });

  it("offers another form of the same content after 415 with Accept (RFC 3261 21.4.13)", async () => {
    const sipp = await startSipp(receiverOf({ scenario: "message-receiver-choosy" }));
    const sender = await agents.openSender();
    const outcomes = await sender.deliver(push, {
      to: `sip:handset@127.0.0.1:${sipp.port}`,
      alternatives: [{ contentType: "text/plain", body: Buffer.from("sync") }],
    });
    expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200, attempts: 2 }]);
    expect((await sipp.finish()).log).toMatch(/offered\s+text\/plain/);
  });

  it("sends to a silent handset again up to 10 times in 64*T1, then says timeout (RFC 3261 17.1.2.2)", async () => {
    const sipp = await startSipp(receiverOf({ scenario: "message-receiver-silent", args: ["-d", "60000"] }));
    const sender = await agents.openSender({ stack: { timers: { t1Ms: 50, t2Ms: 400, t4Ms: 500 } } });
    const outcomes = await sender.deliver(push, { to: `sip:handset@127.0.0.1:${sipp.port}` });
    expect(outcomes).toMatchObject([{ messageState: "timeout", papCode: 4000, sipStatus: null, retryable: true }]);
    const { count, retransmissions = 0 } = (await sipp.stop()).messages["0_MESSAGE"] ?? {};
    expect(count).toBe(1);
    // Each that a busy machine sends late puts off those after it, and the last of the ten is due T1 before the end.
    expect(retransmissions).toBeGreaterThanOrEqual(5);
    expect(retransmissions).toBeLessThanOrEqual(10);
  });

  it("takes the 200 that comes only to the second retransmission", async () => {
    const sipp = await startSipp(receiverOf({ scenario: "message-receiver-late", args: ["-nr"] }));
    const sender = await agents.openSender({ stack: { timers: { t1Ms: 50, t2Ms: 400, t4Ms: 500 } } });
    const outcomes = await sender.deliver(push, { to: `sip:handset@127.0.0.1:${sipp.port}` });
    expect(outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200, attempts: 1 }]);
    expect(await sipp.finish()).toMatchObject({ exitCode: 0, successfulCalls: 1 });
  });
});

describeWithPeers("Our sender through Kamailio to SIPp", ["kamailio", "sipp"], () => {
  const agents = useAgents();
  const bed = useKamailio({ users: { "sipp-udp": "wonderland", "sipp-tcp": "wonderland" } });

  it.each(["udp", "tcp"] as const)("delivers to SIPp that registered over %s with digest", async (transport) => {
    const sipp = await startSipp({
      scenario: "register",
      outOfCall: "message-receiver",
      transport,
      remotePort: bed.kamailio.udpPort,
      args: ["-s", `sipp-${transport}`, "-au", `sipp-${transport}`, "-ap", "wonderland", "-d", "60000"],
    });
    await sipp.process.waitForOutput(/^registered$/m);
    const sender = await agents.openSender({ proxy: `sip:127.0.0.1:${bed.kamailio.udpPort};transport=udp` });
    expect(await sender.deliver(push, { to: `sip:sipp-${transport}@example.test` })).toMatchObject([
      { messageState: "delivered", papCode: 1000, sipStatus: 200 },
    ]);
    expect((await sipp.stop()).log).toMatch(/received\s+256\b/);
  });
});
