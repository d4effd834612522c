import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { named } from "../support/inbox.ts";
import { aorOf, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { everyOctet } from "../support/octets.ts";
import { type SippOptions, type SippRun, startSipp } from "../support/sipp.ts";

const type = "application/octet-stream";
const applications = [{ applicationId: "push.syncml", contentTypes: [type] }];

describeWithPeers("SIPp as a notifier for our receiver, through Kamailio", ["kamailio", "sipp"], () => {
  const bed = useKamailio();
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  /** SIPp, registered as `user`, ends a subscription for the reason `ended` by itself, or not. */
  const startNotifier = async (user: string, ended: string, options: Partial<SippOptions> = {}): Promise<SippRun> => {
    const event = 'oma-push;event-app-id="urn:x-wap-application:push.syncml"';
    const notifier = await startSipp({
      scenario: "oma-push-notifier",
      transport: "udp",
      keywords: { event, content_type: type, ended },
      body: everyOctet,
      ...options,
    });
    await bed.bind(user, `sip:127.0.0.1:${notifier.port};transport=${options.transport ?? "udp"}`);
    return notifier;
  };
  const openHandset = (user: string, on: "udp" | "tcp" | "ws", to: string) =>
    agents.openRegistered({ ...core.handset(user, on), applications, subscriptions: [{ to, expiresSeconds: 600 }] });

  it.each([
    { notifierOn: "udp", on: "udp" },
    { notifierOn: "tcp", on: "ws" },
  ] as const)(
    "confirms and pushes in one NOTIFY, is refreshed and left, from $notifierOn to $on (RFC 6665)",
    async ({ notifierOn, on }) => {
      const [user, to] = [`notifies-on-${notifierOn}`, aorOf(`notifies-on-${notifierOn}`)];
      const notifier = await startNotifier(user, "no", { transport: notifierOn });
      const { receiver, events, pushes } = await openHandset(`listens-on-${on}`, on, to);
      expect(await events.next(named("subscribed"))).toMatchObject({ to, applicationId: "push.syncml" });
      const push = await pushes.next();
      expect(push).toMatchObject({ via: "notify", applicationId: "push.syncml", contentType: type, sipStatus: 200 });
      expect(Buffer.from(push.body)).toEqual(everyOctet);
      // A refresh, with another feature tag; SIPp confirms it without content.
      receiver.setApplications([...applications, "syncml.dm"]);
      await notifier.process.waitForOutput(/^renewed$/m);
      await receiver.subscriptions[0]?.stop();
      const notified = await notifier.finish();
      expect(notified).toMatchObject({ exitCode: 0, errors: "" });
      expect(notified.log.match(/expires \d+/g)).toEqual(["expires 600", "expires 600", "expires 0"]);
      expect(pushes.waiting).toEqual([]);
    },
  );

  it("may notify before its answer, and answer 202 (RFC 6665 4.4.1, 8.3.1)", async () => {
    const to = aorOf("hasty");
    const notifier = await startNotifier("hasty", "rejected", { scenario: "oma-push-notifier-hasty" });
    const { events, pushes } = await openHandset("patient", "ws", to);
    expect(await events.next(named("subscribed"))).toMatchObject({ to });
    expect(Buffer.from((await pushes.next()).body)).toEqual(everyOctet);
    expect(await events.next(named("subscription-ended"))).toMatchObject({ reason: "rejected", retryInMs: null });
    expect(await notifier.finish()).toMatchObject({ exitCode: 0, errors: "" });
    expect(pushes.waiting).toEqual([]);
  });

  it.each([
    { ended: "rejected", retryInMs: null },
    { ended: "noresource", retryInMs: null },
    { ended: "invariant", retryInMs: null },
    { ended: "giveup;retry-after=300", retryInMs: expect.closeTo(300_000, -4) },
    { ended: "probation;retry-after=300", retryInMs: expect.closeTo(300_000, -4) },
  ])("may end it with $ended (RFC 6665 4.1.3)", async ({ ended, retryInMs }) => {
    const [reason = ""] = ended.split(";");
    const notifier = await startNotifier(reason, ended);
    const { events, pushes } = await openHandset(`left-${reason}`, "tcp", aorOf(reason));
    await pushes.next();
    expect(await events.next(named("subscription-ended"))).toMatchObject({ reason, retryInMs });
    expect(await notifier.finish()).toMatchObject({ exitCode: 0, errors: "" });
  });

  it.each(["deactivated", "timeout", "probation;retry-after=1"])(
    "is subscribed to again, in another dialog, after %s",
    async (ended) => {
      const [reason = ""] = ended.split(";");
      const user = `again-${reason}`;
      const notifier = await startNotifier(user, ended, { calls: 2 });
      const { events, pushes } = await openHandset(`comes-${user}`, "udp", aorOf(user));
      const first = await pushes.next();
      expect(await events.next(named("subscription-ended"))).toMatchObject({ reason, retryInMs: expect.any(Number) });
      const second = await pushes.next();
      expect(second.callId).not.toBe(first.callId);
      expect(await notifier.finish()).toMatchObject({ exitCode: 0, successfulCalls: 2, errors: "" });
    },
  );
});

describeWithPeers("SIPp as the agent for what our receiver publishes, through Kamailio", ["kamailio", "sipp"], () => {
  const bed = useKamailio();
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it("gives a new entity tag each time, forgets one, and sees it removed (RFC 3903 4)", async () => {
    const agent = await startSipp({ scenario: "publish-agent", transport: "udp", calls: 100 });
    await bed.bind("push", `sip:127.0.0.1:${agent.port}`);
    const to = aorOf("push");
    const publish = { to, expiresSeconds: 600 };
    const { receiver, events } = await agents.openReceiver({ ...core.handset("publishes", "tcp"), publish });
    const published = async (): Promise<unknown> => await events.next(named("published"));
    expect(await published()).toEqual({ event: "published", to, operation: "initial", expiresSeconds: 600 });
    // 412 to the first SIP-If-Match: begins again by itself.
    receiver.setApplications(["push.syncml", "x.one"]);
    expect(await published()).toMatchObject({ operation: "initial" });
    receiver.setApplications(["push.syncml"]);
    expect(await published()).toMatchObject({ operation: "modify" });
    await receiver.close();
    const told = (await agent.stop()).log
      .match(/^published .*/gm)
      ?.map((line) => line.replace(/^published \d\d+/, "…"));
    expect(told).toEqual([
      "… octets for 600 s, SIP-If-Match ",
      "… octets for 600 s, SIP-If-Match sipp-1.000000",
      "… octets for 600 s, SIP-If-Match ",
      "… octets for 600 s, SIP-If-Match sipp-3.000000",
      "published 0 octets for 0 s, SIP-If-Match sipp-4.000000",
    ]);
    expect(events.waiting.filter(named("publication-failed"))).toEqual([]);
  });
});
