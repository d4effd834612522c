import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crlf, expectOnlyBodyErrors, octetsOf, refusalOf, textOf } from "../testdata/checks.ts";
import { decodeCpim, encodeCpim } from "./cpim.ts";
import {
  CPIM_NAMESPACE,
  cpimHeader,
  cpimValue,
  escapeCpim,
  IMDN_CPIM_NAMESPACE,
  parseCpimAddress,
  serializeCpimAddress,
  unescapeCpim,
} from "./header.ts";

/** RFC 3862 §5.1, with an IMDN request as in RFC 5438 §7.1.1.3. */
const example = crlf(`From: MR SANDERS <im:piglet@100akerwood.com>
To: Depressed Donkey <im:eeyore@100akerwood.com>
DateTime: 2000-12-13T13:40:00-08:00
Subject: the weather will be fine today
Subject:;lang=fr beau temps prevu pour aujourd'hui
NS: MyFeatures <mid:MessageFeatures@id.foo.com>
NS: imdn <urn:ietf:params:imdn>
Require: MyFeatures.VitalMessageOption
MyFeatures.VitalMessageOption: Confirmation-requested
MyFeatures.WackyMessageOption: Use-silly-font
imdn.Message-ID: 34jk324j

Content-type: text/xml; charset=utf-8
Content-ID: <1234567890@foo.com>

<body>
</body>
`);

describe("decodeCpim (RFC 3862)", () => {
  it("reads the example of §5.1", () => {
    const message = decodeCpim(octetsOf(example));
    expect(message.content).toEqual({
      contentType: "text/xml; charset=utf-8",
      contentId: "1234567890@foo.com",
      headers: [],
      body: octetsOf("<body>\r\n</body>\r\n"),
    });
    expect(message.headers.length).toBe(9);
    expect(cpimHeader(message, "WackyMessageOption", "mid:MessageFeatures@id.foo.com")?.value).toBe("Use-silly-font");
    expect(message.headers[4]).toEqual({
      name: "Subject",
      namespace: CPIM_NAMESPACE,
      value: "beau temps prevu pour aujourd'hui",
      lang: "fr",
    });
    expect([cpimValue(message, "Message-ID", IMDN_CPIM_NAMESPACE), cpimValue(message, "from")]).toEqual([
      "34jk324j",
      undefined,
    ]);
    expect(parseCpimAddress(cpimValue(message, "From") ?? "", "From")).toEqual({
      displayName: "MR SANDERS",
      uri: "im:piglet@100akerwood.com",
    });
  });

  it("takes bare line feeds, no blank behind the colon, blanks at the end, and imdn without its NS", () => {
    const message = decodeCpim(octetsOf("From:<sip:a@b> \t\nimdn.Message-ID: 1\nfoo.Bar: x\n\n\nbody"));
    expect(message).toEqual({
      headers: [
        { name: "From", namespace: CPIM_NAMESPACE, value: "<sip:a@b>" },
        { name: "Message-ID", namespace: IMDN_CPIM_NAMESPACE, value: "1" },
      ],
      content: { contentType: "text/plain; charset=us-ascii", headers: [], body: octetsOf("body") },
    });
  });

  it("gives header fields behind an NS without a prefix its namespace (§3.4)", () => {
    const { headers } = decodeCpim(octetsOf("From: <a:b>\r\nNS: <urn:x>\r\nFrom: c\r\n\r\n\r\n"));
    expect(headers.map(({ namespace }) => namespace)).toEqual([CPIM_NAMESPACE, "urn:x"]);
  });

  it("refuses every truncation before the content", () => {
    const headLength = example.indexOf("\r\n\r\n", example.indexOf("Content-type")) + 4;
    for (let length = 0; length < headLength - 1; length++) {
      expect(refusalOf(() => decodeCpim(octetsOf(example.slice(0, length)))).code).toBe("BODY_TRUNCATED");
    }
    expect(decodeCpim(octetsOf(example.slice(0, headLength))).content.body.length).toBe(0);
  });

  it.each([
    ["a line without a colon", "From\r\n\r\n\r\n", "BODY_BAD_DOCUMENT", 0],
    ["an NS that is none", "To: <a:b>\r\nNS: x\r\n\r\n\r\n", "BODY_BAD_DOCUMENT", 11],
    ["a control character (§2.2)", "To: a\tb\r\n\r\n\r\n", "BODY_BAD_DOCUMENT", 0],
    ["a folded line", "To: <a:b>\r\n x\r\n\r\n\r\n", "BODY_BAD_DOCUMENT", 11],
  ])("refuses %s", (_, text, code, offset) => {
    expect(refusalOf(() => decodeCpim(octetsOf(text)))).toMatchObject({ code, offset });
  });

  it("refuses what is not UTF-8", () => {
    expect(refusalOf(() => decodeCpim(Buffer.from("To: \xff\r\n\r\n\r\n", "latin1")))).toMatchObject({
      code: "BODY_BAD_CHARSET",
      offset: 4,
    });
  });

  it.each([{ maxOctets: 50 }, { maxHeaders: 10 }, { maxHeaderOctets: 200 }])("keeps to the limit %j", (limits) => {
    expect(refusalOf(() => decodeCpim(octetsOf(example), limits)).code).toBe("BODY_TOO_LARGE");
  });

  it("throws nothing but BodyError, soon", () => {
    expectOnlyBodyErrors(octetsOf(example), decodeCpim);
    const hostile = octetsOf(`Subject:${";a=b".repeat(3000)}"\r\n\r\n\r\n`);
    expect(decodeCpim(hostile).headers.length).toBe(1);
  });
});

