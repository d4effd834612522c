import type { SipProxy } from "@sip-push/proxy";
import { PushSender, type SenderEvent } from "@sip-push/sender";
import { SipEndpoint } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { Inbox, named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ALICE, handsetBehind, openCore, PPG, uriOf } from "../support/push-core.ts";

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
      waitForRegistrationSeconds: 0.3,
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

  it("is given up within a second when the sender closes", async () => {
    const { sender, events } = await openBed(false);
    const outcomes = sender.deliver(toPush(newDsNotification()), { to: ALICE, waitForRegistrationSeconds: 30 });
    await events.next(named("handset-unregistered"));
    const startMs = performance.now();
    await sender.close();
    expect(await outcomes).toMatchObject([{ messageState: "pending", sipStatus: 480 }]);
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});
