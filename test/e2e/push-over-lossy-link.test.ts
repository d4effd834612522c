import { createDsNotification, encodeNotification } from "@sip-push/notification";
import type { PushMessage } from "@sip-push/push";
import { type PushEvent, PushReceiver } from "@sip-push/receiver";
import { PushSender } from "@sip-push/sender";
import { type ListenAddress, SipEndpoint, SipHeaders, SipResponse } from "@sip-push/sip";
import { type LinkConditions, MemoryNetwork, seededRandom, VirtualClock } from "@sip-push/sip/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const udp = (address: string): ListenAddress => ({ transport: "UDP", address, port: 5060 });
const SENDER = "192.0.2.1";
const HANDSET = "192.0.2.2";
const HOP = "192.0.2.3";

const conditions: fc.Arbitrary<LinkConditions> = fc
  .record({
    loss: fc.double({ min: 0, max: 0.35, noNaN: true }),
    duplicate: fc.double({ min: 0, max: 0.5, noNaN: true }),
    minDelayMs: fc.integer({ min: 0, max: 200 }),
    spreadMs: fc.integer({ min: 0, max: 3000 }),
  })
  .map(({ loss, duplicate, minDelayMs, spreadMs }) => ({
    loss,
    duplicate,
    minDelayMs,
    maxDelayMs: minDelayMs + spreadMs,
  }));

/** A transaction-stateful hop that sends everything on to the handset, without the rules of a real proxy. */
async function relay(network: MemoryNetwork): Promise<SipEndpoint> {
  const hop: SipEndpoint = await SipEndpoint.open({
    listen: [udp(HOP)],
    clock: network.clock,
    open: network.open,
    onRequest: (transaction) => {
      const flow = hop.existingFlow(udp(HANDSET));
      if (flow === undefined) throw new Error("no flow");
      hop.send(transaction.request.clone(), flow, {
        response: ({ statusCode, reason, headers, body, isFinal }) => {
          if (!isFinal) return;
          const upstream = SipHeaders.of([...headers].slice(1));
          transaction.respond(new SipResponse(statusCode, reason, upstream, body));
        },
        // RFC 4320 §4.2: a proxy does not answer 408 to a non-INVITE request, it stays silent.
        failed: () => {},
      });
    },
  });
  return hop;
}

interface Run {
  readonly seed: number;
  readonly link: LinkConditions;
  readonly viaHop: boolean;
  readonly pushes: readonly PushMessage[];
  readonly delayMs: number;
}

/** Sends the pushes all at once and lets the link do its worst; then waits until nothing can arrive any more. */
async function run({ seed, link, viaHop, pushes, delayMs }: Run) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, random: seededRandom(seed), conditions: link });
  const events: PushEvent[] = [];
  const stack = { open: network.open, random: seededRandom(seed + 1) };
  const receiver = await PushReceiver.open({
    aor: "sip:bob@home.test",
    listen: [udp(HANDSET)],
    register: false,
    applications: ["push.syncml", "x.app"],
    handlers: { default: () => ({ delayMs }) },
    onPush: (event) => void events.push(event),
    clock,
    stack,
  });
  const hop = viaHop ? await relay(network) : undefined;
  const proxy = `sip:${viaHop ? HOP : HANDSET}`;
  const sender = await PushSender.open({
    from: "sip:psi@home.test",
    listen: [udp(SENDER)],
    proxy,
    allowOverlap: true,
    clock,
    stack,
  });
  const delivered = pushes.map((push) => sender.deliver(push, { to: "sip:bob@home.test" }));
  const outcomes = (await clock.until(Promise.all(delivered))).flat();
  await clock.advance(70_000);
  await sender.close();
  await hop?.close();
  await receiver.close();
  return { outcomes, events, left: clock.pendingTimers };
}

const notification = (sessionId: number): PushMessage => ({
  applicationId: "push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  body: encodeNotification(createDsNotification({ sessionId, serverId: "sync.test" })),
});
const blob = (n: number): PushMessage => ({
  applicationId: "x.app",
  contentType: "application/octet-stream",
  body: Uint8Array.from({ length: 256 }, (_, i) => (i + n) & 0xff),
});

const runs = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  link: conditions,
  viaHop: fc.boolean(),
  pushes: fc
    .integer({ min: 1, max: 4 })
    .map((count) => Array.from({ length: count }, (_, n) => (n % 2 === 0 ? notification(n + 1) : blob(n)))),
  delayMs: fc.constantFrom(0, 0, 900, 6000),
});

describe("a push over a link with loss, duplication, reordering and delay", () => {
  it("is told once whatever the link does, and the sender knows: delivered, or timeout (RFC 3261 §17)", async () => {
    await fc.assert(
      fc.asyncProperty(runs, async (each) => {
        const { outcomes, events, left } = await run(each);
        for (const { callId, messageState } of outcomes) {
          expect(["delivered", "timeout"]).toContain(messageState);
          const told = events.filter((event) => event.callId === callId);
          expect(told.length).toBeLessThanOrEqual(1);
          if (messageState === "delivered") expect(told.length).toBe(1);
        }
        const bodies = new Set(each.pushes.map(({ body }) => Buffer.from(body).toString("hex")));
        for (const { body } of events) expect(bodies).toContain(Buffer.from(body).toString("hex"));
        expect(left).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it("is told exactly once for each of many pushes over a link that loses a fifth and doubles a fifth", async () => {
    const link = { loss: 0.2, duplicate: 0.2, minDelayMs: 10, maxDelayMs: 900 };
    const pushes = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? notification(n + 1) : blob(n)));
    for (const viaHop of [false, true]) {
      const { outcomes, events } = await run({ seed: 7, link, viaHop, pushes, delayMs: 0 });
      expect(outcomes.every(({ messageState }) => messageState === "delivered")).toBe(true);
      expect(events.map(({ callId }) => callId).toSorted()).toEqual(outcomes.map(({ callId }) => callId).toSorted());
    }
  });

  it("that loses every answer is told once and comes out as timeout; the same session again is not told again", async () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ clock, random: seededRandom(1) });
    network.filter = ({ from }) => from.address !== HANDSET;
    const events: PushEvent[] = [];
    const receiver = await PushReceiver.open({
      aor: "sip:bob@home.test",
      listen: [udp(HANDSET)],
      register: false,
      onPush: (event) => void events.push(event),
      clock,
      stack: { open: network.open },
    });
    const sender = await PushSender.open({
      from: "sip:psi@home.test",
      listen: [udp(SENDER)],
      proxy: `sip:${HANDSET}`,
      clock,
      stack: { open: network.open },
    });
    const deliver = async () => clock.until(sender.deliver(notification(1), { to: "sip:bob@home.test" }));
    const [first] = await deliver();
    network.filter = () => true;
    const [second] = await deliver();
    expect([first?.messageState, second?.messageState, events.length]).toEqual(["timeout", "delivered", 1]);
    await sender.close();
    await receiver.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