describe("encodeCpim", () => {
  it("declares namespaces before their first use", () => {
    const header = (name: string, namespace: string, value: string) => ({ name, namespace, value });
    const octets = encodeCpim({
      headers: [
        header("From", CPIM_NAMESPACE, "<sip:a@b>"),
        header("Message-ID", IMDN_CPIM_NAMESPACE, "1"),
        { ...header("X", "urn:x", "é"), lang: "en" },
        header("Y", "urn:x", "\\n"),
      ],
      content: {
        contentType: "text/plain",
        contentDisposition: { type: "notification", params: new Map() },
        body: octetsOf("x\r\n\0"),
      },
    });
    expect(textOf(octets)).toBe(
      crlf(`From: <sip:a@b>
NS: imdn <urn:ietf:params:imdn>
imdn.Message-ID: 1
NS: ns2 <urn:x>
ns2.X:;lang=en é
ns2.Y: \\n

Content-Type: text/plain
Content-Disposition: notification

x
\0`),
    );
  });

  it("gives back what it wrote, octet for octet", () => {
    const header = fc.record({
      name: fc.constantFrom("From", "Subject", "X-y"),
      namespace: fc.constantFrom(CPIM_NAMESPACE, IMDN_CPIM_NAMESPACE, "urn:x", "urn:y"),
      value: fc.string({ unit: "grapheme" }).map((text) => escapeCpim(text).trim()),
    });
    fc.assert(
      fc.property(fc.array(header, { maxLength: 6 }), fc.uint8Array(), (headers, body) => {
        const decoded = decodeCpim(encodeCpim({ headers, content: { contentType: "a/b", body } }));
        expect([decoded.headers, [...decoded.content.body]]).toEqual([headers, [...body]]);
      }),
    );
  });

  it.each([
    { name: "a b", namespace: CPIM_NAMESPACE, value: "" },
    { name: "NS", namespace: CPIM_NAMESPACE, value: "x <y>" },
    { name: "a.b", namespace: CPIM_NAMESPACE, value: "" },
    { name: "a", namespace: "x>\r\ny", value: "" },
    { name: "a", namespace: CPIM_NAMESPACE, value: "x\r\nTo: y" },
    { name: "a", namespace: CPIM_NAMESPACE, value: "x", lang: "e n" },
  ])("refuses %j", (header) => {
    const content = { contentType: "a/b", body: octetsOf("") };
    expect(refusalOf(() => encodeCpim({ headers: [header], content })).code).toBe("BODY_BAD_VALUE");
  });
});

describe("CPIM values", () => {
  it("escapes control characters and backslashes, and undoes all escapes (§2.3)", () => {
    expect(escapeCpim('\0\b\t\n\r\x1f\x7f\\"é')).toBe('\\u0000\\b\\t\\n\\r\\u001f\\u007f\\\\"é');
    expect(unescapeCpim("\\u00e9\\\"\\'\\x\\")).toBe("é\"'x");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(unescapeCpim(escapeCpim(text))).toBe(text);
      }),
    );
  });

  it("gives back addresses (§4.1)", () => {
    const name = fc.string({ unit: "binary", minLength: 1 }).filter((text) => text.trim() === text);
    fc.assert(
      fc.property(name, (displayName) => {
        const address = { displayName, uri: "sip:a@b;x=y" };
        expect(parseCpimAddress(serializeCpimAddress(address), "To")).toEqual(address);
      }),
    );
    expect([parseCpimAddress("<sip:a@b>", "To"), parseCpimAddress("sip:a@b", "To")]).toEqual([
      { uri: "sip:a@b" },
      { uri: "sip:a@b" },
    ]);
  });

  it.each(["", "a b", "<>", "<a", '"x"'])("refuses %j as an address", (text) => {
    expect(refusalOf(() => parseCpimAddress(text, "To"))).toMatchObject({ code: "BODY_BAD_DOCUMENT", field: "To" });
    expect(refusalOf(() => serializeCpimAddress({ uri: "a> b" })).code).toBe("BODY_BAD_VALUE");
  });
});
