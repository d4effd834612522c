import { type ListenAddress, SipEndpoint, silentLogger } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BOB, SenderRig, udp } from "../../../test/support/sender-rig.ts";
import { PushSender } from "./index.ts";

let rig: SenderRig;

beforeEach(() => {
  rig = new SenderRig();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("delivery", () => {
  it("sends one MESSAGE with the body as it is and reports delivered (RFC 3428 §4)", async () => {
    await rig.handset(() => [200]);
    const outcome = await rig.deliver(await rig.open());
    expect(outcome).toEqual({
      to: BOB,
      messageState: "delivered",
      papCode: 1000,
      sipStatus: 200,
      sipReason: "OK",
      reason: "200 OK",
      retryable: false,
      retryAfterSeconds: undefined,
      attempts: 1,
      elapsedMs: 0,
      callId: rig.seen[0]?.callId,
      via: "message",
      report: null,
    });
    expect(rig.seen[0]?.method).toBe("MESSAGE");
    expect(Buffer.from(rig.seen[0]?.body ?? []).equals(Buffer.from(rig.push.body))).toBe(true);
    expect(rig.seen[0]?.headers.get("P-Asserted-Identity")).toBe("<sip:push-psi@home.test>");
  });

  it("gives an outcome per recipient in their order, each its own Call-ID", async () => {
    await rig.handset(() => [200]);
    await rig.handset(() => [404], "192.0.2.3");
    const sender = await rig.open({ domain: "192.0.2.2" });
    const to = ["sip:carol@192.0.2.3", BOB, "tel:+1-201-555-0123"];
    const outcomes = await rig.clock.until(sender.deliver(rig.push, { to }));
    expect(outcomes.map(({ to: who, messageState, papCode }) => [who, messageState, papCode])).toEqual([
      [to[0], "undeliverable", 2003],
      [to[1], "delivered", 1000],
      [to[2], "delivered", 1000],
    ]);
    expect(new Set(outcomes.map(({ callId }) => callId)).size).toBe(3);
    expect(rig.seen.map(({ requestUri }) => requestUri)).toContain("sip:+12015550123@192.0.2.2;user=phone");
  });

  it.each([
    [202, "pending", 1001, false],
    [403, "undeliverable", 2001, false],
    [480, "pending", 5028, true],
    [486, "pending", 5029, true],
    [488, "undeliverable", 2005, false],
    [501, "undeliverable", 3007, false],
    [513, "undeliverable", 2006, false],
    [603, "aborted", 5027, false],
  ] as const)(
    "reports %d as %s, %d, retryable: %s, after one request",
    async (status, messageState, papCode, retryable) => {
      await rig.handset(() => [status, { headers: [["Retry-After", "17 (later)"]] }]);
      const outcome = await rig.deliver(await rig.open());
      const retryAfterSeconds = retryable ? 17 : undefined;
      expect(outcome).toMatchObject({
        messageState,
        papCode,
        retryable,
        retryAfterSeconds,
        sipStatus: status,
        attempts: 1,
      });
    },
  );

  it("reports timeout when nobody answers for 64*T1 (RFC 3261 §17.1.2.2)", async () => {
    await rig.handset(() => undefined);
    const outcome = await rig.deliver(await rig.open());
    expect(outcome).toMatchObject({
      messageState: "timeout",
      papCode: 4000,
      sipStatus: null,
      sipReason: null,
      retryable: true,
    });
    expect(outcome.elapsedMs).toBeGreaterThanOrEqual(32_000);
  });

  it("answers OPTIONS, and refuses what a sender does not take", async () => {
    await rig.open();
    const probe = await PushSender.open({
      from: "sip:x@y",
      listen: [udp("192.0.2.9")],
      clock: rig.clock,
      stack: { open: rig.network.open },
    });
    rig.closeLater(probe);
    expect(await rig.deliver(probe, {}, { to: "sip:psi@192.0.2.1" })).toMatchObject({ sipStatus: 415, papCode: 5030 });
  });
});

describe("one push at a time to one URI (RFC 3428 §8)", () => {
  it("waits for the one before, while other recipients go ahead", async () => {
    await rig.handset((_, n) => (n === 0 ? undefined : [200]));
    await rig.handset(() => [200], "192.0.2.3");
    const sender = await rig.open();
    const first = sender.deliver(rig.push, { to: BOB });
    const second = sender.deliver(rig.push, { to: [BOB, "sip:carol@192.0.2.3"] });
    await rig.clock.advance(31_000);
    expect(rig.seen.map(({ requestUri }) => requestUri)).toEqual([BOB, "sip:carol@192.0.2.3"]);
    expect((await rig.clock.until(first))[0]?.messageState).toBe("timeout");
    expect((await rig.clock.until(second)).map(({ messageState }) => messageState)).toEqual(["delivered", "delivered"]);
  });

  it("lets them overlap when told that the way is safe", async () => {
    await rig.handset(() => undefined);
    const sender = await rig.open({ allowOverlap: true });
    const both = Promise.all([sender.deliver(rig.push, { to: BOB }), sender.deliver(rig.push, { to: BOB })]);
    await rig.clock.advance(100);
    expect(rig.seen.length).toBe(2);
    await rig.clock.until(both);
  });

  it("lets one that is cancelled while it waits go at once, and nobody else waits for it", async () => {
    await rig.handset((_, n) => (n === 0 ? undefined : [200]));
    const sender = await rig.open();
    const abort = new AbortController();
    const first = sender.deliver(rig.push, { to: BOB });
    const second = sender.deliver(rig.push, { to: BOB, signal: abort.signal });
    const third = sender.deliver(rig.push, { to: BOB });
    abort.abort();
    const cancelled = { messageState: "cancelled", papCode: 5026, attempts: 0, retryable: false };
    expect(await second).toEqual([expect.objectContaining(cancelled)]);
    await rig.clock.until(first);
    expect((await rig.clock.until(third))[0]?.messageState).toBe("delivered");
    expect(rig.seen.length).toBe(2);
  });
});

describe("giving up", () => {
  it("before it was given does not wait for its turn", async () => {
    await rig.handset(() => undefined);
    const sender = await rig.open();
    const first = sender.deliver(rig.push, { to: BOB });
    const [outcome] = await sender.deliver(rig.push, { to: BOB, signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ messageState: "cancelled", attempts: 0, elapsedMs: 0 });
    await rig.clock.until(first);
  });

  it("by close ends what is under way on an endpoint that stays open, and what comes back later waits for nothing", async () => {
    await rig.handset(() => undefined);
    const endpoint = await SipEndpoint.open({
      listen: [udp("192.0.2.7")],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: () => {},
    });
    rig.closeLater(endpoint);
    const sender = await PushSender.open({ from: "sip:a@b", endpoint, retry: { maxRetries: 5 } });
    const outcomes = Promise.all([sender.deliver(rig.push, { to: BOB }), sender.deliver(rig.push, { to: BOB })]);
    await rig.clock.advance(100);
    await sender.close();
    expect((await outcomes).flat().map(({ messageState, elapsedMs }) => [messageState, elapsedMs])).toEqual([
      ["unknown", 100],
      ["unknown", 100],
    ]);
    expect(rig.seen.length).toBe(1);
  });

  it("by signal ends the wait for an answer and the wait for a retry", async () => {
    await rig.handset((request) => (request.requestUri.includes("silent") ? undefined : [480]));
    const sender = await rig.open({ retry: { maxRetries: 1 } });
    const abort = new AbortController();
    const outcomes = sender.deliver(rig.push, { to: ["sip:silent@192.0.2.2", BOB], signal: abort.signal });
    await rig.clock.advance(100);
    abort.abort();
    expect((await outcomes).map(({ messageState, sipStatus }) => [messageState, sipStatus])).toEqual([
      ["cancelled", null],
      ["cancelled", 480],
    ]);
  });

  it("by a signal that was aborted before sends nothing", async () => {
    await rig.handset(() => [200]);
    const outcome = await rig.deliver(await rig.open(), {}, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ messageState: "cancelled", attempts: 0 });
    expect(rig.network.sent).toEqual([]);
  });

  it("by close: unknown for what is under way, pending for what waits to be retried, nothing sent afterwards", async () => {
    await rig.handset((request) => (request.requestUri.includes("silent") ? undefined : [480]));
    const sender = await rig.open({ retry: { maxRetries: 1 } });
    const outcomes = sender.deliver(rig.push, { to: ["sip:silent@192.0.2.2", BOB] });
    await rig.clock.advance(100);
    await sender.close();
    await sender.close();
    expect((await outcomes).map(({ messageState }) => messageState)).toEqual(["unknown", "pending"]);
    const sent = rig.network.sent.length;
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "unknown", papCode: 4000, attempts: 0 });
    expect(rig.network.sent.length).toBe(sent);
    expect(sender.stats).toEqual({ pending: 0, ended: 3, refused: 0 });
  });
});

