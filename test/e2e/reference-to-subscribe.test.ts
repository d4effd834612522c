import { afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ALICE, handsetBehind, openCore, PPG, senderBehind } from "../support/push-core.ts";

const OTHER = "sip:other@example.test";
const event = { applicationIds: ["push.syncml"] };

const agents = useAgents();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** A core, two registered senders, and a registered handset. */
async function start(options: Parameters<typeof agents.openRegistered>[0] | object = {}) {
  const proxy = await openCore();
  open.push(proxy);
  const [settings, others] = [senderBehind(proxy), senderBehind(proxy, "other")];
  const [sender, other] = [await agents.openSender(settings), await agents.openSender(others)];
  await Promise.all([settings, others].map(({ events }) => events.next(named("registered"))));
  const handset = await agents.openRegistered({ ...handsetBehind(proxy), ...options });
  return { sender, other, handset };
}

describe("a reference to subscribe through our core (draft-mdolly-dispatch-oma-push-00 §11.4)", () => {
  it("is followed: the handset subscribes to the sender that it was referred to, which then notifies", async () => {
    const { sender, other, handset } = await start();
    expect(await sender.refer(ALICE, { target: OTHER, event })).toEqual({
      kind: "accepted",
      sipStatus: 202,
      result: null,
    });
    expect(await handset.events.next(named("referred"))).toMatchObject({
      from: PPG,
      assertedIdentity: PPG,
      target: OTHER,
      sipStatus: 202,
    });
    expect(await handset.events.next(named("subscribed"))).toMatchObject({ to: OTHER, applicationId: "push.syncml" });
    await other.deliver(toPush(newDsNotification()), { to: ALICE, via: "notify" });
    expect(await handset.pushes.next()).toMatchObject({ via: "notify", from: OTHER });
  });

  it("is reported on when the sender asks for that: 200 of the SUBSCRIBE (RFC 3515 §2.4.5)", async () => {
    const { sender } = await start();
    expect(await sender.refer(ALICE, { event, report: true })).toEqual({
      kind: "accepted",
      sipStatus: 202,
      result: { sipStatus: 200, reason: "OK" },
    });
  });

  it("is reported on with the refusal when the sender referred to is not there", async () => {
    const { sender } = await start();
    const outcome = await sender.refer(ALICE, { target: "sip:nobody@example.test", event, report: true });
    expect(outcome).toMatchObject({ kind: "accepted", result: { sipStatus: 404 } });
  });

  it("makes no second subscription to the same sender and application", async () => {
    const { sender, handset } = await start();
    for (const _ of [1, 2]) {
      expect(await sender.refer(ALICE, { event, report: true })).toMatchObject({ result: { sipStatus: 200 } });
    }
    expect(handset.receiver.subscriptions.length).toBe(1);
  });

  it.each([
    ["403 by policy", { refer: "refuse" }, 403],
    ["403 from one who is not trusted", { trustedPpgs: [{ address: OTHER }] }, 403],
    ["488 for an application that is not there", { applications: ["x.app"] }, 488],
  ] as const)("is refused: %s", async (_, options, sipStatus) => {
    const { sender, handset } = await start(options);
    expect(await sender.refer(ALICE, { event })).toMatchObject({ kind: "refused", sipStatus });
    expect(handset.receiver.subscriptions).toEqual([]);
  });
});
