import { decodePidf, PIDF_TYPE, type Presence } from "@sip-push/bodies";
import { fromServiceCapabilities } from "@sip-push/push";
import { EventStateAgent, responseTo, type SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, HANDSET, ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import { GRUU, grantGruu, INSTANCE } from "../testdata/push-notifier.ts";

const BOB = "sip:bob@home.test";

let rig: ReceiverRig;
/** The core's compositor. RFC 3903 §6. */
let agent: EventStateAgent<Presence>;
let publishes: SipRequest[];

beforeEach(async () => {
  rig = await ReceiverRig.start();
  publishes = [];
  agent = newAgent();
  rig.methods["PUBLISH"] = (transaction) => {
    publishes.push(transaction.request);
    agent.handle(transaction);
  };
});

afterEach(async () => {
  agent.close();
  expect(await rig.stop()).toBe(0);
});

function newAgent(maxExpiresSeconds = 3600): EventStateAgent<Presence> {
  return new EventStateAgent<Presence>({
    clock: rig.clock,
    packages: [{ name: "presence", accept: [PIDF_TYPE], maxExpiresSeconds, decode: (body) => decodePidf(body) }],
    resourceOf: ({ requestUri }) => requestUri,
  });
}

const standing = (): Presence[] => agent.publications(BOB, "presence").map(({ state }) => state);
const told = (): unknown[] => rig.events.filter(({ event }) => event.startsWith("publi"));

describe("what a receiver publishes (RFC 3903, RFC 3863, RFC 5196)", () => {
  it("is its applications, types, codings, size, methods, packages and option tags, at its own address", async () => {
    await rig.open({ applications: ["push.syncml", "ulp.ua"], publish: true, limits: { maxBodyBytes: 5000 } });
    await rig.clock.advance(100);
    expect(publishes[0]?.requestUri).toBe(BOB);
    expect(publishes[0]?.headers.get("Event")).toBe("presence");
    const [presence] = standing();
    expect(presence?.entity).toBe(BOB);
    const [tuple] = presence?.tuples ?? [];
    expect([tuple?.basic, tuple?.contact?.uri]).toEqual(["open", `sip:bob@${HANDSET}:5060`]);
    const capabilities = tuple?.serviceCapabilities;
    if (capabilities === undefined) throw new Error("no capabilities");
    expect(fromServiceCapabilities(capabilities)).toEqual({
      applications: ["push.syncml", "ulp.ua"],
      mediaTypes: expect.arrayContaining([DS_TYPE, "text/plain"]),
      encodings: ["gzip", "deflate"],
      maxBodyBytes: 5000,
      methods: ["MESSAGE", "NOTIFY", "REFER", "SUBSCRIBE", "OPTIONS"],
      eventPackages: expect.arrayContaining(["oma-push", "refer"]),
      optionTags: expect.arrayContaining(["outbound", "path", "pref", "gruu", "norefersub"]),
      languages: [],
    });
    expect(told()).toEqual([{ event: "published", to: BOB, operation: "initial", expiresSeconds: 3600 }]);
  });

  it("waits for the registration, and has its GRUU, its way and its identity", async () => {
    grantGruu(rig, [["Service-Route", "<sip:orig@192.0.2.1;lr>"]]);
    await rig.open({ publish: true, register: true, instanceId: INSTANCE, role: "gm" });
    expect(publishes).toEqual([]);
    await rig.clock.advance(100);
    expect(publishes[0]?.headers.get("Route")).toBe("<sip:orig@192.0.2.1;lr>");
    expect(publishes[0]?.headers.get("P-Preferred-Identity")).toBe(`<${BOB}>`);
    expect(standing()[0]?.tuples[0]?.contact?.uri).toBe(GRUU);
  });

  it("may go to a push sender, in another package, for as long as is said", async () => {
    rig.methods["PUBLISH"] = (transaction) => {
      publishes.push(transaction.request);
      transaction.reply(489);
    };
    const to = "sip:psi@home.test";
    await rig.open({ publish: { to, package: "x-caps", expiresSeconds: 90 } });
    await rig.clock.advance(100);
    const [request] = publishes;
    expect([request?.requestUri, request?.headers.get("Event"), request?.headers.get("Expires")]).toEqual([
      to,
      "x-caps",
      "90",
    ]);
    expect(told()).toMatchObject([{ event: "publication-failed", to, sipStatus: 489, retryInMs: null }]);
  });

  it("has one tuple id for one handset, over restarts", async () => {
    const ids: (string | undefined)[] = [];
    for (const instanceId of [INSTANCE, INSTANCE, "urn:uuid:00000000-0000-1000-8000-000000000001"]) {
      const receiver = await rig.open({ publish: true, instanceId });
      await rig.clock.advance(100);
      ids.push(standing().at(-1)?.tuples[0]?.id);
      await rig.clock.until(receiver.close());
    }
    expect(ids[0]).toMatch(/^push-[0-9a-f]{12}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });
});

describe("a publication", () => {
  it("is refreshed without a body, modified when the applications change, and removed at the end", async () => {
    agent.close();
    agent = newAgent(600);
    const receiver = await rig.open({ publish: true });
    await rig.clock.advance(400_000);
    receiver.setApplications(["x.app"]);
    receiver.setApplications(["x.app"]);
    await rig.clock.advance(100);
    expect(standing()[0]?.tuples[0]?.serviceCapabilities?.push?.applications).toEqual(["x.app"]);
    await rig.clock.until(receiver.close());
    expect(standing()).toEqual([]);
    expect(
      publishes.map(({ body, headers }) => [body.length > 0, headers.has("SIP-If-Match"), headers.get("Expires")]),
    ).toEqual([
      [true, false, "3600"],
      [false, true, "3600"],
      [true, true, "3600"],
      [false, true, "0"],
    ]);
    expect(told()).toMatchObject(["initial", "refresh", "modify"].map((operation) => ({ operation })));
  });

  it("is not sent again when the registration is refreshed, and is when the address is another", async () => {
    let gruu = GRUU;
    grantGruu(rig, [], () => gruu);
    await rig.open({ publish: true, register: true, instanceId: INSTANCE, expiresSeconds: 60 });
    await rig.clock.advance(100_000);
    expect(publishes.length).toBe(1);
    gruu = "sip:bob@home.test;gr=other";
    await rig.clock.advance(60_000);
    expect(publishes.length).toBe(2);
    expect(standing()[0]?.tuples[0]?.contact?.uri).toBe(gruu);
  });

  it("starts anew when the core has forgotten it (412, RFC 3903 §4.1)", async () => {
    agent.close();
    agent = newAgent(600);
    await rig.open({ publish: true });
    await rig.clock.advance(100);
    agent.close();
    agent = newAgent(600);
    await rig.clock.advance(400_000);
    expect(publishes.length).toBe(3);
    expect(standing().length).toBe(1);
    expect(told()).toMatchObject([{ operation: "initial" }, { operation: "initial" }]);
  });

  it("is tried again when nobody answers", async () => {
    const handle = rig.methods["PUBLISH"];
    rig.methods["PUBLISH"] = () => {};
    await rig.open({ publish: true });
    await rig.clock.advance(33_000);
    expect(told()).toMatchObject([{ event: "publication-failed", sipStatus: null, retryInMs: expect.any(Number) }]);
    if (handle !== undefined) rig.methods["PUBLISH"] = handle;
    await rig.clock.advance(40_000);
    expect(told().at(-1)).toMatchObject({ event: "published", operation: "initial" });
  });

  it("is tried again at once when the registration comes through after nobody answered", async () => {
    const handle = rig.methods["PUBLISH"];
    rig.methods["PUBLISH"] = () => {};
    await rig.open({ publish: true, register: true, expiresSeconds: 60 });
    await rig.clock.advance(228_000);
    const [last] = told().slice(-1) as [{ retryInMs: number }];
    expect(last.retryInMs).toBeGreaterThan(20_000);
    if (handle !== undefined) rig.methods["PUBLISH"] = handle;
    // The registration is refreshed each half minute.
    await rig.clock.advance(13_000);
    expect(told().at(-1)).toMatchObject({ event: "published", operation: "initial" });
  });

  it.each([403, 489])(
    "that was refused with %i is sent anew when the registration was lost and came back",
    async (status) => {
      const handle = rig.methods["PUBLISH"];
      let refusals = 0;
      rig.methods["PUBLISH"] = (transaction) => {
        refusals++;
        transaction.reply(status);
      };
      await rig.open({ publish: true, register: true, expiresSeconds: 60 });
      await rig.clock.advance(600_000);
      expect(refusals).toBe(1);
      expect(told()).toMatchObject([{ event: "publication-failed", sipStatus: status, retryInMs: null }]);
      const { registrar } = rig;
      rig.registrar = (request) => responseTo(request, 503);
      await rig.clock.advance(60_000);
      rig.registrar = registrar;
      if (handle !== undefined) rig.methods["PUBLISH"] = handle;
      await rig.clock.advance(600_000);
      expect(told().at(-1)).toMatchObject({ event: "published", operation: "initial" });
      expect(standing().length).toBe(1);
    },
  );

  it("lets the receiver close within a second when nobody answers the removal", async () => {
    const receiver = await rig.open({ publish: true, register: true });
    await rig.clock.advance(100);
    rig.methods["PUBLISH"] = () => {};
    const startMs = rig.clock.now();
    await rig.clock.until(receiver.close());
    expect(rig.clock.now() - startMs).toBeLessThanOrEqual(1000);
    expect(rig.registers.at(-1)?.headers.get("Expires")).toBe("0");
  });

  it.each([
    [{ to: "tel:+1" }, "publish.to"],
    [{ expiresSeconds: 0 }, "publish.expiresSeconds"],
    [{ package: "a b" }, "publish.package"],
  ])("is refused as %j naming %s", async (publish, field) => {
    await expect(rig.open({ publish })).rejects.toMatchObject({ field });
  });
});
