import { getEventListeners } from "node:events";
import { encodeReginfo, type Reginfo, type RegisteredContact, type RegistrationInfo } from "@sip-push/bodies";
import {
  type Notification,
  type NotificationAnswer,
  SipHeaders,
  SipRequest,
  type SubscriberOptions,
} from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RegistrationNews } from "./registration-news.ts";
import type { RegistrationRequest, RegistrationResult } from "./registration-waits.ts";
import { RegistrationWatch, type RegistrationWatchOptions } from "./registration-watch.ts";

const BOB = "sip:bob@home.test";
const MINUTE_MS = 60_000;

/** A registrar at the other end of the port: what it is asked, and what it notifies. */
class ScriptedRegistrar {
  readonly asked: SubscriberOptions[] = [];
  refreshes = 0;
  stops = 0;

  subscribe = (options: SubscriberOptions): { refresh(): void; stop(): void } => {
    this.asked.push(options);
    return { refresh: () => void this.refreshes++, stop: () => void this.stops++ };
  };

  notify(document: Partial<Reginfo> & Pick<Reginfo, "registrations">, dialog = "1"): NotificationAnswer | undefined {
    return this.notifyBody(
      encodeReginfo({ version: 0, state: "full", ...document }),
      "application/reginfo+xml",
      dialog,
    );
  }

  notifyBody(body: Uint8Array, contentType: string | null, dialog = "1"): NotificationAnswer | undefined {
    const headers = SipHeaders.of([
      ["From", `<${BOB}>;tag=${dialog}`],
      ["Call-ID", dialog],
    ]);
    const notification = { request: new SipRequest("NOTIFY", "sip:a@b", headers), contentType, body };
    return this.asked.at(-1)?.onNotify?.(notification as Notification) as NotificationAnswer | undefined;
  }

  refuse(sipStatus: number | null): void {
    this.asked.at(-1)?.onReport?.({ kind: "ended", sipStatus, reason: "no" });
  }
}

const contact = (change: Partial<RegisteredContact> = {}): RegisteredContact => ({
  id: "c1",
  uri: "sip:bob@192.0.2.9",
  state: "active",
  event: "registered",
  ...change,
});

const of = (contacts: readonly RegisteredContact[], change: Partial<RegistrationInfo> = {}): RegistrationInfo => ({
  aor: BOB,
  id: "r1",
  state: contacts.some(({ state }) => state === "active") ? "active" : "init",
  contacts,
  ...change,
});

let clock: VirtualClock;
let registrar: ScriptedRegistrar;
let news: RegistrationNews[];
let watch: RegistrationWatch;

beforeEach(() => {
  clock = new VirtualClock();
  registrar = new ScriptedRegistrar();
  news = [];
  open();
});

afterEach(() => {
  watch.close();
  expect(clock.pendingTimers).toBe(0);
  expect(watch.stats).toMatchObject({ waits: 0, watches: 0 });
});

function open(options: Partial<RegistrationWatchOptions> = {}): void {
  watch = new RegistrationWatch({
    clock,
    subscribe: registrar.subscribe,
    settings: { from: "sip:psi@home.test", contact: "sip:psi@192.0.2.1" },
    onNews: (each) => news.push(each),
    ...options,
  });
}

/** A wait, and what it has come to so far. */
function wait(change: Partial<RegistrationRequest> = {}, aor = BOB): { result: RegistrationResult | undefined } {
  const seen: { result: RegistrationResult | undefined } = { result: undefined };
  void watch.whenRegistered(aor, { waitMs: MINUTE_MS, ...change }).then((result) => {
    seen.result = result;
  });
  return seen;
}

const settle = (): Promise<void> => clock.advance(0);

