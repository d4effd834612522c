import { responseTo } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acceptRegister, HANDSET, NETWORK } from "../../../../test/support/receiver-rig.ts";
import { FleetBed } from "./testdata/fleet-bed.ts";

let bed: FleetBed;

beforeEach(async () => {
  bed = await FleetBed.start();
});

afterEach(async () => {
  expect(await bed.rig.stop()).toBe(0);
});

const advance = (ms: number): Promise<void> => bed.rig.clock.advance(ms);
/** The most REGISTERs that came in any second. */
const busiest = (): number =>
  Math.max(
    ...bed.registeredAtMs.map((from) => bed.registeredAtMs.filter((at) => at >= from && at < from + 1000).length),
  );

describe("a fleet registers (RFC 3261 §10.2)", () => {
  it("each handset with its own AoR and Contact at one address, and says so once", async () => {
    const fleet = await bed.open({ applications: ["push.syncml", "x.app"] });
    await advance(1000);
    expect(bed.rig.registers.map(({ to }) => to.uriText)).toEqual([1, 2, 3].map((n) => `sip:h${n}@home.test`));
    expect(bed.rig.registers.map(({ headers }) => headers.get("Contact"))).toEqual(
      [1, 2, 3].map((n) => `<sip:h${n}@${HANDSET}:5060>;+g.oma.pusheventapp="push.syncml,x.app";expires=3600`),
    );
    expect(new Set(bed.rig.registers.map(({ callId }) => callId)).size).toBe(3);
    expect(bed.events).toEqual([
      { event: "listening", addresses: [`udp:${HANDSET}:5060`] },
      { event: "registered", count: 3 },
    ]);
    expect(fleet.stats).toMatchObject({ count: 3, registered: 3, registrationFailures: 0 });
    expect(fleet.handsets[2]).toMatchObject({ number: 3, aor: "sip:h3@home.test", registered: true });
  });

  it("at its pace", async () => {
    const fleet = await bed.open({ count: 100, pace: { registersPerSecond: 10 } });
    await advance(5000);
    expect(fleet.stats.registered).toBeGreaterThanOrEqual(45);
    expect(busiest()).toBeLessThanOrEqual(11);
    await advance(5500);
    expect(fleet.stats.registered).toBe(100);
  });

  it("with no more under way than it may, when the registrar is slow", async () => {
    let silent = true;
    bed.answerWith((request) => (silent ? undefined : acceptRegister(request)));
    const fleet = await bed.open({ count: 50, pace: { maxInFlight: 4 } });
    await advance(20_000);
    expect(new Set(bed.rig.registers.map(({ callId }) => callId)).size).toBe(4);
    silent = false;
    await advance(60_000);
    expect(fleet.stats.registered).toBe(50);
  });

  it("again in time and not all at once, with the same Call-ID and the next CSeq", async () => {
    let seed = 0;
    const random = (): number => (seed = (seed * 9301 + 49_297) % 233_280) / 233_280;
    const fleet = await bed.open({ count: 40, expiresSeconds: 600, stack: { random } });
    await advance(1000);
    expect(bed.registeredAtMs.length).toBe(40);
    await advance(238_000);
    expect(bed.registeredAtMs.length).toBe(40);
    await advance(62_000);
    expect(bed.registeredAtMs.length).toBe(80);
    const refreshes = bed.registeredAtMs.slice(40);
    expect(new Set(refreshes.map((at) => Math.floor(at / 5000))).size).toBeGreaterThan(8);
    const first = bed.rig.registers[0];
    const again = bed.rig.registers.slice(40).find(({ callId }) => callId === first?.callId);
    expect([first?.cseq.seq, again?.cseq.seq]).toEqual([1, 2]);
    expect([fleet.stats.registered, bed.kinds]).toEqual([40, ["listening", "registered"]]);
  });

  it("later after a refusal: doubling, and not before Retry-After says", async () => {
    bed.answerWith((request) => responseTo(request, 503, { headers: [["Retry-After", "30"]] }));
    const fleet = await bed.open({ count: 1 });
    await advance(29_000);
    expect(bed.events[1]).toEqual({
      event: "registration-failed",
      aor: "sip:h1@home.test",
      sipStatus: 503,
      reason: "Service Unavailable",
      retryInMs: 30_000,
    });
    bed.answerWith((request) => responseTo(request, 500));
    await advance(40_000);
    const [, second, third, fourth] = bed.registeredAtMs;
    expect(second).toBeGreaterThanOrEqual(30_000);
    // Half of 4 s and a half of the rest by chance, then of 8 s.
    expect([(third ?? 0) - (second ?? 0), (fourth ?? 0) - (third ?? 0)]).toEqual([3000, 6000]);
    bed.answerWith(acceptRegister);
    await advance(40_000);
    expect(fleet.stats.registered).toBe(1);
    expect(fleet.stats.registrationFailures).toBeGreaterThan(2);
  });

  it("for longer when that is too brief, all of it after the first was told (423)", async () => {
    bed.answerWith((request) =>
      Number(request.headers.get("Expires")) < 1800
        ? responseTo(request, 423, { headers: [["Min-Expires", "1800"]] })
        : acceptRegister(request),
    );
    const fleet = await bed.open({ count: 20, expiresSeconds: 60, pace: { registersPerSecond: 10 } });
    await advance(3000);
    expect(fleet.stats).toMatchObject({ registered: 20, registrationFailures: 0 });
    expect(bed.rig.registers.filter(({ headers }) => headers.get("Expires") === "60").length).toBeLessThanOrEqual(2);
  });

  it("not, when the answer lists another contact than its own", async () => {
    bed.answerWith((request) => responseTo(request, 200, { headers: [["Contact", "<sip:h1@192.0.2.99>"]] }));
    const fleet = await bed.open({ count: 1 });
    await advance(100);
    expect([fleet.stats.registered, bed.kinds]).toEqual([0, ["listening", "registration-failed"]]);
  });

  it("with the password of all and each its own user name, when it is challenged", async () => {
    bed.answerWith((request) =>
      request.headers.has("Authorization")
        ? acceptRegister(request)
        : responseTo(request, 401, {
            headers: [["WWW-Authenticate", 'Digest realm="home.test", nonce="n", qop="auth"']],
          }),
    );
    const fleet = await bed.open({ credentials: { password: "secret" } });
    await advance(1000);
    expect(fleet.stats.registered).toBe(3);
    const users = bed.rig.registers.map(
      ({ headers }) => /username="([^"]*)"/.exec(headers.get("Authorization") ?? "")?.[1],
    );
    expect(users.filter((user) => user !== undefined).sort()).toEqual(["h1", "h2", "h3"]);
  });
});

