import { createRequest, type ResponseInit, responseTo, type SipResponse } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import * as fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { HandsetContact } from "../registrations/registration-news.ts";
import { CapabilityBook, type CapabilityBookOptions } from "./capability-book.ts";
import { MemoryCapabilityStore, type UserCapabilities } from "./capability-store.ts";
import { type CapabilityFacts, fromContact, fromOptions, nothingSaid } from "./facts.ts";
import { canTake, type PushOffer } from "./known-handset.ts";

const BOB = "sip:bob@home.test";
const HOUR_MS = 3_600_000;

let clock: VirtualClock;
let book: CapabilityBook;

beforeEach(() => {
  clock = new VirtualClock();
  open();
});

function open(options: Partial<CapabilityBookOptions> = {}): void {
  book = new CapabilityBook({ clock, ...options });
}

const facts = (change: Partial<CapabilityFacts>): CapabilityFacts => ({ ...nothingSaid, ...change });

const contact = (change: Partial<HandsetContact> = {}): HandsetContact => ({
  uri: "sip:bob@192.0.2.9",
  instance: "urn:uuid:1",
  publicGruu: null,
  pn: null,
  params: [],
  applications: ["push.syncml"],
  expiresSeconds: 600,
  registeredSeconds: null,
  callId: null,
  cseq: null,
  ...change,
});

const registered = (...contacts: HandsetContact[]): void =>
  book.registered({ kind: "registered", aor: BOB, source: "reg-event", contacts, expiresSeconds: null, fresh: true });

function answer(statusCode: number, ...headers: ReadonlyArray<readonly [string, string]>): SipResponse {
  const request = createRequest({ method: "MESSAGE", requestUri: BOB, from: BOB });
  const init: ResponseInit = { headers };
  return responseTo(request, statusCode, init);
}

const offer = (change: Partial<PushOffer> = {}): PushOffer => ({
  applicationId: "push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  bodyBytes: 100,
  method: "MESSAGE",
  ...change,
});

const refused = { method: "MESSAGE", applicationId: "push.syncml", contentType: "text/a", bodyBytes: 100 };