describe("a push that waits for a registration (RFC 3680)", () => {
  it("subscribes to reg of the user for 3761 seconds (§4.1, §4.4), and goes on when a contact registers", async () => {
    const push = wait();
    expect(registrar.asked).toMatchObject([
      {
        target: BOB,
        event: "reg",
        accept: ["application/reginfo+xml"],
        expiresSeconds: 3761,
        from: "sip:psi@home.test",
      },
    ]);
    registrar.notify({ registrations: [of([])] });
    await settle();
    expect(push.result).toBeUndefined();
    registrar.notify({ version: 1, state: "partial", registrations: [of([contact()])] });
    await settle();
    expect(push.result).toMatchObject({
      kind: "registered",
      source: "reg-event",
      contacts: [{ uri: "sip:bob@192.0.2.9" }],
    });
    expect(news.map(({ kind }) => kind)).toEqual(["unregistered", "registered"]);
  });

  it("goes on at the first NOTIFY when the user registered before it came", async () => {
    const push = wait();
    registrar.notify({ registrations: [of([contact()])] });
    await settle();
    expect(push.result?.kind).toBe("registered");
  });

  it.each([
    ["was registered before the push was sent", 5, false],
    ["registered since", 3, true],
    ["may have registered since", undefined, true],
  ])("at the first NOTIFY of a contact that %s: %#", async (_, durationRegisteredSeconds, woken) => {
    await clock.advance(10_000);
    const push = wait({ sinceMs: clock.now() - 4_000 });
    const told = durationRegisteredSeconds === undefined ? {} : { durationRegisteredSeconds };
    registrar.notify({ registrations: [of([contact({ callId: "a", cseq: 1, ...told })])] });
    await settle();
    expect(push.result?.kind).toBe(woken ? "registered" : undefined);
    // All full, as Kamailio's.
    registrar.notify({ version: 1, registrations: [of([contact({ callId: "a", cseq: 2, ...told })])] });
    await settle();
    expect(push.result?.kind).toBe("registered");
  });

  it("is not woken again by the same registration, but by the next REGISTER", async () => {
    const first = wait();
    registrar.notify({ registrations: [of([contact({ callId: "a", cseq: 1 })])] });
    await settle();
    if (first.result?.kind !== "registered") throw new Error("not registered");
    const second = wait({ after: first.result.marker });
    await settle();
    expect(second.result).toBeUndefined();
    const refreshed = contact({ event: "refreshed", callId: "a", cseq: 2 });
    registrar.notify({ version: 1, state: "partial", registrations: [of([refreshed])] });
    await settle();
    expect(second.result?.kind).toBe("registered");
  });

  it("is woken by a refresh that came since it was sent, though the registrar tells no Call-ID", async () => {
    const first = wait();
    registrar.notify({ registrations: [of([contact()])] });
    await settle();
    if (first.result?.kind !== "registered") throw new Error("not registered");
    const { marker } = first.result;
    const sinceMs = clock.now();
    await clock.advance(10);
    registrar.notify({ version: 1, state: "partial", registrations: [of([contact({ event: "refreshed" })])] });
    const second = wait({ after: marker, sinceMs });
    await settle();
    expect(second.result?.kind).toBe("registered");
    const third = wait({ after: marker, sinceMs: clock.now() });
    await settle();
    expect(third.result).toBeUndefined();
  });

  it.each([
    ["has its application", ["+g.oma.pusheventapp", '"push.syncml,ulp.ua"'], true],
    ["has other applications", ["+g.oma.pusheventapp", '"ulp.ua"'], false],
    ["has a feature tag, and none for pushes", ["+g.3gpp.smsip", ""], false],
    ["has other parameters alone", ["+sip.instance", '"<urn:uuid:1>"'], false],
    ["tells no parameters", undefined, true],
  ] as const)("is woken by a contact that %s: %#", async (_, param, woken) => {
    const push = wait({ applicationId: "push.syncml" });
    registrar.notify({
      registrations: [of([contact(param === undefined ? {} : { unknownParams: [[param[0], param[1]]] })])],
    });
    await settle();
    expect(push.result?.kind).toBe(woken ? "registered" : undefined);
  });

  it("does not take the registrations of other users for its own (RFC 3680 §5.1)", async () => {
    const push = wait();
    registrar.notify({ registrations: [of([contact()], { aor: "sip:alice@home.test" })] });
    await settle();
    expect(push.result).toBeUndefined();
    registrar.notify({
      version: 1,
      registrations: [of([contact()], { aor: "sip:alice@home.test" }), of([contact({ id: "c2" })], { id: "r2" })],
    });
    await settle();
    expect(push.result?.kind).toBe("registered");
  });

  it("shares one subscription with all that wait for the user, which ends some time after the last", async () => {
    const pushes = [wait(), wait(), wait({}, "sips:BOB@home.test".replace("BOB", "bob"))];
    expect(registrar.asked).toHaveLength(1);
    expect(watch.stats).toMatchObject({ waits: 3, watches: 1 });
    registrar.notify({ registrations: [of([contact()])] });
    await settle();
    expect(pushes.map(({ result }) => result?.kind)).toEqual(["registered", "registered", "registered"]);
    await clock.advance(MINUTE_MS);
    expect(registrar.stops).toBe(1);
    expect(watch.stats).toMatchObject({ waits: 0, watches: 0 });
  });
});

