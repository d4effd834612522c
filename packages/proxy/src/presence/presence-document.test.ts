import { decodePidf, encodePidf, type PidfTuple, xmlElement } from "@sip-push/bodies";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composePresence } from "./presence-document.ts";

const AOR = "sip:alice@example.test";
const open = (id: string): PidfTuple => ({ id, basic: "open" });
const closed = (id: string): PidfTuple => ({ id, basic: "closed" });
const person = (id: string, text: string) =>
  xmlElement("person", { namespace: "urn:ietf:params:xml:ns:pidf:data-model", attributes: { id }, text });

describe("composition", () => {
  it.each([
    [true, "open"],
    [false, "closed"],
  ])("registered: %s is %s when nothing is published", (registered, basic) => {
    expect(composePresence(AOR, [], registered)).toEqual({ entity: AOR, tuples: [{ id: "registration", basic }] });
  });

  it("is silent about the registration when something is published, even without tuples", () => {
    expect(composePresence(AOR, [{ entity: "x", tuples: [] }], true).tuples).toEqual([]);
  });

  it("has all notes once, and of persons and devices with one id the last", () => {
    const composed = composePresence(
      AOR,
      [
        { entity: "x", tuples: [], notes: [{ text: "away" }], extensions: [person("p", "1"), person("q", "2")] },
        {
          entity: "y",
          tuples: [],
          notes: [{ text: "away" }, { text: "weg", lang: "de" }],
          extensions: [person("p", "3")],
        },
      ],
      true,
    );
    expect(composed.notes?.map(({ text }) => text)).toEqual(["away", "weg"]);
    expect(composed.extensions?.map(({ text }) => text)).toEqual(["3", "2"]);
  });

  it("gives tuples without an id one that no other has", () => {
    const composed = composePresence(AOR, [{ entity: "x", tuples: [open(""), closed("t1"), closed("")] }], true);
    expect(composed.tuples.map(({ id }) => id)).toEqual(["t2", "t1", "t3"]);
  });

  it("can be written whatever was published, with each id once and its last state", () => {
    const tuple = fc.record({ id: fc.constantFrom("", "a", "b", "t1"), basic: fc.constantFrom("open", "closed") });
    fc.assert(
      fc.property(fc.array(fc.array(tuple, { maxLength: 4 }), { maxLength: 4 }), (published) => {
        const all = published.flat() as PidfTuple[];
        const documents = published.map((tuples) => ({ entity: "x", tuples: tuples as PidfTuple[] }));
        const { tuples } = decodePidf(encodePidf(composePresence(AOR, documents, false)));
        if (published.length === 0) return;
        for (const id of ["a", "b"]) {
          const last = all.findLast((each) => each.id === id);
          expect(tuples.find((each) => each.id === id)?.basic).toBe(last?.basic);
        }
        const named = new Set(all.map(({ id }) => id).filter((id) => id !== ""));
        expect(tuples).toHaveLength(named.size + all.filter(({ id }) => id === "").length);
      }),
    );
  });
});