describe("a fleet on one connection", () => {
  const tcp = {
    count: 60,
    listen: [{ transport: "TCP" as const, address: HANDSET, port: 5060 }],
    proxy: `sip:${NETWORK};transport=tcp`,
    pace: { registersPerSecond: 20, maxInFlight: 5 },
  };

  it("registers anew, at its pace, when the proxy went and came back (RFC 5626 §4.5)", async () => {
    const proxy = await bed.listenTcp();
    const fleet = await bed.open(tcp);
    await advance(4000);
    expect([fleet.stats.registered, new Set(proxy.requests.map(({ callId }) => callId)).size]).toEqual([60, 60]);
    await bed.rig.clock.until(proxy.close());
    await advance(10);
    expect(fleet.stats.registered).toBe(0);
    // Nobody says that nobody is there: each REGISTER takes the time of Timer F.
    await advance(40_000);
    expect(fleet.stats.registered).toBe(0);
    expect(fleet.stats.registrationFailures).toBeGreaterThan(0);
    const before = bed.registeredAtMs.length;
    const again = await bed.listenTcp();
    // Those under way give up first; then the first to get through tells the others that there is somebody again.
    await advance(40_000);
    expect([fleet.stats.registered, again.requests.length]).toEqual([60, 60]);
    bed.registeredAtMs.splice(0, before);
    expect(busiest()).toBeLessThanOrEqual(21);
    expect(bed.kinds.filter((kind) => kind === "registered").length).toBe(2);
  });

  it("waits a little when the proxy hangs up soon, and not when the connection was a good one", async () => {
    const proxy = await bed.listenTcp();
    const fleet = await bed.open({ ...tcp, count: 5 });
    const hangUp = async (): Promise<number> => {
      const before = bed.registeredAtMs.length;
      for (const flow of proxy.flows) flow.close();
      await advance(900);
      return bed.registeredAtMs.length - before;
    };
    await advance(1000);
    expect(await hangUp()).toBe(0);
    await advance(3000);
    expect([fleet.stats.registered, fleet.stats.registrationFailures]).toEqual([5, 0]);
    await advance(120_000);
    expect(await hangUp()).toBe(5);
    expect(fleet.stats.registered).toBe(5);
  });

  it("watches it once for all", async () => {
    await bed.listenTcp();
    const fleet = await bed.open(tcp);
    await advance(4000);
    const connections = new Set(
      bed.rig.network.sent.map(({ from, to }) =>
        [from, to]
          .map(({ address, port }) => `${address}:${port}`)
          .sort()
          .join(),
      ),
    );
    expect([fleet.stats.registered, connections.size]).toEqual([60, 1]);
  });
});