describe("documents of a watch (RFC 3680 §5.2)", () => {
  it("ask for a refresh when versions are missing, and an old one changes nothing", () => {
    wait();
    registrar.notify({ version: 5, registrations: [of([contact()])] });
    registrar.notify({ version: 7, state: "partial", registrations: [] });
    expect(registrar.refreshes).toBe(1);
    registrar.notify({
      version: 6,
      state: "partial",
      registrations: [of([contact({ state: "terminated", event: "expired" })])],
    });
    expect(news.at(-1)?.kind).toBe("registered");
    registrar.notify({ version: 8, registrations: [of([])] });
    expect(news.at(-1)?.kind).toBe("unregistered");
    expect(registrar.refreshes).toBe(1);
  });

  it("that are all full and of version 0, as Kamailio's, wake a push at each new REGISTER", async () => {
    const first = wait();
    registrar.notifyBody(new Uint8Array(0), null);
    registrar.notify({ registrations: [of([contact({ event: "created", callId: "a", cseq: 1 })])] });
    await settle();
    if (first.result?.kind !== "registered") throw new Error("not registered");
    const second = wait({ after: first.result.marker, applicationId: "push.syncml" });
    registrar.notify({ registrations: [of([contact({ callId: "a", cseq: 1 })])] });
    await settle();
    expect(second.result).toBeUndefined();
    registrar.notify({ registrations: [of([contact({ event: "refreshed", callId: "a", cseq: 2 })])] });
    await settle();
    expect(second.result?.kind).toBe("registered");
  });

  it("start anew with a new dialog", async () => {
    const push = wait();
    registrar.notify({ version: 9, registrations: [of([])] });
    registrar.notify({ version: 0, registrations: [of([contact()])] }, "2");
    await settle();
    expect(push.result?.kind).toBe("registered");
  });

  it("that end all contacts tell that the user is gone", () => {
    wait();
    registrar.notify({ registrations: [of([contact({ expiresSeconds: 100 })])] });
    const gone = contact({ state: "terminated", event: "unregistered" });
    registrar.notify({ version: 1, state: "partial", registrations: [of([gone], { state: "terminated" })] });
    expect(news).toMatchObject([
      { kind: "registered", expiresSeconds: 100, fresh: false },
      { kind: "unregistered", aor: BOB, source: "reg-event" },
    ]);
  });

  it.each([
    ["empty", new Uint8Array(0), null, undefined],
    ["of another type", Uint8Array.of(1), "text/plain", 415],
    ["garbage", Uint8Array.of(0, 255), "application/reginfo+xml", 400],
    ["not the document", new TextEncoder().encode("<presence/>"), "application/reginfo+xml", 400],
    ["too large", new Uint8Array(262_145), "application/reginfo+xml", 413],
  ])("that are %s get the answer they deserve, and change nothing", async (_, body, contentType, statusCode) => {
    const push = wait();
    expect(registrar.notifyBody(body, contentType)?.statusCode).toBe(statusCode);
    await settle();
    expect(push.result).toBeUndefined();
    expect(news).toEqual([]);
  });
});

