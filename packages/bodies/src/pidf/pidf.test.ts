import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectOnlyBodyErrors, expectTruncationsRefused, octetsOf, refusalOf, textOf } from "../testdata/checks.ts";
import { decodePidf, encodePidf } from "./pidf.ts";
import type { Presence, ServiceCapabilities } from "./types.ts";

/** RFC 5196 §5, shortened, with a person of RFC 4479. */
const example = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:caps="urn:ietf:params:xml:ns:pidf:caps" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" entity="pres:someone@example.com">
<tuple id="joi9877866786ua9">
  <status><basic>open</basic><x:geo xmlns:x="urn:x">here</x:geo></status>
  <caps:servcaps>
    <caps:extensions><caps:supported><caps:rel100/><caps:pref/></caps:supported></caps:extensions>
    <caps:methods>
      <caps:supported><caps:ACK/><caps:MESSAGE/></caps:supported>
      <caps:notsupported><caps:REFER/></caps:notsupported>
    </caps:methods>
    <caps:duplex><caps:supported><caps:full/></caps:supported></caps:duplex>
    <caps:schemes><caps:supported><caps:s>sip</caps:s><caps:s>tel</caps:s></caps:supported></caps:schemes>
    <caps:priority><caps:supported><caps:lowerthan maxvalue="20"/><caps:higherhan minvalue="5"/></caps:supported></caps:priority>
    <caps:audio>true</caps:audio><caps:video>0</caps:video><caps:automata>perhaps</caps:automata>
    <caps:type>Text/Plain</caps:type>
    <caps:description xml:lang="en">a &amp; b</caps:description>
    <o:other xmlns:o="urn:o"/>
  </caps:servcaps>
  <contact priority="0.8">sip:someone@example.com</contact>
  <note xml:lang="fr">bonjour</note>
  <timestamp>2001-10-27T16:49:29+02:00</timestamp>
