import { decodeCpim, decodeImdn, encodeCpim, imdnHeaders } from "@sip-push/bodies";
import { createDsNotification, encodeNotification, type UiMode } from "@sip-push/notification";
import {
  createRequest,
  type Flow,
  type RequestInit,
  type ServerTransaction,
  type SipRequest,
  silentLogger,
} from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "./answer.ts";
import { Applications } from "./applications.ts";
import { carriers } from "./carrier.ts";
import type { PushEvent, RefusedEvent } from "./events.ts";
import { TrustedHops } from "./identity.ts";
import { type IntakeOptions, PushIntake } from "./intake.ts";
import { defaultLimits } from "./options.ts";
import { Reporter } from "./reports/index.ts";
import type { SendRequest } from "./reports/report-queue.ts";

const DS_TYPE = "application/vnd.syncml.ds.notification";
const EVENT = 'oma-push;event-app-id="x-wap-application:push.syncml"';
const flow = { remote: { transport: "UDP", address: "192.0.2.1", port: 5060 }, peerNames: [] } as unknown as Flow;

let clock: VirtualClock;
let pushes: PushEvent[];
let refused: RefusedEvent[];
let closing: AbortController;
let cseq: number;
/** Delivery reports that were sent. */
let reports: string[];

beforeEach(() => {
  clock = new VirtualClock();
  pushes = [];
  refused = [];
  closing = new AbortController();
  cseq = 0;
  reports = [];
});

afterEach(() => {
  expect(clock.pendingTimers).toBe(0);
});

function open(options: Partial<IntakeOptions> = {}): PushIntake {
  const send: SendRequest = ({ body = new Uint8Array() }) => {
    const { messageId, status } = decodeImdn(decodeCpim(body).content.body);
    reports.push(`${messageId} ${status}`);
    return Promise.resolve({ kind: "failure", code: "SIP_CLOSED", reason: "", retryable: false, attempts: 1 });
  };
  const reporter = new Reporter({
    send,
    onEvent: () => {},
    aor: "sip:bob@home.test",
    clock,
    logger: silentLogger,
    repeatWindowMs: 1000,
    maxRemembered: 10,
  });
  return new PushIntake({
    rules: {
      applications: new Applications(["push.syncml", "x.app"]),
      trust: undefined,
      maxBodyBytes: 1000,
      expired: "refuse",
      clockToleranceSeconds: 30,
    },
    hops: new TrustedHops(["192.0.2.1"], undefined, undefined),
    digest: undefined,
    handlers: {},
    limits: defaultLimits,
    onPush: (event) => void pushes.push(event),
    onRefused: (event) => void refused.push(event),
    reporter,
    clock,
    logger: silentLogger,
    closing: closing.signal,
    ...options,
  });
}

/** A NOTIFY of the one subscription that there is; the next in its dialog unless told otherwise. */
function notify(body: Uint8Array, init: Partial<RequestInit> = {}): { request: SipRequest; flow: Flow } {
  const request = createRequest({
    method: "NOTIFY",
    requestUri: "sip:bob@192.0.2.2",
    from: "sip:push@home.test",
    fromTag: "notifier",
    toTag: "subscriber",
    callId: "dialog",
    cseq: ++cseq,
    headers: [
      ["Event", EVENT],
      ["Subscription-State", "active;expires=60"],
      ["Content-Type", DS_TYPE],
    ],
    body,
    ...init,
  });
  return { request, flow };
}

function san(sessionId: number, uiMode: UiMode = "not-specified"): Uint8Array {
  return encodeNotification(createDsNotification({ sessionId, serverId: "sync.test", uiMode }));
}

/** Takes the same push in a MESSAGE; gives the status codes with which it was answered so far. */
function message(intake: PushIntake, body: Uint8Array): number[] {
  const request = createRequest({
    method: "MESSAGE",
    requestUri: "sip:bob@192.0.2.2",
    from: "sip:push@home.test",
    headers: [["Content-Type", DS_TYPE]],
    body,
  });
  const statuses: number[] = [];
  const transaction = { request, flow, reply: (statusCode: number) => void statuses.push(statusCode) };
  intake.take(transaction as unknown as ServerTransaction);
  return statuses;
}

