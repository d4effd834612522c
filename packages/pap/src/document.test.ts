import { describe, expect, it } from "vitest";
import { decodePapDocument, encodePapDocument } from "./document.ts";
import { PapError, type PapErrorCode, papErrorCodes } from "./errors.ts";
import { refusalOf } from "./testdata/checks.ts";
import { control, octetsOf, textOf, WAPFORUM_1_0 } from "./testdata/documents.ts";
import type { PapDocument, PapOperation } from "./types.ts";

const decode = (text: string): PapDocument => decodePapDocument(octetsOf(text));
const address = '<address address-value="sip:a@b.c"/>';
const refused = (content: string, publicId?: string): PapError => refusalOf(() => decode(control(content, publicId)));

describe("decodePapDocument", () => {
  it("gives the offset of the element in octets", () => {
    const text = control('<push-message push-id="é"><address address-value="é"/><nothing/></push-message>');
    expect(refusalOf(() => decode(text)).offset).toBe(Buffer.from(text).indexOf("<nothing/>"));
  });

  it("refuses what came with PAP 2.0 in a document of 1.0", () => {
    for (const attribute of ["replace-push-id", "replace-method"]) {
      expect(
        refused(`<push-message push-id="1" ${attribute}="all">${address}</push-message>`, WAPFORUM_1_0),
      ).toMatchObject({
        code: "PAP_UNKNOWN_ATTRIBUTE",
        attribute,
        version: "1.0",
        publicId: WAPFORUM_1_0,
      });
    }
  });

  it("trims the values of enumerations, as XML does (XML 1.0 §3.3.3)", () => {
    const { operation } = decode(
      control(
        `<push-message push-id="1" progress-notes-requested=" true">${address}<quality-of-service priority="low "/></push-message>`,
      ),
    );
    expect(operation).toMatchObject({ progressNotesRequested: true, qualityOfService: { priority: "low" } });
  });

  it("takes code =, comments and instructions between elements, and a product-name", () => {
    const text = control('<!-- c --><?i?><badmessage-response code ="2000"/>').replace(
      "<pap>",
      '<pap product-name="PPG &amp; Co">',
    );
    expect(decode(text)).toMatchObject({
      productName: "PPG & Co",
      operation: { kind: "badmessage-response", code: 2000 },
    });
  });

  it("shortens the fragment to 256 octets, and to whole characters", () => {
    const { badMessageFragment } = refused(`<cancel-message push-id="1" x="${"é".repeat(400)}"/>`);
    expect(badMessageFragment).toMatch(/^<cancel-message push-id="1" x="é+$/);
    expect(Buffer.byteLength(badMessageFragment ?? "")).toBeGreaterThan(254);
    expect(Buffer.byteLength(badMessageFragment ?? "")).toBeLessThanOrEqual(256);
  });

  it("quotes UTF-16 as text", () => {
    const octets = Buffer.from(`\ufeff${control("<cancel-message/>")}`, "utf16le");
    expect(refusalOf(() => decodePapDocument(octets))).toMatchObject({
      code: "PAP_MISSING_ATTRIBUTE",
      badMessageFragment: "<cancel-message/>",
    });
    expect(refusalOf(() => decodePapDocument(octets.subarray(0, -7)))).toMatchObject({
      code: "PAP_TRUNCATED",
      version: "2.0",
    });
    const { badMessageFragment } = refusalOf(() => decodePapDocument(octets.subarray(0, -9)));
    expect(badMessageFragment).toContain("<pap><cancel-message/><");
  });

  it("quotes what stands around the octet where XML ends", () => {
    const error = refused('<cancel-message push-id="1"></cancel>');
    expect(error).toMatchObject({ code: "PAP_BAD_XML", element: "pap/cancel-message", version: "2.0" });
    expect(error.badMessageFragment).toContain("</cancel>");
  });
});

describe("decodePapDocument, under attack", () => {
  const bomb = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join("");
  it.each<[string, string, PapErrorCode]>([
    [
      "an entity bomb",
      control('<cancel-message push-id="&l9;"/>', undefined, ` [<!ENTITY l0 "lol">${bomb}]`),
      "PAP_BAD_XML",
    ],
    [
      "an external entity",
      control('<cancel-message push-id="&x;"/>', undefined, ' [<!ENTITY x SYSTEM "file:///etc/passwd">]'),
      "PAP_BAD_XML",
    ],
    [
      "an external entity as text",
      control("&x;", undefined, ' [<!ENTITY x SYSTEM "http://127.0.0.1/">]'),
      "PAP_BAD_XML",
    ],
    ["elements inside elements", control("<pap>".repeat(9)), "PAP_TOO_LARGE"],
    [
      "attributes without end",
      control(`<cancel-message ${Array.from({ length: 300 }, (_, i) => `a${i}=""`).join(" ")}/>`),
      "PAP_TOO_LARGE",
    ],
    ["a value over 64 Ki", control(`<cancel-message push-id="${"1".repeat(80_000)}"/>`), "PAP_TOO_LARGE"],
    ["a document over 256 KiB", control(" ".repeat(262_144)), "PAP_TOO_LARGE"],
    [
      "1,001 addresses",
      control(`<cancel-message push-id="1">${'<address address-value="1"/>'.repeat(1001)}</cancel-message>`),
      "PAP_TOO_LARGE",
    ],
    ["elements without end", control("<a/>".repeat(20_000)), "PAP_TOO_LARGE"],
    ["octets that are not UTF-8", control('<cancel-message push-id="\\"/>'), "PAP_BAD_CHARSET"],
  ])("refuses %s", (_, text, code) => {
    const octets = octetsOf(text);
    if (code === "PAP_BAD_CHARSET") octets[octets.indexOf(0x5c)] = 0xff;
    const error = refusalOf(() => decodePapDocument(octets));
    expect(error).toMatchObject({ code, papCode: 2000, version: "2.0" });
    expect(error.message.length).toBeLessThan(500);
    expect(error.badMessageFragment?.length).toBeLessThanOrEqual(256);
  });

  it("takes an entity bomb that nobody lights: a declaration has no effect", () => {
    const text = control(
      '<cancel-message push-id="1"/>',
      undefined,
      ` [<!ENTITY l0 "lol">${bomb}<!ATTLIST cancel-message push-id CDATA "2">]`,
    );
    expect(decode(text).operation).toEqual({ kind: "cancel-message", pushId: "1", addresses: [] });
  });

  it("takes 1,000 addresses, and a result for each", () => {
    const pushed = control(`<push-message push-id="1">${address.repeat(1000)}</push-message>`);
    expect(decode(pushed).operation).toHaveProperty("addresses.length", 1000);
    const result = `<statusquery-result message-state="pending" code="1001" desc="" event-time="2026-11-21T17:30:00Z">${address}</statusquery-result>`;
    const states = control(`<statusquery-response push-id="1">${result.repeat(1000)}</statusquery-response>`);
    expect(decode(states).operation).toHaveProperty("statusQueryResults.length", 1000);
  });
});

describe("encodePapDocument", () => {
  const write = (operation: unknown, version: PapDocument["version"] = "2.0"): Uint8Array =>
    encodePapDocument({ version, operation: operation as PapOperation });
  const cancel = { kind: "cancel-message", pushId: "1", addresses: ["sip:a@b.c"] };

  it("leaves out what has its default value", () => {
    const push = {
      kind: "push-message",
      pushId: "1",
      replaceMethod: "all",
      progressNotesRequested: false,
      addresses: ["a"],
    };
    expect(textOf(write(push))).toContain(
      '<pap><push-message push-id="1"><address address-value="a"/></push-message></pap>',
    );
    expect(textOf(write(push, "1.0"))).toContain('<push-message push-id="1">');
  });

  it.each<[string, unknown, PapDocument["version"]?]>([
    ["an operation that there is not", { kind: "toString" }],
    ["a missing attribute", { kind: "cancel-message", addresses: [] }],
    ["a push-id that is none", { ...cancel, pushId: "" }],
    ["an address that is no text", { ...cancel, addresses: [7] }],
    ["no address where there must be one", { kind: "push-message", pushId: "1", addresses: [] }],
    ["a replacement in PAP 1.0", { kind: "push-message", pushId: "1", replacePushId: "0", addresses: ["a"] }, "1.0"],
    ["a version that there is not", cancel, "3.0" as "2.0"],
    ["a code that is none", { kind: "badmessage-response", code: 200 }],
    ["a code that is no number", { kind: "badmessage-response", code: "2000" }],
    [
      "a date that is none",
      { kind: "push-response", pushId: "1", replyTime: new Date(Number.NaN), responseResult: { code: 1000 } },
    ],
    ["a child that is no object", { kind: "push-response", pushId: "1", responseResult: "1000" }],
    [
      "a priority that there is not",
      { kind: "push-message", pushId: "1", addresses: ["a"], qualityOfService: { priority: "urgent" } },
    ],
    ["text that XML cannot hold", { kind: "badmessage-response", code: 2000, desc: "\0" }],
  ])("refuses %s", (_, operation, version) => {
    expect(refusalOf(() => write(operation, version))).toMatchObject({
      code: "PAP_BAD_VALUE",
      papCode: 3000,
      offset: null,
    });
  });

  it("refuses a supported version that is none", () => {
    const operation = cancel as PapOperation;
    const document: PapDocument = { version: "2.0", supportedVersions: ['2.0"?>'], operation };
    expect(refusalOf(() => encodePapDocument(document)).code).toBe("PAP_BAD_VALUE");
  });
});

describe("papErrorCodes", () => {
  it("has the code that a peer is told of each error", () => {
    const others = Object.entries(papErrorCodes).filter(([, code]) => code !== 2000);
    expect(Object.fromEntries(others)).toEqual({ PAP_VERSION: 3002, PAP_BAD_ADDRESS: 2002, PAP_BAD_VALUE: 3000 });
  });

  it("says where, and keeps control characters out of the message", () => {
    const error = new PapError("PAP_BAD_XML", "a\r\nb", { element: "pap", offset: 3, cause: 1 });
    expect([error.message, error.cause, error.retryable]).toEqual(["pap: a b (octet 3)", 1, false]);
  });
});