describe("a third-party REGISTER (TS 24.229 §5.7.1.1)", () => {
  const registered: RegistrationNews = {
    kind: "registered",
    aor: BOB,
    source: "third-party",
    contacts: null,
    expiresSeconds: 600,
    fresh: true,
  };

  it("wakes the push at once", async () => {
    const push = wait({ applicationId: "push.syncml" });
    watch.tell(registered);
    await settle();
    expect(push.result).toMatchObject({ kind: "registered", source: "third-party", contacts: null });
    expect(news).toEqual([registered]);
  });

  it("that came while the push was refused wakes it too; one that came before does not", async () => {
    watch.tell(registered);
    await clock.advance(100);
    const late = wait({ sinceMs: clock.now() });
    const early = wait({ sinceMs: clock.now() - 100 });
    await settle();
    expect([late.result, early.result?.kind]).toEqual([undefined, "registered"]);
    if (early.result?.kind !== "registered") throw new Error("not registered");
    const again = wait({ sinceMs: clock.now() - 100, after: early.result.marker });
    await settle();
    expect(again.result).toBeUndefined();
    watch.tell({ kind: "unregistered", aor: BOB, source: "third-party" });
    const gone = wait({ sinceMs: 0 });
    await settle();
    expect(gone.result).toBeUndefined();
  });

  it("does not wake one whose application the enclosed contact does not have", async () => {
    const push = wait({ applicationId: "push.syncml" });
    const other = { uri: "sip:x@y", instance: null, publicGruu: null, pn: null, params: [], applications: ["ulp.ua"] };
    watch.tell({
      ...registered,
      contacts: [{ ...other, expiresSeconds: null, registeredSeconds: null, callId: null, cseq: null }],
    });
    await settle();
    expect(push.result).toBeUndefined();
  });

  it("is waited for, where it is expected, when the registrar does not let us watch", async () => {
    open({ thirdParty: true });
    const before = wait();
    registrar.refuse(403);
    const after = wait();
    await settle();
    expect([before.result, after.result]).toEqual([undefined, undefined]);
    watch.tell(registered);
    await settle();
    expect([before.result?.kind, after.result?.kind]).toEqual(["registered", "registered"]);
    expect(registrar.asked).toHaveLength(1);
  });
});

describe("a core that sends third-party REGISTERs unannounced", () => {
  it("is expected to go on: the next push waits, although reg cannot be watched", async () => {
    const before = wait();
    registrar.refuse(489);
    await settle();
    expect(before.result).toMatchObject({ kind: "none", reason: "unwatchable" });
    watch.tell({ kind: "unregistered", aor: "sip:alice@home.test", source: "third-party" });
    const after = wait();
    await settle();
    expect(after.result).toBeUndefined();
    watch.tell({
      kind: "registered",
      aor: BOB,
      source: "third-party",
      contacts: null,
      expiresSeconds: 60,
      fresh: true,
    });
    await settle();
    expect(after.result?.kind).toBe("registered");
  });
});

describe("a wait always ends", () => {
  const reasonOf = ({ result }: { result: RegistrationResult | undefined }): string | undefined =>
    result?.kind === "none" ? result.reason : result?.kind;

  it("at its deadline", async () => {
    const push = wait();
    await clock.advance(MINUTE_MS - 1);
    expect(push.result).toBeUndefined();
    await clock.advance(1);
    expect(reasonOf(push)).toBe("deadline");
  });

  it.each([489, 403, null])(
    "when the subscription is refused with %s; who asks again soon hears it at once",
    async (status) => {
      const push = wait();
      registrar.refuse(status);
      await settle();
      expect(push.result).toEqual({
        kind: "none",
        reason: "unwatchable",
        refusal: { sipStatus: status, reason: "no" },
      });
      const next = wait();
      await settle();
      expect(reasonOf(next)).toBe("unwatchable");
      expect(registrar.asked).toHaveLength(1);
      await clock.advance(300_000);
      wait();
      expect(registrar.asked).toHaveLength(2);
    },
  );

  it("when the caller gives up, before or while it waits, or the watch closes", async () => {
    const controller = new AbortController();
    const [aborted, closed] = [wait({ signal: controller.signal }), wait()];
    expect(reasonOf(wait({ signal: AbortSignal.abort() }))).toBeUndefined();
    controller.abort();
    await settle();
    expect(reasonOf(aborted)).toBe("aborted");
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    watch.close();
    const after = wait();
    await settle();
    expect([reasonOf(closed), reasonOf(after)]).toEqual(["closed", "closed"]);
    expect(registrar.stops).toBe(1);
    watch.tell({ kind: "unregistered", aor: BOB, source: "third-party" });
    expect(news).toEqual([]);
  });

  it("at once when there is no room for another wait, or another user", async () => {
    open({ maxWaits: 2, maxWatches: 1 });
    wait();
    const [other, second, third] = [wait({}, "sip:alice@home.test"), wait(), wait()];
    await settle();
    expect([other, second, third].map(reasonOf)).toEqual(["overloaded", undefined, "overloaded"]);
    expect(watch.stats.refused).toBe(2);
  });

  it("at once for a URI that names no user", async () => {
    const push = wait({}, "sip:home.test");
    await settle();
    expect(reasonOf(push)).toBe("unwatchable");
  });
});