describe("limits and bad input", () => {
  it("refuses deliveries above maxPending as retryable, and counts them", async () => {
    await rig.handset(() => [200]);
    const sender = await rig.open({ limits: { maxPending: 1 } });
    const outcomes = await rig.clock.until(sender.deliver(rig.push, { to: [BOB, "sip:x@192.0.2.2"] }));
    expect(outcomes.map(({ papCode, retryable }) => [papCode, retryable])).toEqual([
      [1000, false],
      [4001, true],
    ]);
    expect(sender.stats).toEqual({ pending: 0, ended: 2, refused: 1 });
  });

  it.each([
    [{}, { to: [] }, "PUSH_NO_RECIPIENT", "to"],
    [{}, { to: [BOB, BOB, BOB] }, "PUSH_TOO_MANY_RECIPIENTS", "to"],
    [{}, { to: [BOB, "BOB"] }, "PUSH_BAD_RECIPIENT", "to[1]"],
    [{}, { to: "tel:+1" }, "PUSH_BAD_RECIPIENT", "to"],
    [{}, { to: "sips:bob@192.0.2.2" }, "PUSH_INSECURE_PROXY", "to"],
    [{ body: new Uint8Array(301) }, {}, "PUSH_BODY_TOO_LARGE", "body"],
    [{ contentType: "x" }, {}, "PUSH_BAD_CONTENT_TYPE", "contentType"],
    [
      {},
      { alternatives: [{ contentType: "x", body: new Uint8Array(1) }] },
      "PUSH_BAD_CONTENT_TYPE",
      "alternatives[0].contentType",
    ],
  ])("%j %j throws %s naming %s, and nothing is sent to anybody", async (change, options, code, field) => {
    const sender = await rig.open({ proxy: "sip:192.0.2.2", limits: { maxBodyBytes: 300, maxRecipients: 2 } });
    await expect(rig.deliver(sender, change, options)).rejects.toMatchObject({ name: "PushInputError", code, field });
    expect(rig.network.sent).toEqual([]);
  });

  it.each([
    [{ from: "push" }, "from"],
    [{ from: "<sip:a@b>\r\nX: y" }, "from"],
    [{ from: '"a\r\nX: y" <sip:a@b>' }, "from"],
    [{ from: "<sip:a@b>;tag=1" }, "from"],
    [{ identity: "mailto:a@b" }, "identity"],
    [{ limits: { maxPending: Number.NaN } }, "limits.maxPending"],
    [{ subscriptions: { maxExpiresSeconds: 0.5 } }, "subscriptions.maxExpiresSeconds"],
    [{ subscriptions: { minExpiresSeconds: -1 } }, "subscriptions.minExpiresSeconds"],
    [{ capabilities: { lifetimesSeconds: { options: Number.NaN } } }, "capabilities.lifetimesSeconds.options"],
    [{ retry: { maxRetries: Number.NaN } }, "retry.maxRetries"],
    [{ retry: { maxRetries: 1, jitter: 2 } }, "retry.jitter"],
    [{ userAgent: "a\nb" }, "userAgent"],
    [{ proxy: "tel:+1" }, "proxy"],
    [{ route: ["<sip:a;lr>", "b"] }, "route[1]"],
    [{ domain: "a b" }, "domain"],
    [{ listen: [] }, "listen"],
  ])("option %j is refused naming %s", async (options, field) => {
    await expect(rig.open(options)).rejects.toMatchObject({ code: "PUSH_BAD_OPTION", field });
  });
});

