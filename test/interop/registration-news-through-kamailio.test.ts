import { expect, it } from "vitest";
import { type Agents, useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { type ReservedPort, reservePort } from "../support/free-port.ts";
import { named } from "../support/inbox.ts";
import { type CoreSender, coreTransports, type KamailioAgents, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";

type Settings = ReturnType<KamailioAgents["handset"]>;

/** How the core's news come. */
interface News {
  /** When the sender has heard `name` of the handset. */
  readonly heard: (name: "handset-registered" | "handset-unregistered") => Promise<unknown>;
  /** The handset's registration is known only by the watch that the first 480 begins, and the push tries once more. */
  readonly onlyWhenAsked: boolean;
}

/** A handset that is about to leave says 480 to a push; the push waits until the handset registers again. */
async function leavesAndComes(
  agents: Agents,
  { sender }: CoreSender,
  settings: Settings,
  { heard, onlyWhenAsked }: News,
): Promise<void> {
  const handlers = { informative: () => ({ statusCode: 480 }) };
  const leaving = await agents.openRegistered({ ...settings, handlers });
  if (!onlyWhenAsked) await heard("handset-registered");
  const push = toPush(newDsNotification());
  const outcomes = sender.deliver(push, { to: settings.aor, waitForRegistrationSeconds: 60 });
  expect((await leaving.pushes.next()).sipStatus).toBe(480);
  if (onlyWhenAsked) {
    await heard("handset-registered");
    expect((await leaving.pushes.next()).sipStatus).toBe(480);
  }
  await leaving.receiver.close();
  // News of two changes at a time may overtake each other within Kamailio.
  await heard("handset-unregistered");
  const handset = await agents.openRegistered(settings);
  const attempts = onlyWhenAsked ? 3 : 2;
  expect(await outcomes).toMatchObject([{ messageState: "delivered", papCode: 1000, sipStatus: 200, attempts }]);
  expect(Buffer.from((await handset.pushes.next()).body)).toEqual(Buffer.from(push.body));
  expect(handset.pushes.waiting).toEqual([]);
}

describeWithPeers("A push that waits for a handset, by the reg events of Kamailio (RFC 3680)", ["kamailio"], () => {
  const bed = useKamailio({ regEvents: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);

  it.each(coreTransports)("goes out when the handset registers over %s", async (transport) => {
    const sender = await core.openSender(`ppg-${transport}`);
    const settings = core.handset(`off-${transport}`, transport);
    const heard: News["heard"] = async (name) => {
      expect(await sender.events.next(named(name))).toMatchObject({ event: name, aor: settings.aor });
    };
    await leavesAndComes(agents, sender, settings, { heard, onlyWhenAsked: true });
    await heard("handset-registered");
  });
});

describeWithPeers("A push that waits for a handset, by third-party REGISTERs (TS 24.229 5.4.1.7)", ["kamailio"], () => {
  let port: ReservedPort;
  let released: Promise<void> | undefined;
  const bed = useKamailio(async () => {
    port = await reservePort();
    return { applicationServer: `sip:127.0.0.1:${port.port}`, minExpiresSeconds: 1 };
  });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  /** The application server that Kamailio tells. */
  const openServer = async (options: { readonly trusted?: readonly string[] } = {}): Promise<CoreSender> => {
    await (released ??= port.release());
    const listen = [{ transport: "UDP", address: "127.0.0.1", port: port.port }] as const;
    return core.openSender("ppg", { listen, thirdPartyRegister: true, ...options });
  };

  it("goes out when the handset registers, whose feature tag is then known, and its leaving too", async () => {
    const server = await openServer();
    const settings = core.handset("told", "ws");
    const { aor, instanceId } = settings;
    const heard: News["heard"] = (name) =>
      server.events.next((event) => event.event === name && "aor" in event && event.aor === aor);
    await leavesAndComes(agents, server, settings, { heard, onlyWhenAsked: false });
    await heard("handset-registered");
    expect(server.sender.capabilitiesOf(aor)).toMatchObject([
      { handset: instanceId, facts: { applications: ["push.syncml"] } },
    ]);
  });

  it("does not wait where the core is not trusted, whose news count for nothing", async () => {
    const { sender, events } = await openServer({ trusted: [] });
    const settings = core.handset("untold", "udp");
    await agents.openRegistered(settings);
    const outcomes = await sender.deliver(toPush(newDsNotification()), {
      to: "sip:away@example.test",
      waitForRegistrationSeconds: 0.2,
    });
    expect(outcomes).toMatchObject([{ sipStatus: 404, attempts: 1 }]);
    expect(sender.capabilitiesOf(settings.aor)).toEqual([]);
    expect(events.waiting).toEqual([]);
  });
});
