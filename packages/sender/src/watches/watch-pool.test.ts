import { type Notification, SipHeaders, SipRequest, type SubscriberOptions, toMermaid } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WatchEvent, type WatchState, watch } from "./watch.machine.ts";
import type { WatchedSubscription, WatchRefusal, WatchUser } from "./watch.ts";
import { WatchPool } from "./watch-pool.ts";

const LINGER_MS = 60_000;
const REFUSED_MS = 300_000;

class Counting implements WatchUser {
  readonly notified: WatchUser["notified"] = (_, first) => {
    this.firsts.push(first);
    return undefined;
  };
  readonly firsts: boolean[] = [];
  readonly refusals: WatchRefusal[] = [];

  refused(refusal: WatchRefusal): void {
    this.refusals.push(refusal);
  }
}

class ScriptedSubscription implements WatchedSubscription {
  readonly options: SubscriberOptions;
  stops = 0;
  refreshes = 0;

  constructor(options: SubscriberOptions) {
    this.options = options;
  }

  refresh(): void {
    this.refreshes++;
  }

  stop(): void {
    this.stops++;
  }

  end(sipStatus: number | null): void {
    this.options.onReport?.({ kind: "ended", sipStatus, reason: "said so" });
  }

  notify(remoteTag: string): void {
    const headers = SipHeaders.of([
      ["From", `<sip:n@home.test>;tag=${remoteTag}`],
      ["Call-ID", "1"],
    ]);
    const request = new SipRequest("NOTIFY", "sip:a@b", headers);
    void this.options.onNotify?.({ request } as Notification);
  }
}

let clock: VirtualClock;
let subscriptions: ScriptedSubscription[];
let pool: WatchPool<Counting>;
let broken: boolean;

beforeEach(() => {
  clock = new VirtualClock();
  subscriptions = [];
  broken = false;
  pool = new WatchPool({
    clock,
    subscribe: (options) => {
      if (broken) throw new TypeError("closed");
      const subscription = new ScriptedSubscription(options);
      subscriptions.push(subscription);
      return subscription;
    },
    settings: { from: "sip:psi@home.test", contact: "sip:psi@192.0.2.1" },
    event: "reg",
    accept: ["application/reginfo+xml"],
    expiresSeconds: 3761,
    open: () => new Counting(),
    maxWatches: 2,
    lingerMs: LINGER_MS,
    refusedMs: REFUSED_MS,
  });
});