describe("the end of a fleet", () => {
  const removals = (): number => bed.rig.registers.filter(({ headers }) => headers.get("Expires") === "0").length;

  it("removes every binding, those that wait for their first turn have none", async () => {
    const fleet = await bed.open({ count: 30, pace: { registersPerSecond: 10 } });
    await advance(1000);
    const { registered } = fleet.stats;
    const startMs = bed.rig.clock.now();
    await bed.rig.clock.until(fleet.close());
    expect([removals(), fleet.stats.registered]).toEqual([registered, 0]);
    expect(bed.rig.clock.now() - startMs).toBeLessThan(100);
    expect(bed.events.at(-1)).toEqual({ event: "unregistered", count: 30 });
  });

  it("comes within a second when nobody answers", async () => {
    const fleet = await bed.open({ count: 300 });
    await advance(2000);
    bed.answerWith(() => undefined);
    const startMs = bed.rig.clock.now();
    await bed.rig.clock.until(fleet.close());
    expect(bed.rig.clock.now() - startMs).toBeLessThanOrEqual(1000);
    expect(bed.events.at(-1)).toEqual({ event: "unregistered", count: 0 });
  });

  it("waits for a REGISTER under way, and removes what that made", async () => {
    bed.rig.network.conditions = { loss: 0, duplicate: 0, minDelayMs: 100, maxDelayMs: 100 };
    const fleet = await bed.open({ count: 1 });
    await advance(150);
    await bed.rig.clock.until(fleet.close());
    expect(bed.rig.registers.map(({ cseq, headers }) => [cseq.seq, headers.get("Expires")])).toEqual([
      [1, "3600"],
      [2, "0"],
    ]);
  });
});

describe("settings that cannot be", () => {
  it.each([
    [{ count: 0 }, "count"],
    [{ count: 2, aor: "sip:one@home.test" }, "aor"],
    [{ aor: "sip:home.test" }, "aor"],
    [{ aor: "tel:+1" }, "aor"],
    [{ proxy: "tel:+1" }, "proxy"],
    [{ listen: [] }, "listen"],
    [{ answer: 100 }, "answer"],
    [{ expiresSeconds: 0 }, "expiresSeconds"],
    [{ pace: { registersPerSecond: 0 } }, "pace.registersPerSecond"],
    [{ pace: { maxInFlight: 0 } }, "pace.maxInFlight"],
    [{ limits: { maxInFlight: -1 } }, "limits.maxInFlight"],
    [{ reports: { maxAttempts: 0 } }, "reports.maxAttempts"],
    [{ applications: ["a,b"] }, "applications[0]"],
    [{ trustedHops: ["?"] }, "trustedHops[0]"],
  ])("%j names %s", async (options, field) => {
    await expect(bed.open(options)).rejects.toMatchObject({ field });
  });
});