describe("what is known of a user", () => {
  it("is nothing at first, and found under every spelling of its address (RFC 3261 §10.3 (5))", () => {
    expect(book.lookup(BOB)).toEqual([]);
    registered(contact());
    for (const spelling of [BOB, "sips:bob@HOME.test", "sip:%62ob@home.test;transport=tcp", "pres:bob@home.test"]) {
      expect(book.lookup(spelling)).toMatchObject([
        { handset: "urn:uuid:1", facts: { applications: ["push.syncml"] } },
      ]);
    }
    expect(book.lookup("sip:alice@home.test")).toEqual([]);
    expect(book.lookup("sip:home.test")).toEqual([]);
  });

  it("ends with the registration, or when the user is gone, and not for what another source said", async () => {
    registered(contact(), contact({ instance: "urn:uuid:2", expiresSeconds: 60 }));
    book.learn(BOB, "options", { handset: "urn:uuid:1", facts: facts({ mediaTypes: ["text/plain"] }) });
    expect(book.lookup(BOB).map(({ handset }) => handset)).toEqual(["urn:uuid:2", "urn:uuid:1"].sort());
    await clock.advance(60_000);
    expect(book.lookup(BOB).map(({ handset }) => handset)).toEqual(["urn:uuid:1"]);
    book.registered({ kind: "unregistered", aor: BOB, source: "reg-event" });
    expect(book.lookup(BOB)).toMatchObject([{ facts: { applications: null, mediaTypes: ["text/plain"] } }]);
    await clock.advance(24 * HOUR_MS);
    expect(book.lookup(BOB)).toEqual([]);
    expect(book.stats.users).toBe(0);
  });

  it("keeps the other handsets when a REGISTER tells of one alone (TS 24.229 §5.4.1.7A)", () => {
    registered(contact({ instance: "urn:uuid:1" }), contact({ instance: "urn:uuid:2", applications: ["ulp.ua"] }));
    const one = contact({ instance: "urn:uuid:2", applications: ["mms.ua"] });
    const news = { kind: "registered", aor: BOB, source: "third-party", expiresSeconds: null, fresh: true } as const;
    book.registered({ ...news, contacts: [one], partial: true });
    expect(book.lookup(BOB).map(({ handset, facts: { applications } }) => [handset, applications])).toEqual([
      ["urn:uuid:1", ["push.syncml"]],
      ["urn:uuid:2", ["mms.ua"]],
    ]);
    book.registered({ ...news, contacts: [one] });
    expect(book.lookup(BOB)).toHaveLength(1);
  });

  it("lasts as long as is set, when the source does not say", async () => {
    open({ lifetimesSeconds: { options: 10 } });
    book.learn(BOB, "options", { handset: null, facts: facts({ methods: ["MESSAGE"] }) });
    await clock.advance(9_999);
    expect(book.lookup(BOB)).toHaveLength(1);
    await clock.advance(1);
    expect(book.lookup(BOB)).toEqual([]);
  });

  it("comes per fact from the source that knows best, of equals from the newest", async () => {
    registered(contact({ applications: ["push.syncml"], params: [["methods", '"MESSAGE,INVITE"']] }));
    book.learn(BOB, "options", {
      handset: "urn:uuid:1",
      facts: facts({ applications: ["ulp.ua"], methods: ["MESSAGE"], mediaTypes: ["text/a"] }),
    });
    const told = (): CapabilityFacts | undefined => book.lookup(BOB)[0]?.facts;
    expect(told()).toMatchObject({ applications: ["push.syncml"], methods: ["MESSAGE"], mediaTypes: ["text/a"] });
    await clock.advance(1000);
    const handset = { handset: "urn:uuid:1", facts: facts({ methods: ["NOTIFY"], mediaTypes: ["text/b"] }) };
    book.replace(BOB, "presence", [handset]);
    expect(told()).toMatchObject({ methods: ["MESSAGE"], mediaTypes: ["text/b"] });
    book.forget(BOB, "options");
    expect(told()).toMatchObject({ methods: ["NOTIFY"] });
    book.forget(BOB);
    expect(book.lookup(BOB)).toEqual([]);
  });

  it("is bounded: users by when they were asked for, records of one user by age", () => {
    open({ maxUsers: 2, maxRecordsPerUser: 3 });
    for (const user of ["a", "b"]) book.learn(`sip:${user}@x`, "options", { handset: null, facts: facts({}) });
    expect(book.lookup("sip:a@x")).toHaveLength(1);
    for (let n = 0; n < 10; n++) book.learn("sip:c@x", "options", { handset: `sip:h${n}@x`, facts: facts({}) });
    expect(book.stats).toMatchObject({ users: 2, evicted: 1 });
    expect(["a", "b", "c"].map((user) => book.lookup(`sip:${user}@x`).length)).toEqual([1, 0, 3]);
  });
});

describe("what refusals teach (RFC 3261 §21.4)", () => {
  it.each<[number, ReadonlyArray<readonly [string, string]>, Partial<CapabilityFacts>, object]>([
    [415, [["Accept", "text/b, text/*;q=0"]], { mediaTypes: ["text/b"] }, { mediaTypes: ["text/a"] }],
    [415, [], { mediaTypes: null }, { mediaTypes: ["text/a"] }],
    [415, [["Accept", ""]], { mediaTypes: [] }, { mediaTypes: ["text/a"] }],
    [415, [["Accept-Encoding", "gzip, identity"]], { encodings: ["gzip"] }, { mediaTypes: [] }],
    [405, [["Allow", "OPTIONS, notify"]], { methods: ["OPTIONS", "NOTIFY"] }, { methods: ["MESSAGE"] }],
    [501, [], { methods: null }, { methods: ["MESSAGE"] }],
    [413, [], { maxBodyBytes: 99 }, {}],
    [488, [], {}, { applications: ["push.syncml"] }],
    [488, [["Accept", "text/b"]], { mediaTypes: ["text/b"] }, { mediaTypes: ["text/a"], applications: [] }],
    [489, [["Allow-Events", "presence"]], { eventPackages: ["presence"] }, { eventPackages: ["oma-push"] }],
  ])("%s with %j", (statusCode, headers, taught, isRefused) => {
    book.refused(BOB, answer(statusCode, ...headers), refused);
    expect(book.lookup(BOB)).toMatchObject([{ handset: null, facts: taught, refused: isRefused }]);
  });

  it.each([200, 403, 404, 480, 486, 500, 603])("%s teaches nothing", (statusCode) => {
    book.refused(BOB, answer(statusCode), refused);
    expect(book.stats.users).toBe(0);
  });

  it("add up, each for its own time, and end when the handset says otherwise later", async () => {
    book.refused(BOB, answer(415), refused);
    await clock.advance(HOUR_MS / 2);
    book.refused(BOB, answer(415), { ...refused, contentType: "text/c" });
    book.refused(BOB, answer(415), { ...refused, contentType: "text/c" });
    expect(book.lookup(BOB)[0]?.refused.mediaTypes).toEqual(["text/c", "text/a"]);
    await clock.advance(HOUR_MS / 2);
    expect(book.lookup(BOB)[0]?.refused.mediaTypes).toEqual(["text/c"]);
    book.learn(BOB, "options", { handset: null, facts: facts({ mediaTypes: ["text/c"] }) });
    expect(book.lookup(BOB)[0]?.refused.mediaTypes).toEqual([]);
  });
});

