import { createHash } from "node:crypto";
import type { PushReceiver } from "@sip-push/receiver";
import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { runSipp } from "../support/sipp.ts";
import { sipsakMessage, sipsakOptions } from "../support/sipsak.ts";

const handset = { aor: "sip:alice@example.test", register: false };
const portOf = (receiver: PushReceiver, transport: "udp" | "tcp"): number =>
  receiver.listening.find((each) => each.transport === transport.toUpperCase())?.port ?? 0;

/** A push that SIPp sends with message-sender.xml. */
const sippPush = (receiver: PushReceiver, transport: "udp" | "tcp", body: Uint8Array, contentType: string) => ({
  scenario: "message-sender" as const,
  transport,
  remotePort: portOf(receiver, transport),
  keywords: { request_uri: `sip:alice@127.0.0.1:${portOf(receiver, transport)}`, content_type: contentType },
  body,
});

describeWithPeers("SIPp to our receiver", ["sipp"], () => {
  const agents = useAgents();

  it.each(["udp", "tcp"] as const)("gets 200 for a DS notification over %s, and it is intact", async (transport) => {
    const { receiver, pushes } = await agents.openReceiver(handset);
    const notification = newDsNotification();
    const { body, contentType } = toPush(notification);
    const sent = await runSipp(sippPush(receiver, transport, body, contentType));
    expect(sent).toMatchObject({ exitCode: 0, successfulCalls: 1, failedCalls: 0 });
    const event = await pushes.next();
    expect(Buffer.from(event.body)).toEqual(Buffer.from(body));
    expect(event.sha256).toBe(createHash("sha256").update(body).digest("hex"));
    expect(event).toMatchObject({ from: "sip:sipp@example.test", applicationId: "push.syncml", notification });
  });

  it("sends again while the handler works, and that stays one push (RFC 3261 17.2.2)", async () => {
    const handlers = { informative: () => ({ delayMs: 1200 }) };
    const { receiver, pushes } = await agents.openReceiver({ ...handset, handlers });
    const { body, contentType } = toPush(newDsNotification());
    const sent = await runSipp(sippPush(receiver, "udp", body, contentType));
    expect(sent).toMatchObject({ exitCode: 0, successfulCalls: 1 });
    expect(sent.messages["0_MESSAGE"]?.retransmissions).toBeGreaterThanOrEqual(1);
    await pushes.next();
    expect(receiver.stats).toMatchObject({ pushes: 1, refused: 0, inFlight: 0 });
    expect(pushes.waiting).toEqual([]);
  });

  it("gets 415 for a type that the application does not take, and the receiver says why", async () => {
    const { receiver, events } = await agents.openReceiver(handset);
    const sent = await runSipp(sippPush(receiver, "udp", Buffer.from("<html/>"), "text/html"));
    expect(sent).toMatchObject({ exitCode: 1, failedCalls: 1 });
    expect(sent.errors).toMatch(/SIP\/2\.0 415/);
    expect(sent.errors).toMatch(/Accept: .*application\/vnd\.syncml\.ds\.notification/);
    expect(await events.next(({ event }) => event === "refused")).toMatchObject({ sipStatus: 415 });
  });

  it.each(["udp", "tcp"] as const)("loads it over %s with 500 notifications, none lost", async (transport) => {
    const { receiver, pushes } = await agents.openReceiver({ ...handset, limits: { sessionWindowMs: 0 } });
    const { body, contentType } = toPush(newDsNotification());
    const load = { calls: 500, args: ["-r", "1000", "-l", "100"] };
    const sent = await runSipp({ ...sippPush(receiver, transport, body, contentType), ...load });
    expect(sent).toMatchObject({ exitCode: 0, successfulCalls: 500, failedCalls: 0 });
    expect(new Set(pushes.waiting.map(({ callId }) => callId)).size).toBe(500);
  });
});

describeWithPeers("sipsak to our receiver", ["sipsak"], () => {
  const agents = useAgents();

  it("sends a text MESSAGE from a file and gets 200", async () => {
    const { receiver, pushes } = await agents.openReceiver(handset);
    const sent = await sipsakMessage(`sip:alice@127.0.0.1:${portOf(receiver, "udp")}`, "sync now");
    expect(sent.output).toMatch(/SIP\/2\.0 200 OK/);
    expect(sent.exitCode).toBe(0);
    const event = await pushes.next();
    expect(event).toMatchObject({ contentType: "text/plain", from: "sip:sipsak@example.test", applicationId: null });
    expect(Buffer.from(event.body).toString()).toBe("sync now");
  });

  it("gets OPTIONS answered with what the handset takes (RFC 3261 11.2)", async () => {
    const { receiver } = await agents.openReceiver(handset);
    const { exitCode, output } = await sipsakOptions(`sip:alice@127.0.0.1:${portOf(receiver, "udp")}`);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/Allow: .*MESSAGE/);
    expect(output).toMatch(/Accept: .*application\/vnd\.syncml\.ds\.notification/);
    expect(output).toMatch(/Contact: .*\+g\.oma\.pusheventapp="push\.syncml"/);
    expect(output).toMatch(/Allow: .*NOTIFY.*REFER/);
    expect(output).toMatch(/Allow-Events: oma-push/);
    expect(output).toMatch(/Supported: .*gruu/);
  });
});
