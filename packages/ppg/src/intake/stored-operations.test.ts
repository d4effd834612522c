import type { CancelResponse, QualityOfService, StatusQueryResponse } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import { claimAs, outcome, retryLater } from "../store/testdata/pushes.ts";
import { IntakeRig, initiator, plmn, pushOf, user } from "./testdata/intake-rig.ts";

const rig = new IntakeRig();
const now = (): number => rig.clock.date().getTime();

async function cancel(pushId: string, addresses: string[] = [], who = initiator()): Promise<CancelResponse> {
  const { answer, message } = await rig.ask({ kind: "cancel-message", pushId, addresses }, { initiator: who });
  if (message.operation.kind !== "cancel-response") throw new Error(message.operation.kind);
  expect(answer).toMatchObject({ httpStatus: 202, operation: "cancel-message", pushId });
  return message.operation;
}

async function query(pushId: string, addresses: string[] = [], who = initiator()): Promise<StatusQueryResponse> {
  const { answer, message } = await rig.ask({ kind: "statusquery-message", pushId, addresses }, { initiator: who });
  if (message.operation.kind !== "statusquery-response") throw new Error(message.operation.kind);
  expect(answer).toMatchObject({ httpStatus: 202, operation: "statusquery-message", pushId });
  return message.operation;
}

const nextResult = async () => (await rig.store.claimNotifications(claimAs("n", now())))[0];

/** One recipient delivered, one under way, two waiting. */
async function pushUnderWay(qualityOfService?: QualityOfService): Promise<void> {
  const addresses = [user("done"), user("busy"), user("idle"), plmn("+49-30")];
  await rig.push(pushOf("p", { addresses, ...(qualityOfService && { qualityOfService }) }));
  await rig.clock.advance(2_000);
  const [first] = await rig.store.claim(claimAs("n", now(), 2));
  if (first === undefined) throw new Error("two deliveries");
  await rig.store.advance([outcome(first, { atMs: now(), reason: "OK" })]);
}

describe("a replacement", () => {
  it.each(["all", "pending-only"] as const)(
    "of %s finds the recipient by any spelling of the address",
    async (replaceMethod) => {
      await rig.push(pushOf("old", { addresses: [plmn("+49-30"), user("bob")] }));
      const addresses = ["sip:+4930@EXAMPLE.test;user=phone"];
      const { responseResult } = await rig.push(pushOf("new", { addresses, replacePushId: "old", replaceMethod }));
      expect(responseResult).toMatchObject({ code: 1001 });
      const status = await rig.store.status({ initiator: "calendar", pushId: "old" });
      expect(status?.deliveries.map(({ state, reason }) => [state, reason])).toEqual([
        ["cancelled", "replaced"],
        ["pending", ""],
      ]);
    },
  );
});

describe("a pending-only replacement", () => {
  it("has a status and a result for each of its addresses, also for those that get nothing", async () => {
    await pushUnderWay();
    const addresses = [user("idle"), user("done"), "bogus", "sip:mallory@other.test", user("else")];
    const who = initiator({ recipients: ["sip:*@example.test"] });
    const push = {
      replacePushId: "p",
      replaceMethod: "pending-only",
      ppgNotifyRequestedTo: "https://pi.example.test/",
    } as const;
    const { responseResult } = await rig.push(pushOf("new", { ...push, addresses }), { initiator: who });
    expect(responseResult.desc).toMatch(/^accepted for 1 of 5 addresses; /);
    const rejected = [
      ["rejected", 2008, user("done")],
      ["rejected", 2002, "bogus"],
      ["rejected", 2001, "sip:mallory@other.test"],
      ["rejected", 2008, user("else")],
    ];
    const each = await Promise.all(addresses.map((address) => query("new", [address])));
    const states = each.flatMap(({ statusQueryResults }) =>
      statusQueryResults.map(({ messageState, code, addresses: [address] }) => [messageState, code, address]),
    );
    expect(states).toEqual([["pending", 1001, user("idle")], ...rejected]);
    const told: unknown[] = [];
    for (let result = await nextResult(); result !== undefined; result = await nextResult()) {
      told.push([result.messageState, result.papCode, result.address]);
      await rig.store.settleNotifications([{ notification: result, verdict: "accepted", atMs: now() }]);
    }
    expect(told).toEqual(rejected);
    const ends = rig.events.filter((event) => event.event === "state" && event.to === "rejected");
    expect(ends).toMatchObject(rejected.map(([, papCode]) => ({ pushId: "new", papCode })));
    expect(rig.events).toContainEqual(expect.objectContaining({ event: "accepted", pushId: "new", recipients: 1 }));
  });
});