describe("a push in NOTIFY", () => {
  it("is handed over from within its dialog, as one that came by notify", async () => {
    const intake = open();
    const answer = await intake.takeNotify(notify(san(7)));
    expect(answer.statusCode).toBe(200);
    expect(pushes).toMatchObject([
      { via: "notify", applicationId: "push.syncml", callId: "dialog", contentType: DS_TYPE, sipStatus: 200 },
    ]);
    expect(pushes[0]?.notification).toMatchObject({ sessionId: 7 });
    expect(intake.stats).toEqual({ pushes: 1, repeats: 0, refused: 0 });
  });

  it("is none without a body: the state of the subscription alone is answered 200 (RFC 6665 §4.1.3)", async () => {
    const intake = open();
    expect(await intake.takeNotify(notify(new Uint8Array(), { headers: [["Event", EVENT]] }))).toEqual({
      statusCode: 200,
    });
    expect(intake.stats).toEqual({ pushes: 0, repeats: 0, refused: 0 });
  });

  it.each<[string, Partial<RequestInit>, Uint8Array, number]>([
    ["too large", {}, new Uint8Array(1001), 413],
    ["without a type", { headers: [["Event", EVENT]] }, san(1), 400],
    ["malformed", {}, san(1).subarray(0, 20), 400],
    [
      "of a type that is not taken",
      {
        headers: [
          ["Event", EVENT],
          ["Content-Type", "multipart/mixed"],
        ],
      },
      san(1),
      400,
    ],
  ])("%s is refused as in MESSAGE", async (_, init, body, statusCode) => {
    const intake = open();
    expect((await intake.takeNotify(notify(body, init))).statusCode).toBe(statusCode);
    expect(pushes).toEqual([]);
    expect(refused).toMatchObject([{ event: "refused", sipStatus: statusCode }]);
  });

  it("goes to the application that Event names, whatever its type would say (RFC 6665 §8.2.1)", async () => {
    const intake = open();
    const headers = (event: string) => [["Event", event] as const, ["Content-Type", "text/plain"] as const];
    const text = Buffer.from("news");
    await intake.takeNotify(notify(text, { headers: headers('oma-push;event-app-id="x-oma-application:x.app"') }));
    expect(pushes).toMatchObject([{ applicationId: "x.app", contentType: "text/plain" }]);
    const other = notify(text, { headers: headers('oma-push;event-app-id="ulp.ua"') });
    expect((await intake.takeNotify(other)).statusCode).toBe(488);
  });

  it("does not expire by an Expires, whose meaning depends on the method (RFC 3261 §20.19)", async () => {
    const intake = open();
    const headers = [
      ["Event", EVENT],
      ["Content-Type", DS_TYPE],
      ["Date", "Wed, 31 Dec 2025 23:00:00 GMT"],
      ["Expires", "60"],
    ] as const;
    expect((await intake.takeNotify(notify(san(1), { headers }))).statusCode).toBe(200);
    expect(pushes).toMatchObject([{ deliverBefore: null, expired: false }]);
  });

  it.each(Object.entries(carriers.notify.insteadOf))(
    "whose handler says %s is answered %s: the subscription goes on (RFC 6665 §4.2.2)",
    async (said, given) => {
      const intake = open({ handlers: { default: () => ({ statusCode: Number(said) }) } });
      expect((await intake.takeNotify(notify(san(1)))).statusCode).toBe(given);
      expect(pushes).toMatchObject([{ sipStatus: given }]);
    },
  );

  it("has a stand-in for each code that ends a subscription, and none of these ends one", () => {
    const ending = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604];
    const { insteadOf } = carriers.notify;
    expect(Object.keys(insteadOf).map(Number)).toEqual(ending);
    for (const given of Object.values(insteadOf)) expect(ending).not.toContain(given);
  });

  it("waits for a handler that works by itself", async () => {
    const intake = open({ handlers: { background: () => ({ statusCode: 603, delayMs: 2000 }) } });
    const answer = intake.takeNotify(notify(san(1, "background")));
    expect((await clock.until(answer)).statusCode).toBe(603);
    expect(clock.now()).toBe(2000);
  });

  it("is answered before the user is asked (RFC 6665 §4.1.3), and told with what was answered", async () => {
    const intake = open({ handlers: { userInteraction: () => ({ statusCode: 603, delayMs: 5000 }) } });
    expect(await intake.takeNotify(notify(san(1, "user-interaction")))).toEqual({ statusCode: 200 });
    expect(clock.now()).toBe(0);
    await clock.advance(5000);
    expect(pushes).toMatchObject([{ sipStatus: 200 }]);
  });

  it.each([
    [200, "m delivered"],
    [603, "m failed"],
    [486, "m failed"],
  ])(
    "after which the user says %i is reported so, when asked for (RFC 5438 §12.1.3.1): %s",
    async (statusCode, told) => {
      const intake = open({ handlers: { userInteraction: () => ({ statusCode, delayMs: 5000 }) } });
      const content = { contentType: DS_TYPE, body: san(1, "user-interaction") };
      const body = encodeCpim({ headers: imdnHeaders("m", ["positive-delivery", "negative-delivery"]), content });
      const headers = [["Event", EVENT] as const, ["Content-Type", "message/cpim"] as const];
      expect(await intake.takeNotify(notify(body, { headers }))).toEqual({ statusCode: 200 });
      expect(reports).toEqual([]);
      await clock.advance(5000);
      expect(reports).toEqual([told]);
    },
  );

  it("is ended by a close with 486, when its handler is at work", async () => {
    const intake = open({ handlers: { default: () => new Promise<undefined>(() => {}) } });
    const answer = intake.takeNotify(notify(san(1)));
    closing.abort();
    expect(await answer).toMatchObject({ statusCode: 486 });
  });
});