describe("next hop and role", () => {
  it("reaches an IPv6 literal (RFC 5118 §4) and, over TLS, a sips: recipient (RFC 3261 §26.2.2)", async () => {
    const from: ListenAddress[] = [
      { transport: "UDP", address: "2001:db8::1", port: 5060 },
      { transport: "TLS", address: "2001:db8::1", port: 5061 },
    ];
    await rig.handset(() => [200], "2001:db8::2");
    await rig.handset(() => [200], "2001:db8::2", "TLS");
    const sender = await rig.open({ listen: from });
    const to = ["sip:bob@[2001:db8::2]", "sips:bob@[2001:db8::2]:5060"];
    const outcomes = await rig.clock.until(sender.deliver(rig.push, { to }));
    expect(outcomes.map(({ messageState }) => messageState)).toEqual(["delivered", "delivered"]);
    expect(rig.seen.map(({ via }) => via.transport)).toEqual(["UDP", "TLS"]);
  });

  it("refuses a sips: recipient behind a route that is not secure, and takes it behind one that is", async () => {
    const to = "sips:bob@192.0.2.2";
    const plain = await rig.open({ route: ["<sip:192.0.2.2;lr>"] });
    await expect(rig.deliver(plain, {}, { to })).rejects.toMatchObject({ code: "PUSH_INSECURE_PROXY", field: "to" });
    await rig.handset(() => [200], "192.0.2.2", "TLS");
    const listen: ListenAddress[] = [{ transport: "TLS", address: "192.0.2.3", port: 5061 }];
    const secure = await rig.open({ listen, route: ["<sips:192.0.2.2:5060;lr>"] });
    expect(await rig.deliver(secure, {}, { to })).toMatchObject({ messageState: "delivered" });
  });

  it("sends through the proxy, with the route set, preferring its identity at Gm (RFC 3325, RFC 3608)", async () => {
    await rig.handset(() => [200], "192.0.2.5");
    const sender = await rig.open({
      role: "gm",
      identity: "<sip:me@home.test>",
      proxy: "sip:192.0.2.5",
      route: ["sip:scscf.home.test;lr"],
    });
    expect(await rig.deliver(sender, {}, { to: "sips:bob@far.test" }).catch((error: Error) => error.name)).toBe(
      "PushInputError",
    );
    expect(await rig.deliver(sender, {}, { to: "sip:bob@far.test" })).toMatchObject({ messageState: "delivered" });
    expect(rig.seen[0]?.headers.get("P-Preferred-Identity")).toBe("<sip:me@home.test>");
    expect(rig.seen[0]?.headers.get("Route")).toBe("<sip:scscf.home.test;lr>");
  });

  it("takes an endpoint of the caller's and leaves it open", async () => {
    await rig.handset(() => [200]);
    const endpoint = await SipEndpoint.open({
      listen: [udp("192.0.2.7")],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: () => {},
    });
    rig.closeLater(endpoint);
    const sender = await PushSender.open({ from: "sip:a@b", endpoint });
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered" });
    await sender.close();
    expect(sender.listening).toEqual([udp("192.0.2.7")]);
  });

  it("logs one info line per outcome, without the body", async () => {
    await rig.handset(() => [200]);
    const lines: object[] = [];
    const info = (fields: object): void => void lines.push(fields);
    await rig.deliver(await rig.open({ logger: { ...silentLogger, info } }));
    expect(lines).toEqual([expect.objectContaining({ to: BOB, messageState: "delivered", papCode: 1000, bytes: 256 })]);
    expect(Object.keys(lines[0] ?? {})).not.toContain("body");
  });
});
