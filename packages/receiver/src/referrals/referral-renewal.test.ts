import { decodeSipfrag } from "@sip-push/bodies";
import { referHeaders } from "@sip-push/push";
import { createRequest, parseUri, type SipRequest, type SipResponse, type SipUri } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HANDSET, NETWORK, ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import { openNotifier, PSI, scriptSubscribe, subscribing } from "../testdata/push-notifier.ts";
import type { ReferPolicy } from "./index.ts";

const OTHER = "sip:other@home.test";
const event = { applicationIds: ["x.app"] };

let rig: ReceiverRig;
/** Status codes in NOTIFYs about references. */
let reports: number[];

beforeEach(async () => {
  rig = await ReceiverRig.start();
  reports = [];
  rig.methods["NOTIFY"] = (transaction) => {
    reports.push(decodeSipfrag(transaction.request.body).statusCode);
    transaction.reply(200);
  };
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

/** @param contact null for none. */
function refer(
  init: { target?: string; report?: boolean; replaces?: string; contact?: string | null } = {},
): Promise<SipResponse> {
  const { target = PSI, report = false, replaces, contact = `<sip:psi@${NETWORK}>` } = init;
  const fields = referHeaders({ target, event, withoutSubscription: !report, ...(replaces && { replaces }) });
  return rig.send({
    method: "REFER",
    headers: [...fields, ...(contact === null ? [] : [["Contact", contact] as const])],
  });
}

const referred = (): unknown => rig.events.findLast(({ event: name }) => name === "referred");

describe("a reference to what is subscribed to already", () => {
  it("subscribes at once where that waits to try again, and reports what comes of it", async () => {
    const peer = await openNotifier(rig);
    const seen = scriptSubscribe(rig, (transaction, n) =>
      n === 0 ? transaction.reply(503, { headers: [["Retry-After", "3600"]] }) : peer.notifier.handle(transaction),
    );
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    expect([seen.length, receiver.subscriptions[0]?.state]).toEqual([1, "waiting"]);
    expect((await refer({ report: true })).statusCode).toBe(202);
    await rig.clock.advance(1000);
    expect([seen.length, receiver.subscriptions[0]?.state]).toEqual([2, "active"]);
    expect(reports).toEqual([100, 200]);
  });

  it("asks by a refresh whether it stands; a sender that lost it gets another (481, RFC 6665 §4.1.2.2)", async () => {
    await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    const restarted = await openNotifier(rig);
    await refer();
    await rig.clock.advance(1000);
    expect(restarted.subscribes.map(({ to }) => to.params.has("tag"))).toEqual([true, false]);
    expect([restarted.notifier.size, receiver.subscriptions.length]).toEqual([1, 1]);
  });

  it("reports the outcome of that refresh, and of no SUBSCRIBE before it", async () => {
    await openNotifier(rig);
    await rig.open(subscribing);
    await rig.clock.advance(100);
    scriptSubscribe(rig, (transaction) => transaction.reply(404));
    await refer({ report: true });
    await rig.clock.advance(1000);
    expect(reports).toEqual([100, 404]);
  });

  it("is answered for each of several while one SUBSCRIBE is under way", async () => {
    const peer = await openNotifier(rig);
    await rig.open(subscribing);
    await rig.clock.advance(100);
    const held: Parameters<typeof peer.notifier.handle>[0][] = [];
    rig.methods["SUBSCRIBE"] = (transaction) => void held.push(transaction);
    await refer({ report: true });
    await refer({ report: true });
    await rig.clock.advance(100);
    expect(held.length).toBe(1);
    rig.methods["SUBSCRIBE"] = (transaction) => peer.notifier.handle(transaction);
    for (const transaction of held) peer.notifier.handle(transaction);
    await rig.clock.advance(1000);
    expect(reports).toEqual([100, 100, 200, 200]);
  });

  it("makes another where that is being stopped", async () => {
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    const stopped = receiver.subscriptions[0]?.stop();
    await refer({ report: true });
    await stopped;
    await rig.clock.advance(1000);
    expect(subscribes.map(({ headers }) => headers.get("Expires"))).toEqual(["86400", "0", "86400"]);
    expect(receiver.subscriptions).toMatchObject([{ to: PSI, applications: ["x.app"], state: "active" }]);
    expect(reports).toEqual([100, 200]);
  });

  it("is told 487 when its last application goes while the SUBSCRIBE is under way", async () => {
    scriptSubscribe(rig, () => {});
    const receiver = await rig.open(subscribing);
    await refer({ report: true });
    receiver.setApplications([]);
    await rig.clock.advance(1000);
    expect(reports).toEqual([100, 487]);
  });
});

describe("a reference with Expires 0", () => {
  it("fetches once, and leaves no subscription (RFC 6665 §4.4.3)", async () => {
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open({ applications: ["x.app"] });
    const referTo = `<${PSI};method=SUBSCRIBE?Event=oma-push%3Bevent-app-id%3Dx.app&Expires=0>`;
    const headers = [
      ["Refer-To", referTo],
      ["Contact", `<sip:psi@${NETWORK}>`],
    ] as const;
    expect((await rig.send({ method: "REFER", headers })).statusCode).toBe(202);
    await rig.clock.advance(40_000);
    expect(subscribes.map((request) => request.headers.get("Expires"))).toEqual(["0"]);
    expect(receiver.subscriptions).toEqual([]);
    expect(reports).toEqual([100, 200]);
  });
});

describe("Replaces in a reference whose new subscription takes more than one try (RFC 3891 §6.1)", () => {
  it("ends the old one when the new one stands", async () => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    const [first] = peer.subscribes as [SipRequest];
    const replaces = `${first.callId};to-tag=${peer.id};from-tag=${first.from.params.get("tag")}`;
    let refusals = 2;
    rig.methods["SUBSCRIBE"] = (transaction) => {
      if (transaction.request.requestUri === OTHER && refusals-- > 0) transaction.reply(503);
      else peer.notifier.handle(transaction);
    };
    await refer({ target: OTHER, replaces });
    await rig.clock.advance(1000);
    expect(receiver.subscriptions.map(({ to, state }) => `${to} ${state}`)).toEqual([
      `${PSI} active`,
      `${OTHER} waiting`,
    ]);
    await rig.clock.advance(10_000);
    expect(receiver.subscriptions.map(({ to, state }) => `${to} ${state}`)).toEqual([`${OTHER} active`]);
  });
});

describe("who may refer us", () => {
  const strangers = { trustedHops: ["198.51.100.1"] };

  it.each<[ReferPolicy | undefined, number]>([
    [undefined, 403],
    [() => true, 202],
    [(() => undefined) as unknown as ReferPolicy, 403],
    [(() => "yes") as unknown as ReferPolicy, 403],
  ])("is who comes through a trusted hop, when nobody says otherwise: policy %s, %i", async (policy, statusCode) => {
    await openNotifier(rig);
    const receiver = await rig.open({ applications: ["x.app"], ...strangers, ...(policy && { refer: policy }) });
    expect((await refer()).statusCode).toBe(statusCode);
    expect(referred()).toMatchObject({ sipStatus: statusCode });
    await rig.clock.advance(100);
    expect(receiver.subscriptions.length).toBe(statusCode === 202 ? 1 : 0);
  });

  it("is also whom we subscribed to, in that dialog", async () => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open({ ...subscribing, ...strangers });
    await rig.clock.advance(100);
    const [subscribe] = peer.subscribes as [SipRequest];
    const request = createRequest({
      method: "REFER",
      requestUri: `sip:bob@${HANDSET}`,
      from: PSI,
      fromTag: peer.id,
      to: `<${subscribe.from.uriText}>`,
      toTag: subscribe.from.params.get("tag") ?? "",
      callId: subscribe.callId,
      cseq: 10,
      headers: [...referHeaders({ target: OTHER, event }), ["Contact", `<sip:psi@${NETWORK}>`]],
    });
    const nextHop = parseUri(`sip:${HANDSET}`) as SipUri;
    const outcome = await rig.clock.until(rig.peer.sender.send(request, { nextHop }));
    expect(outcome).toMatchObject({ response: { statusCode: 202 } });
    await rig.clock.advance(100);
    expect(receiver.subscriptions.map(({ to }) => to)).toEqual([PSI, OTHER]);
  });
});

describe("a reference that cannot be reported on", () => {
  it("is told of like any other that is refused", async () => {
    const receiver = await rig.open({ applications: ["x.app"] });
    expect((await refer({ report: true, contact: null })).statusCode).toBe(400);
    expect(referred()).toMatchObject({ target: PSI, sipStatus: 400, reason: "no report possible" });
    expect(receiver.subscriptions).toEqual([]);
  });
});
