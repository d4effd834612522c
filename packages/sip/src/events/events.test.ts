import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeText } from "../message/index.ts";
import type { TransportName } from "../transport/transport.ts";
import type { NotifyOutcome } from "./notifier-options.ts";
import type { Notification, SubscriberOptions } from "./subscriber-options.ts";
import { MemorySubscriptionStore } from "./subscription-store.ts";
import { EventRig, HANDSET, SERVER } from "./testdata/rig.ts";

const text = (n: number): Uint8Array => Buffer.from(String(n));

async function pair(rig: EventRig, transport: TransportName = "UDP") {
  const handset = await rig.side(HANDSET, transport);
  const server = await rig.side(SERVER, transport);
  const suffix = transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
  const contact = `sip:push@${SERVER}:5060${suffix}`;
  const seen: string[] = [];
  const options: Partial<SubscriberOptions> = {
    target: contact,
    contact: `sip:alice@${HANDSET}:5060${suffix}`,
    onNotify: ({ body, subscriptionState }: Notification) => {
      seen.push(`${subscriptionState.state} ${encodeText(Buffer.from(body).toString("latin1"))}`);
    },
  };
  return { handset, server, contact, seen, options };
}

describe("subscriber and notifier together (RFC 6665)", () => {
  it.each(["UDP", "TCP"] as const)(
    "live, notify, refresh and end over %s, whatever is lost and reordered",
    async (transport) => {
      const rig = new EventRig(3);
      rig.network.conditions = { loss: 0.2, duplicate: 0.1, minDelayMs: 1, maxDelayMs: 200 };
      const { handset, server, contact, seen, options } = await pair(rig, transport);
      const notifier = await rig.notifier(server, { contact });
      const subscribers = rig.subscribers(handset);
      const subscriber = subscribers.subscribe(rig.options(options));
      await rig.clock.advance(20_000);
      const [live] = notifier.subscriptions();
      const outcomes = [...Array(20).keys()].map((n) => notifier.notify(live?.id ?? "", { body: text(n) }));
      await rig.clock.advance(1_500_000);
      const ends = (await Promise.all(outcomes)).map(
        (outcome) => outcome.kind === "response" && outcome.response.statusCode,
      );
      expect(ends).toEqual(Array(20).fill(200));
      expect(seen.filter((line) => /\d/.test(line))).toEqual([...Array(20).keys()].map((n) => `active ${n}`));
      expect(notifier.size).toBe(1);
      rig.network.conditions = { loss: 0, duplicate: 0, minDelayMs: 1, maxDelayMs: 1 };
      await rig.clock.until(subscriber.stop());
      await rig.clock.advance(1000);
      expect([notifier.size, subscribers.size]).toEqual([0, 0]);
      expect(await rig.close()).toBe(0);
    },
  );

  it("a notifier that forgot all is subscribed to again when the refresh is answered 481", async () => {
    const rig = new EventRig();
    const { handset, server, options } = await pair(rig);
    const first = await rig.notifier(server);
    rig.subscribers(handset).subscribe(rig.options(options));
    await rig.clock.advance(10);
    await rig.clock.until(first.close());
    const second = await rig.notifier(server);
    await rig.clock.advance(310_000);
    expect(rig.kinds).toEqual(["active", "failed", "active"]);
    expect(second.size).toBe(1);
    expect(await rig.close()).toBe(0);
  });

  it("a notifier that comes back with its store goes on, and the subscriber notices nothing", async () => {
    const rig = new EventRig();
    const store = new MemorySubscriptionStore();
    const { handset, server, seen, options } = await pair(rig);
    const first = await rig.notifier(server, { store });
    rig.subscribers(handset).subscribe(rig.options(options));
    await rig.clock.advance(10);
    await rig.clock.until(first.close());
    const second = await rig.notifier(server, { store });
    const [live] = second.subscriptions();
    const outcome: NotifyOutcome = await rig.clock.until(second.notify(live?.id ?? "", { body: text(1) }));
    expect(outcome).toMatchObject({ kind: "response", subscriptionEnded: false });
    await rig.clock.advance(3_000_000);
    expect(seen[1]).toBe("active 1");
    expect(new Set(rig.kinds)).toEqual(new Set(["active"]));
    expect(await rig.close()).toBe(0);
  });

  it("a subscriber that forgot all answers 481, and the notifier lets go of it (§4.2.2)", async () => {
    const rig = new EventRig();
    const { handset, server, options } = await pair(rig);
    const notifier = await rig.notifier(server);
    rig.subscribers(handset).subscribe(rig.options(options));
    await rig.clock.advance(10);
    const subscribers = rig.subscribers(handset);
    subscribers.subscribe(rig.options(options));
    await rig.clock.advance(10);
    const outcomes = [...notifier.subscriptions()].map(({ id }) => notifier.notify(id, {}));
    await rig.clock.advance(100);
    expect((await Promise.all(outcomes)).map(({ subscriptionEnded }) => subscriptionEnded)).toEqual([true, false]);
    expect([notifier.size, subscribers.size, subscribers.stats.unmatched]).toEqual([1, 1, 1]);
    await rig.close();
  });

  it("a handset that nobody can connect to is notified on the connection of its SUBSCRIBE (RFC 7118 §5)", async () => {
    const rig = new EventRig();
    const { handset, server, contact, options } = await pair(rig, "WS");
    const notifier = await rig.notifier(server, { contact });
    rig.subscribers(handset).subscribe(rig.options({ ...options, contact: "sip:alice@x1.invalid;transport=ws" }));
    await rig.clock.advance(10);
    expect(rig.kinds).toEqual(["active"]);
    const [live] = notifier.subscriptions();
    expect(await rig.clock.until(notifier.notify(live?.id ?? "", {}))).toMatchObject({ kind: "response" });
    expect(await rig.close()).toBe(0);
  });

  it("a fetch brings the state and leaves nothing (§4.4.3)", async () => {
    const rig = new EventRig();
    const { handset, server, seen, options } = await pair(rig);
    const notifier = await rig.notifier(server, { initialNotifications: () => [{ body: text(7) }] });
    const subscribers = rig.subscribers(handset);
    subscribers.subscribe(rig.options({ ...options, expiresSeconds: 0 }));
    await rig.clock.advance(10);
    expect([seen, rig.kinds]).toEqual([["terminated 7"], ["terminated", "ended"]]);
    expect([notifier.size, subscribers.size]).toEqual([0, 0]);
    expect(await rig.close()).toBe(0);
  });

  it("a notifier that migrates its subscriptions (deactivated, §4.4.2) is subscribed to again at once", async () => {
    const rig = new EventRig();
    const { handset, server, options } = await pair(rig);
    const notifier = await rig.notifier(server);
    rig.subscribers(handset).subscribe(rig.options(options));
    await rig.clock.advance(10);
    const [before] = notifier.subscriptions();
    notifier.terminate(before?.id ?? "", "deactivated");
    await rig.clock.advance(10);
    const [after] = notifier.subscriptions();
    expect([after === undefined, after?.id === before?.id]).toEqual([false, false]);
    expect(await rig.close()).toBe(0);
  });
});

