import { getEventListeners } from "node:events";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { type BodyPart, encodeCpim, encodeImdn, encodeMultipart, type Imdn, imdnHeaders } from "@sip-push/bodies";
import {
  createRequest,
  parseUri,
  RequestSender,
  SipEndpoint,
  type SipResponse,
  type SipUri,
  TrustDomain,
  UasCore,
} from "@sip-push/sip";
import { MemoryNetwork, seededRandom, VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReportDesk, type ReportDeskOptions } from "./report-desk.ts";
import type { ExpectedReport, ReportRequest } from "./types.ts";

const BOB = "sip:bob@home.test";
const MINUTE_MS = 60_000;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

let clock: VirtualClock;
let network: MemoryNetwork;
let desk: ReportDesk;
let opened: SipEndpoint[];

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(1) });
  opened = [];
});

afterEach(async () => {
  await desk.close();
  for (const endpoint of opened) await endpoint.close();
  expect(clock.pendingTimers).toBe(0);
});

async function endpointAt(address: string, uas?: UasCore): Promise<SipEndpoint> {
  const endpoint = await SipEndpoint.open({
    listen: [{ transport: "UDP", address, port: 5060 }],
    clock,
    open: network.open,
    onRequest: (transaction) => uas?.handle(transaction),
  });
  opened.push(endpoint);
  return endpoint;
}

/** The desk at 192.0.2.1, and a peer at 192.0.2.2 that sends it MESSAGEs. */
async function start(options: Partial<ReportDeskOptions> = {}): Promise<RequestSender> {
  desk = new ReportDesk({ clock, ...options });
  await endpointAt("192.0.2.1", new UasCore({ methods: { MESSAGE: (transaction) => desk.handle(transaction) } }));
  return new RequestSender({ endpoint: await endpointAt("192.0.2.2") });
}

function wait(change: Partial<ReportRequest> = {}): ExpectedReport {
  const expected = desk.expect({ recipient: BOB, waitMs: MINUTE_MS, ...change });
  if (expected === undefined) throw new Error("no room");
  return expected;
}

const imdn = (messageId: string, change: Partial<Imdn> = {}): Imdn => ({
  messageId,
  dateTime: "2026-01-01T00:00:00Z",
  recipientUri: BOB,
  originalRecipientUri: BOB,
  subject: null,
  kind: "delivery",
  status: "delivered",
  extensions: [],
  ...change,
});

interface Sent {
  readonly from?: string;
  readonly asserted?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly toTag?: string;
  readonly body: Uint8Array;
}

async function send(
  sender: RequestSender,
  { from = BOB, asserted, contentEncoding, toTag, ...rest }: Sent,
): Promise<SipResponse> {
  const { contentType = "message/cpim", body } = rest;
  const headers: Array<[string, string]> = contentType === "" ? [] : [["Content-Type", contentType]];
  if (asserted !== undefined) headers.push(["P-Asserted-Identity", asserted]);
  if (contentEncoding !== undefined) headers.push(["Content-Encoding", contentEncoding]);
  const request = createRequest({
    method: "MESSAGE",
    requestUri: "sip:push-psi@home.test",
    from,
    headers,
    body,
    ...(toTag === undefined ? {} : { toTag }),
  });
  const nextHop = parseUri("sip:192.0.2.1") as SipUri;
  const outcome = await clock.until(sender.send(request, { nextHop }));
  if (outcome.kind !== "response") throw new Error(outcome.reason);
  return outcome.response;
}

const cpim = (...reports: Imdn[]): Uint8Array => {
  const parts = reports.map((each) => ({
    contentType: "message/imdn+xml",
    contentDisposition: { type: "notification", params: new Map() },
    body: encodeImdn(each),
  }));
  const aggregate = (): BodyPart => encodeMultipart({ subtype: "mixed", params: new Map(), parts });
  const content = parts.length === 1 && parts[0] !== undefined ? parts[0] : aggregate();
  return encodeCpim({ headers: imdnHeaders("report-1"), content });
};

