import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NotifierEvent } from "./notifier.machine.ts";
import type { SubscribeDecision } from "./notifier-options.ts";
import { MemorySubscriptionStore } from "./subscription-store.ts";
import { type Fields, NotifierBench, usual } from "./testdata/notifier-bench.ts";

let bench: NotifierBench;
let store: MemorySubscriptionStore;
let decision: SubscribeDecision;

const advance = (ms: number): Promise<void> => bench.rig.clock.advance(ms);
const ending: Fields = [...usual, ["Expires", "0"]];

/** A live subscription, its first NOTIFY taken. */
async function live(): Promise<Awaited<ReturnType<NotifierBench["subscribe"]>>> {
  const made = await bench.subscribe();
  await advance(10);
  return made;
}

interface Scenario {
  /** What makes the event happen; gives the last status that the subscriber saw. */
  readonly run: () => Promise<number | undefined>;
  readonly status?: number;
  /** Subscription-State of the NOTIFYs, what was reported, and how many subscriptions there are, and are stored. */
  readonly states: string;
  readonly reports: string;
  readonly left: readonly [alive: number, stored: number];
}

/** Each event of the machine, made to happen by what a subscriber, the network or the application does. */
const scenarios: Readonly<Record<NotifierEvent, Scenario>> = {
  granted: {
    run: async () => (await live()).statusCode,
    ...{ status: 200, states: "active;expires=600", reports: "created", left: [1, 1] },
  },
  undecided: {
    run: async () => {
      decision = { verdict: "pending" };
      return (await live()).statusCode;
    },
    ...{ status: 200, states: "pending;expires=600", reports: "created", left: [1, 1] },
  },
  refused: {
    run: async () => {
      decision = { verdict: "refuse", statusCode: 603 };
      return (await live()).statusCode;
    },
    ...{ status: 603, states: "", reports: "", left: [0, 0] },
  },
  fetched: {
    run: async () => {
      const { statusCode } = await bench.subscribe(ending);
      await advance(10);
      return statusCode;
    },
    ...{ status: 200, states: "terminated;reason=timeout", reports: "created ended", left: [0, 0] },
  },
  unsubscribed: {
    run: async () => {
      const { statusCode } = await bench.again(await live(), 2, ending);
      await advance(10);
      return statusCode;
    },
    ...{
      status: 200,
      states: "active;expires=600 terminated;reason=timeout",
      reports: "created ended",
      left: [0, 0],
    },
  },
  permitted: {
    run: async () => {
      decision = { verdict: "pending" };
      await live();
      bench.notifier.permit(bench.only);
      await advance(10);
      return undefined;
    },
    ...{ states: "pending;expires=600 active;expires=599", reports: "created granted", left: [1, 1] },
  },
  expired: {
    run: async () => {
      await live();
      await advance(601_000);
      return undefined;
    },
    ...{ states: "active;expires=600 terminated;reason=timeout", reports: "created ended", left: [0, 0] },
  },
  ended: {
    run: async () => {
      await live();
      bench.notifier.terminate(bench.only, "giveup", 9);
      await advance(10);
      return undefined;
    },
    ...{
      states: "active;expires=600 terminated;reason=giveup;retry-after=9",
      reports: "created ended",
      left: [0, 0],
    },
  },
  notifyFailed: {
    run: async () => {
      await live();
      bench.answer = (transaction) => transaction.reply(481);
      await bench.rig.clock.until(bench.notifier.notify(bench.only, {}));
      return undefined;
    },
    ...{ states: "active;expires=600 active;expires=599", reports: "created ended", left: [0, 0] },
  },
  finished: {
    run: async () => {
      await live();
      bench.answer = (transaction) => transaction.reply(500);
      bench.notifier.terminate(bench.only, "noresource");
      expect(bench.notifier.size).toBe(1); // until the last NOTIFY has its outcome
      await advance(10);
      return undefined;
    },
    ...{
      states: "active;expires=600 terminated;reason=noresource",
      reports: "created ended notify-failed",
      left: [0, 0],
    },
  },
  closed: {
    run: async () => {
      await live();
      await bench.rig.clock.until(bench.notifier.close());
      return (await bench.subscribe()).statusCode;
    },
    ...{ status: 503, states: "active;expires=600", reports: "created", left: [0, 1] },
  },
};

beforeEach(async () => {
  bench = new NotifierBench();
  store = new MemorySubscriptionStore();
  decision = { verdict: "accept" };
  await bench.open({ store, authorize: () => decision });
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
});

describe("each event of the notifier, through its shell (RFC 6665 §4.2)", () => {
  it.each(Object.entries(scenarios))("%s", async (_, { run, status, states, reports, left }) => {
    expect(await run()).toBe(status);
    expect(bench.states.join(" ")).toBe(states);
    expect(bench.reports.join(" ")).toBe(reports);
    expect([bench.notifier.size, store.size]).toEqual(left);
  });
});
