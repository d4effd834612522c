import { describe, expect, it } from "vitest";
import { decodePapDocument } from "./document.ts";
import type { PapErrorCode } from "./errors.ts";
import { refusalOf } from "./testdata/checks.ts";
import { control, octetsOf } from "./testdata/documents.ts";

const address = '<address address-value="sip:a@b.c"/>';

type Row = readonly [
  name: string,
  content: string,
  code: PapErrorCode,
  element: string,
  attribute?: string | undefined,
  fragment?: string,
];

const rows: readonly Row[] = [
  ["no operation", "", "PAP_NO_OPERATION", "pap", undefined, "<pap>"],
  ["white space for an operation", " \n ", "PAP_NO_OPERATION", "pap"],
  [
    "two operations",
    '<cancel-message push-id="1"/><statusquery-message push-id="2"/>',
    "PAP_TWO_OPERATIONS",
    "pap/statusquery-message",
    undefined,
    '<statusquery-message push-id="2"/>',
  ],
  [
    "the same operation twice",
    '<cancel-message push-id="1"/><cancel-message push-id="1"/>',
    "PAP_TWO_OPERATIONS",
    "pap/cancel-message",
  ],
  [
    "an operation that there is not",
    '<push push-id="1"/>',
    "PAP_UNKNOWN_ELEMENT",
    "pap/push",
    undefined,
    '<push push-id="1"/>',
  ],
  ["an operation of another case", '<Cancel-Message push-id="1"/>', "PAP_UNKNOWN_ELEMENT", "pap/Cancel-Message"],
  ["an operation on the prototype", "<constructor/>", "PAP_UNKNOWN_ELEMENT", "pap/constructor"],
  [
    "an operation in a namespace",
    '<x:cancel-message xmlns:x="urn:x" push-id="1"/>',
    "PAP_UNKNOWN_ELEMENT",
    "pap/cancel-message",
  ],
  [
    "a child in a namespace",
    '<cancel-message xmlns:x="urn:x" push-id="1"><x:address address-value="a"/></cancel-message>',
    "PAP_UNKNOWN_ELEMENT",
    "pap/cancel-message/address",
  ],
  ["an address for an operation", address, "PAP_MISPLACED_ELEMENT", "pap/address"],
  [
    "an unknown element",
    `<push-message push-id="1">${address}<priority/></push-message>`,
    "PAP_UNKNOWN_ELEMENT",
    "pap/push-message/priority",
    undefined,
    "<priority/>",
  ],
  [
    "an element of another operation",
    `<push-message push-id="1">${address}<cancel-result code="1000"/></push-message>`,
    "PAP_MISPLACED_ELEMENT",
    "pap/push-message/cancel-result",
  ],
  [
    "an element inside an empty one",
    `<cancel-message push-id="1"><address address-value="a">${address}</address></cancel-message>`,
    "PAP_MISPLACED_ELEMENT",
    "pap/cancel-message/address/address",
  ],
  [
    "no address",
    '<push-message push-id="1"/>',
    "PAP_MISSING_ELEMENT",
    "pap/push-message",
    undefined,
    '<push-message push-id="1"/>',
  ],
  ["no result", '<push-response push-id="1"/>', "PAP_MISSING_ELEMENT", "pap/push-response"],
  [
    "no result in a list of results",
    '<statusquery-response push-id="1"/>',
    "PAP_MISSING_ELEMENT",
    "pap/statusquery-response",
  ],
  [
    "elements in the wrong order",
    `<push-message push-id="1"><quality-of-service/>${address}</push-message>`,
    "PAP_MISPLACED_ELEMENT",
    "pap/push-message/address",
  ],
  [
    "an element twice",
    `<push-message push-id="1">${address}<quality-of-service/><quality-of-service/></push-message>`,
    "PAP_MISPLACED_ELEMENT",
    "pap/push-message/quality-of-service",
  ],
  [
    "two addresses where there is one",
    `<ccq-message>${address}${address}</ccq-message>`,
    "PAP_MISPLACED_ELEMENT",
    "pap/ccq-message/address",
  ],
  ["text", `<push-message push-id="1">hello${address}</push-message>`, "PAP_MISPLACED_TEXT", "pap/push-message"],
  [
    "text that only looks white",
    '<cancel-message push-id="1">\u00a0</cancel-message>',
    "PAP_MISPLACED_TEXT",
    "pap/cancel-message",
  ],
  ["text beside the operation", '<cancel-message push-id="1"/>.', "PAP_MISPLACED_TEXT", "pap"],
  [
    "an unknown attribute",
    '<cancel-message push-id="1" pushid="2"/>',
    "PAP_UNKNOWN_ATTRIBUTE",
    "pap/cancel-message",
    "pushid",
    '<cancel-message push-id="1" pushid="2"/>',
  ],
  [
    "an attribute of another element",
    '<cancel-message push-id="1" code="1000"/>',
    "PAP_UNKNOWN_ATTRIBUTE",
    "pap/cancel-message",
    "code",
  ],
  [
    "a misspelled attribute",
    `<push-message push-id="1" ppg-notifiy-requested-to="http://pi.example/">${address}</push-message>`,
    "PAP_UNKNOWN_ATTRIBUTE",
    "pap/push-message",
    "ppg-notifiy-requested-to",
  ],
  [
    "an attribute in a namespace",
    '<cancel-message xmlns:x="urn:x" push-id="1" x:push-id="1"/>',
    "PAP_UNKNOWN_ATTRIBUTE",
    "pap/cancel-message",
    "push-id",
  ],
  ["xml:lang", '<cancel-message push-id="1" xml:lang="en"/>', "PAP_UNKNOWN_ATTRIBUTE", "pap/cancel-message", "lang"],
  [
    "a missing attribute",
    "<cancel-message/>",
    "PAP_MISSING_ATTRIBUTE",
    "pap/cancel-message",
    "push-id",
    "<cancel-message/>",
  ],
  [
    "an address without a value",
    '<cancel-message push-id="1"><address/></cancel-message>',
    "PAP_MISSING_ATTRIBUTE",
    "pap/cancel-message/address",
    "address-value",
  ],
  [
    "an empty address",
    '<cancel-message push-id="1"><address address-value=" "/></cancel-message>',
    "PAP_BAD_ATTRIBUTE",
    "pap/cancel-message/address",
    "address-value",
  ],
  ["an empty push-id", '<cancel-message push-id=""/>', "PAP_BAD_ATTRIBUTE", "pap/cancel-message", "push-id"],
  [
    "a push-id over its length",
    `<cancel-message push-id="${"1".repeat(256)}"/>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/cancel-message",
    "push-id",
  ],
  [
    "a push-id with a line end",
    '<cancel-message push-id="1&#10;2"/>',
    "PAP_BAD_ATTRIBUTE",
    "pap/cancel-message",
    "push-id",
  ],
  [
    "a priority that there is not",
    `<push-message push-id="1">${address}<quality-of-service priority="urgent"/></push-message>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/push-message/quality-of-service",
    "priority",
    '<quality-of-service priority="urgent"/>',
  ],
  [
    "an enumeration of another case",
    `<push-message push-id="1">${address}<quality-of-service priority="HIGH"/></push-message>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/push-message/quality-of-service",
    "priority",
  ],
  [
    "a truth that is none",
    `<push-message push-id="1" progress-notes-requested="yes">${address}</push-message>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/push-message",
    "progress-notes-requested",
  ],
  [
    "a timestamp that is none",
    `<push-message push-id="1" deliver-before-timestamp="tomorrow">${address}</push-message>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/push-message",
    "deliver-before-timestamp",
  ],
  [
    "a day that there is not",
    `<push-message push-id="1" deliver-after-timestamp="2026-02-29T00:00:00Z">${address}</push-message>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/push-message",
    "deliver-after-timestamp",
  ],
  ["a code that is none", '<badmessage-response code="200"/>', "PAP_BAD_ATTRIBUTE", "pap/badmessage-response", "code"],
  [
    "a code without a class",
    '<badmessage-response code="6000"/>',
    "PAP_BAD_ATTRIBUTE",
    "pap/badmessage-response",
    "code",
  ],
  [
    "a state that there is not",
    `<resultnotification-message push-id="1" message-state="done" code="1000">${address}</resultnotification-message>`,
    "PAP_BAD_ATTRIBUTE",
    "pap/resultnotification-message",
    "message-state",
  ],
];

describe("decodePapDocument", () => {
  const cases = rows.map(([name, content, code, element, attribute, fragment]) => ({
    name,
    content,
    code,
    element,
    attribute,
    fragment,
  }));

  it.each(cases)("refuses $name", ({ content, code, element, attribute, fragment }) => {
    const error = refusalOf(() => decodePapDocument(octetsOf(control(content))));
    expect(error).toMatchObject({ code, papCode: 2000, element, attribute: attribute ?? null, version: "2.0" });
    if (fragment !== undefined) expect(error.badMessageFragment).toBe(fragment);
    expect(error.message).toBe(
      `${element}${attribute === undefined ? "" : `/@${attribute}`}: ${error.problem} (octet ${error.offset})`,
    );
  });
});
