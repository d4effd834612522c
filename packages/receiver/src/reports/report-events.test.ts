import { encodeCpim, imdnHeaders } from "@sip-push/bodies";
import { responseTo } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, ReceiverRig } from "../../../../test/support/receiver-rig.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const asked = ["positive-delivery", "negative-delivery"] as const;
const told = (): unknown[] => rig.events.filter(({ event }) => event === "report-sent");

/** Sends a push that asks for reports. */
async function push(messageId: string): Promise<number> {
  const content = { contentType: DS_TYPE, body: rig.notification() };
  const body = encodeCpim({ headers: imdnHeaders(messageId, asked), content });
  return (await rig.send({ body, headers: [["Content-Type", "message/cpim"]] })).statusCode;
}

describe("what the receiver tells of its delivery reports (RFC 5438 §12.1.3.1)", () => {
  const report = { event: "report-sent", to: "sip:psi@home.test", messageId: "m", disposition: "delivered" };

  it.each([
    [200, "sent"],
    [202, "sent"],
    [403, "failed"],
  ])("is the answer, %i: %s", async (sipStatus, outcome) => {
    rig.core = (request) => responseTo(request, sipStatus, { reason: "Answered" });
    await rig.open();
    await push("m");
    await rig.clock.advance(100);
    expect(told()).toEqual([{ ...report, outcome, sipStatus, reason: "Answered" }]);
  });

  it("is said once, after the last of several tries", async () => {
    rig.core = (request) => responseTo(request, rig.reports.length < 3 ? 503 : 200);
    await rig.open({ reports: { retryBaseMs: 1000 } });
    await push("m");
    await rig.clock.advance(100);
    expect(told()).toEqual([]);
    await rig.clock.advance(10_000);
    expect(told()).toMatchObject([{ outcome: "sent", sipStatus: 200 }]);
  });

  it("is the last answer when all tries are used up, and null when there was none", async () => {
    rig.core = (request) => (rig.reports.length > 1 ? undefined : responseTo(request, 480));
    await rig.open({ reports: { maxAttempts: 1 } });
    await push("a");
    await push("b");
    await rig.clock.advance(40_000);
    expect(told()).toMatchObject([
      { messageId: "a", outcome: "failed", sipStatus: 480 },
      { messageId: "b", outcome: "failed", sipStatus: null },
    ]);
  });

  it("is that it was given up when the receiver closes, with what was answered last", async () => {
    rig.core = (request) => responseTo(request, 503);
    const receiver = await rig.open();
    await push("m");
    await rig.clock.advance(100);
    await rig.clock.until(receiver.close());
    expect(told()).toMatchObject([{ outcome: "dropped", sipStatus: 503 }]);
  });
});

describe("a report that a handler owes when the receiver closes", () => {
  it("leaves no timer when the handler says only then that it will know later", async () => {
    const answer = Promise.withResolvers<void>();
    const receiver = await rig.open({
      handlers: {
        default: async () => {
          await answer.promise;
          return { statusCode: 202, delivered: new Promise<boolean>(() => {}) };
        },
      },
      subscriptions: [{ to: "sip:silent@home.test" }],
    });
    rig.methods["SUBSCRIBE"] = () => {};
    const sent = push("m");
    await rig.clock.advance(10);
    const closing = receiver.close();
    await rig.clock.advance(10);
    answer.resolve();
    expect(await rig.clock.until(sent)).toBe(202);
    await rig.clock.until(closing);
    expect(told()).toEqual([]);
  });
});
