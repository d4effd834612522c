import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServerTransaction } from "../transaction/index.ts";
import type { SubscriberEvent } from "./subscriber.machine.ts";
import type { Subscriber } from "./subscriber.ts";
import { HANDSET, SERVER } from "./testdata/rig.ts";
import { SubscriberBench } from "./testdata/subscriber-bench.ts";

let bench: SubscriberBench;

const advance = (ms: number): Promise<void> => bench.rig.clock.advance(ms);

/** The first SUBSCRIBE is served; those in the dialog get `again`. */
function laterOn(again: (transaction: ServerTransaction) => void): void {
  bench.answer = (transaction) =>
    transaction.request.to.params.has("tag") ? again(transaction) : bench.serve(transaction);
}

/** Our subscriber over TCP: when its connection ends it knows. */
async function openTcp(): Promise<Subscriber> {
  bench.handset = await bench.rig.side(HANDSET, "TCP");
  bench.server = await bench.rig.side(SERVER, "TCP");
  bench.server.handle = (transaction) => {
    bench.accept(transaction);
    const seconds = transaction.request.headers.get("Expires");
    const state = seconds === "0" ? "terminated" : `active;expires=${seconds}`;
    bench.notify({ state, contact: `<sip:push@${SERVER};transport=tcp>` }, transaction);
  };
  bench.subscribers = bench.rig.subscribers(bench.handset);
  const subscriber = bench.subscribers.subscribe(bench.rig.options({ target: `sip:push@${SERVER};transport=tcp` }));
  await advance(10);
  return subscriber;
}

interface Scenario {
  /** What makes the event happen. */
  readonly run: () => Promise<Subscriber>;
  readonly state: string;
  /** Expires of the SUBSCRIBEs, and what was reported. */
  readonly asked: string;
  readonly kinds: string;
}

/** Each event of the machine, made to happen by what a notifier, the network or the application does. */
const scenarios: Readonly<Record<SubscriberEvent, Scenario>> = {
  start: {
    run: async () => {
      bench.answer = () => {};
      return bench.open();
    },
    ...{ state: "notifyWait", asked: "600", kinds: "" },
  },
  accepted: {
    run: async () => {
      bench.answer = (transaction) => bench.accept(transaction, "100");
      const subscriber = await bench.open();
      bench.notify({ state: "active" });
      await advance(51_000); // the refresh is due by the Expires of the 200
      return subscriber;
    },
    ...{ state: "refreshing", asked: "600 600", kinds: "active" },
  },
  acceptedQuietly: {
    run: async () => {
      laterOn((transaction) => bench.accept(transaction, "600", 204));
      const subscriber = await bench.open();
      await advance(340_000);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "active active" },
  },
  tooBrief: {
    run: async () => {
      bench.answer = (transaction) =>
        bench.requests.length === 1
          ? transaction.reply(423, { headers: [["Min-Expires", "900"]] })
          : bench.serve(transaction);
      return bench.open();
    },
    ...{ state: "active", asked: "600 900", kinds: "active" },
  },
  refreshFailed: {
    run: async () => {
      laterOn((transaction) => transaction.reply(503));
      const subscriber = await bench.open();
      await advance(301_000);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "active" },
  },
  pending: {
    run: async () => {
      const subscriber = await bench.open();
      bench.notify({ state: "pending;expires=500", cseq: 2 });
      await advance(10);
      return subscriber;
    },
    ...{ state: "pending", asked: "600", kinds: "active pending" },
  },
  active: { run: () => bench.open(), ...{ state: "active", asked: "600", kinds: "active" } },
  again: {
    run: async () => {
      const subscriber = await bench.open();
      bench.notify({ state: "terminated;reason=deactivated", cseq: 2 });
      await advance(10);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "active terminated active" },
  },
  later: {
    run: async () => {
      const subscriber = await bench.open();
      bench.notify({ state: "terminated;reason=probation;retry-after=60", cseq: 2 });
      await advance(59_000);
      return subscriber;
    },
    ...{ state: "waiting", asked: "600", kinds: "active terminated" },
  },
  never: {
    run: async () => {
      const subscriber = await bench.open();
      bench.notify({ state: "terminated;reason=rejected", cseq: 2 });
      await advance(10);
      return subscriber;
    },
    ...{ state: "ended", asked: "600", kinds: "active terminated ended" },
  },
  timerN: {
    run: async () => {
      bench.answer = (transaction) => bench.accept(transaction);
      const subscriber = await bench.open();
      await advance(32_100);
      return subscriber;
    },
    ...{ state: "waiting", asked: "600", kinds: "failed" },
  },
  refreshDue: {
    run: async () => {
      const subscriber = await bench.open();
      await advance(301_000);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "active active" },
  },
  expired: {
    run: async () => {
      laterOn((transaction) => transaction.reply(503, { headers: [["Retry-After", "1000"]] }));
      const subscriber = await bench.open();
      await advance(600_500);
      return subscriber;
    },
    ...{ state: "waiting", asked: "600 600", kinds: "active failed" },
  },
  retryDue: {
    run: async () => {
      bench.answer = (transaction) => (bench.requests.length === 1 ? transaction.reply(480) : bench.serve(transaction));
      const subscriber = await bench.open();
      await advance(2100);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "failed active" },
  },
  flowLost: {
    run: async () => {
      const subscriber = await openTcp();
      bench.last.flow.close();
      await advance(10);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "active active" },
  },
  flowLostAgain: {
    run: async () => {
      const subscriber = await openTcp();
      bench.last.flow.close();
      await advance(10);
      bench.last.flow.close();
      await advance(10);
      return subscriber;
    },
    ...{ state: "active", asked: "600 600", kinds: "active active" },
  },
  endpointClosed: {
    run: async () => {
      const subscriber = await bench.open();
      await bench.handset.endpoint.close();
      await advance(301_000);
      return subscriber;
    },
    ...{ state: "ended", asked: "600", kinds: "active ended" },
  },
  stop: {
    run: async () => {
      const subscriber = await bench.open();
      await bench.rig.clock.until(subscriber.stop());
      return subscriber;
    },
    ...{ state: "ended", asked: "600 0", kinds: "active ended" },
  },
  giveUp: {
    run: async () => {
      laterOn(() => {});
      const subscriber = await bench.open();
      await bench.rig.clock.until(subscriber.stop(500));
      return subscriber;
    },
    ...{ state: "ended", asked: "600 0", kinds: "active ended" },
  },
};

beforeEach(() => {
  bench = new SubscriberBench();
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
});

describe("each event of the subscriber, through its shell (RFC 6665 §4.1)", () => {
  it.each(Object.entries(scenarios))("%s", async (_, { run, state, asked, kinds }) => {
    const subscriber = await run();
    expect(subscriber.state).toBe(state);

    expect(bench.requests.map(({ headers }) => headers.get("Expires")).join(" ")).toBe(asked);
    expect(bench.rig.kinds.join(" ")).toBe(kinds);
  });
});