</tuple>
<note>hello</note>
<dm:person id="p1"/>
</presence>`;

describe("application/pidf+xml (RFC 3863 §4)", () => {
  it("reads tuples with the service capabilities of RFC 5196, and keeps what it does not know", () => {
    expect(decodePidf(octetsOf(example))).toEqual({
      entity: "pres:someone@example.com",
      tuples: [
        {
          id: "joi9877866786ua9",
          basic: "open",
          contact: { uri: "sip:someone@example.com", priority: 0.8 },
          notes: [{ text: "bonjour", lang: "fr" }],
          timestamp: new Date("2001-10-27T14:49:29Z"),
          serviceCapabilities: {
            flags: { audio: true, video: false },
            sets: {
              extensions: { supported: ["100rel", "pref"], notSupported: [] },
              methods: { supported: ["ACK", "MESSAGE"], notSupported: ["REFER"] },
              duplex: { supported: ["full"], notSupported: [] },
              schemes: { supported: ["sip", "tel"], notSupported: [] },
            },
            types: ["text/plain"],
            priority: {
              supported: [
                { kind: "lowerthan", maxValue: 20 },
                { kind: "higherthan", minValue: 5 },
              ],
              notSupported: [],
            },
            descriptions: [{ text: "a & b", lang: "en" }],
            extensions: [expect.objectContaining({ name: "other", namespace: "urn:o" })],
          },
          statusExtensions: [expect.objectContaining({ name: "geo", text: "here" })],
        },
      ],
      notes: [{ text: "hello" }],
      extensions: [expect.objectContaining({ name: "person" })],
    });
  });

  it("leaves out timestamps that no reader would take back (RFC 3339 §5.6: four digits of a year)", () => {
    const stamped = (time: string): string => `<tuple id="${time}"><timestamp>${time}</timestamp></tuple>`;
    const times = ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59Z"];
    const { tuples } = decodePidf(octetsOf(`<presence entity="">${times.map(stamped).join("")}</presence>`));
    expect(tuples.map(({ timestamp }) => timestamp?.toISOString())).toEqual([
      undefined,
      undefined,
      "9999-12-31T23:59:59.000Z",
    ]);
  });

  it.each([
    [
      "Kamailio and linphone: a note, no capabilities, an activity of RPID",
      '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:a@b"><tuple id="t"><status><basic>open</basic></status><contact priority="0.8">sip:a@b</contact><timestamp>2026-01-01T00:00:00</timestamp></tuple><p:person id="x"><r:activities><r:busy/></r:activities></p:person></presence>',
      {
        entity: "sip:a@b",
        tuples: [{ id: "t", basic: "open", contact: { uri: "sip:a@b", priority: 0.8 } }],
        extensions: [{ name: "person" }],
      },
    ],
    [
      "baresip: a prefix of its own and a contact in the tuple",
      '<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" entity="sip:a@b"><p:tuple id="t4109"><p:status><p:basic>closed</p:basic></p:status><p:contact>sip:a@b</p:contact></p:tuple></p:presence>',
      { tuples: [{ id: "t4109", basic: "closed", contact: { uri: "sip:a@b" } }] },
    ],
    [
      "a tuple without id and status, a priority and a basic that are none",
      '<presence entity=""><tuple><contact priority="high">x:y</contact></tuple><tuple id="u"><status><basic>away</basic></status><contact> </contact></tuple></presence>',
      {
        entity: "",
        tuples: [
          { id: "", basic: null, contact: { uri: "x:y" } },
          { id: "u", basic: null },
        ],
      },
    ],
  ])("reads documents of %s", (_, text, presence) => {
    expect(decodePidf(octetsOf(text))).toMatchObject(presence);
  });

  const set = { supported: ["oma-push", "presence"], notSupported: ["reg"] };
  const capabilities: ServiceCapabilities = {
    flags: { message: true, automata: true },
    sets: {
      "event-packages": set,
      methods: { supported: ["MESSAGE", "NOTIFY"], notSupported: [] },
      extensions: { supported: ["100rel", "gruu", "histinfo"], notSupported: ["x-own"] },
      languages: { supported: ["en", "de"], notSupported: [] },
    },
    types: ["application/vnd.syncml.ds.notification"],
    priority: {
      supported: [{ kind: "range", minValue: 1, maxValue: 3 }],
      notSupported: [{ kind: "equals", value: 2 }],
    },
    descriptions: [{ text: "handset", lang: "en" }, { text: "x" }],
    push: { applications: ["push.syncml", "syncml.dm"], encodings: ["gzip"], maxBodyOctets: 65_536 },
    extensions: [],
  };

  it("writes names outside of the schema and what push needs in the namespace of ours, behind the others (RFC 5196 §3.2.14)", () => {
    const presence: Presence = {
      entity: "sip:a@b",
      tuples: [{ id: "t", basic: "open", serviceCapabilities: capabilities }],
    };
    const text = textOf(encodePidf(presence));
    expect(text).toContain("<caps:supported><caps:presence/><push:oma-push/></caps:supported>");
    expect(text).toContain("<caps:rel100/><caps:gruu/><caps:hist-info/>");
    expect(text).toContain(
      "<push:push><push:application>push.syncml</push:application><push:application>syncml.dm</push:application>" +
        "<push:encoding>gzip</push:encoding><push:max-body-octets>65536</push:max-body-octets></push:push></caps:servcaps>",
    );
    expect(
      [...text.matchAll(/<caps:(automata|event-packages|extensions|languages|message|methods|priority|type)>/g)].map(
        ([, name]) => name,
      ),
    ).toEqual(["automata", "event-packages", "extensions", "message", "methods", "languages", "priority", "type"]);
  });

  it("gives back what it wrote", () => {
    const text = fc.stringMatching(/^[a-z<&"é]{1,8}$/);
    const note = fc.oneof(fc.record({ text }), fc.record({ text, lang: fc.constantFrom("en", "de-AT") }));
    const tuple = fc.record(
      {
        basic: fc.constantFrom("open" as const, "closed" as const, null),
        contact: fc.oneof(
          fc.record({ uri: text }),
          fc.record({ uri: text, priority: fc.integer({ min: 0, max: 1000 }).map((p) => p / 1000) }),
        ),
        notes: fc.array(note, { minLength: 1, maxLength: 2 }),
        timestamp: fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
        serviceCapabilities: fc.constant({
          ...capabilities,
          sets: {
            ...capabilities.sets,
            "event-packages": { supported: ["presence", "oma-push"], notSupported: ["reg"] },
          },
        }),
      },
      { requiredKeys: ["basic"] },
    );
    const presence = fc.record(
      {
        entity: text,
        tuples: fc.array(tuple, { maxLength: 3 }).map((tuples) => tuples.map((each, i) => ({ ...each, id: `t${i}` }))),
        notes: fc.array(note, { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: ["entity", "tuples"] },
    );
    fc.assert(
      fc.property(presence, (value) => {
        expect(decodePidf(encodePidf(value))).toEqual(value);
      }),
    );
  });

  it("keeps extension elements through reading and writing", () => {
    const again = decodePidf(encodePidf(decodePidf(octetsOf(example))));
    expect([again.extensions?.[0]?.name, again.tuples[0]?.statusExtensions?.[0]?.text]).toEqual(["person", "here"]);
  });

  it.each([
    ["another root", example.replaceAll("presence", "other")],
    ["no entity", example.replace("entity=", "entities=")],
    ["a priority range that is none", example.replace('maxvalue="20"', 'maxvalue="x"')],
  ])("refuses %s", (_, text) => {
    expect(refusalOf(() => decodePidf(octetsOf(text)))).toMatchObject({
      code: "BODY_BAD_DOCUMENT",
      offset: expect.any(Number),
    });
  });

  it.each([
    [
      "tuple ids that are the same",
      {
        entity: "x",
        tuples: [
          { id: "a", basic: null },
          { id: "a", basic: null },
        ],
      },
    ],
    ["an empty tuple id", { entity: "x", tuples: [{ id: "", basic: null }] }],
    ["a priority over 1", { entity: "x", tuples: [{ id: "a", basic: null, contact: { uri: "x", priority: 2 } }] }],
    ["a date that is none", { entity: "x", tuples: [{ id: "a", basic: null, timestamp: new Date(Number.NaN) }] }],
    [
      "a body size that is none",
      {
        entity: "x",
        tuples: [
          {
            id: "a",
            basic: null,
            serviceCapabilities: { ...capabilities, push: { applications: [], encodings: [], maxBodyOctets: -1 } },
          },
        ],
      },
    ],
  ] satisfies [string, Presence][])("does not write %s", (_, presence) => {
    expect(refusalOf(() => encodePidf(presence)).code).toBe("BODY_BAD_VALUE");
  });

  it("refuses every truncation, and throws nothing but BodyError", () => {
    expectTruncationsRefused(octetsOf(example), decodePidf);
    expectOnlyBodyErrors(octetsOf(example), decodePidf);
  });
});
