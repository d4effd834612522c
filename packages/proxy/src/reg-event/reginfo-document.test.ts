import { decodeReginfo, encodeReginfo } from "@sip-push/bodies";
import { parseUri, type SipUri } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import type { ContactChange } from "../events.ts";
import type { Binding } from "../location-store.ts";
import { fullReginfo, mergeChanges, partialReginfo } from "./reginfo-document.ts";

const view = { aor: "sip:alice@example.test", version: 3, nowMs: 100_000, owner: false };

function binding(id: string, more: Partial<Binding> = {}): Binding {
  return {
    ...{ id, aor: view.aor, contact: "sip:a@192.0.2.1", uri: parseUri("sip:a@192.0.2.1") as SipUri, q: 1, path: [] },
    ...{ displayName: undefined, params: new Map(), instance: undefined, gruus: undefined, regId: undefined },
    ...{ expiresAtMs: 160_500, registeredAtMs: 90_000, updatedAtMs: 90_000, callId: "c", cseq: 1 },
    ...{ flow: undefined, reach: "address" },
    ...more,
  };
}

const change = (id: string, event: ContactChange["event"]): ContactChange => ({ binding: binding(id), event });

describe("changes not told yet", () => {
  it.each([
    [["created", "refreshed"], "created"],
    [["created", "shortened"], "created"],
    [["created", "refreshed", "expired"], "expired"],
    [["refreshed", "shortened"], "shortened"],
    [["expired", "created"], "created"],
  ] as const)("%j of one contact are told as %s", (events, expected) => {
    const merged = events.reduce<ContactChange[]>((before, event) => mergeChanges(before, [change("a", event)]), []);
    expect(merged.map(({ event }) => event)).toEqual([expected]);
  });

  it("are kept apart by contact, in the order of their first change", () => {
    const merged = mergeChanges([change("a", "created"), change("b", "created")], [change("a", "expired")]);
    expect(merged.map(({ binding: { id }, event }) => [id, event])).toEqual([
      ["a", "expired"],
      ["b", "created"],
    ]);
  });
});

describe("a document (RFC 3680 §5.1)", () => {
  it("says `refreshed` of a contact that registered more than once, and never less than no time", () => {
    const [registration] = fullReginfo(
      [binding("a", { updatedAtMs: 95_000, expiresAtMs: 99_000 })],
      view,
    ).registrations;
    expect(registration?.contacts[0]).toMatchObject({ event: "refreshed", expiresSeconds: 0 });
  });

  it("has `expires` for contacts that live, `retry-after` with probation though nobody gave one", () => {
    const [registration] = partialReginfo(
      [change("a", "shortened"), change("b", "probation")],
      true,
      view,
    ).registrations;
    const [shortened, probation] = registration?.contacts ?? [];
    expect([shortened?.expiresSeconds, shortened?.retryAfterSeconds]).toEqual([61, undefined]);
    expect([probation?.expiresSeconds, probation?.retryAfterSeconds]).toEqual([undefined, 60]);
  });

  it("can be written whatever octets a user agent registered with", () => {
    const hostile = binding("a", {
      displayName: "\u0001\ufffe\ud800",
      contact: "sip:\u0002@192.0.2.1",
      callId: "c\u0003",
      params: new Map([["x", '"\u0000\xff"']]),
    });
    const written = decodeReginfo(encodeReginfo(fullReginfo([hostile], view)));
    expect(written.registrations[0]?.contacts[0]).toMatchObject({
      displayName: "\ufffd\ufffd\ufffd",
      uri: "sip:\ufffd@192.0.2.1",
      unknownParams: [["x", '"\ufffd\ufffd"']],
    });
  });

  it("has one id per address-of-record (§5.1)", () => {
    const ids = ["sip:a@x.test", "sip:b@x.test", "sip:a@x.test"].map(
      (aor) => fullReginfo([], { ...view, aor }).registrations[0]?.id,
    );
    expect(ids[0]).toBe(ids[2]);
    expect(ids[0]).not.toBe(ids[1]);
  });
});