const report = (sender: RequestSender, each: Imdn, how: Omit<Sent, "body"> = {}): Promise<SipResponse> =>
  send(sender, { body: cpim(each), ...how });

describe("a delivery report (RFC 5438)", () => {
  it.each(["delivered", "failed", "forbidden", "error"] as const)(
    "that says %s ends the wait with it",
    async (status) => {
      const sender = await start();
      const expected = wait();
      await clock.advance(1500);
      expect((await report(sender, imdn(expected.messageId, { status }))).statusCode).toBe(200);
      expect(await expected.result).toEqual({
        kind: "reported",
        report: { disposition: status, reportedBy: BOB, elapsedMs: 1500 },
        processing: null,
      });
      expect(desk.stats).toMatchObject({ waiting: 0, reported: 1, unreported: 0 });
    },
  );

  it("of an intermediary on the way does not end it; it is told once (RFC 5438 §8.1)", async () => {
    const sender = await start();
    const heard: string[] = [];
    const expected = wait({ processing: true, onProcessing: (status) => heard.push(status) });
    await report(sender, imdn(expected.messageId, { kind: "processing", status: "stored" }));
    await report(sender, imdn(expected.messageId, { kind: "processing", status: "processed" }));
    expect(heard).toEqual(["stored"]);
    expect(desk.stats.ignored.duplicate).toBe(1);
    await report(sender, imdn(expected.messageId));
    expect(await expected.result).toMatchObject({ report: { disposition: "delivered" }, processing: "stored" });
  });

  it.each([
    ["identity", (octets: Uint8Array) => octets],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
    ["gzip", gzipSync],
  ])("is read when its Content-Encoding is %s (RFC 3261 §20.12)", async (contentEncoding, code) => {
    const sender = await start();
    const expected = wait();
    const body = code(cpim(imdn(expected.messageId)));
    expect((await send(sender, { body, contentEncoding })).statusCode).toBe(200);
    expect((await expected.result).kind).toBe("reported");
  });

  it("is read without its envelope, and several in one", async () => {
    const sender = await start();
    const [first, second] = [wait(), wait()];
    await send(sender, { contentType: "message/imdn+xml", body: encodeImdn(imdn(first.messageId)) });
    expect((await first.result).kind).toBe("reported");
    const third = wait();
    await send(sender, { body: cpim(imdn(second.messageId), imdn(third.messageId, { status: "failed" })) });
    expect(await second.result).toMatchObject({ report: { disposition: "delivered" } });
    expect(await third.result).toMatchObject({ report: { disposition: "failed" } });
  });
});

describe("a report that is ignored is answered 200 and counted (RFC 5438 §12.1.2, §14.1)", () => {
  it("as forged when no push has its id", async () => {
    const sender = await start();
    const expected = wait();
    expect((await report(sender, imdn("34jk324j"))).statusCode).toBe(200);
    expect(desk.stats).toMatchObject({ waiting: 1, ignored: { unknown: 1 } });
    expected.cancel();
  });

  it("as foreign when its sender is not the recipient of the push", async () => {
    const sender = await start();
    const [bobs, alices] = [wait(), wait({ recipient: "sip:alice@home.test" })];
    await report(sender, imdn(alices.messageId));
    await report(sender, imdn(bobs.messageId), { from: "sip:mallory@home.test" });
    expect(desk.stats).toMatchObject({ waiting: 2, reported: 0, ignored: { foreign: 2 } });
    await report(sender, imdn(bobs.messageId));
    expect(desk.stats).toMatchObject({ waiting: 1, reported: 1 });
  });

  it("as late after the deadline, and the outcome stays without a report", async () => {
    const sender = await start();
    const expected = wait();
    await clock.advance(MINUTE_MS);
    expect(await expected.result).toEqual({ kind: "none", reason: "deadline", processing: null });
    await report(sender, imdn(expected.messageId));
    expect(desk.stats).toMatchObject({ unreported: 1, reported: 0, ignored: { late: 1 } });
  });

  it("as duplicate after the first, even when it says something else (RFC 5438 §7.2.1)", async () => {
    const sender = await start();
    const expected = wait();
    await report(sender, imdn(expected.messageId));
    await report(sender, imdn(expected.messageId, { status: "failed" }));
    expect(await expected.result).toMatchObject({ report: { disposition: "delivered" } });
    expect(desk.stats).toMatchObject({ reported: 1, ignored: { duplicate: 1 } });
  });

  it.each([
    ["display", "displayed"],
    ["processing", "processed"],
  ] as const)("as unasked when it is a %s report that nobody wanted", async (kind, status) => {
    const sender = await start();
    const expected = wait();
    await report(sender, imdn(expected.messageId, { kind, status }));
    expect(desk.stats).toMatchObject({ waiting: 1, ignored: { unasked: 1 } });
    expected.cancel();
  });
});

