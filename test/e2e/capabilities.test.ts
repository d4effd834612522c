import { afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ALICE, handsetBehind, openCoreWithSender } from "../support/push-core.ts";

const agents = useAgents();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function coreWithSender(
  ...options: Parameters<typeof openCoreWithSender>
): Promise<Awaited<ReturnType<typeof openCoreWithSender>>> {
  const both = await openCoreWithSender(...options);
  open.push(both);
  return both;
}

const report = { contentType: "text/plain", body: new TextEncoder().encode("synchronize") };

describe("what a handset can take, through our core", () => {
  it("is told by its answer to OPTIONS (RFC 3261 §11): types, methods, packages, applications", async () => {
    const { core, sender } = await coreWithSender();
    await agents.openRegistered({ ...handsetBehind(core), applications: ["push.syncml", "x.app"] });
    const answer = await sender.queryCapabilities(ALICE, { applicationId: "push.syncml" });
    expect(answer).toMatchObject({ kind: "answered", sipStatus: 200 });
    const [{ facts } = { facts: undefined }] = sender.capabilitiesOf(ALICE);
    expect(facts).toMatchObject({
      applications: ["push.syncml", "x.app"],
      methods: expect.arrayContaining(["MESSAGE", "NOTIFY", "OPTIONS"]),
      eventPackages: expect.arrayContaining(["oma-push"]),
      mediaTypes: expect.arrayContaining(["application/vnd.syncml.ds.notification"]),
    });
  });

  it("of nobody who is registered is what a push would be told: 480", async () => {
    const { sender } = await coreWithSender();
    expect(await sender.queryCapabilities(ALICE)).toMatchObject({ kind: "refused", sipStatus: 480 });
  });

  it("is asked for before the first push when the sender is set so, and decides the form: nothing is refused", async () => {
    const { core, sender } = await coreWithSender({ capabilities: { query: true } });
    const { pushes } = await agents.openRegistered({
      ...handsetBehind(core),
      applications: [{ applicationId: "push.syncml", contentTypes: ["text/plain"] }],
    });
    const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, alternatives: [report] });
    expect(outcome).toMatchObject({ messageState: "delivered", attempts: 1 });
    expect((await pushes.next()).contentType).toBe("text/plain");
  });

  it("is learnt from a 415 where nobody asked: the second push is right at once", async () => {
    const { core, sender } = await coreWithSender();
    const { pushes } = await agents.openRegistered({
      ...handsetBehind(core),
      applications: [{ applicationId: "push.syncml", contentTypes: ["text/plain"] }],
    });
    for (const attempts of [2, 1]) {
      const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, alternatives: [report] });
      expect(outcome).toMatchObject({ messageState: "delivered", attempts });
      expect((await pushes.next()).contentType).toBe("text/plain");
    }
  });

  it("is known from what it publishes to the presence agent of the core (RFC 3856, RFC 5196)", async () => {
    const { core, sender } = await coreWithSender({ capabilities: { presence: true } });
    const { pushes, events } = await agents.openReceiver({
      ...handsetBehind(core),
      applications: [{ applicationId: "push.syncml", contentTypes: ["text/plain"] }],
      publish: true,
    });
    await events.next(named("published"));
    // The first push begins the watch; the last of several finds what it told.
    const types: string[] = [];
    const outcomes: number[] = [];
    for (let pushed = 0; pushed < 3; pushed++) {
      const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, alternatives: [report] });
      outcomes.push(outcome?.attempts ?? 0);
      types.push((await pushes.next()).contentType ?? "");
    }
    expect(outcomes.at(-1)).toBe(1);
    expect(types.at(-1)).toBe("text/plain");
    expect(sender.capabilitiesOf(ALICE)[0]?.facts.mediaTypes).toContain("text/plain");
  });
});
