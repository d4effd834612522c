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
    await rig.send({ callId: "c", fromTag: "t", cseq: 4 });
    await rig.send({ callId: "c", fromTag: "t", cseq: 5 });
    await rig.send({ callId: "c", fromTag: "u", cseq: 4 });
    await rig.send({ callId: "d", fromTag: "t", cseq: 4 });
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
