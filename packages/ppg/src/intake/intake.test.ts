import { decodePap, type PapOperation } from "@sip-push/pap";
import { silentLogger } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StoreError } from "../store/errors.ts";
import type { PpgStore } from "../store/store.ts";
import { asked, entityOf, IntakeRig, initiator, pushOf, user } from "./testdata/intake-rig.ts";

const rig = new IntakeRig();
const octetsOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const requests: Readonly<Record<string, PapOperation>> = {
  push: pushOf("p", {
    progressNotesRequested: true,
    qualityOfService: { priority: "high", deliveryMethod: "confirmed", networkRequired: false, bearerRequired: false },
  }),
  replacement: pushOf("p2", { replacePushId: "p", replaceMethod: "pending-only" }),
  cancellation: { kind: "cancel-message", pushId: "p", addresses: [user("alice")] },
  "status query": { kind: "statusquery-message", pushId: "p", addresses: [] },
  "capabilities query": { kind: "ccq-message", queryId: "1", address: user("alice") },
};

describe("what no gateway is asked", () => {
  const addresses: string[] = [];
  const answers: readonly PapOperation[] = [
    { kind: "push-response", pushId: "p", progressNotes: [], responseResult: { code: 1001 } },
    { kind: "cancel-response", pushId: "p", cancelResults: [{ code: 1000, addresses }] },
    { kind: "resultnotification-response", pushId: "p", code: 1000, address: user("alice") },
    {
      kind: "statusquery-response",
      pushId: "p",
      statusQueryResults: [{ messageState: "pending", code: 1001, addresses }],
    },
    { kind: "ccq-response", code: 1000, address: user("alice") },
    { kind: "badmessage-response", code: 2000 },
  ];
  it.each(answers)("$kind is a bad message (2000)", async (operation) => {
    const { answer, message } = await rig.ask(operation, { version: "2.1" });
    expect(answer).toMatchObject({ httpStatus: 202, papCode: 2000 });
    const badMessageFragment = expect.stringContaining("<pap>");
    expect(message).toMatchObject({
      version: "2.1",
      operation: { kind: "badmessage-response", code: 2000, badMessageFragment },
    });
  });

  it("a result is answered as one, 2000", async () => {
    const { message } = await rig.ask({
      kind: "resultnotification-message",
      pushId: "p",
      messageState: "delivered",
      code: 1000,
      address: user("alice"),
    });
    expect(message.operation).toMatchObject({
      kind: "resultnotification-response",
      pushId: "p",
      code: 2000,
      address: user("alice"),
    });
  });
});