describe("who reports", () => {
  const trust = new TrustDomain(["192.0.2.2"]);

  it("is who a trusted hop asserts, whatever From says (RFC 3325 §5)", async () => {
    const sender = await start({ trust });
    const expected = wait();
    await report(sender, imdn(expected.messageId), { from: BOB, asserted: "<sip:mallory@home.test>" });
    expect(desk.stats.ignored.foreign).toBe(1);
    await report(sender, imdn(expected.messageId), { from: "sip:anonymous@anonymous.invalid", asserted: `<${BOB}>` });
    expect(await expected.result).toMatchObject({ report: { reportedBy: BOB } });
  });

  it("is not who an untrusted hop asserts", async () => {
    const sender = await start();
    const expected = wait();
    await report(sender, imdn(expected.messageId), { from: "sip:mallory@home.test", asserted: `<${BOB}>` });
    expect(desk.stats.ignored.foreign).toBe(1);
    expected.cancel();
  });

  it("must be asserted when that is asked for", async () => {
    const sender = await start({ trust, requireAsserted: true });
    const expected = wait();
    await report(sender, imdn(expected.messageId), { from: BOB });
    expect(desk.stats.ignored.foreign).toBe(1);
    await report(sender, imdn(expected.messageId), { asserted: `<${BOB}>` });
    expect((await expected.result).kind).toBe("reported");
  });

  it("may be asserted as a telephone number, or be where a redirection led", async () => {
    const sender = await start({ trust });
    const byNumber = wait({ recipient: "sip:+12015550123@home.test;user=phone" });
    await report(sender, imdn(byNumber.messageId), { asserted: "<tel:+1-201-555-0123>" });
    expect((await byNumber.result).kind).toBe("reported");
    const redirected = wait();
    redirected.alsoFrom("sip:bob@office.test");
    await report(sender, imdn(redirected.messageId), { asserted: "<sip:bob@office.test>" });
    expect((await redirected.result).kind).toBe("reported");
  });

  it("may be a store-and-forward server that names the recipient (RFC 5438 §8.2)", async () => {
    const sender = await start({ trust, intermediaries: ["sip:store@home.test"] });
    const expected = wait();
    const failed = imdn(expected.messageId, { status: "failed" });
    await report(
      sender,
      { ...failed, recipientUri: null, originalRecipientUri: null },
      { asserted: "<sip:store@home.test>" },
    );
    await report(sender, failed, { asserted: "<sip:other@home.test>" });
    expect(desk.stats.ignored.foreign).toBe(2);
    await report(sender, failed, { asserted: "<sip:store@home.test>" });
    expect(await expected.result).toMatchObject({
      report: { disposition: "failed", reportedBy: "sip:store@home.test" },
    });
  });
});