describe("whether a push can be taken", () => {
  const taking = facts({ applications: ["push.syncml"], mediaTypes: ["application/*"] });

  it.each<[string, Partial<CapabilityFacts>, Partial<PushOffer>, string]>([
    ["its type is in a range", {}, {}, "yes"],
    ["another application", {}, { applicationId: "ulp.ua" }, "no"],
    ["another type", {}, { contentType: "text/plain" }, "no"],
    ["no type at all", {}, { contentType: "nonsense" }, "no"],
    ["nothing known of types", { mediaTypes: null }, {}, "unknown"],
    ["a method it does not allow", { methods: ["NOTIFY"] }, {}, "no"],
    ["a method it allows", { methods: ["NOTIFY"] }, { method: "NOTIFY" }, "yes"],
    ["a coding it undoes", { encodings: ["gzip"] }, { contentEncoding: "gzip" }, "yes"],
    ["a coding it does not undo", { encodings: [] }, { contentEncoding: "gzip" }, "no"],
    ["the largest body", { maxBodyBytes: 100 }, {}, "yes"],
    ["a larger body", { maxBodyBytes: 99 }, {}, "no"],
  ])("%s", (_, change, asked, verdict) => {
    book.learn(BOB, "presence", { handset: "h", facts: { ...taking, ...change } });
    expect(canTake(book.lookup(BOB), offer(asked))).toBe(verdict);
  });

  it("is so when one of several handsets can, and not known when nothing is", () => {
    expect(canTake(book.lookup(BOB), offer())).toBe("unknown");
    book.learn(BOB, "options", { handset: "a", facts: facts({ applications: [] }) });
    expect(canTake(book.lookup(BOB), offer())).toBe("no");
    book.learn(BOB, "options", { handset: "b", facts: taking });
    expect(canTake(book.lookup(BOB), offer())).toBe("yes");
    book.refused(BOB, answer(489), refused);
    expect(canTake(book.lookup(BOB), offer({ method: "NOTIFY" }))).toBe("no");
  });
});