/** What may happen between the two, in any order. */
const happenings = [
  "subscribe",
  "stop",
  "retryNow",
  "notify",
  "terminate",
  "permit",
  "restart",
  "silence",
  "loss",
  "calm",
  "wait",
  "long",
] as const;

describe("whatever happens, in whatever order", () => {
  it("nothing throws, everything ends within a second, and no timer is left", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...happenings), { maxLength: 25 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom("accept", "pending", "refuse", "throw"),
        async (steps, seed, policy) => {
          const rig = new EventRig(seed);
          const { handset, server, options } = await pair(rig);
          const store = new MemorySubscriptionStore();
          const start = () =>
            rig.notifier(server, {
              store,
              maxQueued: 3,
              authorize: async () => {
                if (policy === "throw") throw new Error("broken");
                return policy === "refuse" ? { verdict: "refuse", statusCode: 500 } : { verdict: policy };
              },
            });
          let notifier = await start();
          const subscribers = rig.subscribers(handset);
          const made = [subscribers.subscribe(rig.options(options))];
          const outcomes: Array<Promise<NotifyOutcome>> = [];
          const ids = (): string[] => [...notifier.subscriptions()].map(({ id }) => id);
          for (const step of steps) {
            if (step === "subscribe") made.push(subscribers.subscribe(rig.options(options)));
            if (step === "stop") void made.pop()?.stop();
            if (step === "retryNow") made.at(-1)?.retryNow();
            if (step === "notify") outcomes.push(...ids().map((id) => notifier.notify(id, { body: text(1) })));
            if (step === "terminate") notifier.terminate(ids()[0] ?? "", "probation", 10);
            if (step === "permit") notifier.permit(ids()[0] ?? "");
            if (step === "restart") {
              await rig.clock.until(notifier.close());
              notifier = await start();
            }
            if (step === "silence") rig.network.filter = () => false;
            if (step === "loss") rig.network.conditions = { loss: 0.4, duplicate: 0.2, minDelayMs: 0, maxDelayMs: 900 };
            if (step === "calm") {
              rig.network.filter = () => true;
              rig.network.conditions = { loss: 0, duplicate: 0, minDelayMs: 0, maxDelayMs: 0 };
            }
            await rig.clock.advance(step === "long" ? 700_000 : step === "wait" ? 3000 : 40);
          }
          const before = rig.clock.now();
          await rig.clock.until(subscribers.close());
          expect(rig.clock.now() - before).toBeLessThanOrEqual(1000);
          await rig.clock.until(notifier.close());
          expect(rig.clock.now() - before).toBeLessThanOrEqual(2100);
          expect([subscribers.size, notifier.size]).toEqual([0, 0]);
          await rig.clock.until(Promise.all(outcomes));
          rig.network.filter = () => false;
          await rig.clock.advance(1000);
          await rig.close();
          expect(rig.clock.pendingTimers).toBe(0);
        },
      ),
      { numRuns: 40, seed: 20_261_121 },
    );
  });
});
