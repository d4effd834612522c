import { getEventListeners } from "node:events";
import { decodeCpim } from "@sip-push/bodies";
import type { ReportDisposition } from "@sip-push/push";
import type { SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PushHandset } from "../../../test/support/push-handset.ts";
import { BOB, type ScriptedAnswer, SenderRig } from "../../../test/support/sender-rig.ts";
import type { PushOutcome, RetryOptions } from "./outcome.ts";
import type { DeliverOptions, PushSender } from "./push-sender.ts";

let rig: SenderRig;
let handset: PushHandset;

beforeEach(async () => {
  rig = new SenderRig();
  handset = await PushHandset.open(rig);
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const open = (retry?: RetryOptions): Promise<PushSender> =>
  rig.open({ trusted: ["192.0.2.2"], ...(retry === undefined ? {} : { retry }) });

/** Pushes and asks for a report; to be awaited with the clock. */
async function deliver(sender: PushSender, options: Partial<DeliverOptions> = {}): Promise<PushOutcome> {
  const [outcome] = await sender.deliver({ ...rig.push, report: "receiver" }, { to: BOB, ...options });
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

/** The push that came last. */
const last = (): SipRequest => handset.seen.at(-1) as SipRequest;

const messageIdOf = ({ body }: SipRequest): string | undefined =>
  decodeCpim(body).headers.find(({ name }) => name === "Message-ID")?.value;

describe("a push with a delivery report (RFC 5438)", () => {
  it("travels in message/cpim, with From, To, DateTime, Message-ID and what is asked for (§7.1.1)", async () => {
    const sender = await open();
    const outcome = deliver(sender, { reportTimeoutSeconds: 1 });
    await rig.clock.advance(10);
    expect(last().headers.get("Content-Type")).toBe("message/cpim");
    const { headers, content } = decodeCpim(last().body);
    expect(headers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["From", "To", "DateTime", "Message-ID", "Disposition-Notification"]),
    );
    expect(content.contentType).toBe(rig.push.contentType);
    expect(Buffer.from(content.body).equals(Buffer.from(rig.push.body))).toBe(true);
    await rig.clock.until(outcome);
  });

  it.each(["message", "notify"] as const)("by %s: is delivered when the handset says so, not before", async (via) => {
    const sender = await open();
    await handset.subscribe();
    let ended = false;
    const outcome = deliver(sender, { via }).finally(() => {
      ended = true;
    });
    await rig.clock.advance(2000);
    expect(ended).toBe(false);
    expect((await handset.report(last(), "delivered")).statusCode).toBe(200);
    expect(await rig.clock.until(outcome)).toMatchObject({
      messageState: "delivered",
      papCode: 1000,
      sipStatus: 200,
      report: "delivered",
      via,
      reason: "200 OK; the delivery report says delivered",
      elapsedMs: 2000,
    });
    expect(sender.reports).toMatchObject({ waiting: 0, reported: 1 });
  });

  it.each([
    ["failed", "undeliverable", 5000],
    ["forbidden", "unknown", 1001],
    ["error", "unknown", 4000],
  ] as const)("that says %s is %s, %i", async (status, messageState, papCode) => {
    const outcome = deliver(await open());
    await rig.clock.advance(10);
    await handset.report(last(), status);
    const ended = await rig.clock.until(outcome);
    expect(ended).toMatchObject({ messageState, sipStatus: 200, report: status, retryable: false });
    expect(ended.papCode).toBe(papCode);
  });

  it("stays pending after a 202 until the report comes, and is then delivered (RFC 3428 §7)", async () => {
    handset.answer = () => [202];
    const outcome = deliver(await open());
    await rig.clock.advance(20_000);
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", sipStatus: 202, attempts: 1 });
  });

  it("stays pending after a 202 when no report comes in time: a relay promised no more", async () => {
    handset.answer = () => [202];
    const outcome = await rig.clock.until(deliver(await open(), { reportTimeoutSeconds: 45 }));
    expect(outcome).toMatchObject({ messageState: "pending", papCode: 1001, report: null, elapsedMs: 45_000 });
    expect(outcome.reason).toBe("202 Accepted; no delivery report came");
  });

  it("is unknown after a 200 when no report comes within 30 seconds: the handset was asked for one", async () => {
    const sender = await open();
    const outcome = await rig.clock.until(deliver(sender));
    expect(outcome).toMatchObject({ messageState: "unknown", papCode: 1001, sipStatus: 200, elapsedMs: 30_000 });
    await handset.report(last(), "delivered");
    expect(sender.reports.ignored.late).toBe(1);
  });

  it("takes no notice of a report of somebody else (RFC 5438 §14), nor of a second one", async () => {
    const sender = await open();
    const outcome = deliver(sender);
    await rig.clock.advance(10);
    expect((await handset.report(last(), "failed", "sip:mallory@192.0.2.2")).statusCode).toBe(200);
    await handset.report(last(), "delivered");
    await handset.report(last(), "failed");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", report: "delivered" });
    expect(sender.reports.ignored).toMatchObject({ foreign: 1, duplicate: 1 });
  });

  it("takes the report of the user that a redirection named", async () => {
    handset.answer = ({ requestUri }) =>
      requestUri === BOB ? [302, { headers: [["Contact", "<sip:carol@192.0.2.2>"]] }] : [200];
    const outcome = deliver(await open());
    await rig.clock.advance(10);
    await handset.report(last(), "delivered", "sip:carol@192.0.2.2");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 2 });
  });
});

