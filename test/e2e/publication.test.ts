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

describe("what a handset can take, published (RFC 3903, RFC 5196)", () => {
  it("reaches the sender it is addressed to, which then knows without asking", async () => {
    const { core, sender, ...both } = await openCoreWithSender();
    open.push(both);
    const { receiver, events } = await agents.openReceiver({
      ...handsetBehind(core),
      applications: ["push.syncml"],
      publish: { to: PPG },
    });
    expect(await events.next(named("published"))).toMatchObject({ to: PPG, operation: "initial" });
    expect(sender.capabilitiesOf(ALICE)).toMatchObject([{ facts: { applications: ["push.syncml"] } }]);

    receiver.setApplications(["push.syncml", "syncml.dm"]);
    expect(await events.next(named("published"))).toMatchObject({ operation: "modify" });
    expect(sender.capabilitiesOf(ALICE)).toMatchObject([{ facts: { applications: ["push.syncml", "syncml.dm"] } }]);
  });

  it("reaches the presence agent of the core, and is removed at the end", async () => {
    const proxy = await openCore();
    open.push(proxy);
    const settings = senderBehind(proxy);
    const sender = await agents.openSender({ ...settings, capabilities: { presence: true } });
    await settings.events.next(named("registered"));
    const { receiver, events, pushes } = await agents.openReceiver({ ...handsetBehind(proxy), publish: true });
    expect(await events.next(named("published"))).toMatchObject({ to: ALICE, operation: "initial" });
    const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE });
    expect(outcome).toMatchObject({ messageState: "delivered" });
    await pushes.next();
    // The first push made the sender subscribe to presence; the agent's NOTIFY tells what was published.
    const known = (): unknown => sender.capabilitiesOf(ALICE).map(({ facts }) => facts.eventPackages);
    await expect.poll(known).toEqual([expect.arrayContaining(["oma-push"])]);
    await receiver.close();
    await expect.poll(known).toEqual([]);
  });
});
