import type { RegistrationRequest, RegistrationResult } from "@sip-push/sender";
import type { SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";
import type { DispatchSender } from "./options.ts";

interface Wait {
  readonly recipient: string;
  readonly request: RegistrationRequest;
  readonly settle: (result: RegistrationResult) => void;
}

let rig: DispatchRig;
let waits: Wait[];
let there: boolean;

beforeEach(async () => {
  rig = await DispatchRig.start();
  waits = [];
  there = false;
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

/** The registrar's side of a sender: the test says when somebody registers. */
const whenRegistered: DispatchSender["whenRegistered"] = (recipient, request) =>
  new Promise((resolve) => {
    const wait = { recipient, request, settle: resolve };
    waits.push(wait);
    request.signal?.addEventListener("abort", () => resolve({ kind: "none", reason: "aborted" }));
  });

const registered = (marker: string): RegistrationResult => ({
  kind: "registered",
  source: "reg-event",
  contacts: null,
  marker,
});

async function node(options: Partial<{ owner: string; address: string; maxWatched: number }> = {}) {
  const { owner = "ppg-1", address = "192.0.2.1", maxWatched = 100 } = options;
  return rig.node({ owner, address, dispatcher: { maxWatched }, wrap: (sender) => ({ ...sender, whenRegistered }) });
}

const handset = () => rig.handset(() => (there ? [200] : [480]));

describe("a handset that is absent", () => {
  it("is watched; its registration wakes all pushes to it at once", async () => {
    await handset();
    await node();
    await rig.submit("p1", ["bob"], { applicationData: { applicationId: "push.syncml" } });
    await rig.untilTold("p1", "retry-wait");
    const [wait] = waits;
    expect(wait).toMatchObject({ recipient: "sip:bob@192.0.2.2", request: { applicationId: "push.syncml" } });
    // A REGISTER that came after the push was sent counts.
    expect(wait?.request.sinceMs).toBeLessThanOrEqual(rig.clock.now());
    there = true;
    wait?.settle(registered("one"));
    await rig.untilTold("p1", "delivered", 1000);
    expect(rig.seen).toHaveLength(2);
  });

  it("is watched again after a restart, and whoever left the push", async () => {
    await handset();
    const first = await node();
    await rig.submit("p1");
    await rig.submit("p2", ["carol"], {});
    await rig.untilTold("p2", "retry-wait");
    await first.kill();
    waits = [];
    await node({ owner: "ppg-2", address: "192.0.2.11" });
    await rig.clock.advance(10);
    expect(waits.map(({ recipient }) => recipient).sort()).toEqual(["sip:bob@192.0.2.2", "sip:carol@192.0.2.2"]);
    there = true;
    waits[0]?.settle(registered("one"));
    await rig.clock.until(() => rig.seen.length === 3, 1000);
  });

  it("that is there for one push is there for the others", async () => {
    await handset();
    const { dispatcher } = await node();
    await rig.submit("p1");
    await rig.untilTold("p1", "retry-wait");
    there = true;
    await rig.submit("p2");
    await rig.untilTold("p2", "delivered", 1000);
    await rig.untilTold("p1", "delivered", 1000);
    expect(dispatcher.stats.watched).toBe(0);
  });

  it("is not woken twice by the same registration", async () => {
    await handset();
    await node();
    await rig.submit("p1");
    await rig.untilTold("p1", "retry-wait");
    waits[0]?.settle(registered("one"));
    await rig.clock.until(() => waits.length === 2, 1000);
    expect(waits[1]?.request.after).toBe("one");
  });

  it("does not cut short what its other pushes wait for", async () => {
    const busy = (request: SipRequest) => Buffer.from(request.body).toString() === "busy";
    const retryAfter = { headers: [["Retry-After", "15"]] } as const;
    await rig.handset((request) => (there ? [200] : busy(request) ? [486, retryAfter] : [480]));
    await node();
    await rig.submit("busy");
    await rig.untilTold("busy", "retry-wait");
    const failedMs = rig.clock.now();
    await rig.submit("absent");
    await rig.untilTold("absent", "retry-wait");
    there = true;
    waits[0]?.settle(registered("one"));
    await rig.untilTold("absent", "delivered", 1000);
    await rig.untilTold("busy", "delivered");
    expect(rig.clock.now() - failedMs).toBeGreaterThanOrEqual(15_000);
  });

  it("and registers every few seconds, takes nothing and uses up no more attempts than one in a minute", async () => {
    await handset();
    await node();
    await rig.submit("p1");
    for (let n = 0; n < 120; n++) {
      await rig.clock.advance(5000);
      waits.at(-1)?.settle(registered(`${n}`));
    }
    const { attempts, state } = await rig.delivery("p1");
    expect([attempts, state]).toEqual([11, "retry-wait"]);
  });

  it("is tried when its time comes where nobody can be watched, or too many are", async () => {
    await handset();
    const { dispatcher } = await node({ maxWatched: 1 });
    await rig.submit("p1", ["bob", "carol"]);
    await rig.clock.until(() => rig.told("p1").filter((each) => each === "sending>retry-wait").length === 2);
    expect(dispatcher.stats.watched).toBe(1);
    waits[0]?.settle({ kind: "none", reason: "unwatchable", refusal: { sipStatus: 489, reason: "Bad Event" } });
    there = true;
    await rig.clock.until(() => rig.told("p1").filter((each) => each.endsWith(">delivered")).length === 2, 70_000);
  });

  it("that registers while the database is away is woken when it is back", async () => {
    await handset();
    const { watched } = await node();
    await rig.submit("p1");
    await rig.untilTold("p1", "retry-wait");
    watched.fault = () => "before";
    there = true;
    waits[0]?.settle(registered("one"));
    await rig.clock.advance(8000);
    expect(rig.seen).toHaveLength(1);
    watched.fault = () => undefined;
    await rig.untilTold("p1", "delivered", 15_000);
  });
});
