import type { CancelResponse, QualityOfService, StatusQueryResponse } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import { claimAs, outcome } from "../store/testdata/pushes.ts";
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

describe("cancel-message", () => {
  it("tells each recipient's verdict: 1000, or 2008 when it is too late", async () => {
    await pushUnderWay();
    const { cancelResults } = await cancel("p");
    expect(cancelResults.map(({ code, addresses }) => [code, addresses])).toEqual([
      [2008, [user("done")]],
      [1000, [user("busy")]],
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
        addresses: [user("busy"), user("idle"), plmn("+49-30")],
        eventTime: submitted,
      },
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