afterEach(() => {
  pool.close();
  expect(pool.size).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

const join = (user: string): NonNullable<ReturnType<typeof pool.join>> => {
  const joined = pool.join(user, `sip:${user}@home.test`);
  if (joined === undefined) throw new Error("no room");
  return joined;
};

describe("watch machine", () => {
  const rows = Object.entries(watch) as [WatchState, (typeof watch)[WatchState]][];

  it("has no row that leaves its last state, and reaches every state from the first", () => {
    expect(watch.ended).toEqual({});
    const reached = new Set<string>(["idle"]);
    for (const state of reached) for (const { next } of Object.values(watch[state as WatchState])) reached.add(next);
    expect([...reached].sort()).toEqual(Object.keys(watch).sort());
  });

  it("ends a subscription that still lives, and stops the timer that still runs, whenever it forgets a watch", () => {
    for (const [state, row] of rows) {
      for (const [event, { actions, next }] of Object.entries(row)) {
        if (next !== "ended") continue;
        const runsTimer = (state === "lingering" || state === "refused") && event !== "due";
        expect(actions, `${state} ${event}`).toEqual([
          ...(runsTimer ? ["stopTimer"] : []),
          ...(state === "watching" || state === "lingering" ? ["unsubscribe"] : []),
          "forget",
        ]);
      }
    }
  });

  it("closes from every state but the last", () => {
    const open = rows.filter(([state]) => state !== "ended");
    expect(open.map(([, row]) => row.close?.next)).toEqual(open.map(() => "ended"));
  });

  it("can be drawn", () => {
    expect(toMermaid(watch)).toMatchSnapshot();
  });

  it("knows these events only", () => {
    const events: WatchEvent[] = ["join", "left", "due", "ended", "evict", "close"];
    for (const [, row] of rows) for (const event of Object.keys(row)) expect(events).toContain(event);
  });
});

describe("a watch", () => {
  it("is one subscription for all who join, with what was set", () => {
    const [first, second] = [join("bob"), join("bob")];
    expect(second).toBe(first);
    expect(subscriptions.map(({ options }) => options)).toMatchObject([
      {
        target: "sip:bob@home.test",
        from: "sip:psi@home.test",
        event: "reg",
        accept: ["application/reginfo+xml"],
        expiresSeconds: 3761,
      },
    ]);
  });

  it("lingers when the last has left, and is joined again without another SUBSCRIBE", async () => {
    const bob = join("bob");
    join("bob");
    bob.leave();
    expect(bob.state).toBe("watching");
    bob.leave();
    expect(bob.state).toBe("lingering");
    await clock.advance(LINGER_MS - 1);
    expect(join("bob")).toBe(bob);
    await clock.advance(LINGER_MS);
    expect(bob.state).toBe("watching");
    bob.leave();
    await clock.advance(LINGER_MS);
    expect(bob.state).toBe("ended");
    expect(subscriptions.map(({ stops }) => stops)).toEqual([1]);
    expect(pool.size).toBe(0);
  });

  it("remembers a refusal for a while, and asks again after it", async () => {
    const bob = join("bob");
    subscriptions[0]?.end(489);
    expect(bob.user.refusals).toEqual([{ sipStatus: 489, reason: "said so" }]);
    expect(join("bob").refusal).toEqual({ sipStatus: 489, reason: "said so" });
    await clock.advance(REFUSED_MS);
    expect(join("bob").refusal).toBeUndefined();
    expect(subscriptions).toHaveLength(2);
    expect(subscriptions[0]?.stops).toBe(0);
  });

  it("takes it for a refusal when the stack cannot subscribe", () => {
    broken = true;
    const bob = join("bob");
    expect(bob.refusal).toEqual({ sipStatus: null, reason: "closed" });
    expect(bob.user.refusals).toEqual([bob.refusal]);
  });

  it("tells the first NOTIFY of each dialog", () => {
    const bob = join("bob");
    for (const tag of ["a", "a", "b"]) subscriptions[0]?.notify(tag);
    expect(bob.user.firsts).toEqual([true, false, true]);
  });

  it("hears nothing after its end", async () => {
    const bob = join("bob");
    bob.leave();
    await clock.advance(LINGER_MS);
    subscriptions[0]?.notify("a");
    subscriptions[0]?.end(null);
    expect(bob.user.firsts).toEqual([]);
    expect(bob.user.refusals).toEqual([]);
  });
});

describe("the pool", () => {
  it("refuses more users than it has places for, and counts", () => {
    join("bob");
    join("alice");
    expect(pool.join("carol", "sip:carol@home.test")).toBeUndefined();
    expect(pool.refused).toBe(1);
    expect(subscriptions).toHaveLength(2);
  });

  it("gives the place of the watch that is idle longest", () => {
    const [bob, alice] = [join("bob"), join("alice")];
    alice.leave();
    bob.leave();
    join("carol");
    expect([bob.state, alice.state]).toEqual(["lingering", "ended"]);
    subscriptions.at(-1)?.end(403);
    join("dave");
    expect(bob.state).toBe("ended");
  });

  it("ends everything when it closes, and begins nothing then", () => {
    join("bob");
    join("alice").leave();
    pool.close();
    expect(subscriptions.map(({ stops }) => stops)).toEqual([1, 1]);
    expect(pool.join("carol", "sip:carol@home.test")).toBeUndefined();
  });
});