describe("a malformed document", () => {
  const doctype = '<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.0//EN" "http://www.wapforum.org/DTD/pap_2.0.dtd"';
  const lol = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join("");
  const cancel = '<pap><cancel-message push-id="1"';
  it.each([
    ["truncated XML", `${doctype}>${cancel}`, 2000, "cancel-message"],
    [
      "an entity bomb",
      `${doctype} [<!ENTITY l0 "lol">${lol}]><pap><cancel-message push-id="&l9;"/></pap>`,
      2000,
      "&l9;",
    ],
    [
      "an external entity",
      `${doctype} [<!ENTITY x SYSTEM "file:///etc/passwd">]><pap><cancel-message push-id="&x;"/></pap>`,
      2000,
      "&x;",
    ],
    ["an unknown attribute", `${doctype}>${cancel} id="2"/></pap>`, 2000, 'id="2"'],
    [
      "no content",
      `${doctype}><pap><push-message push-id="1"><address address-value="sip:a@b.c"/></push-message></pap>`,
      2000,
      "push-message",
    ],
    ["another version", '<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 9.0//EN" "x"><pap/>', 3002, "PAP 9.0"],
    ["nothing", "", 2000, ""],
  ])("%s is answered with code and fragment", async (_, text, code, fragment) => {
    const answer = await rig.intake.handle({
      initiator: initiator(),
      traceparent: null,
      contentType: "application/xml",
      body: octetsOf(text),
    });
    expect(answer).toMatchObject({ httpStatus: 202, papCode: code, operation: "bad-message", pushId: null });
    const { operation } = asked(answer).message;
    expect(operation).toMatchObject({ kind: "badmessage-response", code });
    if (operation.kind === "badmessage-response") expect(operation.badMessageFragment ?? "").toContain(fragment);
    expect(rig.events).toMatchObject([{ event: "answered", operation: "bad-message", papCode: code }]);
  });

  it.each([
    ["a boundary of another", 'multipart/related; type="application/xml"; boundary=other'],
    ["no boundary", "multipart/related"],
    ["another type", "text/html"],
    ["no type", null],
  ])("in an entity with %s is answered 2000", async (_, contentType) => {
    const { body } = entityOf(pushOf("p"));
    const answer = await rig.intake.handle({ initiator: initiator(), traceparent: null, contentType, body });
    expect(answer).toMatchObject({ httpStatus: 202, papCode: 2000, operation: "bad-message" });
  });

  it("is answered in PAP, and the pushes around it are stored (property)", { timeout: 60_000 }, async () => {
    const words = [
      "<",
      ">",
      "/>",
      '"',
      "&",
      "&amp;",
      "<address/>",
      " push-id='1'",
      "\r\n",
      "--",
      "\0",
      "\xff",
      "]]>",
      "<!--",
      "<?",
      "<!DOCTYPE",
      "]>",
    ];
    const entities = Object.values(requests).map((operation) => entityOf(operation));
    const mutation = fc.record({
      entity: fc.constantFrom(...entities),
      at: fc.nat(2_000),
      length: fc.oneof(fc.constant(0), fc.nat(30), fc.constant(10_000)),
      insert: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constantFrom(...words).map(octetsOf)),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ entity: { contentType, body }, at, length, insert }) => {
        const start = at % (body.length + 1);
        const changed = Uint8Array.from([...body.subarray(0, start), ...insert, ...body.subarray(start + length)]);
        const answer = await rig.intake.handle({
          initiator: initiator(),
          traceparent: null,
          contentType,
          body: changed,
        });
        expect(answer.httpStatus).toBe(202);
        expect(answer.papCode).not.toBe(3000);
        expect(answer.body.length).toBeLessThan(4_096);
        const { operation } = decodePap(answer.contentType, answer.body);
        expect(operation.kind).toMatch(/-response$/);
      }),
      { numRuns: 400 },
    );
  });
});

