import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestCredentials, ds, ReceiverRig } from "../../../test/support/receiver-rig.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("repeats of a request, known by Call-ID, CSeq and From tag", () => {
  it("get the same answer by whatever way they come, and are not told again", async () => {
    const receiver = await rig.open({ handlers: { default: () => ({ statusCode: 603 }) } });
    const request = { ...ds(rig.notification()), callId: "c", fromTag: "t", cseq: 4 };
    expect([(await rig.send(request)).statusCode, (await rig.send(request)).statusCode]).toEqual([603, 603]);
    expect(rig.pushes.length).toBe(1);
    expect(receiver.stats).toMatchObject({ pushes: 1, repeats: 1 });
  });

  it("are no repeats when one of the three differs", async () => {
    await rig.open();
    let n = 0;
    const text = () => ({ body: Buffer.from(`text ${n++}`), headers: [["Content-Type", "text/plain"]] as const });
    await rig.send({ ...text(), callId: "c", fromTag: "t", cseq: 4 });
    await rig.send({ ...text(), callId: "c", fromTag: "t", cseq: 5 });
    await rig.send({ ...text(), callId: "c", fromTag: "u", cseq: 4 });
    await rig.send({ ...text(), callId: "d", fromTag: "t", cseq: 4 });
    expect(rig.pushes.length).toBe(4);
  });

  it("that were refused are refused again, with the same header fields, and counted once", async () => {
    const receiver = await rig.open();
    const request = {
      body: Buffer.from("x"),
      headers: [["Content-Type", "image/png"]] as const,
      callId: "c",
      fromTag: "t",
    };
    const accepts = [await rig.send(request), await rig.send(request)].map(({ headers }) => headers.get("Accept"));
    expect(accepts[0]).toContain("text/plain");
    expect(accepts[1]).toBe(accepts[0]);
    expect(receiver.stats).toMatchObject({ refused: 1, repeats: 1 });
  });

  it("are known by a Call-ID of any length", async () => {
    await rig.open();
    for (const end of ["a", "b", "a"]) await rig.send({ callId: `${"c".repeat(1000)}${end}`, fromTag: "t" });
    expect(rig.pushes.length).toBe(2);
  });

  it("are forgotten after the window", async () => {
    await rig.open({ limits: { repeatWindowMs: 60_000 } });
    await rig.send({ callId: "c", fromTag: "t" });
    await rig.clock.advance(60_000);
    await rig.send({ callId: "c", fromTag: "t" });
    expect(rig.pushes.length).toBe(2);
  });
});

