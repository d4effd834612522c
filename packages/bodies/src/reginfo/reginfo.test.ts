import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectOnlyBodyErrors, expectTruncationsRefused, octetsOf, refusalOf } from "../testdata/checks.ts";
import { applyReginfo, emptyRegistrationView } from "./apply.ts";
import { decodeReginfo, encodeReginfo } from "./reginfo.ts";
import type { Reginfo, RegisteredContact } from "./types.ts";

/** RFC 5628 §6, with the q, Call-ID, parameters and display name of RFC 3680 §5.1. */
const example = `<?xml version="1.0"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1" state="partial">
  <registration aor="sip:user@example.com" id="a7" state="active">
    <contact id="92" state="active" event="created" duration-registered="7322" q="0.8" callid="c@1" cseq="7" expires="60">
      <uri>sip:user@192.0.2.1</uri>
      <display-name xml:lang="en">A &lt;B&gt;</display-name>
      <unknown-param name="+sip.instance">"&lt;urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6&gt;"</unknown-param>
      <unknown-param name="ob"></unknown-param>
      <gr:pub-gruu uri="sip:user@example.com;gr=hha9s8d-999a"/>
      <gr:temp-gruu uri="sip:8ffkas08af7fasklzi9@example.com;gr" first-cseq="54301"/>
      <x:y xmlns:x="urn:x"/>
    </contact>
    <contact id="93" state="terminated" event="probation" retry-after="9" q="x"><uri>sip:b@c</uri></contact>
  </registration>
</reginfo>`;

