import { encodePidf, type Presence } from "@sip-push/bodies";
import { type PushCapabilities, toPresence } from "@sip-push/push";
import { type RequestSender, type SipResponse, TrustDomain } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CORE, HERE, PeerRig } from "../testdata/peer-rig.ts";
import { CapabilityBook } from "./capability-book.ts";
import { CapabilityPublications, type CapabilityPublicationsOptions } from "./capability-publications.ts";

const BOB = "sip:bob@home.test";
const PSI = "sip:push-psi@home.test";

let rig: PeerRig;
let book: CapabilityBook;
let publications: CapabilityPublications;
let core: RequestSender;

beforeEach(() => {
  rig = new PeerRig();
  book = new CapabilityBook({ clock: rig.clock });
});

afterEach(async () => {
  publications.close();
  expect(await rig.stop()).toBe(0);
});

async function start(options: Partial<CapabilityPublicationsOptions> = {}): Promise<void> {
  publications = new CapabilityPublications({
    clock: rig.clock,
    book,
    trust: new TrustDomain([CORE]),
    ownAddresses: [PSI],
    ...options,
  });
  await rig.endpoint(HERE, { PUBLISH: (transaction) => publications.handle(transaction) });
  core = await rig.sender(CORE);
}

const capabilities: PushCapabilities = {
  applications: ["push.syncml"],
  mediaTypes: ["application/vnd.syncml.ds.notification"],
  encodings: ["gzip"],
  maxBodyBytes: 2000,
  methods: ["MESSAGE", "NOTIFY"],
  eventPackages: ["oma-push"],
  optionTags: ["gruu"],
  languages: ["en"],
};

const document = (instance = "urn:uuid:1", entity = BOB, change: Partial<PushCapabilities> = {}): Presence =>
  toPresence({ ...capabilities, ...change }, { entity, contact: `${BOB};gr=${instance}`, tupleId: "push-1" });

interface Publish {
  readonly to?: string;
  /** Of the Request-URI, unless it is that of To. */
  readonly contact?: string;
  readonly from?: string;
  readonly asserted?: string | null;
  readonly event?: string;
  readonly expires?: number;
  readonly ifMatch?: string | undefined;
  readonly contentType?: string;
  readonly body?: Uint8Array | null;
}

function publish(change: Publish = {}): Promise<SipResponse> {
  const { to = BOB, from = BOB, asserted = `<${BOB}>`, event = "presence", expires = 600, ifMatch, ...rest } = change;
  const { contact = to, contentType = "application/pidf+xml", body = encodePidf(document()) } = rest;
  const headers: Array<[string, string]> = [
    ["Event", event],
    ["Expires", String(expires)],
  ];
  if (asserted !== null) headers.push(["P-Asserted-Identity", asserted]);
  if (ifMatch !== undefined) headers.push(["SIP-If-Match", ifMatch]);
  if (body !== null) headers.push(["Content-Type", contentType]);
  return rig.send(core, {
    method: "PUBLISH",
    requestUri: contact,
    to,
    from,
    headers,
    ...(body === null ? {} : { body }),
  });
}

describe("a handset publishes what it can take (RFC 3903, RFC 5196)", () => {
  it("and the book has it, until it removes it", async () => {
    await start();
    const response = await publish();
    expect(response.statusCode).toBe(200);
    expect(book.lookup(BOB)).toEqual([{ handset: "urn:uuid:1", facts: capabilities, refused: expect.anything() }]);
    const ifMatch = response.headers.get("SIP-ETag");
    expect((await publish({ ifMatch, expires: 0, body: null })).statusCode).toBe(200);
    expect(book.lookup(BOB)).toEqual([]);
  });

  it("whatever a presence agent says of the same user, which may know nothing of it", async () => {
    await start();
    await publish();
    book.replace(BOB, "presence", []);
    expect(book.lookup(BOB)).toMatchObject([{ handset: "urn:uuid:1", facts: capabilities }]);
  });

  it("for as long as it stands: a refresh makes it last, the end of its time ends it", async () => {
    await start();
    const response = await publish();
    await rig.clock.advance(500_000);
    expect((await publish({ ifMatch: response.headers.get("SIP-ETag"), body: null })).statusCode).toBe(200);
    await rig.clock.advance(599_000);
    expect(book.lookup(BOB)).toHaveLength(1);
    await rig.clock.advance(1_000);
    expect(book.lookup(BOB)).toEqual([]);
  });

  it("beside the user's other handsets, and a change replaces its own words alone", async () => {
    await start();
    const first = await publish();
    await publish({ body: encodePidf(document("urn:uuid:2")) });
    const changed = encodePidf(document("urn:uuid:1", BOB, { applications: ["ulp.ua"] }));
    await publish({ ifMatch: first.headers.get("SIP-ETag"), body: changed });
    const known = book.lookup(BOB).map(({ handset, facts }) => [handset, facts.applications] as const);
    expect(new Map(known)).toEqual(
      new Map([
        ["urn:uuid:1", ["ulp.ua"]],
        ["urn:uuid:2", ["push.syncml"]],
      ]),
    );
  });

  it.each<[string, Publish]>([
    ["", { to: PSI }],
    [
      ", though a registrar wrote its Contact into the Request-URI (RFC 3261 §16.5)",
      { to: PSI, contact: `sip:psi@${HERE}` },
    ],
  ])("to the sender's own address too: then it is about who sends it%s", async (_, change) => {
    await start();
    expect((await publish(change)).statusCode).toBe(200);
    expect(book.lookup(BOB)).toHaveLength(1);
  });

  it("and a tag that is not known any more is 412 (RFC 3903 §6 step 4)", async () => {
    await start();
    expect((await publish({ ifMatch: "gone", body: null })).statusCode).toBe(412);
  });
});

describe("what is refused, and teaches nothing", () => {
  it.each<[string, Publish, number]>([
    ["somebody else's asserted identity", { asserted: "<sip:mallory@home.test>" }, 403],
    ["no asserted identity", { asserted: null }, 403],
    ["a document about somebody else", { body: encodePidf(document("urn:uuid:1", "sip:alice@home.test")) }, 400],
    ["garbage", { body: Uint8Array.of(60, 255, 0) }, 400],
    ["another document", { body: new TextEncoder().encode("<reginfo/>") }, 400],
    ["another type", { contentType: "text/plain" }, 415],
    ["another event", { event: "dialog" }, 489],
    ["a body that is too large", { body: new Uint8Array(3000) }, 413],
    ["a resource that is no user", { to: "sip:home.test" }, 404],
  ])("%s", async (_, change, statusCode) => {
    await start({ maxBodyBytes: 2500 });
    expect((await publish(change)).statusCode).toBe(statusCode);
    expect(book.stats.users).toBe(0);
    expect(publications.stats.publications).toBe(0);
  });

  it("an identity that a hop outside the trust domain asserts (RFC 3325 §5)", async () => {
    await start({ trust: new TrustDomain(["198.51.100.1"]) });
    expect((await publish()).statusCode).toBe(403);
  });

  it("is believed from From where nobody asserts, when that is allowed", async () => {
    await start({ requireAsserted: false });
    expect((await publish({ asserted: null, from: "sip:mallory@home.test" })).statusCode).toBe(403);
    expect((await publish({ asserted: null })).statusCode).toBe(200);
  });

  it("more publications than the limit", async () => {
    await start({ limits: { maxPerResource: 1 } });
    expect((await publish()).statusCode).toBe(200);
    expect((await publish()).statusCode).toBe(500);
    expect(book.lookup(BOB)).toHaveLength(1);
  });
});