describe("sources, read", () => {
  it("a contact: feature tags of RFC 3840, negated and numeric values left out", () => {
    const params = [
      ["methods", '"MESSAGE, notify,!INVITE"'],
      ["events", '"oma-push"'],
      ["extensions", '"gruu"'],
    ] as const;
    expect(fromContact(contact({ instance: null, params }))).toEqual({
      handset: "sip:bob@192.0.2.9",
      facts: facts({
        applications: ["push.syncml"],
        methods: ["MESSAGE", "NOTIFY"],
        eventPackages: ["oma-push"],
        optionTags: ["gruu"],
      }),
    });
  });

  it.each([
    ["sip:bob@192.0.2.9;pn-provider=fcm;pn-prid=secret;ob", null, "sip:bob@192.0.2.9;ob"],
    ["sip:bob@home.test;gr=urn:uuid:1", null, "urn:uuid:1"],
    ["sip:bob@192.0.2.9;pn-prid=x", "urn:uuid:1", "urn:uuid:1"],
    ["tel:+1", null, "tel:+1"],
  ])("a handset at %s of instance %s is called %s (RFC 5627 §5.1, RFC 8599 §4)", (uri, instance, name) => {
    expect(fromContact(contact({ uri, instance })).handset).toBe(name);
  });

  it("an answer to OPTIONS: every field, instance of Contact as name (RFC 3261 §11.2)", () => {
    const response = answer(
      200,
      ["Allow", "MESSAGE, OPTIONS"],
      ["Accept", "Text/Plain;charset=utf-8, application/*"],
      ["Accept-Encoding", "identity, GZIP;q=0.5, @"],
      ["Allow-Events", "oma-push, presence"],
      ["Supported", "Gruu, path"],
      ["Contact", '<sip:bob@192.0.2.9>;+sip.instance="<urn:uuid:1>";+g.oma.pusheventapp="push.syncml,syncml.dm"'],
    );
    expect(fromOptions(response)).toEqual({
      handset: "urn:uuid:1",
      facts: {
        applications: ["push.syncml", "syncml.dm"],
        mediaTypes: ["text/plain", "application/*"],
        encodings: ["gzip"],
        methods: ["MESSAGE", "OPTIONS"],
        eventPackages: ["oma-push", "presence"],
        optionTags: ["gruu", "path"],
        languages: null,
        maxBodyBytes: null,
      },
    });
  });

  it("an answer that says nothing, or nonsense: nothing is made up", () => {
    expect(fromOptions(answer(200))).toEqual({ handset: null, facts: nothingSaid });
    const anything = fc.string({ unit: "binary-ascii" }).map((text) => text.replace(/[\r\n\0]/g, ""));
    const names = ["Accept", "Accept-Encoding", "Allow", "Allow-Events", "Supported", "Contact"];
    fc.assert(
      fc.property(fc.constantFrom(...names), anything, (name, value) => {
        const { facts: read } = fromOptions(answer(200, [name, value]));
        for (const list of Object.values(read)) if (Array.isArray(list)) expect(list.length).toBeLessThanOrEqual(128);
      }),
    );
  });
});

describe("the store", () => {
  it("brings back what was known, as plain JSON, over a restart", async () => {
    const store = new MemoryCapabilityStore();
    open({ store });
    registered(contact());
    book.refused(BOB, answer(415), refused);
    await book.flush();
    const before = book.lookup(BOB);
    const users: UserCapabilities[] = [];
    for await (const user of store.load()) users.push(JSON.parse(JSON.stringify(user)) as UserCapabilities);
    const copy = new MemoryCapabilityStore();
    for (const user of users) await copy.put(user);
    open({ store: copy });
    await book.load();
    expect(book.lookup(BOB)).toEqual(before);
    await clock.advance(HOUR_MS);
    expect(book.lookup(BOB)).toEqual([]);
    await book.flush();
    expect(copy.size).toBe(0);
  });

  it("is not read back for what has run out", async () => {
    const store = new MemoryCapabilityStore();
    open({ store });
    registered(contact());
    await book.flush();
    await clock.advance(HOUR_MS);
    open({ store });
    await book.load();
    expect(book.stats.users).toBe(0);
  });

  it("that fails is counted, and the book goes on", async () => {
    const broken = {
      put: () => Promise.reject(new Error("disk")),
      delete: () => Promise.resolve(),
      load: async function* () {},
    };
    open({ store: broken });
    registered(contact());
    await book.flush();
    expect(book.stats.storeErrors).toBe(1);
    expect(book.lookup(BOB)).toHaveLength(1);
  });

  it("gets one write at a time for a user, the newest last", async () => {
    let running = 0;
    const written: number[] = [];
    const slow = {
      put: async ({ records }: UserCapabilities) => {
        expect(++running).toBe(1);
        await Promise.resolve();
        written.push(records.length);
        running--;
      },
      delete: () => Promise.resolve(),
      load: async function* () {},
    };
    open({ store: slow });
    for (let n = 0; n < 5; n++) book.learn(BOB, "options", { handset: `h${n}`, facts: facts({}) });
    await book.flush();
    expect(written).toEqual([5]);
  });
});
