import { decodeSipfrag } from "@sip-push/bodies";
import { referHeaders } from "@sip-push/push";
import { createRequest, newTag, parseUri, type SipRequest, type SipResponse, type SipUri } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HANDSET, NETWORK, ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import { openNotifier, PSI, type PushNotifier, scriptSubscribe, subscribing } from "../testdata/push-notifier.ts";
import type { ReferPolicy } from "./index.ts";

let rig: ReceiverRig;
/** NOTIFYs about references: state and what the fragment says. */
let reports: string[];

beforeEach(async () => {
  rig = await ReceiverRig.start();
  reports = [];
  rig.methods["NOTIFY"] = (transaction) => {
    const { headers, body } = transaction.request;
    const { statusCode, reasonPhrase } = decodeSipfrag(body);
    const [state] = (headers.get("Subscription-State") ?? "").split(";expires=");
    reports.push(`${headers.get("Event")} ${state}: ${statusCode} ${reasonPhrase}`);
    transaction.reply(200);
  };
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

interface ReferInit {
  readonly target?: string;
  readonly ids?: readonly string[];
  readonly replaces?: string;
  readonly report?: boolean;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly from?: string;
}

/** Sends a REFER, outside a dialog. */
function refer({
  target = PSI,
  ids = ["push.syncml"],
  replaces,
  report = false,
  headers,
  from,
}: ReferInit = {}): Promise<SipResponse> {
  const event = { applicationIds: ids };
  const fields = referHeaders({ target, event, withoutSubscription: !report, ...(replaces && { replaces }) });
  return rig.send({
    method: "REFER",
    headers: headers ?? [...fields, ["Contact", `<sip:psi@${NETWORK}>`]],
    ...(from && { from }),
  });
}

/** The same in the dialog of a subscription: of its last SUBSCRIBE. */
async function referWithin({ subscribes, notifier }: PushNotifier, cseq: number, report = false): Promise<SipResponse> {
  const subscribe = subscribes[0] as SipRequest;
  const [id = ""] = [...notifier.subscriptions()].map((each) => each.id);
  const fields = referHeaders({
    target: "sip:other@home.test",
    event: { applicationIds: ["x.app"] },
    withoutSubscription: !report,
  });
  const request = createRequest({
    method: "REFER",
    requestUri: `sip:bob@${HANDSET}`,
    from: PSI,
    fromTag: id,
    to: `<${subscribe.from.uriText}>`,
    toTag: subscribe.from.params.get("tag") ?? "",
    callId: subscribe.callId,
    cseq,
    headers: [...fields, ["Contact", `<sip:psi@${NETWORK}>`]],
  });
  const outcome = await rig.clock.until(
    rig.peer.sender.send(request, { nextHop: parseUri(`sip:${HANDSET}`) as SipUri }),
  );
  if (outcome.kind === "failure") throw new Error(outcome.code);
  return outcome.response;
}

const referred = (): unknown => rig.events.findLast(({ event }) => event === "referred");

describe("a reference to subscribe (draft-mdolly-dispatch-oma-push-00 §11.4)", () => {
  it("is answered 202 with Refer-Sub: false when it asked so (RFC 4488 §4), and followed", async () => {
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open({ applications: ["push.syncml", "x.app"] });
    const response = await refer({ ids: ["push.syncml", "ulp.ua"] });
    expect([response.statusCode, response.headers.get("Refer-Sub")]).toEqual([202, "false"]);
    await rig.clock.advance(100);
    expect(subscribes.map(({ requestUri }) => requestUri)).toEqual([PSI]);
    // Those that are here.
    expect(subscribes[0]?.headers.get("Event")).toBe('oma-push;event-app-id="x-wap-application:push.syncml"');
    expect(receiver.subscriptions).toMatchObject([{ to: PSI, applications: ["push.syncml"], state: "active" }]);
    expect(referred()).toEqual({
      event: "referred",
      from: "sip:psi@home.test",
      assertedIdentity: null,
      target: PSI,
      applications: ["push.syncml"],
      sipStatus: 202,
      reason: null,
    });
    await rig.clock.advance(1000);
    expect(reports).toEqual([]);
  });

  it.each([
    ["no Refer-To", [], 400],
    [
      "two of them",
      [
        ["Refer-To", "<sip:a@b>"],
        ["Refer-To", "<sip:c@d>"],
      ],
      400,
    ],
    ["a call", [["Refer-To", "<sip:a@b>"]], 489],
    ["another package", [["Refer-To", "<sip:a@b;method=SUBSCRIBE?Event=presence>"]], 489],
    ["no application", [["Refer-To", "<sip:a@b;method=SUBSCRIBE?Event=oma-push>"]], 400],
    [
      "an application that is not here",
      [["Refer-To", "<sip:a@b;method=SUBSCRIBE?Event=oma-push%3Bevent-app-id%3Dulp.ua>"]],
      488,
    ],
  ] as const)("is refused: %s", async (_, headers, statusCode) => {
    const receiver = await rig.open();
    const response = await refer({ headers });
    expect(response.statusCode).toBe(statusCode);
    if (statusCode === 489) expect(response.headers.get("Allow-Events")).toBe("oma-push");
    expect(referred()).toMatchObject({ sipStatus: statusCode });
    expect(receiver.subscriptions).toEqual([]);
  });

  it("may name a target that is not ASCII: nothing throws", async () => {
    const { subscribes } = await openNotifier(rig);
    await rig.open(subscribing);
    const event = "oma-push%3Bevent-app-id%3Dx.app";
    const response = await refer({
      headers: [
        ["Refer-To", `<sip:käse@home.test;method=SUBSCRIBE?Event=${event}>`],
        ["Refer-Sub", "false"],
      ],
    });
    expect([202, 400]).toContain(response.statusCode);
    await rig.clock.advance(100);
    expect(subscribes.length).toBe(response.statusCode === 202 ? 2 : 1);
  });

  it("makes one subscription however often it comes; one that has the application already does", async () => {
    const { subscribes } = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    for (const target of [PSI, "sip:other@home.test", "SIP:other@HOME.test"]) {
      expect((await refer({ target })).statusCode).toBe(202);
      await rig.clock.advance(100);
    }
    // Those that stand are asked, in their dialogs, whether they do.
    expect(subscribes.map(({ to }) => to.params.has("tag"))).toEqual([false, true, false, true]);
    expect(receiver.subscriptions.map(({ to }) => to)).toEqual([PSI, "sip:other@home.test"]);
  });

  it("is bounded: 486 past limits.maxReferrals, until one of them is over", async () => {
    scriptSubscribe(rig, (transaction, n) => transaction.reply(n === 0 ? 503 : 403));
    const receiver = await rig.open({ limits: { maxReferrals: 1 } });
    expect((await refer({ target: "sip:a@home.test" })).statusCode).toBe(202);
    await rig.clock.advance(100);
    const response = await refer({ target: "sip:b@home.test" });
    expect([response.statusCode, response.headers.get("Retry-After")]).toEqual([486, "60"]);
    // Tried again, and refused for good.
    await rig.clock.advance(5000);
    expect(receiver.subscriptions).toEqual([]);
    expect((await refer({ target: "sip:b@home.test" })).statusCode).toBe(202);
  });
});

describe("the policy for references", () => {
  it.each<[ReferPolicy, number]>([
    ["refuse", 403],
    ["accept", 202],
    [() => false, 403],
    [() => Promise.resolve(true), 202],
    [() => Promise.reject(new Error("x")), 500],
    [
      () => {
        throw new Error("x");
      },
      500,
    ],
  ])("%s: %i", async (policy, statusCode) => {
    await openNotifier(rig);
    await rig.open({ refer: policy });
    expect((await refer()).statusCode).toBe(statusCode);
  });

  it("hears what is asked and who asks, and has handlerTimeoutMs", async () => {
    const asked: unknown[] = [];
    await rig.open({
      refer: (referral, origin) => {
        asked.push([referral.target, referral.event.applicationIds, origin]);
        return new Promise(() => {});
      },
      limits: { handlerTimeoutMs: 3000, maxReferrals: 1 },
    });
    const first = refer();
    await rig.clock.advance(100);
    // One question at a time here.
    expect((await refer()).statusCode).toBe(486);
    expect((await rig.clock.until(first)).statusCode).toBe(500);
    const origin = { from: "sip:psi@home.test", assertedIdentity: null, sourceAddress: NETWORK };
    expect(asked).toEqual([[PSI, ["push.syncml"], origin]]);
  });

  it("comes after trustedPpgs: others get 403", async () => {
    await openNotifier(rig);
    await rig.open({ trustedPpgs: [{ address: "sip:psi@home.test", addressType: "from" }] });
    expect((await refer({ from: "sip:else@home.test" })).statusCode).toBe(403);
    expect((await refer()).statusCode).toBe(202);
  });
});

describe("a reference whose sender wants to hear what comes of it (RFC 3515 §2.4.4, §2.4.5)", () => {
  const trying = "refer active: 100 Trying";

  it("is told 100 at once, and 200 when the SUBSCRIBE was accepted, which ends it", async () => {
    await openNotifier(rig);
    await rig.open();
    const response = await refer({ report: true });
    expect([response.statusCode, response.headers.has("Refer-Sub")]).toEqual([202, false]);
    expect(response.headers.get("Contact")).toContain(HANDSET);
    await rig.clock.advance(100);
    expect(reports).toEqual([trying, "refer terminated;reason=noresource: 200 OK"]);
  });

  it("is told the refusal", async () => {
    scriptSubscribe(rig, (transaction) => transaction.reply(403));
    await rig.open();
    await refer({ report: true });
    await rig.clock.advance(100);
    expect(reports).toEqual([trying, "refer terminated;reason=noresource: 403 Forbidden"]);
  });

  it("is told 408 when nobody answered", async () => {
    scriptSubscribe(rig, () => {});
    await rig.open();
    await refer({ report: true });
    await rig.clock.advance(31_000);
    expect(reports).toEqual([trying]);
    await rig.clock.advance(2000);
    expect(reports[1]).toMatch(/^refer terminated;reason=noresource: 408 /);
  });

  it("has to have come outside a dialog (RFC 6665 §4.5.2), and with a Contact", async () => {
    await openNotifier(rig);
    const receiver = await rig.open();
    const fields = referHeaders({
      target: PSI,
      event: { applicationIds: ["push.syncml"] },
      withoutSubscription: false,
    });
    expect((await refer({ headers: fields })).statusCode).toBe(400);
    expect(receiver.subscriptions).toEqual([]);
  });

  it("cannot be subscribed to but by REFER", async () => {
    await rig.open();
    const headers = [
      ["Event", "refer"],
      ["Contact", `<sip:psi@${NETWORK}>`],
    ] as const;
    expect((await rig.send({ method: "SUBSCRIBE", headers })).statusCode).toBe(403);
    const other = await rig.send({
      method: "SUBSCRIBE",
      headers: [
        ["Event", "presence"],
        ["Contact", "<sip:a@b>"],
      ],
    });
    expect([other.statusCode, other.headers.get("Allow-Events")]).toEqual([489, "refer"]);
  });
});

describe("a reference within the dialog of a subscription", () => {
  it("is followed in its order, 500 for an old number, and 403 when it wants reports", async () => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    expect((await referWithin(peer, 9, true)).statusCode).toBe(403);
    const response = await referWithin(peer, 10);
    expect([response.statusCode, response.headers.get("Refer-Sub")]).toEqual([202, "false"]);
    expect((await referWithin(peer, 9)).statusCode).toBe(500);
    await rig.clock.advance(100);
    expect(receiver.subscriptions.map(({ to }) => to)).toEqual([PSI, "sip:other@home.test"]);
  });

  it("is 481 in a dialog that is none of ours", async () => {
    await rig.open();
    const fields = referHeaders({ target: PSI, event: { applicationIds: ["push.syncml"] } });
    const response = await rig.send({ method: "REFER", toTag: newTag(), headers: fields });
    expect(response.statusCode).toBe(481);
  });
});

describe("Replaces in a reference (RFC 3891 §6.1)", () => {
  /** Names the dialog of the first subscription. */
  function replacesOf({ subscribes, id }: PushNotifier): string {
    const tag = subscribes[0]?.from.params.get("tag") ?? "";
    return `${subscribes[0]?.callId};to-tag=${tag};from-tag=${id}`;
  }

  it("ends the subscription that it names when the new one stands", async () => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    await refer({ target: "sip:other@home.test", replaces: replacesOf(peer) });
    await rig.clock.advance(1000);
    expect(receiver.subscriptions.map(({ to }) => to)).toEqual(["sip:other@home.test"]);
    expect(rig.events).toContainEqual(
      expect.objectContaining({ event: "subscription-ended", to: PSI, reason: "stopped" }),
    );
  });

  it("leaves it when the new one is refused", async () => {
    const peer = await openNotifier(rig);
    const receiver = await rig.open(subscribing);
    await rig.clock.advance(100);
    const replaces = replacesOf(peer);
    scriptSubscribe(rig, (transaction) => transaction.reply(403));
    await refer({ target: "sip:other@home.test", replaces });
    await rig.clock.advance(1000);
    expect(receiver.subscriptions).toMatchObject([{ to: PSI, state: "active" }]);
    rig.methods["SUBSCRIBE"] = (transaction) => peer.notifier.handle(transaction);
  });

  it.each(["nonsense", "a@b;to-tag=1", "a@b;to-tag=1;from-tag=2"])(
    "that names none of ours (%s) changes nothing",
    async (replaces) => {
      await openNotifier(rig);
      const receiver = await rig.open(subscribing);
      await rig.clock.advance(100);
      expect((await refer({ target: "sip:other@home.test", replaces })).statusCode).toBe(202);
      await rig.clock.advance(100);
      expect(receiver.subscriptions.length).toBe(2);
    },
  );
});

describe("close", () => {
  it("ends within a second while a policy thinks, a reference is reported on, and its SUBSCRIBE waits", async () => {
    scriptSubscribe(rig, () => {});
    let first = true;
    const receiver = await rig.open({
      refer: () => {
        const accepted = first;
        first = false;
        return accepted || new Promise(() => {});
      },
    });
    await refer({ report: true });
    rig.methods["NOTIFY"] = () => {};
    const second = refer({ target: "sip:other@home.test" });
    await rig.clock.advance(10);
    const startMs = rig.clock.now();
    await rig.clock.until(receiver.close());
    expect(rig.clock.now() - startMs).toBeLessThanOrEqual(1000);
    expect((await rig.clock.until(second)).statusCode).toBe(500);
  });
});
