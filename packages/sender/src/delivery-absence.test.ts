import { encodeReginfo } from "@sip-push/bodies";
import type { NotificationInit } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ScriptedCore } from "../../../test/support/scripted-core.ts";
import { BOB, SenderRig } from "../../../test/support/sender-rig.ts";
import type { SenderEvent } from "./events.ts";
import type { PushSenderOptions } from "./options.ts";
import type { PushOutcome } from "./outcome.ts";
import type { DeliverOptions, PushSender } from "./push-sender.ts";

let rig: SenderRig;
let core: ScriptedCore;
let events: SenderEvent[];

beforeEach(async () => {
  rig = new SenderRig();
  core = await ScriptedCore.open(rig);
  events = [];
  core.state = registered(0);
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const open = (options: Partial<PushSenderOptions> = {}): Promise<PushSender> =>
  rig.open({ onEvent: (event) => void events.push(event), ...options });

/** A full reg-event document with one contact, registered by REGISTER number `cseq`; 0: with none. RFC 3680. */
function registered(cseq: number, application = "push.syncml"): NotificationInit {
  const contact = {
    id: "c1",
    uri: "sip:bob@192.0.2.9",
    state: "active",
    event: "registered",
    callId: "reg",
    cseq,
    unknownParams: [["+g.oma.pusheventapp", `"${application}"`]],
  } as const;
  const state = cseq === 0 ? "init" : "active";
  const registrations = [{ aor: BOB, id: "r1", state, contacts: cseq === 0 ? [] : [contact] }] as const;
  const body = encodeReginfo({ version: cseq, state: "full", registrations });
  return { contentType: "application/reginfo+xml", body };
}

/** Pushes to a handset that is off, and waits ten minutes for it; to be awaited with the clock. */
async function deliver(
  sender: PushSender,
  options: Partial<DeliverOptions> = {},
  expiresSeconds?: number,
): Promise<PushOutcome> {
  const push = { ...rig.push, ...(expiresSeconds === undefined ? {} : { expiresSeconds }) };
  const [outcome] = await sender.deliver(push, { to: BOB, waitForRegistrationSeconds: 600, ...options });
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

describe("a push to a handset that is off", () => {
  it("goes out as soon as the registrar says that it is on (reg event package, RFC 3680)", async () => {
    const outcome = deliver(await open());
    await rig.clock.advance(60_000);
    expect(core.of("MESSAGE").length).toBe(1);
    core.answer = () => [200];
    await core.notify(registered(1));
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 2, elapsedMs: 60_000 });
    const [subscribe] = core.subscribed;
    expect([subscribe?.requestUri, subscribe?.headers.get("Event")]).toEqual([BOB, "reg"]);
    expect(subscribe?.headers.get("Accept")).toBe("application/reginfo+xml");
    expect(subscribe?.headers.get("P-Asserted-Identity")).toBe("<sip:push-psi@home.test>");
    const [first, second] = core.of("MESSAGE");
    expect([second?.callId, second?.cseq.seq]).toEqual([first?.callId, 2]);
    expect(events).toContainEqual(expect.objectContaining({ event: "handset-registered", aor: BOB }));
  });

  it.each([404, 408, 410, 430, 480])("waits after a %i", async (statusCode) => {
    core.answer = () => [statusCode];
    const outcome = deliver(await open());
    await rig.clock.advance(1000);
    core.answer = () => [200];
    await core.notify(registered(1));
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 2 });
  });

  it.each([403, 486, 503, 603])("does not wait after a %i, which says nothing about that", async (statusCode) => {
    core.answer = () => [statusCode];
    expect(await rig.clock.until(deliver(await open()))).toMatchObject({ sipStatus: statusCode, elapsedMs: 0 });
    expect(core.subscribed).toEqual([]);
  });

  it("does not wait unless it is told to", async () => {
    const outcome = deliver(await open(), { waitForRegistrationSeconds: 0 });
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "pending", papCode: 5028, elapsedMs: 0 });
    expect(core.subscribed).toEqual([]);
  });

  it("waits after no answer, and goes on before a retry of its own would", async () => {
    core.answer = () => undefined;
    const outcome = deliver(await open({ retry: { maxRetries: 1 } }));
    await rig.clock.advance(40_000);
    core.answer = () => [200];
    await core.notify(registered(1));
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", elapsedMs: 40_000 });
  });

  it("goes out when a third-party REGISTER comes from the trust domain (TS 24.229 §5.4.1.7)", async () => {
    core.admit = () => ({ verdict: "refuse", statusCode: 403 });
    const outcome = deliver(await open({ trusted: ["192.0.2.2"], thirdPartyRegister: true }));
    await rig.clock.advance(5000);
    core.answer = () => [200];
    expect((await core.thirdPartyRegister()).statusCode).toBe(200);
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 2, elapsedMs: 5000 });
  });

  it("takes no third-party REGISTER from elsewhere", async () => {
    const outcome = deliver(await open({ trusted: ["198.51.100.1"], thirdPartyRegister: true }));
    await rig.clock.advance(5000);
    expect((await core.thirdPartyRegister()).statusCode).toBe(403);
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "pending", attempts: 1, elapsedMs: 600_000 });
  });

  it("is not woken by a registration without its application (RFC 3840)", async () => {
    const outcome = deliver(await open());
    await rig.clock.advance(10);
    await core.notify(registered(1, "ulp.ua"));
    await rig.clock.advance(1000);
    expect(core.of("MESSAGE").length).toBe(1);
    core.answer = () => [200];
    await core.notify(registered(2));
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 2 });
  });

  it("is not woken twice by the same registration: it waits for the next REGISTER", async () => {
    // The registrar holds a binding of a handset that has just gone.
    core.state = registered(1);
    const outcome = deliver(await open());
    await rig.clock.advance(60_000);
    expect(core.of("MESSAGE").length).toBe(2);
    core.answer = () => [200];
    await core.notify(registered(2));
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 3 });
  });

  it("tells its answer when the handset does not come in time, and why nothing came of the wait", async () => {
    const outcome = await rig.clock.until(deliver(await open()));
    expect(outcome).toMatchObject({ messageState: "pending", papCode: 5028, sipStatus: 480, elapsedMs: 600_000 });
    expect(outcome.reason).toBe("480 Temporarily Unavailable; the handset did not come in time");
  });

  it("never waits past deliver-before, and is expired then", async () => {
    const outcome = await rig.clock.until(deliver(await open(), {}, 120));
    expect(outcome).toMatchObject({ messageState: "expired", sipStatus: 480, elapsedMs: 120_000, retryable: false });
  });

  it("says at once that the registrar does not tell (403), where no third-party REGISTER is to come", async () => {
    core.admit = () => ({ verdict: "refuse", statusCode: 403 });
    const outcome = await rig.clock.until(deliver(await open()));
    expect(outcome).toMatchObject({ messageState: "pending", papCode: 5028, retryable: true, elapsedMs: 0 });
    expect(outcome.reason).toContain("the registrar does not tell");
  });

  it("shares its watch with other pushes to the user, and holds up none of them", async () => {
    const sender = await open();
    const outcomes = [deliver(sender), deliver(sender)];
    await rig.clock.advance(1000);
    expect([core.of("MESSAGE").length, core.subscribed.length]).toEqual([2, 1]);
    core.answer = () => [200];
    await core.notify(registered(1));
    const ended = await rig.clock.until(Promise.all(outcomes));
    expect(ended.map(({ messageState }) => messageState)).toEqual(["delivered", "delivered"]);
  });

  it("ends with the caller's signal, and when the sender closes", async () => {
    const sender = await open();
    const abort = new AbortController();
    const aborted = deliver(sender, { signal: abort.signal });
    const closed = deliver(sender);
    await rig.clock.advance(1000);
    abort.abort();
    expect(await rig.clock.until(aborted)).toMatchObject({ messageState: "cancelled", sipStatus: 480 });
    await rig.clock.until(sender.close());
    expect(await closed).toMatchObject({ messageState: "pending", sipStatus: 480, elapsedMs: 1000 });
  });

  it("begins anew: redirections and subscriptions are looked at again", async () => {
    core.answer = ({ requestUri }) =>
      requestUri === BOB ? [302, { headers: [["Contact", "<sip:old@192.0.2.2>"]] }] : [480];
    const outcome = deliver(await open());
    await rig.clock.advance(1000);
    core.answer = () => [200];
    await core.notify(registered(1));
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 3 });
    expect(core.of("MESSAGE").map(({ requestUri }) => requestUri)).toEqual([BOB, "sip:old@192.0.2.2", BOB]);
  });
});