describe("application/reginfo+xml (RFC 3680 §5, RFC 5628 §5)", () => {
  it("reads contacts with everything that is said of them", () => {
    expect(decodeReginfo(octetsOf(example))).toEqual({
      version: 1,
      state: "partial",
      registrations: [
        {
          aor: "sip:user@example.com",
          id: "a7",
          state: "active",
          contacts: [
            {
              id: "92",
              uri: "sip:user@192.0.2.1",
              state: "active",
              event: "created",
              expiresSeconds: 60,
              durationRegisteredSeconds: 7322,
              q: 0.8,
              callId: "c@1",
              cseq: 7,
              displayName: "A <B>",
              unknownParams: [
                ["+sip.instance", '"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'],
                ["ob", ""],
              ],
              publicGruu: "sip:user@example.com;gr=hha9s8d-999a",
              temporaryGruu: { uri: "sip:8ffkas08af7fasklzi9@example.com;gr", firstCseq: 54_301 },
              extensions: [expect.objectContaining({ name: "y", namespace: "urn:x" })],
            },
            { id: "93", uri: "sip:b@c", state: "terminated", event: "probation", retryAfterSeconds: 9 },
          ],
        },
      ],
    });
  });

  it("gives back what it wrote", () => {
    const text = fc.stringMatching(/^[a-z<&"é]{1,8}$/);
    const number = fc.nat();
    const contact = fc.record(
      {
        uri: text,
        state: fc.constantFrom("active" as const, "terminated" as const),
        event: fc.constantFrom("registered" as const, "expired" as const),
        expiresSeconds: number,
        durationRegisteredSeconds: number,
        q: fc.integer({ min: 0, max: 1000 }).map((q) => q / 1000),
        callId: text,
        cseq: number,
        displayName: text,
        unknownParams: fc.array(fc.tuple(text, text), { minLength: 1 }),
        publicGruu: text,
        temporaryGruu: fc.record({ uri: text, firstCseq: number }),
      },
      { requiredKeys: ["uri", "state", "event"] },
    );
    const withIds = <T>(values: readonly T[]): (T & { id: string })[] =>
      values.map((value, i) => ({ ...value, id: `i${i}` }));
    const registration = fc.record({
      aor: text,
      state: fc.constantFrom("init" as const, "active" as const, "terminated" as const),
      contacts: fc.array(contact, { maxLength: 3 }).map(withIds),
    });
    const document = fc.record({
      version: fc.nat(),
      state: fc.constantFrom("full" as const, "partial" as const),
      registrations: fc.array(registration, { maxLength: 3 }).map(withIds),
    });
    fc.assert(
      fc.property(document, (value) => {
        expect(decodeReginfo(encodeReginfo(value))).toEqual(value);
      }),
    );
  });

  it.each([
    ["another root", example.replaceAll("reginfo", "other")],
    ["no version", example.replace(' version="1"', "")],
    ["a version that is no number", example.replace('version="1" state', 'version="-1" state')],
    ["a version over 32 bits", example.replace('version="1" state', 'version="4294967296" state')],
    ["a state that is none", example.replace('state="partial"', 'state="x"')],
    ["a registration without aor", example.replace("aor=", "aors=")],
    ["a contact without uri", example.replaceAll("uri>", "url>")],
    ["a contact without id", example.replace('id="93" ', "")],
    ["an event that is none", example.replace('"created"', '"made"')],
    ["an expires that is none", example.replace('expires="60"', 'expires="soon"')],
  ])("refuses %s (§5.1)", (_, text) => {
    expect(refusalOf(() => decodeReginfo(octetsOf(text)))).toMatchObject({
      code: "BODY_BAD_DOCUMENT",
      offset: expect.any(Number),
    });
  });

  it("refuses every truncation, and throws nothing but BodyError", () => {
    expectTruncationsRefused(octetsOf(example), decodeReginfo);
    expectOnlyBodyErrors(octetsOf(example), decodeReginfo);
  });

  it.each([-1, 0.5])("does not write version %d", (version) => {
    const document: Reginfo = { version, state: "full", registrations: [] };
    expect(refusalOf(() => encodeReginfo(document)).code).toBe("BODY_BAD_VALUE");
  });
});

describe("applyReginfo (RFC 3680 §5.2)", () => {
  const contact = (id: string, state: RegisteredContact["state"] = "active"): RegisteredContact => ({
    id,
    uri: `sip:${id}`,
    state,
    event: state === "active" ? "registered" : "unregistered",
  });
  const document = (version: number, state: Reginfo["state"], ...contacts: RegisteredContact[]): Reginfo => ({
    version,
    state,
    registrations: [{ aor: "sip:a@b", id: "r", state: "active", contacts }],
  });
  const apply = (...documents: Reginfo[]) => {
    let result = applyReginfo(emptyRegistrationView, documents[0] as Reginfo);
    for (const each of documents.slice(1)) result = applyReginfo(result.view, each);
    const rows = result.view.registrations.get("r")?.contacts ?? [];
    return { ...result, ids: rows.map(({ id, state }) => `${id} ${state}`), version: result.view.version };
  };

  it("a full document replaces what is known, whatever its version from the known one on", () => {
    expect(apply(document(0, "full", contact("1")), document(1, "full", contact("2")))).toMatchObject({
      ids: ["2 active"],
      needsRefresh: false,
    });
    expect(apply(document(0, "full", contact("1")), document(9, "full", contact("2")))).toMatchObject({
      version: 9,
      ids: ["2 active"],
      needsRefresh: false,
    });
    expect(apply(document(0, "full", contact("1")), document(0, "full", contact("2")))).toMatchObject({
      applied: true,
      ids: ["2 active"],
    });
  });

  it("a partial document adds and updates rows; a terminated one is there until the next", () => {
    const first = document(4, "full", contact("1"), contact("2"));
    const second = document(5, "partial", contact("2", "terminated"), contact("3"));
    expect(apply(first, second)).toMatchObject({
      ids: ["1 active", "2 terminated", "3 active"],
      applied: true,
      needsRefresh: false,
    });
    expect(apply(first, second, document(6, "partial"))).toMatchObject({ ids: ["1 active", "3 active"] });
  });

  it("a partial document behind a gap is applied, and a refresh is needed", () => {
    expect(apply(document(0, "full", contact("1")), document(2, "partial", contact("2")))).toMatchObject({
      ids: ["1 active", "2 active"],
      version: 2,
      applied: true,
      needsRefresh: true,
    });
  });

  it("an older document is discarded, and a partial one of the same version", () => {
    const known = document(5, "full", contact("1"));
    for (const old of [document(4, "full", contact("2")), document(5, "partial", contact("2"))]) {
      expect(apply(known, old)).toMatchObject({ ids: ["1 active"], version: 5, applied: false, needsRefresh: false });
    }
  });

  it("a partial document at the beginning is applied, and a refresh is needed", () => {
    expect(apply(document(7, "partial", contact("1")))).toMatchObject({
      ids: ["1 active"],
      version: 7,
      needsRefresh: true,
    });
  });

  it("takes a registration that stands twice in a full document as one, and of a contact the last word", () => {
    const one = document(0, "full", contact("1"), contact("2"));
    const two = document(0, "full", contact("2", "terminated"), contact("3"));
    const both = { ...one, registrations: [...one.registrations, ...two.registrations] };
    expect(apply(both).ids).toEqual(["1 active", "2 terminated", "3 active"]);
  });

  it("keeps to its limits, whatever documents say", () => {
    const many = document(0, "full", ...Array.from({ length: 5 }, (_, i) => contact(String(i))));
    const limits = { maxContacts: 3, maxRegistrations: 1 };
    const two = {
      ...many,
      registrations: [...many.registrations, { aor: "sip:c@d", id: "s", state: "active" as const, contacts: [] }],
    };
    const { view } = applyReginfo(emptyRegistrationView, two, limits);
    expect([view.registrations.size, view.registrations.get("r")?.contacts.length]).toEqual([1, 3]);
    const updated = applyReginfo(view, document(1, "partial", contact("2", "terminated"), contact("9")), limits).view;
    expect(updated.registrations.get("r")?.contacts.map(({ id, state }) => `${id} ${state}`)).toEqual([
      "0 active",
      "1 active",
      "2 terminated",
    ]);
  });
});
