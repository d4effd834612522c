import { PushSender } from "@sip-push/sender";
import { afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ALICE, handsetBehind, openCore, openCoreWithSender, PPG, senderBehind } from "../support/push-core.ts";

const agents = useAgents();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function coreWithSender(): Promise<Awaited<ReturnType<typeof openCoreWithSender>>> {
  const both = await openCoreWithSender();
  open.push(both);
  return both;
}

const push = () => ({ ...toPush(newDsNotification()), report: "receiver" }) as const;

describe("a delivery report (RFC 5438) through our core", () => {
  it("comes back for a MESSAGE, and the push is delivered by the handset's own word", async () => {
    const { core, sender } = await coreWithSender();
    const { pushes } = await agents.openRegistered(handsetBehind(core));
    const [outcome] = await sender.deliver(push(), { to: ALICE, via: "message" });
    expect(outcome).toMatchObject({ messageState: "delivered", sipStatus: 200, via: "message", report: "delivered" });
    const received = await pushes.next();
    expect(received.contentType).toBe("application/vnd.syncml.ds.notification");
    expect(received.notification).toMatchObject({ uiMode: "informative" });
    expect(sender.reports).toMatchObject({ waiting: 0, reported: 1 });
  });

  it("comes back for a NOTIFY of a subscription", async () => {
    const { core, sender } = await coreWithSender();
    const { pushes, events } = await agents.openReceiver({ ...handsetBehind(core), subscriptions: [{ to: PPG }] });
    await events.next(named("subscribed"));
    const [outcome] = await sender.deliver(push(), { to: ALICE });
    expect(outcome).toMatchObject({ messageState: "delivered", via: "notify", report: "delivered" });
    expect((await pushes.next()).via).toBe("notify");
  });

  it("says forbidden where the user does not tell, and what became of the push is unknown", async () => {
    const { core, sender } = await coreWithSender();
    const { pushes } = await agents.openRegistered({ ...handsetBehind(core), reports: "forbid" });
    const [outcome] = await sender.deliver(push(), { to: ALICE });
    expect(outcome).toMatchObject({ messageState: "unknown", sipStatus: 200, report: "forbidden" });
    await pushes.next();
  });

  it("is missed when the handset never reports, in the time that was set", async () => {
    const { core, sender } = await coreWithSender();
    const { pushes } = await agents.openRegistered({ ...handsetBehind(core), reports: "never" });
    const [outcome] = await sender.deliver(push(), { to: ALICE, reportTimeoutSeconds: 0.2 });
    expect(outcome).toMatchObject({ messageState: "unknown", sipStatus: 200, report: null });
    expect(outcome?.reason).toContain("no delivery report came");
    await pushes.next();
  });

  it("is matched to its push among many under way", async () => {
    const { core, sender } = await coreWithSender();
    const { pushes } = await agents.openRegistered(handsetBehind(core));
    const outcomes = (
      await Promise.all(Array.from({ length: 20 }, () => sender.deliver(push(), { to: ALICE })))
    ).flat();
    expect(outcomes.map(({ report }) => report)).toEqual(Array(20).fill("delivered"));
    expect(pushes.waiting.length).toBe(20);
    expect(sender.reports.ignored).toEqual({ unknown: 0, foreign: 0, late: 0, duplicate: 0, unasked: 0 });
  });

  it("reaches a sender that the core had forgotten, once it has registered anew", async () => {
    const core = await openCore({ expires: { minSeconds: 1 } });
    open.push(core);
    const { events, ...options } = senderBehind(core);
    const settings = { from: PPG, listen: [{ transport: "TCP", address: "127.0.0.1", port: 0 }], ...options } as const;
    // Refreshed after half of it.
    const sender = await PushSender.open({ ...settings, registerExpiresSeconds: 4 });
    open.push(sender);
    await events.next(named("registered"));
    const handset = await agents.openRegistered({
      ...handsetBehind(core),
      reports: { retryBaseMs: 50, retryMaxMs: 200 },
    });
    expect(core.deregister(PPG)).toBe(1);
    const [outcome] = await sender.deliver(push(), { to: ALICE, reportTimeoutSeconds: 30 });
    expect(outcome).toMatchObject({ messageState: "delivered", sipStatus: 200, report: "delivered" });
    expect(sender.reports).toMatchObject({ reported: 1, ignored: { duplicate: 0, unknown: 0 } });
    expect((await handset.pushes.next()).sipStatus).toBe(200);
    expect(await handset.events.next(named("report-sent"))).toMatchObject({ outcome: "sent", sipStatus: 200 });
  });
});
