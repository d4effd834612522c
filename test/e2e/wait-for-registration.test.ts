import type { SipProxy } from "@sip-push/proxy";
import { PushSender, type SenderEvent } from "@sip-push/sender";
import { SipEndpoint } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { Inbox, named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ALICE, handsetBehind, openCore, PPG, senderBehind, uriOf } from "../support/push-core.ts";

const agents = useAgents();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

interface Bed {
  readonly core: SipProxy;
  readonly sender: PushSender;
  readonly events: Inbox<SenderEvent>;
}

/** A core with the sender as its application server on ISC, at an address of its own. */
async function openBed(thirdPartyRegister: boolean): Promise<Bed> {
  const address = "127.0.0.2";
  const events = new Inbox<SenderEvent>((event) => JSON.stringify(event));
  const taking: { sender?: PushSender } = {};
  const endpoint = await SipEndpoint.open({
    listen: [{ transport: "TCP", address, port: 0 }],
    onRequest: (transaction) => taking.sender?.handle(transaction),
  });
  open.push(endpoint);
  const uri = `sip:${address}:${endpoint.listening[0]?.port};transport=tcp`;
  const core = await openCore({
    // A core that tells by third-party REGISTER need not let itself be watched.
    trusted: [address],
    ...(thirdPartyRegister ? { regEvent: false as const } : {}),
    applicationServers: [{ uri, serviceIdentities: [PPG], thirdPartyRegister }],
  });
  open.push(core);
  const sender = await PushSender.open({
    from: PPG,
    endpoint,
    proxy: uriOf(core),
    trusted: ["127.0.0.1"],
    thirdPartyRegister,
    onEvent: (event) => events.put(event),
  });
  taking.sender = sender;
  open.push(sender);
  return { core, sender, events };
}

describe("a push to a handset that is off, through our core", () => {
  it("goes out when the handset registers, as the reg event package tells (RFC 3680)", async () => {
    const { core, sender, events } = await openBed(false);
    const outcomes = sender.deliver(toPush(newDsNotification()), { to: ALICE, waitForRegistrationSeconds: 30 });
    // The first NOTIFY: nobody is registered, so the push has failed once and waits.
    await events.next(named("handset-unregistered"));
    const { pushes } = await agents.openRegistered(handsetBehind(core));
    expect(await outcomes).toMatchObject([{ messageState: "delivered", attempts: 2 }]);
    expect(await events.next(named("handset-registered"))).toMatchObject({ aor: ALICE });
    expect((await pushes.next()).via).toBe("message");
  });

  it("goes out when the core tells by a third-party REGISTER (TS 24.229 §5.4.1.7)", async () => {
    const { core, sender, events } = await openBed(true);
    const outcomes = sender.deliver(toPush(newDsNotification()), { to: ALICE, waitForRegistrationSeconds: 30 });
    // One push at a time goes to a user: after the second is refused the first is, and waits.
    const [refused] = await sender.deliver(toPush(newDsNotification()), { to: ALICE });
    expect(refused).toMatchObject({ messageState: "pending", sipStatus: 480 });
    const { pushes } = await agents.openRegistered(handsetBehind(core));
    expect(await outcomes).toMatchObject([{ messageState: "delivered", attempts: 2 }]);
    expect(await events.next(named("handset-registered"))).toMatchObject({ aor: ALICE });
    await pushes.next();
  });

  it("is pending when the handset does not come in time", async () => {
    const { sender } = await openBed(false);
    const [outcome] = await sender.deliver(toPush(newDsNotification()), {
      to: ALICE,
      // More than the core takes to refuse the push on a busy machine.
      waitForRegistrationSeconds: 2,
    });
    expect(outcome).toMatchObject({ messageState: "pending", sipStatus: 480, retryable: true, attempts: 1 });
    expect(outcome?.reason).toContain("the handset did not come in time");
  });

  it("that goes by NOTIFY alone waits for the handset's subscription", async () => {
    const { core, sender, events } = await openBed(false);
    const outcomes = sender.deliver(toPush(newDsNotification()), {
      to: ALICE,
      via: "notify",
      waitForRegistrationSeconds: 30,
    });
    const { pushes } = await agents.openReceiver({ ...handsetBehind(core), subscriptions: [{ to: PPG }] });
    expect(await outcomes).toMatchObject([{ messageState: "delivered", via: "notify", attempts: 1 }]);
    expect(await events.next(named("subscribed"))).toMatchObject({ subscriber: ALICE });
    expect((await pushes.next()).via).toBe("notify");
  });

  it("is given up at once when the sender closes", async () => {
    const { sender, events } = await openBed(false);
    const outcomes = sender.deliver(toPush(newDsNotification()), { to: ALICE, waitForRegistrationSeconds: 3_600 });
    await events.next(named("handset-unregistered"));
    await sender.close();
    expect(await outcomes).toMatchObject([{ messageState: "pending", sipStatus: 480 }]);
  });
});

describe("a sender that is a user of the core, registered and known by digest, and not of its trust domain (RFC 3680 §4.6)", () => {
  async function openUser(watchers: readonly string[]): Promise<Bed> {
    const core = await openCore({ regEvent: { watchers } });
    open.push(core);
    const { events, ...options } = senderBehind(core);
    const listen = [{ transport: "TCP", address: "127.0.0.1", port: 0 }] as const;
    const sender = await PushSender.open({ from: PPG, listen, ...options });
    open.push(sender);
    await events.next(named("registered"));
    return { core, sender, events };
  }

  it("hears that the handset registered, when the core lets it watch", async () => {
    const { core, sender, events } = await openUser([PPG]);
    const outcomes = sender.deliver(toPush(newDsNotification()), { to: ALICE, waitForRegistrationSeconds: 30 });
    await events.next(named("handset-unregistered"));
    const { pushes } = await agents.openRegistered(handsetBehind(core));
    expect(await outcomes).toMatchObject([{ messageState: "delivered", sipStatus: 200 }]);
    expect(await events.next(named("handset-registered"))).toMatchObject({ aor: ALICE });
    await pushes.next();
  });

  it("is told at once that nobody will tell it, when the core does not", async () => {
    const { sender } = await openUser([]);
    const [outcome] = await sender.deliver(toPush(newDsNotification()), { to: ALICE, waitForRegistrationSeconds: 30 });
    expect(outcome).toMatchObject({ messageState: "pending", sipStatus: 480, retryable: true });
    expect(outcome?.reason).toContain("the registrar does not tell when the handset registers");
  });
});