describe("what is asked for (RFC 5438 §6.2)", () => {
  const ask = async (sender: PushSender, ...reportDispositions: readonly ReportDisposition[]): Promise<PushOutcome> => {
    const push = { ...rig.push, report: "receiver", reportDispositions } as const;
    const [outcome] = await sender.deliver(push, { to: BOB });
    if (outcome === undefined) throw new Error("no outcome");
    return outcome;
  };

  it("negative-delivery alone: silence is no bad news, and what was answered stands", async () => {
    const outcome = await rig.clock.until(ask(await open(), "negative-delivery"));
    expect(outcome).toMatchObject({ messageState: "delivered", sipStatus: 200, report: null, elapsedMs: 30_000 });
  });

  it("negative-delivery alone: the bad news counts", async () => {
    const outcome = ask(await open(), "negative-delivery");
    await rig.clock.advance(10);
    await handset.report(last(), "failed");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "undeliverable", report: "failed" });
  });

  it("processing: what an intermediary says is told, and is not the delivery report (§8.1)", async () => {
    handset.answer = () => [202];
    const sender = await rig.open({ reports: { intermediaries: ["sip:192.0.2.2"] } });
    const outcome = ask(sender, "positive-delivery", "processing");
    await rig.clock.advance(10);
    await handset.report(last(), "stored", "sip:192.0.2.2");
    const ended = await rig.clock.until(outcome);
    expect(ended).toMatchObject({ messageState: "pending", report: null });
    expect(ended.reason).toBe("202 Accepted; no delivery report came; an intermediary says stored");
    expect(sender.reports.ignored).toMatchObject({ unasked: 0, foreign: 0 });
  });

  it("processing: a stranger's word is not taken (§14)", async () => {
    const sender = await open();
    const outcome = ask(sender, "positive-delivery", "processing");
    await rig.clock.advance(10);
    await handset.report(last(), "stored", "sip:192.0.2.2");
    expect((await rig.clock.until(outcome)).reason).not.toContain("stored");
    expect(sender.reports.ignored.foreign).toBe(1);
  });
});

describe("who may report", () => {
  it("is only who is asserted where the sender is set so: From is anybody's", async () => {
    const sender = await rig.open({ trusted: ["192.0.2.2"], reports: { requireAsserted: true } });
    const outcome = deliver(sender);
    await rig.clock.advance(10);
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "unknown", report: null });
    expect(sender.reports.ignored.foreign).toBe(1);
  });

  it("is the user of a redirection also after a negative report of the first (RFC 3261 §8.1.3.4)", async () => {
    const { promise: later, resolve } = Promise.withResolvers<ScriptedAnswer>();
    handset.answer = ({ requestUri }) => (requestUri === BOB ? later : [200]);
    const outcome = deliver(await open());
    await rig.clock.advance(10);
    await handset.report(last(), "failed");
    resolve([302, { headers: [["Contact", "<sip:carol@192.0.2.2>"]] }]);
    await rig.clock.advance(10);
    await handset.report(last(), "delivered", "sip:carol@192.0.2.2");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", report: "delivered" });
  });
});

