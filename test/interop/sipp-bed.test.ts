import { describe, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import type { RawMessage } from "../support/raw-message.ts";
import { openRawPeer } from "../support/raw-peer.ts";
import { runSipp, startSipp } from "../support/sipp.ts";
import { sipsakMessage, sipsakOptions } from "../support/sipsak.ts";

const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";

describeWithPeers("SIPp through Kamailio", ["kamailio", "sipp"], () => {
  const bed = useKamailio();
  const sender = (user: string, transport: "udp" | "tcp") => ({
    scenario: "message-sender" as const,
    transport,
    remotePort: bed.kamailio.udpPort,
    keywords: { request_uri: `sip:${user}@example.test`, content_type: "application/octet-stream" },
    body: everyOctet,
  });

  it.each(["udp", "tcp"] as const)("registers over %s and answers SIPp's own MESSAGE with 200", async (transport) => {
    const receiver = await startSipp({
      scenario: "register",
      outOfCall: "message-receiver",
      transport,
      remotePort: bed.kamailio.udpPort,
      args: ["-s", `sipp-${transport}`, "-d", "60000"],
    });
    await receiver.process.waitForOutput(/^registered$/m);
    const sent = await runSipp(sender(`sipp-${transport}`, transport));
    expect(sent).toMatchObject({ exitCode: 0, successfulCalls: 1, failedCalls: 0 });
    expect((await receiver.stop()).log).toMatch(/received\s+256/);
  });

  it.each(["udp", "tcp"] as const)("sends all 256 octet values unchanged over %s", async (transport) => {
    const handset = await bed.openRegistered(transport, `octets-${transport}`);
    expect(await runSipp(sender(handset.user, transport))).toMatchObject({ exitCode: 0, successfulCalls: 1 });
    expect((await handset.next(isMessage)).body).toEqual(everyOctet);
  });

  it("says by its exit code that a push was refused", async () => {
    expect(await runSipp(sender("nobody", "udp"))).toMatchObject({ exitCode: 1, failedCalls: 1 });
  });
});

describeWithPeers("SIPp through Kamailio with WITH_AUTH", ["kamailio", "sipp"], () => {
  const bed = useKamailio({ users: { alice: "wonderland" } });
  const register = (password: string) => ({
    scenario: "register" as const,
    transport: "udp" as const,
    remotePort: bed.kamailio.udpPort,
    args: ["-s", "alice", "-au", "alice", "-ap", password],
  });

  it("registers with its password, and not with another one", async () => {
    expect(await runSipp(register("looking-glass"))).toMatchObject({ exitCode: 1, failedCalls: 1 });
    expect(await runSipp(register("wonderland"))).toMatchObject({ exitCode: 0, successfulCalls: 1 });
  });
});

describeWithPeers("SIPp without a proxy", ["sipp"], () => {
  describe.each(["udp", "tcp"] as const)("over %s", (transport) => {
    it("carries load from bench-sender to bench-receiver", async () => {
      const receiver = await startSipp({ scenario: "bench-receiver", transport, calls: 500 });
      const sent = await runSipp({
        scenario: "bench-sender",
        transport,
        remotePort: receiver.port,
        calls: 500,
        keywords: { request_uri: `sip:bench@127.0.0.1:${receiver.port}` },
        args: ["-r", "1000", "-l", "100"],
      });
      expect(sent).toMatchObject({ exitCode: 0, successfulCalls: 500, failedCalls: 0 });
      expect(await receiver.finish()).toMatchObject({ exitCode: 0, successfulCalls: 500 });
    });
  });

  it.each([
    { answer: "200 OK" },
    { answer: "403 Forbidden" },
    { answer: "404 Not Found" },
    { answer: "415 Unsupported Media Type", answerHeader: "Accept: text/plain" },
    { answer: "480 Temporarily Unavailable" },
    { answer: "486 Busy Here", answerHeader: "Retry-After: 7" },
    { answer: "503 Service Unavailable", answerHeader: "Retry-After: 7" },
    { answer: "603 Decline" },
  ])("answers $answer when told to", async ({ answer, answerHeader }) => {
    const options = { scenario: "message-receiver", transport: "udp", answer } as const;
    const receiver = await startSipp(answerHeader === undefined ? options : { ...options, answerHeader });
    const sender = await openRawPeer("udp", "sender", receiver.port);
    const got = await sender.request({ method: "MESSAGE", uri: `sip:a@127.0.0.1:${receiver.port}`, body: everyOctet });
    sender.close();
    expect(got.startLine).toBe(`SIP/2.0 ${answer}`);
    const [name = "Server", value = "SIPp"] = answerHeader?.split(": ") ?? [];
    expect(got.value(name)).toBe(value);
    expect(await receiver.finish()).toMatchObject({ exitCode: 0, successfulCalls: 1 });
  });

  it("counts how often a MESSAGE comes again while it keeps silent", async () => {
    const receiver = await startSipp({ scenario: "message-receiver-silent", transport: "udp", args: ["-d", "60000"] });
    const sender = await startSipp({
      scenario: "message-sender",
      transport: "udp",
      remotePort: receiver.port,
      keywords: { request_uri: `sip:silent@127.0.0.1:${receiver.port}`, content_type: "text/plain" },
      args: ["-max_retrans", "2"],
    });
    expect(await sender.finish()).toMatchObject({ exitCode: 1, failedCalls: 1 });
    expect((await receiver.stop()).messages["0_MESSAGE"]).toEqual({ count: 1, retransmissions: 2, unexpected: 0 });
  });

  it("sends a MESSAGE again after T1 and 2*T1 until the late receiver answers (RFC 3261 17.1.2.2)", async () => {
    const receiver = await startSipp({ scenario: "message-receiver-late", transport: "udp", args: ["-nr"] });
    const sent = await runSipp({
      scenario: "message-sender",
      transport: "udp",
      remotePort: receiver.port,
      keywords: { request_uri: `sip:late@127.0.0.1:${receiver.port}`, content_type: "text/plain" },
      body: Buffer.from("late"),
    });
    expect(sent.messages["0_MESSAGE"]).toEqual({ count: 1, retransmissions: 2, unexpected: 0 });
    expect(await receiver.finish()).toMatchObject({ exitCode: 0, successfulCalls: 1 });
  });
});

describeWithPeers("sipsak through Kamailio", ["kamailio", "sipsak"], () => {
  const bed = useKamailio();

  it("sends a text MESSAGE from a file to a registered handset", async () => {
    const handset = await bed.openRegistered("tcp", "sipsak");
    const { exitCode, output } = await sipsakMessage(`sip:sipsak@127.0.0.1:${bed.kamailio.udpPort}`, "sync now");
    expect(output).toMatch(/SIP\/2\.0 200 OK/);
    expect(exitCode).toBe(0);
    expect((await handset.next(isMessage)).body).toEqual(Buffer.from("sync now"));
  });

  it("gets OPTIONS answered by Kamailio", async () => {
    expect((await sipsakOptions(`sip:127.0.0.1:${bed.kamailio.udpPort}`)).exitCode).toBe(0);
  });
});
