import { RequestSender, SipEndpoint, Subscribers, UasCore } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { DS_EVENT } from "../../../test/support/push-handset.ts";
import { SenderRig, udp } from "../../../test/support/sender-rig.ts";
import { heapBytes } from "./testdata/heap.ts";

const DAY_MS = 86_400_000;
const AT_A_TIME = 200;
/** Transactions are over then: Timer J. */
const FORGOTTEN_MS = 33_000;

/** So many handsets subscribe at one sender, for so many days at a time, and get a push a day in a NOTIFY. */
async function soak(count: number, days: number, expiresDays: number): Promise<void> {
  const expiresSeconds = (expiresDays * DAY_MS) / 1000;
  const rig = new SenderRig();
  rig.network.sent.push = () => 0; // what was sent is not looked at
  let pushed = 0;
  const endpoint = await SipEndpoint.open({
    listen: [udp("192.0.2.2")],
    clock: rig.clock,
    open: rig.network.open,
    onRequest: (transaction) => uas.handle(transaction),
  });
  const subscribers = new Subscribers({ endpoint, sender: new RequestSender({ endpoint }), random: () => 1 });
  const uas = new UasCore({ methods: { NOTIFY: (transaction) => subscribers.handle(transaction) } });
  rig.closeLater(endpoint);
  rig.closeLater(subscribers);
  const sender = await rig.open({ trusted: ["192.0.2.2"], subscriptions: { maxExpiresSeconds: expiresSeconds } });
  const users = Array.from({ length: count }, (_, n) => `sip:u${n}@192.0.2.2`);
  for (let n = 0; n < count; n += AT_A_TIME) {
    for (const user of users.slice(n, n + AT_A_TIME)) {
      subscribers.subscribe({
        target: "sip:push-psi@192.0.2.1",
        from: user,
        contact: user,
        event: DS_EVENT,
        headers: [["P-Asserted-Identity", `<${user}>`]],
        expiresSeconds,
        onNotify: ({ body }) => {
          if (body.length > 0) pushed++;
        },
      });
    }
    await rig.clock.advance(FORGOTTEN_MS);
  }
  const nextDay = async (): Promise<void> => {
    for (let n = 0; n < count; n += AT_A_TIME) {
      const to = users.slice(n, n + AT_A_TIME);
      const outcomes = await rig.clock.until(sender.deliver({ ...rig.push, expiresSeconds: 3600 }, { to }));
      expect(outcomes.filter(({ messageState, via }) => messageState !== "delivered" || via !== "notify")).toEqual([]);
      await rig.clock.advance(FORGOTTEN_MS);
    }
    await rig.clock.advance(DAY_MS - (count / AT_A_TIME) * FORGOTTEN_MS);
    expect([sender.subscriptions, subscribers.size, sender.stats.pending]).toEqual([count, count, 0]);
  };
  // What the first days leave behind is compiled code.
  const warmUp = Math.ceil(days / 3);
  for (let day = 0; day < warmUp; day++) await nextDay();
  const timers = rig.clock.pendingTimers;
  const before = heapBytes();
  for (let day = warmUp; day < days; day++) {
    await nextDay();
    expect(rig.clock.pendingTimers).toBeLessThanOrEqual(timers + 4);
  }
  // A leak of one header field a push would be more than this.
  expect((heapBytes() - before) / (count * (days - warmUp))).toBeLessThan(48);
  expect(pushed).toBe(days * count);
  expect(sender.reports.waiting).toBe(0);
  expect(await rig.stop()).toBe(0);
  // The sender has told each of them that it closes.
  expect([sender.subscriptions, subscribers.size]).toEqual([0, 0]);
}

describe("a soak of one sender: neither entries nor timers nor memory grow", () => {
  it("over 10,000 handsets that get a push a day", async () => {
    expect.hasAssertions();
    await soak(10_000, 2, 7);
  }, 120_000);

  it("over nine days of pushes and refreshes", async () => {
    expect.hasAssertions();
    await soak(200, 9, 1);
  }, 60_000);
});
