import { getEventListeners } from "node:events";
import { gzipSync } from "node:zlib";
import { type ResponseInit } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BOB, SenderRig, udp } from "../../../test/support/sender-rig.ts";

let rig: SenderRig;

beforeEach(() => {
  rig = new SenderRig();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("deliver-before", () => {
  it("travels as Date and Expires (RFC 3428 §4)", async () => {
    await rig.handset(() => [200]);
    await rig.deliver(await rig.open(), { expiresSeconds: 90 });
    expect(rig.seen[0]?.headers.get("Date")).toBe("Thu, 01 Jan 2026 00:00:00 GMT");
    expect(rig.seen[0]?.headers.get("Expires")).toBe("90");
  });

  it("that has passed sends nothing", async () => {
    await rig.handset(() => [200]);
    const deliverBefore = new Date(rig.clock.date().getTime() - 1);
    const outcome = await rig.deliver(await rig.open(), { deliverBefore });
    expect(outcome).toMatchObject({
      messageState: "expired",
      papCode: 2001,
      attempts: 0,
      sipStatus: null,
      retryable: false,
    });
    expect(rig.network.sent).toEqual([]);
  });

  it("that passes while nobody answers makes it expired, with the last code kept", async () => {
    await rig.handset(() => undefined);
    const outcome = await rig.deliver(await rig.open(), { expiresSeconds: 10 });
    expect(outcome).toMatchObject({ messageState: "expired", papCode: 4000, retryable: false });
  });
});

describe("what is done at once about a refusal", () => {
  const contacts = (...values: string[]): ResponseInit => ({
    headers: values.map((value) => ["Contact", value] as const),
  });

  it("follows the Contacts of a 3xx by q, keeps To and Call-ID, and counts CSeq on (RFC 3261 §8.1.3.4)", async () => {
    await rig.handset((_, n) =>
      n === 0
        ? [302, contacts("<sip:low@192.0.2.2>;q=0.1, <sip:high@192.0.2.2?Subject=x>;q=0.9")]
        : n === 1
          ? [404]
          : [200],
    );
    const outcome = await rig.deliver(await rig.open());
    expect(outcome).toMatchObject({ messageState: "delivered", attempts: 3 });
    expect(rig.seen.map(({ requestUri }) => requestUri)).toEqual([BOB, "sip:high@192.0.2.2", "sip:low@192.0.2.2"]);
    expect(
      new Set(rig.seen.map(({ callId, headers }) => `${callId} ${headers.get("To")} ${headers.get("From")}`)).size,
    ).toBe(1);
    expect(rig.cseqs).toEqual([1, 2, 3]);
  });

  it("tries five targets at most, none twice, then 2003", async () => {
    await rig.handset((_, n) => [302, contacts(`<sip:bob@192.0.2.2>`, `<sip:hop${n}@192.0.2.2>`)]);
    const outcome = await rig.deliver(await rig.open());
    expect(outcome).toMatchObject({ messageState: "undeliverable", papCode: 2003, sipStatus: 302, attempts: 6 });
  });

  it("stops at a 6xx, which speaks for all targets (RFC 3261 §21.6)", async () => {
    await rig.handset((_, n) => (n === 0 ? [300, contacts("<sip:a@192.0.2.2>", "<sip:b@192.0.2.2>")] : [603]));
    expect(await rig.deliver(await rig.open())).toMatchObject({ messageState: "aborted", attempts: 2 });
  });

  it("re-offers without the content coding when a 415 wants identity (RFC 3261 §8.2.3)", async () => {
    await rig.handset(({ headers }) =>
      headers.has("Content-Encoding") ? [415, { headers: [["Accept-Encoding", "identity"]] }] : [200],
    );
    const outcome = await rig.deliver(await rig.open(), { body: gzipSync(rig.push.body), contentEncoding: "gzip" });
    expect(outcome).toMatchObject({ messageState: "delivered", attempts: 2 });
    expect(Buffer.from(rig.seen[1]?.body ?? []).equals(Buffer.from(rig.push.body))).toBe(true);
    expect(rig.cseqs).toEqual([1, 2]);
  });

  it("re-offers an alternative that Accept allows, each once, then reports 5030", async () => {
    const alternatives = [
      { contentType: "text/html", body: new Uint8Array([1]) },
      { contentType: "text/plain", body: new Uint8Array([2]) },
    ];
    await rig.handset(({ headers }, n) =>
      n < 2 && headers.get("Content-Type") !== "text/plain"
        ? [415, { headers: [["Accept", "text/plain"]] }]
        : [n === 1 ? 200 : 415],
    );
    const sender = await rig.open();
    expect(await rig.deliver(sender, {}, { alternatives })).toMatchObject({ messageState: "delivered", attempts: 2 });
    expect(rig.seen.map(({ body }) => body.length)).toEqual([256, 1]);
    const refused = await rig.deliver(sender, {}, { alternatives: [] });
    expect(refused).toMatchObject({ messageState: "aborted", papCode: 5030, sipStatus: 415, attempts: 1 });
  });

  it("retries a 420 without the option tags that it names, and keeps the others (RFC 3261 §8.1.3.5)", async () => {
    await rig.handset((_, n) => (n === 0 ? [420, { headers: [["Unsupported", "Foo"]] }] : [200]));
    const headers = [["Require", "foo, bar"]] as const;
    expect(await rig.deliver(await rig.open(), { headers })).toMatchObject({ messageState: "delivered", attempts: 2 });
    expect(rig.seen.map((request) => request.headers.get("Require"))).toEqual(["foo, bar", "bar"]);
  });

  it("reports a 420 about nothing that was required", async () => {
    await rig.handset(() => [420, { headers: [["Unsupported", "foo"]] }]);
    expect(await rig.deliver(await rig.open())).toMatchObject({ papCode: 3000, attempts: 1 });
  });

  it("honours Min-Expires of a 423 for a push that did not expire", async () => {
    await rig.handset(({ headers }) => (headers.has("Expires") ? [200] : [423, { headers: [["Min-Expires", "30"]] }]));
    expect(await rig.deliver(await rig.open())).toMatchObject({ messageState: "delivered", attempts: 2 });
    expect(rig.seen[1]?.headers.get("Expires")).toBe("30");
  });

  it("honours Min-Expires of a 423 once", async () => {
    await rig.handset((_, n) => [423, { headers: [["Min-Expires", String(120 + n)]] }]);
    const outcome = await rig.deliver(await rig.open(), { expiresSeconds: 60 });
    expect(outcome).toMatchObject({ messageState: "undeliverable", papCode: 3000, attempts: 2 });
    expect(rig.seen.map((request) => request.headers.get("Expires"))).toEqual(["60", "120"]);
  });

  it("answers a challenge once with credentials (RFC 3261 §22)", async () => {
    const challenge = { headers: [["Proxy-Authenticate", 'Digest realm="home", nonce="n1", qop="auth"']] as const };
    await rig.handset(({ headers }) => (headers.has("Proxy-Authorization") ? [200] : [407, challenge]));
    const sender = await rig.open({ credentials: [{ username: "psi", password: "secret" }] });
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", attempts: 2 });
    expect(await rig.deliver(await rig.open({ listen: [udp("192.0.2.8")] }))).toMatchObject({
      sipStatus: 407,
      papCode: 3000,
      attempts: 1,
    });
  });
});

describe("retry option", () => {
  it("waits with back-off and jitter, or for Retry-After, keeping the Call-ID", async () => {
    await rig.handset((_, n) => (n === 0 ? [480] : n === 1 ? [503, { headers: [["Retry-After", "20"]] }] : [200]));
    const sender = await rig.open({ retry: { maxRetries: 3 } });
    const outcome = await rig.deliver(sender, { expiresSeconds: 3600 });
    expect(outcome).toMatchObject({ messageState: "delivered", attempts: 3, elapsedMs: 20_750 });
    expect(rig.cseqs).toEqual([1, 2, 3]);
    expect(new Set(rig.seen.map(({ callId }) => callId)).size).toBe(1);
    expect(rig.seen.map((request) => request.headers.get("Expires"))).toEqual(["3600", "3600", "3580"]);
  });

  it("stops after maxRetries with the state of the last answer", async () => {
    await rig.handset(() => [486]);
    const sender = await rig.open({ retry: { maxRetries: 2, initialMs: 100, maxMs: 150, jitter: 0 } });
    expect(await rig.deliver(sender)).toMatchObject({
      messageState: "pending",
      papCode: 5029,
      retryable: true,
      attempts: 3,
      elapsedMs: 250,
    });
  });

  it("does not wait for a time after deliver-before, and says so at once", async () => {
    await rig.handset(() => [480, { headers: [["Retry-After", "60"]] }]);
    const sender = await rig.open({ retry: { maxRetries: 9 } });
    const outcome = await rig.deliver(sender, { expiresSeconds: 30 });
    expect(outcome).toMatchObject({
      messageState: "pending",
      retryable: true,
      retryAfterSeconds: 60,
      attempts: 1,
      elapsedMs: 0,
    });
  });

  it("lets other pushes to the same URI go while it waits (RFC 3428 §8 speaks of pending requests)", async () => {
    await rig.handset((_, n) => (n === 0 ? [480, { headers: [["Retry-After", "3600"]] }] : [200]));
    const sender = await rig.open({ retry: { maxRetries: 1 } });
    const first = sender.deliver(rig.push, { to: BOB });
    const second = await rig.clock.until(sender.deliver(rig.push, { to: BOB }));
    expect(second).toEqual([expect.objectContaining({ messageState: "delivered", elapsedMs: 0 })]);
    expect(await rig.clock.until(first)).toEqual([
      expect.objectContaining({ messageState: "delivered", attempts: 2, elapsedMs: 3_600_000 }),
    ]);
  });

  it("leaves a Retry-After that no timer can wait for to the caller", async () => {
    await rig.handset(() => [480, { headers: [["Retry-After", "4294967295"]] }]);
    const outcome = await rig.deliver(await rig.open({ retry: { maxRetries: 1 } }));
    expect(outcome).toMatchObject({ attempts: 1, retryable: true, retryAfterSeconds: 4_294_967_295, elapsedMs: 0 });
  });

  it("leaves nothing behind at the caller's signal but the one listener of the stack", async () => {
    await rig.handset((_, n) => (n % 2 === 0 ? [480] : [200]));
    const { signal } = new AbortController();
    const sender = await rig.open({ retry: { maxRetries: 1 } });
    const deliveries = Array.from({ length: 3 }, () => sender.deliver(rig.push, { to: BOB, signal }));
    await rig.clock.until(Promise.all(deliveries));
    expect(getEventListeners(signal, "abort").length).toBe(1);
  });

  it("never retries a refusal that is final", async () => {
    await rig.handset(() => [603]);
    expect(await rig.deliver(await rig.open({ retry: { maxRetries: 9 } }))).toMatchObject({ attempts: 1 });
  });
});