describe("one push by several carriers", () => {
  const chained = (text: string, chain: string) =>
    notify(Buffer.from(text), {
      headers: [
        ["Event", EVENT],
        ["Content-Type", "text/plain"],
        ["Push-Chain", chain],
      ],
    });

  it("is known in NOTIFY by its chain and content: sent again after a restart it is not handed over again", async () => {
    const intake = open({ handlers: { default: () => ({ statusCode: 200 }) } });
    for (let n = 0; n < 2; n++) expect((await intake.takeNotify(chained("one", "c1"))).statusCode).toBe(200);
    expect(pushes.length).toBe(1);
    await intake.takeNotify(chained("two", "c1"));
    await intake.takeNotify(chained("one", "c2"));
    expect(pushes.length).toBe(3);
    expect(intake.stats).toMatchObject({ repeats: 1 });
  });

  it("is handed over once: the MESSAGE after a NOTIFY of the same session is a repeat", async () => {
    const intake = open();
    await intake.takeNotify(notify(san(7)));
    expect(message(intake, san(7))).toEqual([200]);
    expect(pushes.map(({ via }) => via)).toEqual(["notify"]);
    expect(intake.stats).toEqual({ pushes: 1, repeats: 1, refused: 0 });
  });

  it("is so the other way round", async () => {
    const intake = open();
    message(intake, san(7));
    expect((await intake.takeNotify(notify(san(7)))).statusCode).toBe(200);
    expect(pushes.map(({ via }) => via)).toEqual(["message"]);
  });

  it("has the MESSAGE wait for the user, whom the NOTIFY did not wait for", async () => {
    const intake = open({ handlers: { userInteraction: () => ({ statusCode: 603, delayMs: 5000 }) } });
    await intake.takeNotify(notify(san(7, "user-interaction")));
    const answers = message(intake, san(7, "user-interaction"));
    expect(answers).toEqual([]);
    await clock.advance(5000);
    expect(answers).toEqual([603]);
    expect(pushes.length).toBe(1);
  });

  it("does not have a repeated NOTIFY wait for the user either", async () => {
    const intake = open({ handlers: { userInteraction: () => ({ statusCode: 603, delayMs: 5000 }) } });
    await intake.takeNotify(notify(san(7, "user-interaction")));
    expect(await intake.takeNotify(notify(san(7, "user-interaction")))).toEqual({ statusCode: 200 });
    expect(clock.now()).toBe(0);
    await clock.advance(5000);
    expect(pushes.length).toBe(1);
  });

  it("is handed over again when the first time asked to come back: 480 to the MESSAGE, 486 to the NOTIFY", async () => {
    const intake = open({ handlers: { default: () => ({ statusCode: 480 }) } });
    expect((await intake.takeNotify(notify(san(7)))).statusCode).toBe(486);
    expect(message(intake, san(7))).toEqual([480]);
    expect(pushes.length).toBe(2);
  });

  it("is answered again, and not handed over, when the same NOTIFY comes by another way", async () => {
    const intake = open({ handlers: { default: () => ({ statusCode: 603 }) } });
    const again = notify(Buffer.from("text"), { headers: [["Content-Type", "text/plain"]] });
    const answers: Answer[] = [await intake.takeNotify(again), await intake.takeNotify(again)];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([603, 603]);
    expect(pushes.length).toBe(1);
  });
});

it("every NOTIFY gets one answer that does not end its subscription, whatever it holds and the handler says", async () => {
  const intake = open({
    handlers: { default: ({ body }) => ({ statusCode: 200 + (((body[0] ?? 0) * 2) % 500) }) },
  });
  const types = ["text/plain", "x/y", DS_TYPE, "multipart/mixed;boundary=b", "message/cpim"];
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...types), async (body, type) => {
      const { statusCode } = await intake.takeNotify(notify(body, { headers: [["Content-Type", type]] }));
      expect(statusCode).toBeGreaterThanOrEqual(200);
      expect(Object.keys(carriers.notify.insteadOf)).not.toContain(String(statusCode));
    }),
    { numRuns: 300 },
  );
});
