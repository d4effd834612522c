import { encodePidf, encodeReginfo, type Presence, type Reginfo, type RegisteredContact } from "@sip-push/bodies";
import {
  type NotificationInit,
  Notifier,
  type NotifierOptions,
  parseUri,
  RequestSender,
  type ServerTransaction,
  type SipUri,
  Subscribers,
} from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CapabilityBook } from "../capabilities/capability-book.ts";
import { PresenceWatch } from "../capabilities/presence-watch.ts";
import type { RegistrationResult } from "../registrations/registration-waits.ts";
import { RegistrationWatch } from "../registrations/registration-watch.ts";
import { CORE, HERE, PeerRig } from "../testdata/peer-rig.ts";
import type { SubscribeSettings } from "./watch.ts";

const BOB = "sip:bob@home.test";
const settings: SubscribeSettings = {
  from: "sip:psi@home.test",
  contact: `sip:psi@${HERE}`,
  nextHop: parseUri(`sip:${CORE}`) as SipUri,
};

let rig: PeerRig;
let subscribers: Subscribers;
let closers: (() => void | Promise<void>)[];

beforeEach(async () => {
  rig = new PeerRig();
  const endpoint = await rig.endpoint(HERE, { NOTIFY: (transaction) => subscribers.handle(transaction) });
  subscribers = new Subscribers({ endpoint, sender: new RequestSender({ endpoint }), random: () => 0.5 });
  closers = [];
});

afterEach(async () => {
  for (const close of closers) await close();
  await rig.clock.until(subscribers.close());
  expect(subscribers.size).toBe(0);
  expect(await rig.stop()).toBe(0);
});

/** A notifier at the core that gives this after each SUBSCRIBE. */
async function notifier(
  event: string,
  initial: () => NotificationInit,
  options: Partial<NotifierOptions> = {},
): Promise<Notifier> {
  const endpoint = await rig.endpoint(CORE, { SUBSCRIBE: (transaction) => opened.handle(transaction) });
  const opened: Notifier = await Notifier.open({
    endpoint,
    sender: new RequestSender({ endpoint }),
    package: event,
    contact: `sip:core@${CORE}`,
    initialNotifications: () => [initial()],
    ...options,
  });
  closers.push(() => rig.clock.until(opened.close()));
  return opened;
}

function registrations(thirdParty = false): RegistrationWatch {
  const watch = new RegistrationWatch({
    clock: rig.clock,
    subscribe: (options) => subscribers.subscribe(options),
    settings,
    thirdParty,
  });
  closers.unshift(() => watch.close());
  return watch;
}

const idOf = (each: Notifier): string => [...each.subscriptions()][0]?.id ?? "";

describe("a registration watch and a registrar (RFC 3680, RFC 6665)", () => {
  const reginfo = (change: Partial<Reginfo>, ...contacts: RegisteredContact[]): NotificationInit => ({
    contentType: "application/reginfo+xml",
    body: encodeReginfo({
      version: 0,
      state: "full",
      registrations: [{ aor: BOB, id: "1", state: contacts.length === 0 ? "init" : "active", contacts }],
      ...change,
    }),
  });
  const contact: RegisteredContact = { id: "1", uri: "sip:bob@192.0.2.9", state: "active", event: "registered" };
  const waited = (watch: RegistrationWatch, waitMs = 600_000): Promise<RegistrationResult> =>
    watch.whenRegistered(BOB, { waitMs, applicationId: "push.syncml" });

  it("brings the news to the push, and unsubscribes when nobody has waited for a while", async () => {
    const core = await notifier("reg", () => reginfo({}));
    const watch = registrations();
    const push = waited(watch);
    await rig.clock.advance(1000);
    expect(core.size).toBe(1);
    void core.notify(idOf(core), reginfo({ version: 1, state: "partial" }, contact));
    expect(await rig.clock.until(push)).toMatchObject({ kind: "registered", contacts: [{ uri: contact.uri }] });
    await rig.clock.advance(61_000);
    expect([core.size, subscribers.size, watch.stats.watches]).toEqual([0, 0, 0]);
  });

  it("does not miss a handset that registered between the refusal and the first NOTIFY", async () => {
    await notifier("reg", () => reginfo({}, contact));
    expect((await rig.clock.until(waited(registrations()))).kind).toBe("registered");
  });

  it("asks for the full state when a document is missing (RFC 3680 §5.2)", async () => {
    let state = reginfo({});
    const core = await notifier("reg", () => state);
    const push = waited(registrations());
    await rig.clock.advance(1000);
    state = reginfo({ version: 6 }, contact);
    void core.notify(idOf(core), reginfo({ version: 5, state: "partial", registrations: [] }));
    expect((await rig.clock.until(push)).kind).toBe("registered");
    expect(core.stats.created).toBe(1);
  });

  it("is refreshed as long as a push waits", async () => {
    const core = await notifier("reg", () => reginfo({}), { maxExpiresSeconds: 300 });
    const push = waited(registrations(), 3_600_000);
    await rig.clock.advance(3_000_000);
    expect([core.size, core.stats.created]).toEqual([1, 1]);
    void core.notify(idOf(core), reginfo({ version: 100, state: "full" }, contact));
    expect((await rig.clock.until(push)).kind).toBe("registered");
  });

  it("begins a new subscription when the registrar has lost it, and understands its documents", async () => {
    let state = reginfo({ version: 7 });
    const core = await notifier("reg", () => state);
    const push = waited(registrations());
    await rig.clock.advance(1000);
    state = reginfo({ version: 0 }, contact);
    core.terminate(idOf(core), "deactivated");
    expect((await rig.clock.until(push)).kind).toBe("registered");
    expect(core.stats.created).toBe(2);
  });

  it("leaves nothing behind after many users", async () => {
    const core = await notifier("reg", () => reginfo({ registrations: [] }));
    const watch = registrations();
    for (let round = 0; round < 3; round++) {
      const users = Array.from({ length: 50 }, (_, n) => `sip:user${round}-${n}@home.test`);
      const waits = users.map((user) => watch.whenRegistered(user, { waitMs: 5000 }));
      const results = await rig.clock.until(Promise.all(waits));
      expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(["none"]));
      await rig.clock.advance(62_000);
      expect([core.size, subscribers.size, watch.stats.watches, watch.stats.waits]).toEqual([0, 0, 0, 0]);
    }
  });

  it.each([489, 403])("tells the push at once that a core answers %s", async (statusCode) => {
    await rig.endpoint(CORE, { SUBSCRIBE: (transaction) => transaction.reply(statusCode) });
    const watch = registrations();
    expect(await rig.clock.until(waited(watch))).toMatchObject({
      kind: "none",
      reason: "unwatchable",
      refusal: { sipStatus: statusCode },
    });
    expect(await waited(watch)).toMatchObject({ reason: "unwatchable" });
    expect(rig.network.sent.filter(({ from }) => from.address === HERE)).toHaveLength(1);
  });

  it.each<[string, (transaction: ServerTransaction) => void]>([
    ["is silent", () => {}],
    ["is overloaded", (transaction) => transaction.reply(503, { headers: [["Retry-After", "10"]] })],
    ["says 200 and never notifies", (transaction) => transaction.reply(200, { headers: [["Expires", "3761"]] })],
  ])("lets the push wait to its deadline when a core %s", async (_, answer) => {
    await rig.endpoint(CORE, { SUBSCRIBE: answer });
    const watch = registrations();
    expect(await rig.clock.until(waited(watch, 300_000))).toEqual({ kind: "none", reason: "deadline" });
    expect(watch.stats).toMatchObject({ waits: 0, watches: 1 });
  });
});

