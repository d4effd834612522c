import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePapDocument, encodePapDocument } from "./document.ts";
import type { AttributeRow, ElementRow, FieldRow } from "./element-rows.ts";
import { operations } from "./elements.ts";
import { PapError } from "./errors.ts";
import { decodePap, encodePap } from "./message.ts";
import { lenient, type PapDecodeOptions } from "./options.ts";
import { badMessageReply } from "./replies.ts";
import { octetsOf, textOf, vectors } from "./testdata/documents.ts";
import type { PapOperation } from "./types.ts";

/** Decodes; what is refused can be answered, and what is taken can be written and comes back as the same. */
function expectAnswer(contentType: string, octets: Uint8Array, options: PapDecodeOptions = {}): void {
  let message: ReturnType<typeof decodePap>;
  try {
    message = decodePap(contentType, octets, options);
  } catch (error) {
    expect(error).toBeInstanceOf(PapError);
    const refusal = error as PapError;
    expect(refusal.message.length).toBeLessThan(1000);
    expect(refusal.badMessageFragment?.length ?? 0).toBeLessThanOrEqual(256);
    const { body } = encodePap(badMessageReply(refusal));
    expect(decodePap("application/xml", body).operation).toMatchObject({
      kind: "badmessage-response",
      code: refusal.papCode,
    });
    return;
  }
  // Only what is strictly right can be written: a missing push-id, say, is let pass but not sent.
  if (options.leniency !== undefined) return;
  const { operation } = message;
  expect(decodePapDocument(encodePapDocument(message)).operation).toEqual(operation);
}

const words = [
  "<",
  ">",
  "/>",
  '"',
  "=",
  "&",
  ";",
  "<pap>",
  "</pap>",
  "<address/>",
  " push-id='1'",
  "\r\n",
  "--x",
  "--",
  "\0",
  "\xff",
  "]]>",
  "<!--",
  "<?",
  "<!DOCTYPE",
  "<![CDATA[",
];

function mutations(seed: Uint8Array): fc.Arbitrary<Uint8Array> {
  const inserted = fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constantFrom(...words).map(octetsOf));
  const splice = fc.tuple(fc.nat(seed.length), fc.oneof(fc.constant(0), fc.nat(20)), inserted);
  return fc.array(splice, { minLength: 1, maxLength: 4 }).map((splices) => {
    let octets = seed;
    for (const [at, length, insert] of splices) {
      octets = Uint8Array.from([...octets.subarray(0, at), ...insert, ...octets.subarray(at + length)]);
    }
    return octets;
  });
}

describe("decodePap throws nothing but PapError, which can be answered", () => {
  it.each(vectors)("$name, changed", ({ contentType, octets }) => {
    fc.assert(
      fc.property(mutations(octets), fc.boolean(), (changed, isLenient) => {
        expectAnswer(contentType, changed, isLenient ? { leniency: lenient } : {});
      }),
      { numRuns: 150 },
    );
  });

  it("any octets with any Content-Type", () => {
    const types = fc.oneof(
      fc.constantFrom(
        "application/xml",
        "multipart/related; boundary=x",
        "multipart/related",
        "",
        'multipart/related; boundary="x',
      ),
      fc.string({ unit: "binary", maxLength: 60 }),
    );
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((each) => octetsOf(each.join("")));
    fc.assert(
      fc.property(types, fc.oneof(fc.uint8Array({ maxLength: 100 }), soup), (contentType, octets) =>
        expectAnswer(contentType, octets),
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["opening brackets", "<"],
    ["start tags", "<a>"],
    ["white space in a DOCTYPE", "<!DOCTYPE pap PUBLIC "],
    ["quotes", "<pap a='"],
    ["ampersands", "&"],
    ["delimiters", "--x\r\n"],
    ["header fields", "--x\r\na:\r\n"],
    ["comments", "<!--"],
  ])("a megabyte of %s is soon refused", (_, piece) => {
    const octets = octetsOf(piece.repeat(Math.floor(1_048_576 / piece.length)));
    for (const contentType of ["application/xml", "multipart/related; boundary=x"])
      expectAnswer(contentType, octets, { limits: { maxControlOctets: 1_048_576 } });
  });
});

/** Text that XML keeps: no control characters but those that are escaped. */
const anyText = fc
  .string({ unit: "grapheme", maxLength: 30 })
  .map((value) => value.replace(/[[\p{Cc}--[\t\n\r]]\ufffe\uffff]/gv, ""));
const pushIds = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .map((value) => `1${value.replace(/[\p{Cc}\ufffe\uffff]/gu, "")}@pi`);
const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }).map((value) => new Date(value * 1000));
const codes = fc.integer({ min: 1000, max: 5999 });

function arbitraryOf(row: ElementRow<unknown>): fc.Arbitrary<unknown> {
  const members = Object.entries(row.fields).map(([member, field]) => [member, arbitraryField(field)] as const);
  const optional = new Set(
    Object.entries(row.fields)
      .filter(([, field]) => isOptional(field))
      .map(([member]) => member),
  );
  const model = fc.record(Object.fromEntries(members), {
    requiredKeys: members.map(([member]) => member).filter((member) => !optional.has(member)),
  });
  return row.only === undefined ? model : model.map((each) => each[row.only as string]);
}

function isOptional(field: FieldRow<unknown>): boolean {
  return field.row === "attribute"
    ? !field.isRequired && field.default === undefined
    : field.min === 0 && !field.isList;
}

function arbitraryField(field: FieldRow<unknown>): fc.Arbitrary<unknown> {
  if (field.row === "attribute") return arbitraryAttribute(field);
  const child = arbitraryOf(field.element);
  return field.isList ? fc.array(child, { minLength: field.min, maxLength: 3 }) : child;
}

function arbitraryAttribute({ type }: AttributeRow<unknown>): fc.Arbitrary<unknown> {
  const { expected } = type;
  if (expected.startsWith("one of ")) {
    const values = expected.slice("one of ".length).split(", ");
    return fc.constantFrom(...values.map((value) => type.decode(value, {})));
  }
  if (expected.startsWith("a timestamp")) return seconds;
  if (expected === "a result code") return codes;
  return expected === "a push-id"
    ? pushIds
    : anyText.map((value) => (type.decode(value, {}) === undefined ? `x${value}` : value));
}

describe.each(Object.entries(operations))("any %s", (kind, row) => {
  it("is written and comes back as the same, in every version that has it", () => {
    fc.assert(
      fc.property(
        arbitraryOf(row),
        fc.constantFrom("2.0" as const, "2.1" as const),
        anyText,
        (members, version, productName) => {
          const operation = { kind, ...(members as object) } as PapOperation;
          const octets = encodePapDocument({ version, productName, operation });
          expect(decodePapDocument(octets)).toMatchObject({ version, productName });
          expect(decodePapDocument(octets).operation).toEqual(operation);
          expect(textOf(octets).split("\n").length).toBe(4);
        },
      ),
      { numRuns: 100 },
    );
  });
});