describe("an observer that throws", () => {
  it("changes no answer: a push that is stored is answered 1001", async () => {
    const errors: object[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
    const observe = (): never => {
      throw new Error("out of order");
    };
    const intake = rig.open({ observe, logger });
    const stored = asked(await intake.handle(rig.request(pushOf("p")))).message.operation;
    expect(stored).toMatchObject({ kind: "push-response", responseResult: { code: 1001 } });
    const again = asked(await intake.handle(rig.request(pushOf("p")))).message.operation;
    expect(again).toMatchObject({ kind: "push-response", responseResult: { code: 2007 } });
    expect(errors).toMatchObject([
      { event: "accepted", pushId: "p" },
      { event: "answered", pushId: "p" },
    ]);
  });
});

describe("a request that cannot be served now", () => {
  const failing = (code: "STORE_UNAVAILABLE" | "STORE_CLOSED"): Partial<PpgStore> => {
    const fail = async (): Promise<never> => {
      throw new StoreError(code, "the database is gone");
    };
    return { submit: fail, cancel: fail, status: fail };
  };

  const served = ["push", "replacement", "cancellation", "status query"] as const;
  it.each(served)("%s is answered 503, PAP 4001 and Retry-After when the store fails", async (name) => {
    const intake = rig.open({ store: failing("STORE_UNAVAILABLE") as PpgStore });
    const operation = requests[name] as PapOperation;
    const answer = await intake.handle(rig.request(operation));
    expect(answer).toMatchObject({ httpStatus: 503, papCode: 4001, retryAfterSeconds: 5, operation: operation.kind });
    expect(asked(answer).message.operation.kind).toBe(operation.kind.replace("message", "response"));
    expect(JSON.stringify(asked(answer).message.operation)).toContain("4001");
    expect(intake.waiting).toBe(0);
  });

  it("is answered 3000 for a fault of ours, and is no rejection", async () => {
    const broken = async (): Promise<never> => {
      throw new TypeError("a mistake");
    };
    const intake = rig.open({ store: { submit: broken } as unknown as PpgStore });
    const answer = await intake.handle(rig.request(pushOf("p")));
    expect(answer).toMatchObject({ httpStatus: 202, papCode: 3000, retryAfterSeconds: null });
  });

  it("because too many wait is answered 503 and 4001 at once; the others are accepted", async () => {
    const intake = rig.open({ maxWaiting: 2 });
    const all = ["a", "b", "c"].map((id) => intake.handle(rig.request(pushOf(id))));
    expect(intake.waiting).toBe(2);
    const answers = await Promise.all(all);
    expect(answers.map(({ httpStatus, papCode }) => [httpStatus, papCode])).toEqual([
      [202, 1001],
      [202, 1001],
      [503, 4001],
    ]);
    expect(intake.waiting).toBe(0);
    expect(await rig.store.status({ initiator: "calendar", pushId: "c" })).toBeUndefined();
  });
});

describe("refuse", () => {
  it("is a bad message of the newest version", () => {
    const { contentType, body } = rig.intake.refuse(4001, "too many\u0000requests");
    expect(decodePap(contentType, body)).toMatchObject({
      version: "2.1",
      operation: { kind: "badmessage-response", code: 4001, desc: "too many\ufffdrequests" },
    });
  });

  it("answers in kind, and quotes, when the beginning of the message is known", () => {
    const { contentType, body } = rig.intake.refuse(2000, "too large", entityOf(pushOf("p"), { version: "1.0" }).body);
    expect(decodePap(contentType, body)).toMatchObject({
      version: "1.0",
      operation: { code: 2000, desc: "too large", badMessageFragment: expect.stringContaining("Content-Type") },
    });
  });
});

describe("a push", () => {
  it("is not answered before the store has committed it", async () => {
    const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
    const { promise: called, resolve: call } = Promise.withResolvers<void>();
    const submit: PpgStore["submit"] = async (submissions, nowMs) => {
      call();
      await committed;
      return rig.store.submit(submissions, nowMs);
    };
    const intake = rig.open({ store: { submit } as PpgStore });
    let isAnswered = false;
    const answer = intake.handle(rig.request(pushOf("p"))).finally(() => {
      isAnswered = true;
    });
    await called;
    await rig.clock.advance(30);
    expect([isAnswered, rig.events, intake.waiting]).toEqual([false, [], 1]);
    commit();
    expect((await answer).papCode).toBe(1001);
    expect(rig.events).toMatchObject([{ event: "accepted", elapsedMs: 30, atMs: Date.UTC(2026, 0, 1) }]);
  });

  it("larger than an entity may be is a bad message, and is not read (2000)", async () => {
    const intake = rig.open({ limits: { maxContentOctets: 1 } });
    const body = new Uint8Array(2_000_000).fill(0x61);
    const content = { contentType: "text/plain", body };
    const answer = await intake.handle(rig.request(pushOf("p"), { content }));
    expect(answer).toMatchObject({ httpStatus: 202, papCode: 2000, operation: "bad-message" });
    expect(answer.body.length).toBeLessThan(2_000);
  });
});

describe("concurrent pushes", () => {
  it("are committed in few transactions", async () => {
    let calls = 0;
    const counting = new Proxy(rig.store, {
      get(target, name) {
        if (name === "submit") calls += 1;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const intake = rig.open({ store: counting });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => intake.handle(rig.request(pushOf(`p${index}`)))),
    );
    expect(answers.every(({ papCode }) => papCode === 1001)).toBe(true);
    expect(calls).toBe(1);
  });

  it("with one push-id are accepted once", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => rig.intake.handle(rig.request(pushOf("same")))));
    expect(answers.map(({ papCode }) => papCode)).toEqual([1001, ...Array.from({ length: 9 }, () => 2007)]);
  });
});

describe("options", () => {
  it.each([
    [{ maxWaiting: 0 }, "maxWaiting"],
    [{ limits: { maxAddresses: 1.5 } }, "limits.maxAddresses"],
    [{ networks: ["5G"] }, "networks"],
    [{ bearers: ["smoke"] }, "bearers"],
    [{ addressRules: { USER: "sip:x" } }, "addressRules.USER"],
    [{ domain: [] }, "domain"],
  ])("%j are refused", (options, name) => expect(() => rig.open(options)).toThrow(name));
});
