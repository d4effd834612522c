import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authority, certificate } from "../front/testdata/certificates.ts";
import type { PpgStore } from "../store/store.ts";
import { address, t0 } from "../store/testdata/pushes.ts";
import { responseWith } from "./testdata/initiator-server.ts";
import { NotifierRig } from "./testdata/notifier-rig.ts";

let rig: NotifierRig;
beforeEach(async () => {
  rig = new NotifierRig();
  await rig.open();
});
afterEach(() => rig.close());

/** Pushes that are finished and all of whose results are told. */
const told = (): Promise<number> => rig.store.prune(t0 + 1e12, 10_000);
const settled = (count: number) => (): boolean => rig.events.length >= count && rig.notifier.stats.held === 0;

describe("what is told (PAP 2.x resultnotification-message)", () => {
  it("is the result in the version of its push: address as submitted, times in UTC, sender, quality of service", async () => {
    const server = await rig.server();
    await rig.clock.advance(90_500);
    await rig.finish(server.url("/results?of=calendar"), "p1@pi.test", ["alice"], {
      push: { priority: "high", deliveryMethod: "confirmed" },
      details: { papVersion: "2.1", qualityOfService: true, network: "GSM", networkRequired: true },
      outcome: { reason: "OK \0then" },
    });
    rig.start({ senderAddress: "ppg.example.test", senderName: "PPG" });
    await rig.until(server.count(1));
    const [{ url, message, result } = { url: "", message: null, result: null }] = server.told;
    expect(url).toBe("/results?of=calendar");
    expect(message?.version).toBe("2.1");
    expect(result).toEqual({
      kind: "resultnotification-message",
      pushId: "p1@pi.test",
      senderAddress: "ppg.example.test",
      senderName: "PPG",
      receivedTime: new Date("2026-01-01T00:01:30Z"),
      eventTime: new Date("2026-01-01T00:01:30Z"),
      messageState: "delivered",
      code: 1000,
      desc: "OK \ufffdthen",
      address: address("alice"),
      qualityOfService: {
        priority: "high",
        deliveryMethod: "confirmed",
        network: "GSM",
        networkRequired: true,
        bearerRequired: false,
      },
    });
  });

  it("has no quality of service where the push had none, and the newest version where nothing is known", async () => {
    const server = await rig.server();
    await rig.finish(server.url(), "p1", ["alice"], { push: { applicationData: null } });
    await rig.finish(server.url(), "p2", ["alice"], { details: { papVersion: "1.0" } });
    rig.start();
    await rig.until(server.count(2));
    expect(server.told.map(({ result, message }) => [result.pushId, message.version, result.qualityOfService])).toEqual(
      [
        ["p1", "2.1", undefined],
        ["p2", "1.0", undefined],
      ],
    );
  });

  it("has the DOCTYPE of its push, and a desc that is cut where it is too long", async () => {
    const server = await rig.server();
    const papPublicId = "-//OMA//DTD PAP 2.1//EN";
    const outcome = { reason: "x".repeat(300) };
    await rig.finish(server.url(), "p", ["alice"], { details: { papVersion: "2.1", papPublicId }, outcome });
    rig.start();
    await rig.until(server.count(1));
    const [first] = server.told;
    expect(first?.message).toMatchObject({ version: "2.1", publicId: papPublicId });
    expect(first?.result.desc).toBe(`${"x".repeat(255)}…`);
  });
});

