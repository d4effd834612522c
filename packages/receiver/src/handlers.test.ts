import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, ds, ReceiverRig } from "../../../test/support/receiver-rig.ts";
import type { HandlerAnswer, IncomingPush } from "./index.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

function bug(): never {
  throw new Error("bug");
}

describe("handlers by ui-mode (OMA DS 1.2, DM 1.2)", () => {
  it("reach the one of the notification's mode, and default for all that has none", async () => {
    const calls: string[] = [];
    const handler = (name: string) => (push: IncomingPush) => void calls.push(`${name} ${push.contentType}`);
    const handlers = {
      background: handler("background"),
      informative: handler("informative"),
      userInteraction: handler("userInteraction"),
      default: handler("default"),
    };
    await rig.open({ handlers });
    for (const uiMode of ["background", "informative", "user-interaction", "not-specified"] as const) {
      await rig.send(ds(rig.notification({ uiMode })));
    }
    await rig.send();
    const names = ["background", "informative", "userInteraction", "default"];
    expect(calls).toEqual([...names.map((name) => `${name} ${DS_TYPE}`), "default text/plain"]);
  });

  it("leave a mode without a handler to default, and to 200 without that", async () => {
    await rig.open({ handlers: { background: bug, default: () => ({ statusCode: 603 }) } });
    expect((await rig.send(ds(rig.notification({ uiMode: "informative" })))).statusCode).toBe(603);
    await rig.open({ listen: [{ transport: "UDP", address: "192.0.2.3", port: 5060 }], handlers: { background: bug } });
    expect((await rig.send(ds(rig.notification({ uiMode: "informative" })), "192.0.2.3")).statusCode).toBe(200);
  });

  const failed = "Server Internal Error (push handler failed)";

  it.each<[string, () => HandlerAnswer | undefined | Promise<HandlerAnswer | undefined>, number, string, string?]>([
    ["nothing", () => undefined, 200, "OK"],
    ["a promise of nothing", async () => undefined, 200, "OK"],
    ["a refusal of the user (RFC 3428 §7)", () => ({ statusCode: 603 }), 603, "Decline"],
    [
      "a promise of a refusal",
      async () => ({ statusCode: 480, retryAfterSeconds: 2.5 }),
      480,
      "Temporarily Unavailable",
      "3",
    ],
    ["a reason with line breaks", () => ({ statusCode: 603, reason: "no\r\nX: y" }), 603, "no X: y"],
    ["a throw", bug, 500, failed],
    ["a rejection", () => Promise.reject(new Error("bug")), 500, failed],
    ["a status that is none", () => ({ statusCode: 42 }), 500, failed],
    ["a wait that is none", () => ({ statusCode: 480, retryAfterSeconds: Number.NaN }), 500, failed],
    ["a promise of a status that is none", async () => ({ statusCode: 700 }), 500, failed],
  ])("answer with what they give: %s", async (_, handler, statusCode, reason, retryAfter) => {
    await rig.open({ handlers: { default: handler } });
    const response = await rig.send(ds(rig.notification()));
    const { headers } = response;
    expect([response.statusCode, response.reason, headers.get("Retry-After")]).toEqual([
      statusCode,
      reason,
      retryAfter,
    ]);
    expect(rig.pushes.map(({ sipStatus }) => sipStatus)).toEqual([statusCode]);
    expect((await rig.send({ method: "OPTIONS" })).statusCode, "goes on").toBe(200);
  });

  it("may ask for the answer to be delayed", async () => {
    await rig.open({ handlers: { default: () => ({ statusCode: 603, delayMs: 7000 }) } });
    expect((await rig.send()).statusCode).toBe(603);
    expect(rig.clock.now()).toBeGreaterThanOrEqual(7000);
  });

  it.each([
    ["that never settles", () => new Promise<undefined>(() => {})],
    ["that asks for too long a delay", () => ({ delayMs: 60_000 })],
  ])("%s is answered 500 in bounded time", async (_, handler) => {
    await rig.open({ handlers: { default: handler }, limits: { handlerTimeoutMs: 5000 } });
    expect((await rig.send()).statusCode).toBe(500);
    expect(rig.clock.now()).toBeLessThan(6000);
    expect(rig.pushes.map(({ sipStatus }) => sipStatus)).toEqual([500]);
  });

  it("that settles after its time has no say any more", async () => {
    const late = Promise.withResolvers<HandlerAnswer>();
    const handler = () => late.promise;
    await rig.open({ handlers: { default: handler }, limits: { handlerTimeoutMs: 5000 } });
    expect((await rig.send()).statusCode).toBe(500);
    late.resolve({ statusCode: 603, delayMs: 1000 });
    await rig.clock.advance(1);
    expect(rig.pushes.map(({ sipStatus }) => sipStatus)).toEqual([500]);
  });

  it("leave nothing behind at the signal of the receiver", async () => {
    const signals: AbortSignal[] = [];
    const handler = async (_: IncomingPush, signal: AbortSignal) => void signals.push(signal);
    await rig.open({ handlers: { default: handler } });
    for (let i = 0; i < 3; i++) await rig.send();
    expect(signals.map((signal) => getEventListeners(signal, "abort").length)).toEqual([0, 0, 0]);
  });

  it("past maxInFlight are not called: 486 with Retry-After", async () => {
    const receiver = await rig.open({
      handlers: { default: () => ({ delayMs: 3000 }) },
      limits: { maxInFlight: 1, busyRetryAfterSeconds: 9 },
    });
    const first = rig.send();
    const second = await rig.send();
    expect([second.statusCode, second.headers.get("Retry-After"), receiver.stats.inFlight]).toEqual([486, "9", 1]);
    expect((await first).statusCode).toBe(200);
    expect((await rig.send()).statusCode).toBe(200);
    expect(rig.pushes.length).toBe(2);
  });

  it("observers that throw do no harm", async () => {
    await rig.open({ onPush: bug, onEvent: bug });
    expect((await rig.send()).statusCode).toBe(200);
    expect((await rig.send({ toTag: "x" })).statusCode).toBe(481);
    expect((await rig.send()).statusCode).toBe(200);
  });
});