describe("new attempts at a push, known by Call-ID and content (RFC 3261 §8.1.3.5)", () => {
  const attempt = (text: string, cseq: number, changes: object = {}) => ({
    body: Buffer.from(text),
    headers: [["Content-Type", "text/plain"]] as const,
    callId: "c",
    fromTag: `tag${cseq}`,
    cseq,
    ...changes,
  });

  it("get the answer of the first and are not told again, whatever CSeq and From tag they have", async () => {
    const receiver = await rig.open({ handlers: { default: () => ({ statusCode: 603 }) } });
    const codes: number[] = [];
    for (const cseq of [1, 7, 8]) codes.push((await rig.send(attempt("one", cseq))).statusCode);
    expect(codes).toEqual([603, 603, 603]);
    expect(rig.pushes.length).toBe(1);
    expect(receiver.stats).toMatchObject({ pushes: 1, repeats: 2 });
  });

  it("that come while a handler is at work wait for its answer", async () => {
    const { promise, resolve } = Promise.withResolvers<{ statusCode: number }>();
    await rig.open({ handlers: { default: () => promise } });
    const sent = [rig.send(attempt("one", 1)), rig.send(attempt("one", 2))];
    await rig.clock.advance(100);
    resolve({ statusCode: 200 });
    expect((await Promise.all(sent)).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(rig.pushes.length).toBe(1);
  });

  it("are known for an hour: a sender may have been down, or have paused, that long", async () => {
    await rig.open();
    await rig.send(attempt("one", 1));
    await rig.clock.advance(59 * 60_000);
    await rig.send(attempt("one", 2));
    expect(rig.pushes.length).toBe(1);
    await rig.clock.advance(60_000);
    await rig.send(attempt("one", 3));
    expect(rig.pushes.length).toBe(2);
  });

  it("are known when they are the first request itself, octet by octet, which is remembered for less", async () => {
    const receiver = await rig.open();
    const codes = [(await rig.send(attempt("one", 1))).statusCode];
    await rig.clock.advance(30 * 60_000);
    codes.push((await rig.send(attempt("one", 1))).statusCode);
    expect([codes, rig.pushes.length, receiver.stats.repeats]).toEqual([[200, 200], 1, 1]);
  });

  it("are other pushes with other content, another sender, or after the window", async () => {
    await rig.open({ limits: { repeatWindowMs: 60_000 } });
    await rig.send(attempt("one", 1));
    await rig.send(attempt("two", 2));
    await rig.send(attempt("one", 3, { from: "sip:other@home.test" }));
    expect(rig.pushes.length).toBe(3);
    await rig.clock.advance(60_000);
    await rig.send(attempt("one", 4));
    expect(rig.pushes.length).toBe(4);
  });

  it("reach the handler again when the first was asked to come back", async () => {
    const codes = [486, 200];
    await rig.open({ handlers: { default: () => ({ statusCode: codes.shift() ?? 500 }) } });
    const answers = [await rig.send(attempt("one", 1)), await rig.send(attempt("one", 2))];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([486, 200]);
    expect(rig.pushes.length).toBe(2);
  });
});

describe("repeats of a session, known by server and session id (OMA DM 1.2 Notification)", () => {
  it("get the same answer and are not told again, until the window is over", async () => {
    await rig.open({ limits: { sessionWindowMs: 60_000 } });
    const body = rig.notification({ sessionId: 9 });
    for (let i = 0; i < 3; i++) expect((await rig.send(ds(body))).statusCode).toBe(200);
    await rig.send(ds(rig.notification({ sessionId: 9, serverId: "other.test" })));
    expect(rig.pushes.length).toBe(2);
    await rig.clock.advance(60_000);
    await rig.send(ds(body));
    expect(rig.pushes.length).toBe(3);
  });

  it("wait for the answer of the first while its handler works", async () => {
    await rig.open({ handlers: { default: () => ({ statusCode: 603, delayMs: 2000 }) } });
    const body = rig.notification();
    const both = await Promise.all([rig.send(ds(body)), rig.send(ds(body))]);
    expect(both.map(({ statusCode }) => statusCode)).toEqual([603, 603]);
    expect(rig.pushes.length).toBe(1);
  });

  it("are handed over when the sender was told to try again, and answered alike when it was refused for good", async () => {
    const answers = [486, 603, 200];
    await rig.open({ handlers: { default: () => ({ statusCode: answers.shift() ?? 500 }) } });
    const body = rig.notification();
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await rig.send(ds(body))).statusCode);
    expect(statuses).toEqual([486, 603, 603]);
    expect(rig.pushes.map(({ sipStatus }) => sipStatus)).toEqual([486, 603]);
  });

  it("do not hide a signed notification behind a forged one", async () => {
    await rig.open({ digest: { credentials: () => digestCredentials } });
    expect((await rig.send(ds(rig.notification({ sessionId: 5 })))).statusCode).toBe(403);
    expect((await rig.send(ds(rig.notification({ sessionId: 5 }, true)))).statusCode).toBe(200);
    expect(rig.pushes.length).toBe(1);
  });

  it("get the same answer although the nonce that proved the first is spent (OMA DM 1.2)", async () => {
    let nonce = digestCredentials.nonce;
    await rig.open({ digest: { credentials: () => ({ ...digestCredentials, nonce }) } });
    const body = rig.notification({ sessionId: 5 }, true);
    const first = await rig.send(ds(body));
    nonce = "next";
    const others = [await rig.send(ds(body)), await rig.send(ds(rig.notification({ sessionId: 5 })))];
    expect([first, ...others].map(({ statusCode }) => statusCode)).toEqual([200, 200, 403]);
    expect(rig.pushes.length).toBe(1);
  });

  it("do not hide a signed notification behind a forged one that is accepted all the same", async () => {
    await rig.open({ digest: { credentials: () => digestCredentials, onInvalid: "accept" } });
    await rig.send(ds(rig.notification({ sessionId: 5 })));
    await rig.send(ds(rig.notification({ sessionId: 5 }, true)));
    expect(rig.pushes.map(({ digest }) => digest)).toEqual(["invalid", "valid"]);
  });

  it("are each handed over when the window is 0", async () => {
    await rig.open({ limits: { sessionWindowMs: 0 } });
    const body = rig.notification();
    await rig.send(ds(body));
    await rig.send(ds(body));
    expect(rig.pushes.length).toBe(2);
  });
});