describe("telling", () => {
  it("goes in order within a push, side by side otherwise, until all is told, and says so", async () => {
    const server = await rig.server();
    const users = ["alice", "bob", "carol", "dave"];
    rig.start();
    await rig.finish(server.url(), "p", users);
    await rig.finish(server.url(), "q", ["erin"]);
    await rig.until(server.count(5));
    await rig.when(settled(5));
    const ofP = server.told.filter(({ result }) => result.pushId === "p");
    expect(ofP.map(({ result }) => result.address)).toEqual(users.map(address));
    expect(rig.events.filter(({ pushId }) => pushId === "p").map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(rig.events[0]).toMatchObject({
      event: "notified",
      verdict: "accepted",
      httpStatus: 200,
      attempts: 1,
      initiator: "pi",
    });
    expect(rig.notifier.stats).toMatchObject({ accepted: 5, retried: 0, abandoned: 0, putOff: 0 });
    expect(await told()).toBe(2);
  });

  it("comes again with growing waits until it is accepted; what follows in the push waits", async () => {
    const server = await rig.server();
    const atMs: number[] = [];
    server.answer = (each, count) => {
      atMs.push(rig.clock.now());
      return count < 4 ? { status: 500 } : responseWith(1000, each);
    };
    rig.start({ random: () => 0 });
    await rig.finish(server.url(), "p", ["alice", "bob"]);
    await rig.until(server.count(5));
    await rig.when(settled(5));
    expect(server.told.map(({ result }) => result.address)).toEqual([
      ...Array.from({ length: 4 }, () => address("alice")),
      address("bob"),
    ]);
    const waits = atMs.slice(1, 4).map((each, index) => Math.floor((each - (atMs[index] ?? 0)) / 1_000));
    expect(waits).toEqual([1, 2, 4]);
    expect(rig.events.map(({ verdict, attempts }) => [verdict, attempts])).toEqual([
      ["retry", 1],
      ["retry", 2],
      ["retry", 3],
      ["accepted", 4],
      ["accepted", 1],
    ]);
  });

  it("honours Retry-After (RFC 9110 §10.2.3)", async () => {
    const server = await rig.server();
    const atMs: number[] = [];
    server.answer = (each, count) => {
      atMs.push(rig.clock.now());
      return count === 1 ? { status: 503, headers: { "retry-after": "120" } } : responseWith(1000, each);
    };
    rig.start();
    await rig.finish(server.url(), "p");
    await rig.until(server.count(1));
    await rig.when(() => rig.events.length === 1);
    expect(rig.notifier.stats.pausedOrigins).toEqual([new URL(server.url()).origin]);
    await rig.until(server.count(2));
    expect((atMs[1] ?? 0) - (atMs[0] ?? 0)).toBeGreaterThanOrEqual(120_000);
  });

  it("gives up what is refused, and goes on with the next", async () => {
    const server = await rig.server();
    server.answer = (each, count) => responseWith(count === 1 ? 2000 : 1000, each);
    rig.start();
    await rig.finish(server.url(), "p", ["alice", "bob"]);
    await rig.when(settled(2));
    expect(rig.events.map(({ verdict }) => verdict)).toEqual(["abandoned", "accepted"]);
    expect(await told()).toBe(1);
  });

  it("gives up what is too old", async () => {
    const server = await rig.server();
    server.answer = () => ({ status: 500 });
    rig.start({ limits: { giveUpAfterMs: 10_000 } });
    await rig.finish(server.url(), "p");
    await rig.when(settled(1));
    await rig.when(() => rig.events.at(-1)?.verdict === "abandoned");
    expect(rig.clock.now()).toBeGreaterThan(10_000);
    expect(await told()).toBe(1);
  });

  it("does not go where the initiator may not have results sent, nor to what is no HTTP", async () => {
    const server = await rig.server();
    rig.start({ admits: (initiator, url) => initiator === "pi" && !url.includes("forbidden") });
    await rig.finish(server.url("/forbidden"), "p");
    await rig.finish("ftp://127.0.0.1/", "q");
    await rig.finish(server.url(), "r");
    await rig.when(settled(3));
    expect(server.told.map(({ result }) => result.pushId)).toEqual(["r"]);
    expect(rig.events.filter(({ verdict }) => verdict === "abandoned").map(({ pushId }) => pushId)).toEqual(["p", "q"]);
  });

  it("does not follow redirections", async () => {
    const elsewhere = await rig.server();
    const server = await rig.server();
    server.answer = () => ({ status: 307, headers: { location: elsewhere.url() } });
    rig.start();
    await rig.finish(server.url(), "p");
    await rig.when(() => rig.events.length === 2);
    expect(rig.events.map(({ verdict, httpStatus }) => [verdict, httpStatus])).toEqual([
      ["retry", 307],
      ["retry", 307],
    ]);
    expect(elsewhere.told).toEqual([]);
  });

  it.each([
    ["hangs", () => {}],
    ["begins an answer and no more", (response: import("node:http").ServerResponse) => void response.write("x")],
  ])("gives up a request after its time when the server %s", async (_, answer) => {
    const server = await rig.server();
    server.answer = (each, count) => (count === 1 ? answer : responseWith(1000, each));
    rig.start({ limits: { timeoutMs: 5_000 } });
    await rig.finish(server.url(), "p");
    await rig.until(server.count(1));
    await rig.still(() => rig.notifier.stats.underWay === 1);
    await rig.elapse(4_900);
    expect(rig.notifier.stats.underWay).toBe(1);
    await rig.elapse(700);
    expect(rig.notifier.stats.underWay).toBe(0);
    await rig.when(settled(2));
    expect(rig.events.map(({ verdict, httpStatus }) => [verdict, httpStatus])).toEqual([
      ["retry", null],
      ["accepted", 200],
    ]);
  });

  it("reads no more of an answer than its limit", async () => {
    const server = await rig.server();
    server.answer = (each, count) => (count === 1 ? { body: Buffer.alloc(5_000, 0x20) } : responseWith(1000, each));
    rig.start({ limits: { maxAnswerBytes: 1_000 } });
    await rig.finish(server.url(), "p");
    await rig.when(settled(2));
    expect(rig.events.map(({ verdict, httpStatus }) => [verdict, httpStatus])).toEqual([
      ["retry", 200],
      ["accepted", 200],
    ]);
  });

  it("shows who it is: an Authorization field, or what the URL says", async () => {
    const server = await rig.server();
    rig.start({ identityOf: (name) => (name === "pi" ? { authorization: "Bearer t", certificate: null } : undefined) });
    await rig.finish(server.url(), "p");
    await rig.finish(server.url().replace("//", "//us%40er:pass@"), "q", ["alice"], { push: { initiator: "other" } });
    await rig.until(server.count(2));
    const of = (pushId: string) => server.told.find(({ result }) => result.pushId === pushId)?.headers.authorization;
    expect([of("p"), of("q")]).toEqual(["Bearer t", `Basic ${Buffer.from("us@er:pass").toString("base64")}`]);
  });

  it("goes over TLS to servers that the authorities vouch for, with a client certificate", async () => {
    const tls = { ...certificate("server"), ca: authority, requestCert: true, rejectUnauthorized: true };
    const server = await rig.server(tls);
    const stranger = await rig.server(certificate("untrusted"));
    const { cert, key } = certificate("calendar");
    const identity = { authorization: null, certificate: { certificate: cert, key } };
    rig.start({ ca: authority, identityOf: () => identity });
    await rig.finish(server.url(), "p");
    await rig.finish(stranger.url(), "q");
    await rig.until(server.count(1));
    await rig.when(() => rig.events.length >= 2);
    expect(rig.events.find(({ pushId }) => pushId === "p")?.verdict).toBe("accepted");
    expect(rig.events.find(({ pushId }) => pushId === "q")).toMatchObject({ verdict: "retry", httpStatus: null });
    expect(stranger.told).toEqual([]);
  });

  /** The store, whose calls of this name fail so many times. */
  const failing = (name: keyof PpgStore, times: number): PpgStore => {
    let left = times;
    return new Proxy(rig.store, {
      get: (target, each: keyof PpgStore) => {
        const member = target[each];
        if (each === name && left-- > 0) return () => Promise.reject(new Error("the database is away"));
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  };

  it.each(["settleNotifications", "claimNotifications", "nextDueAtMs"] as const)(
    "goes on when the store fails in %s",
    async (name) => {
      const server = await rig.server();
      rig.start({ store: failing(name, 2) });
      await rig.finish(server.url(), "p");
      await rig.when(settled(1));
      await rig.elapse(5_000);
      await rig.finish(server.url(), "q");
      await rig.when(settled(2));
      expect(server.told.map(({ result }) => result.pushId)).toEqual(["p", "q"]);
      expect(await told()).toBe(2);
    },
  );

  it("tells it again when its lease ended before the verdict came, as another may have claimed it", async () => {
    const server = await rig.server();
    const warnings: object[] = [];
    server.answer = (each, count) => {
      if (count > 1) return responseWith(1000, each);
      return (response) => {
        const claim = { owner: "node-2", limit: 9, nowMs: t0 + rig.clock.now() + 61_000, leaseMs: 1_000 };
        void rig.store.claimNotifications(claim).then(() => response.end());
      };
    };
    const ignore = (): void => {};
    const warn = (fields: object): void => void warnings.push(fields);
    rig.start({ logger: { trace: ignore, debug: ignore, info: ignore, warn, error: ignore } });
    await rig.finish(server.url(), "p");
    await rig.when(settled(1));
    expect(warnings).toEqual([{ pushId: "p", sequence: 1 }]);
    await rig.until(server.count(2));
    await rig.when(settled(2));
    expect(await told()).toBe(1);
  });

  it("takes user information that is no text for none", async () => {
    const server = await rig.server();
    rig.start();
    await rig.finish(server.url().replace("//", "//%zz@"), "p");
    await rig.when(settled(1));
    expect(server.told[0]?.headers.authorization).toBeUndefined();
  });
});

describe("a result that is claimed", () => {
  const byAnother = (nowMs = rig.clock.now()) =>
    rig.store.claimNotifications({ owner: "node-2", limit: 100, nowMs: t0 + nowMs, leaseMs: 60_000 });

  it("by a node that dies is another's seconds after its request would have ended, and by one that lives not before", async () => {
    const server = await rig.server();
    server.answer = () => () => {};
    rig.start({ limits: { timeoutMs: 2_000 } });
    await rig.finish(server.url(), "p", ["alice", "bob"]);
    await rig.elapse(60_000, () => server.told.length === 1);
    // Had it died now, nobody would settle it.
    const claimedBeforeMs = rig.clock.now();
    expect(await byAnother(claimedBeforeMs + 2_000)).toEqual([]);
    const [taken, ...more] = await byAnother(claimedBeforeMs + 2_000 + 5_000);
    expect(taken).toMatchObject({ pushId: "p", sequence: 1, attempts: 2 });
    expect(more).toEqual([]);
  });

  it("and has no place for three seconds is put off, and held by nobody", async () => {
    const slow = await rig.server();
    slow.answer = () => () => {};
    const other = await rig.server();
    rig.start({ limits: { concurrency: 1, timeoutMs: 20_000 } });
    await rig.finish(slow.url(), "p");
    await rig.elapse(1_000, () => slow.told.length === 1);
    await rig.finish(other.url(), "q");
    await rig.elapse(500, () => rig.notifier.stats.held === 2);
    expect(rig.notifier.stats).toMatchObject({ underWay: 1, held: 2, putOff: 0 });
    await rig.elapse(4_000, () => rig.notifier.stats.putOff === 1);
    expect(rig.notifier.stats).toMatchObject({ underWay: 1, putOff: 1 });
    await rig.elapse(60_000, () => other.told.length === 1);
    expect(other.told).toMatchObject([{ result: { pushId: "q" } }]);
  });
});

describe("an origin that is down or slow", () => {
  it("keeps nobody waiting, is asked seldom, and gets all when it is back", async () => {
    const live = await rig.server();
    const dead = await rig.server();
    const url = dead.url();
    await dead.close();
    rig.start({ limits: { concurrency: 8, perOrigin: 4, maxHeld: 64 } });
    await rig.finishMany(url, "dead", 400);
    await rig.finishMany(live.url(), "live", 100);
    await rig.until(live.count(100));
    expect(rig.clock.now()).toBeLessThan(5_000);
    await rig.when(() => rig.clock.now() > 60_000);
    const { retried, putOff, pausedOrigins } = rig.notifier.stats;
    expect(retried).toBeLessThan(40);
    // 400 results come back at most once a pause and its spread: it does not spin.
    expect(putOff).toBeLessThan(400 * 40);
    expect(pausedOrigins.length).toBeLessThanOrEqual(1);
    await dead.listen(dead.port);
    await rig.until(dead.count(400));
    await rig.when(() => rig.notifier.stats.accepted === 500);
    expect(new Set(dead.told.map(({ result }) => result.pushId)).size).toBe(400);
  });

  it("does not take all places together with others that are slow: whoever answers goes on", async () => {
    const live = await rig.server();
    const slow = await Promise.all(Array.from({ length: 6 }, () => rig.server()));
    for (const each of slow) each.answer = () => () => {};
    rig.start({ limits: { concurrency: 8, perOrigin: 2, maxHeld: 64 } });
    await rig.finishMany(live.url(), "before", 1);
    await rig.until(live.count(1));
    for (const [at, each] of slow.entries()) await rig.finishMany(each.url(), `slow-${at}`, 20);
    await rig.elapse(3_000);
    expect(rig.notifier.stats.underWay).toBeLessThan(8);
    await rig.finishMany(live.url(), "live", 50);
    await rig.elapse(5_000, () => live.told.length === 51);
    expect(live.told).toHaveLength(51);
  });

  it("has no more places than its share, even before its requests have timed out", async () => {
    const live = await rig.server();
    const slow = await rig.server();
    slow.answer = () => () => {};
    rig.start({ limits: { concurrency: 8, perOrigin: 4, maxHeld: 32 } });
    await rig.finishMany(slow.url(), "slow", 100);
    await rig.until(slow.count(4));
    await rig.finishMany(live.url(), "live", 50);
    await rig.elapse(9_000, () => live.told.length === 50);
    expect(live.told).toHaveLength(50);
    expect(slow.told).toHaveLength(4);
  });
});

describe("stop", () => {
  it("waits for what is under way, and hands back the rest for whoever comes next", async () => {
    const server = await rig.server();
    const held: import("node:http").ServerResponse[] = [];
    server.answer = () => (response) => {
      held.push(response);
    };
    rig.start({ limits: { concurrency: 4, perOrigin: 2, maxHeld: 100 } });
    await rig.finishMany(server.url(), "p", 10);
    await rig.until(server.count(2));
    await rig.still(() => rig.notifier.stats.held === 10);
    const stopped = rig.notifier.stop();
    await rig.still(() => rig.notifier.stats.held === 2);
    for (const response of held) response.end();
    await stopped;
    expect(rig.events.map(({ verdict }) => verdict)).toEqual(["accepted", "accepted"]);
    const claim = { owner: "node-2", limit: 100, nowMs: t0 + rig.clock.now(), leaseMs: 1_000 };
    expect(await rig.store.claimNotifications(claim)).toHaveLength(8);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it("gives up within its limit what does not end: it is told again", async () => {
    const server = await rig.server();
    server.answer = () => () => {};
    rig.start();
    await rig.finish(server.url(), "p");
    await rig.until(server.count(1));
    const stopped = rig.notifier.stop();
    void rig.notifier.stop(1_000); // shortens it
    await rig.elapse(1_010);
    await stopped;
    const claim = { owner: "node-2", limit: 100, nowMs: t0 + rig.clock.now(), leaseMs: 1_000 };
    expect(await rig.store.claimNotifications(claim)).toMatchObject([{ pushId: "p", attempts: 2 }]);
  });
});
