import { encodeReginfo, type Reginfo, type RegisteredContact } from "@sip-push/bodies";
import { type Notification, SipHeaders, SipRequest } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { RegUser } from "./reg-user.ts";
import type { RegistrationNews } from "./registration-news.ts";
import { type RegistrationView, RegistrationWait } from "./registration-waits.ts";

const BOB = "sip:bob@home.test";
const contact: RegisteredContact = { id: "c1", uri: "sip:bob@192.0.2.9", state: "active", event: "registered" };

let clock: VirtualClock;
let news: RegistrationNews[];
let views: RegistrationView[];
let refreshes: number;
let user: RegUser;

beforeEach(() => {
  clock = new VirtualClock();
  [news, views, refreshes] = [[], [], 0];
  user = new RegUser(BOB, clock, 65_536, {
    news: (each) => news.push(each),
    view: (each) => views.push(each),
    refused: () => {},
  });
});

/** A document of one subscription; the first of it when `first`. */
function notify(version: number, state: Reginfo["state"], contacts: readonly RegisteredContact[], first = false): void {
  const registration = { aor: BOB, id: "r1", state: contacts.length > 0 ? "active" : "init", contacts } as const;
  const body = encodeReginfo({ version, state, registrations: [registration] });
  const request = new SipRequest("NOTIFY", "sip:a@b", SipHeaders.of([]));
  const notification = { request, contentType: "application/reginfo+xml", body } as unknown as Notification;
  expect(user.notified(notification, first, () => void refreshes++)).toBeUndefined();
}

describe("documents that are all full", () => {
  it("wake a push when the user was gone and is back, though nothing tells the REGISTERs apart", async () => {
    notify(0, "full", [contact], true);
    const first = new RegistrationWait(clock, { waitMs: 60_000 }, () => {});
    first.look(views[0] ?? expect.fail("no view"));
    const woken = await first.result;
    if (woken.kind !== "registered") throw new Error("not registered");
    await clock.advance(100);
    const second = new RegistrationWait(clock, { waitMs: 60_000, after: woken.marker }, () => {});
    notify(1, "full", []);
    await clock.advance(1000);
    notify(2, "full", [contact]);
    second.look(views[1] ?? expect.fail("no view"));
    expect(second.open).toBe(false);
    expect(news).toMatchObject([
      { kind: "registered", fresh: false },
      { kind: "unregistered" },
      { kind: "registered", fresh: true },
    ]);
  });

  it("say nothing of when a contact registered that was there at first, or still is", () => {
    notify(0, "full", [contact], true);
    notify(1, "full", [contact]);
    expect(views.map(({ freshAtMs }) => freshAtMs)).toEqual([undefined, undefined]);
  });
});

describe("documents with versions missing", () => {
  it("ask for one refresh in a while, however many there are (RFC 3680 §5.2)", async () => {
    notify(1, "full", [contact], true);
    for (let version = 3; version < 30; version += 2) notify(version, "partial", []);
    expect(refreshes).toBe(1);
    await clock.advance(30_000);
    notify(40, "partial", []);
    notify(50, "partial", []);
    expect(refreshes).toBe(2);
  });
});