describe("what is no report", () => {
  const xml = "message/imdn+xml";

  it.each([
    ["another type", { contentType: "text/plain", body: text("hi") }, 415],
    ["no type", { contentType: "", body: text("hi") }, 415],
    [
      "an envelope around something else",
      { body: text("NS: x <urn:x>\r\n\r\nContent-Type: text/plain\r\n\r\nhi") },
      415,
    ],
    ["a coding that is not known", { contentEncoding: "br", body: text("x") }, 415],
    ["a body that is not coded as it says", { contentEncoding: "gzip", body: text("x") }, 400],
    ["garbage", { contentType: xml, body: Uint8Array.of(0, 255, 60) }, 400],
    [
      "an IMDN without a message id",
      { contentType: xml, body: text("<imdn xmlns='urn:ietf:params:xml:ns:imdn'/>") },
      400,
    ],
    ["an envelope that is none", { body: text("x") }, 400],
    ["a body that is too large", { contentType: xml, body: new Uint8Array(1025) }, 413],
    [
      "a body that unfolds to too much",
      { contentType: xml, contentEncoding: "gzip", body: gzipSync(new Uint8Array(1e6)) },
      413,
    ],
    ["a MESSAGE in a dialog", { toTag: "1", body: text("x") }, 481],
  ])("%s is answered as it deserves", async (_, message, statusCode) => {
    const sender = await start({ maxBodyBytes: 1024 });
    const expected = wait();
    const response = await send(sender, message);
    expect(response.statusCode).toBe(statusCode);
    if (statusCode === 415) {
      expect(response.headers.get("Accept")).toBe("message/cpim, message/imdn+xml");
      expect(response.headers.get("Accept-Encoding")).toBe("identity, gzip, deflate");
    }
    expect(desk.stats).toMatchObject({ waiting: 1, rejected: 1 });
    expected.cancel();
  });
});

describe("waiting ends", () => {
  it("when the caller cancels, gives up, or the desk closes", async () => {
    await start();
    const controller = new AbortController();
    const waits = [wait(), wait({ signal: controller.signal }), wait()];
    waits[0]?.cancel();
    controller.abort();
    void desk.close();
    const after = wait();
    const results = await Promise.all([...waits, after].map(({ result }) => result));
    expect(results.map((result) => (result.kind === "none" ? result.reason : result.kind))).toEqual([
      "cancelled",
      "aborted",
      "closed",
      "closed",
    ]);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(await wait({ signal: controller.signal }).result).toMatchObject({ reason: "closed" });
  });

  it("at once when the signal has fired before", async () => {
    await start();
    expect(await wait({ signal: AbortSignal.abort() }).result).toMatchObject({ reason: "aborted" });
  });

  it("never for more pushes than the limit, and remembers no more than that either", async () => {
    const sender = await start({ maxExpected: 2, maxRemembered: 1 });
    const [first, second] = [wait(), wait()];
    expect(desk.expect({ recipient: BOB, waitMs: 1 })).toBeUndefined();
    expect(desk.stats.refused).toBe(1);
    first.cancel();
    second.cancel();
    await report(sender, imdn(first.messageId));
    await report(sender, imdn(second.messageId));
    expect(desk.stats.ignored).toMatchObject({ unknown: 1, late: 1 });
  });

  it("with ids that cannot be guessed: 128 bits, none twice (RFC 5438 §6.3)", async () => {
    await start();
    const ids = Array.from({ length: 100 }, () => wait().messageId);
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("a desk with a book", () => {
  it("closes when the book has answered for what it was given, and sends later reports elsewhere", async () => {
    const closedAtMs: number[] = [];
    const take = (): Promise<"taken"> => {
      clock.schedule(1, () => void desk.close().then(() => closedAtMs.push(clock.now())));
      return new Promise((resolve) => void clock.schedule(300, () => resolve("taken")));
    };
    const sender = await start({ book: { take } });
    const givenAtMs = clock.now();
    expect((await send(sender, { body: cpim(imdn("push-1")) })).statusCode).toBe(200);
    await desk.close();
    expect(closedAtMs.map((atMs) => atMs - givenAtMs >= 300)).toEqual([true]);
    expect(desk.stats.booked).toBe(1);
    expect((await send(sender, { body: cpim(imdn("push-2")) })).statusCode).toBe(503);
  });
});