describe("a report that overtakes the response", () => {
  it("counts when no response comes at all: nobody waits for it any longer than for that", async () => {
    handset.answer = () => undefined;
    const outcome = deliver(await open());
    await rig.clock.advance(10);
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({
      messageState: "delivered",
      sipStatus: null,
      reason: "no answer; the delivery report says delivered",
    });
  });

  it.each([200, 202, 480, 404, 503, 603])(
    "is the last word whatever is answered: a later %i is not acted upon",
    async (statusCode) => {
      const sender = await open({ maxRetries: 3 });
      const { promise: later, resolve } = Promise.withResolvers<readonly [number]>();
      handset.answer = () => later;
      const outcome = deliver(sender, { waitForRegistrationSeconds: 60 });
      await rig.clock.advance(10);
      await handset.report(last(), "delivered");
      resolve([statusCode]);
      const delivered = { messageState: "delivered", papCode: 1000, report: "delivered", attempts: 1, elapsedMs: 10 };
      expect(await rig.clock.until(outcome)).toMatchObject({ ...delivered, sipStatus: statusCode });
    },
  );

  it("and says failed is no last word: a refusal that may pass is tried again, as another message", async () => {
    const { promise: later, resolve } = Promise.withResolvers<readonly [number]>();
    handset.answer = () => (handset.seen.length === 1 ? later : [200]);
    const outcome = deliver(await open({ maxRetries: 1 }));
    await rig.clock.advance(10);
    await handset.report(last(), "failed");
    resolve([480]);
    await rig.clock.advance(1000);
    expect(new Set(handset.seen.map(messageIdOf)).size).toBe(2);
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({
      messageState: "delivered",
      report: "delivered",
      attempts: 2,
    });
  });

  it("counts although the request timed out, when it comes while the push waits to be sent again", async () => {
    handset.answer = () => undefined;
    const { signal } = new AbortController();
    const outcome = deliver(await open({ maxRetries: 3, initialMs: 60_000, jitter: 0 }), { signal });
    await rig.clock.advance(40_000);
    handset.answer = () => [200];
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 1, elapsedMs: 40_000 });
    expect(getEventListeners(signal, "abort").length).toBe(1);
  });
});

describe("the Message-ID", () => {
  it("is the same for all attempts, so that the handset reports once", async () => {
    handset.answer = () => (handset.seen.length === 1 ? [480] : [200]);
    const outcome = deliver(await open({ maxRetries: 1 }));
    await rig.clock.advance(1000);
    expect(new Set(handset.seen.map(messageIdOf)).size).toBe(1);
    expect(handset.seen.length).toBe(2);
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", attempts: 2 });
  });

  it("is the same when NOTIFY falls back to MESSAGE", async () => {
    const sender = await open();
    await handset.subscribe();
    handset.answer = ({ method }) => (method === "NOTIFY" ? [481] : [200]);
    const outcome = deliver(sender);
    await rig.clock.advance(10);
    const [, ...pushes] = handset.seen;
    expect(pushes.map(({ method }) => method)).toEqual(["NOTIFY", "MESSAGE"]);
    expect(new Set(pushes.map(messageIdOf)).size).toBe(1);
    await handset.report(last(), "delivered");
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "delivered", via: "message" });
  });
});

describe("the wait for a report", () => {
  it("ends with the caller's signal", async () => {
    const abort = new AbortController();
    const outcome = deliver(await open(), { signal: abort.signal });
    await rig.clock.advance(100);
    abort.abort();
    expect(await rig.clock.until(outcome)).toMatchObject({ messageState: "cancelled", sipStatus: 200, elapsedMs: 100 });
  });

  it.each([
    [200, "unknown"],
    [202, "pending"],
  ] as const)(
    "ends when the sender closes: after a %i it is %s, for nobody said more",
    async (statusCode, messageState) => {
      handset.answer = () => [statusCode];
      const sender = await open();
      const outcome = deliver(sender);
      await rig.clock.advance(100);
      await rig.clock.until(sender.close());
      expect(await outcome).toMatchObject({ messageState, sipStatus: statusCode, report: null });
    },
  );

  it("lets the next push to the same user go (RFC 3428 §8 speaks of pending requests)", async () => {
    const sender = await open();
    const first = deliver(sender);
    await rig.clock.advance(10);
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", elapsedMs: 0 });
    await rig.clock.until(first);
  });

  it("does not begin for a push that is refused", async () => {
    handset.answer = () => [603];
    const sender = await open();
    expect(await rig.clock.until(deliver(sender))).toMatchObject({
      messageState: "aborted",
      report: null,
      elapsedMs: 0,
    });
    expect(sender.reports.waiting).toBe(0);
  });
});