describe("cancel-message", () => {
  it("tells each recipient's verdict: 1000, 1001 while it is under way, or 2008 when it is too late", async () => {
    await pushUnderWay();
    const { cancelResults } = await cancel("p");
    expect(cancelResults.map(({ code, addresses }) => [code, addresses])).toEqual([
      [2008, [user("done")]],
      [1001, [user("busy")]],
      [1000, [user("idle"), plmn("+49-30")]],
    ]);
    expect(cancelResults[1]?.desc).toContain("under way");
    const states = (await rig.store.status({ initiator: "calendar", pushId: "p" }))?.deliveries.map(
      ({ state }) => state,
    );
    expect(states).toEqual(["delivered", "sending", "cancelled", "cancelled"]);
  });

  it("takes back only the recipients named, in any spelling; others are 2002", async () => {
    await pushUnderWay();
    const { cancelResults } = await cancel("p", ["sip:+4930@EXAMPLE.test;user=phone", user("nobody"), "none at all"]);
    expect(cancelResults.map(({ code, addresses }) => [code, addresses])).toEqual([
      [1000, ["sip:+4930@EXAMPLE.test;user=phone"]],
      [2002, [user("nobody"), "none at all"]],
    ]);
    const states = (await rig.store.status({ initiator: "calendar", pushId: "p" }))?.deliveries.map(
      ({ state }) => state,
    );
    expect(states).toEqual(["delivered", "sending", "pending", "cancelled"]);
  });

  it("of what there is not, or is another's, is answered 2004", async () => {
    await rig.push(pushOf("p"));
    expect((await cancel("q")).cancelResults).toMatchObject([{ code: 2004, addresses: [] }]);
    expect((await cancel("q", [user("alice")])).cancelResults).toMatchObject([
      { code: 2004, addresses: [user("alice")] },
    ]);
    const stranger = initiator({ name: "stranger" });
    expect((await cancel("p", [], stranger)).cancelResults).toMatchObject([{ code: 2004 }]);
    expect((await query("p")).statusQueryResults).toMatchObject([{ messageState: "pending" }]);
  });
});

describe("statusquery-message", () => {
  it("tells recipients by state, with code and time", async () => {
    await pushUnderWay();
    const { statusQueryResults } = await query("p");
    const submitted = new Date("2026-01-01T00:00:00Z");
    expect(statusQueryResults).toEqual([
      { messageState: "delivered", code: 1000, desc: "OK", addresses: [user("done")], eventTime: rig.clock.date() },
      {
        messageState: "pending",
        code: 1001,
        desc: "an attempt is under way",
        addresses: [user("busy")],
        eventTime: submitted,
      },
      { messageState: "pending", code: 1001, addresses: [user("idle"), plmn("+49-30")], eventTime: submitted },
    ]);
  });

  it("and cancel-message and replace tell one story of a push, however far it is (PAP 2.x)", async () => {
    const users = ["waiting", "busy", "handed-over", "done"];
    await rig.push(pushOf("p", { addresses: users.map(user) }));
    await rig.clock.advance(2_000);
    const claimed = await rig.store.claim(claimAs("n", now()));
    const [waiting, , handedOver, done] = claimed;
    if (waiting === undefined || handedOver === undefined || done === undefined) throw new Error("four deliveries");
    await rig.store.advance([
      retryLater(waiting, now() + 60_000),
      outcome(handedOver, { to: "waiting-report", papCode: 1001, dueAtMs: now() + 60_000 }),
      outcome(done),
    ]);
    const told = async (): Promise<(string | undefined)[][]> => {
      const all = await Promise.all(users.map((each) => query("p", [user(each)])));
      return all.map(({ statusQueryResults: [first] }) => [first?.messageState, first?.desc]);
    };
    const report = "the handset or a relay has it; its delivery report is awaited";
    const later = [
      ["pending", report],
      ["delivered", "OK"],
    ];
    expect(await told()).toEqual([
      ["pending", "Service Unavailable"],
      ["pending", "an attempt is under way"],
      ...later,
    ]);
    const replace = { replacePushId: "p", replaceMethod: "pending-only" } as const;
    const { responseResult } = await rig.push(pushOf("new", { ...replace, addresses: users.map(user) }));
    const reached = "the push to replace is done there, or the handset or a relay has it";
    const which = JSON.stringify(user("handed-over"));
    expect(responseResult).toEqual({ code: 1001, desc: `accepted for 2 of 4 addresses; ${which} ${reached}` });
    expect((await query("new")).statusQueryResults).toMatchObject([
      { messageState: "pending", addresses: users.slice(0, 2).map(user) },
      { messageState: "rejected", code: 2008, desc: reached, addresses: users.slice(2).map(user) },
    ]);
    const last = "the last attempt is under way: cancelled if it fails";
    expect(await told()).toEqual([["cancelled", "replaced"], ["pending", last], ...later]);
    const { cancelResults } = await cancel("p");
    expect(cancelResults.map(({ code, addresses }) => [code, addresses])).toEqual([
      [2008, ["waiting", "handed-over", "done"].map(user)],
      [1001, [user("busy")]],
    ]);
  });

  it("tells the quality of service of a push that asked for some", async () => {
    const quality: QualityOfService = {
      priority: "high",
      deliveryMethod: "confirmed",
      network: "GSM",
      networkRequired: true,
      bearerRequired: false,
    };
    await pushUnderWay(quality);
    const { statusQueryResults } = await query("p", [user("idle")]);
    expect(statusQueryResults).toMatchObject([{ addresses: [user("idle")], qualityOfService: quality }]);
  });

  it("names the recipients as they are asked for; those that are none are unknown, 2002", async () => {
    await pushUnderWay();
    const { statusQueryResults } = await query("p", [plmn("+4930"), user("nobody")]);
    expect(statusQueryResults).toMatchObject([
      { messageState: "pending", code: 1001, addresses: [plmn("+4930")] },
      { messageState: "unknown", code: 2002, addresses: [user("nobody")] },
    ]);
  });

  it("of what there is not, or is another's, is answered 2004", async () => {
    await rig.push(pushOf("p"));
    const stranger = initiator({ name: "stranger" });
    for (const response of [await query("q"), await query("p", [], stranger)]) {
      expect(response.statusQueryResults).toMatchObject([{ messageState: "unknown", code: 2004, addresses: [] }]);
    }
  });
});