describe("a presence watch and a presence agent (RFC 3856, RFC 5196)", () => {
  const presence = (change: Partial<Presence> = {}): NotificationInit => ({
    contentType: "application/pidf+xml",
    body: encodePidf({
      entity: "pres:bob@home.test",
      tuples: [
        {
          id: "t1",
          basic: "open",
          contact: { uri: "sip:bob@home.test;gr=urn:uuid:1" },
          serviceCapabilities: {
            flags: { message: true },
            sets: { methods: { supported: ["MESSAGE"], notSupported: [] } },
            types: ["text/plain"],
            descriptions: [],
            push: { applications: ["push.syncml"], encodings: ["gzip"], maxBodyOctets: 2000 },
            extensions: [],
          },
        },
      ],
      ...change,
    }),
  });

  let book: CapabilityBook;
  let watch: PresenceWatch;

  beforeEach(() => {
    book = new CapabilityBook({ clock: rig.clock });
    const { clock } = rig;
    watch = new PresenceWatch({
      clock,
      book,
      subscribe: (options) => subscribers.subscribe(options),
      settings,
      maxWatches: 1,
      idleMs: 60_000,
    });
    closers.push(() => watch.close());
  });

  it("enters what the handsets can take, keeps it up to date, and ends when nobody asks any more", async () => {
    const core = await notifier("presence", presence);
    expect(watch.watch(BOB)).toBe("watched");
    await rig.clock.advance(1000);
    expect(book.lookup(BOB)).toMatchObject([
      {
        handset: "urn:uuid:1",
        facts: {
          applications: ["push.syncml"],
          mediaTypes: ["text/plain"],
          encodings: ["gzip"],
          methods: ["MESSAGE"],
          maxBodyBytes: 2000,
        },
      },
    ]);
    void core.notify(idOf(core), presence({ tuples: [] }));
    await rig.clock.advance(1000);
    expect(book.lookup(BOB)).toEqual([]);
    expect(watch.watch(BOB)).toBe("watched");
    await rig.clock.advance(59_000);
    expect(core.size).toBe(1);
    await rig.clock.advance(2000);
    expect([core.size, watch.stats.watches]).toEqual([0, 0]);
  });

  it("makes room for the user that is asked for now, and knows when it may not watch", async () => {
    await rig.endpoint(CORE, { SUBSCRIBE: (transaction) => transaction.reply(403) });
    expect(watch.watch(BOB)).toBe("watched");
    await rig.clock.advance(1000);
    expect(watch.watch(BOB)).toBe("refused");
    expect(watch.watch("sip:alice@home.test")).toBe("watched");
    expect(watch.watch("sip:home.test")).toBe("refused");
    watch.close();
    expect(watch.watch(BOB)).toBe("full");
  });

  it.each<[string, NotificationInit]>([
    ["garbage", { contentType: "application/pidf+xml", body: Uint8Array.of(60, 0, 255) }],
    ["about somebody else", presence({ entity: "sip:alice@home.test" })],
    ["of another type", { contentType: "text/plain", body: Uint8Array.of(65) }],
    ["too large", { contentType: "application/pidf+xml", body: new Uint8Array(262_145).fill(32) }],
    ["empty", {}],
  ])("learns nothing from a document that is %s", async (_, document) => {
    const core = await notifier("presence", () => document);
    watch.watch(BOB);
    await rig.clock.advance(1000);
    expect(book.lookup(BOB)).toEqual([]);
    expect(core.stats.created).toBe(1);
  });
});
