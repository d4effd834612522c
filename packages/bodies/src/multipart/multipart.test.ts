import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  crlf,
  expectOnlyBodyErrors,
  expectTruncationsRefused,
  octetsOf,
  refusalOf,
  textOf,
} from "../testdata/checks.ts";
import { freshBoundary } from "./boundary.ts";
import { isOptional, parseContentDisposition, serializeContentDisposition } from "./content-disposition.ts";
import { parseMimeValue, serializeMimeValue } from "./mime-value.ts";
import { allParts, decodeMultipart, encodeMultipart, partById, rootPart } from "./multipart.ts";
import { decodeTransfer, encodeTransfer } from "./transfer-encoding.ts";
import type { BodyPart, Multipart, TransferEncoding } from "./types.ts";

const everyOctet = Uint8Array.from({ length: 256 }, (_, i) => i);
const TYPE = 'multipart/mixed; boundary="b 1"';
const mixed = crlf(`preamble
--b 1
Content-Type: text/plain
Content-ID: <one@x>
Content-Disposition: attachment; handling=optional; filename="a b.txt"
X-Wap-Application-Id: 5

first
--b 1x is text
--b 1 \t
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAEC
/w==
--b 1

no header
--b 1--`);

describe("decodeMultipart (RFC 2046 §5.1)", () => {
  it("gives parts with their header fields and decoded octets", () => {
    const { subtype, params, parts } = decodeMultipart(octetsOf(`${mixed}\r\nepilogue`), TYPE);
    expect([subtype, [...params]]).toEqual(["mixed", []]);
    expect(parts).toEqual([
      {
        contentType: "text/plain",
        contentId: "one@x",
        contentDisposition: { type: "attachment", handling: "optional", params: new Map([["filename", "a b.txt"]]) },
        headers: [["X-Wap-Application-Id", "5"]],
        body: octetsOf("first\r\n--b 1x is text"),
      },
      {
        contentType: "application/octet-stream",
        transferEncoding: "base64",
        headers: [],
        body: Uint8Array.of(0, 1, 2, 255),
      },
      { contentType: "text/plain; charset=us-ascii", headers: [], body: octetsOf("no header") },
    ]);
  });

  it("takes bare line feeds, folded header fields and an empty part", () => {
    const text = "--b\nContent-Type: text/plain;\n charset=x\n\na\r\n\n--b\n--b\nX: y\n--b--\n";
    expect(decodeMultipart(octetsOf(text), "multipart/mixed;boundary=b").parts).toMatchObject([
      { contentType: "text/plain; charset=x", body: octetsOf("a\r\n") },
      { body: octetsOf("") },
      { headers: [["X", "y"]], body: octetsOf("") },
    ]);
  });

  it("refuses every truncation", () => {
    expectTruncationsRefused(octetsOf(mixed), (octets) => decodeMultipart(octets, TYPE));
  });

  it.each([
    ["no boundary", "multipart/mixed", "--b\r\n\r\n--b--", "BODY_BAD_MIME", 0],
    ["another type", "text/plain;boundary=b", "--b\r\n\r\n--b--", "BODY_BAD_MIME", 0],
    ["no part", "multipart/mixed;boundary=b", "x\r\n--b--", "BODY_BAD_MIME", 0],
    ["a line that is no header field", "multipart/mixed;boundary=b", "--b\r\nfoo\r\n\r\n\r\n--b--", "BODY_BAD_MIME", 5],
    ["a control character in one", "multipart/mixed;boundary=b", "--b\r\nX: \x01\r\n\r\n--b--", "BODY_BAD_MIME", 5],
    [
      "two Content-Types",
      "multipart/mixed;boundary=b",
      "--b\r\nContent-Type: a/b\r\ncontent-type: c/d\r\n\r\n--b--",
      "BODY_BAD_MIME",
      24,
    ],
    [
      "an unknown transfer encoding",
      "multipart/mixed;boundary=b",
      "--b\r\nContent-Transfer-Encoding: uu\r\n\r\n--b--",
      "BODY_BAD_MIME",
      5,
    ],
    [
      "what is not base64",
      "multipart/mixed;boundary=b",
      "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAA!A\r\n--b--",
      "BODY_BAD_MIME",
      44,
    ],
  ])("refuses %s", (_, type, text, code, offset) => {
    expect(refusalOf(() => decodeMultipart(octetsOf(text), type))).toMatchObject({ code, offset });
  });

  it.each([{ maxOctets: 100 }, { maxParts: 2 }, { maxHeaders: 3 }, { maxHeaderOctets: 40 }])(
    "keeps to the limit %j",
    (limits) => {
      expect(refusalOf(() => decodeMultipart(octetsOf(mixed), TYPE, limits)).code).toBe("BODY_TOO_LARGE");
    },
  );

  it("counts nested parts and depth over the whole body", () => {
    let part: BodyPart = { contentType: "text/plain", body: octetsOf("x") };
    for (let i = 0; i < 5; i++) {
      part = {
        contentType: "multipart/mixed",
        body: octetsOf(""),
        multipart: { subtype: "mixed", params: new Map(), parts: [part] },
      };
    }
    const { body, contentType } = encodeMultipart(part.multipart as Multipart);
    expect(refusalOf(() => decodeMultipart(body, contentType)).code).toBe("BODY_TOO_LARGE");
    expect(refusalOf(() => decodeMultipart(body, contentType, { maxDepth: 5, maxParts: 4 })).code).toBe(
      "BODY_TOO_LARGE",
    );
    expect(allParts(decodeMultipart(body, contentType, { maxDepth: 5 }).parts)).toMatchObject([
      { body: octetsOf("x") },
    ]);
  });

  it("throws nothing but BodyError", () => {
    expectOnlyBodyErrors(octetsOf(mixed), (octets) => decodeMultipart(octets, TYPE));
  });
});

describe("encodeMultipart", () => {
  const transferEncoding = fc.constantFrom<TransferEncoding>("base64", "quoted-printable", "binary");
  const part: fc.Arbitrary<BodyPart> = fc.record({
    contentType: fc.constantFrom("text/plain", 'application/x; a="b"'),
    contentId: fc.constantFrom("a@b", "c"),
    transferEncoding,
    headers: fc.constant([["X-A", "é"] as const]),
    body: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(octetsOf("\r\n--sip-push-00000000\r\n"))),
  });
  const { multipart } = fc.letrec<{ multipart: Multipart }>((tie) => ({
    multipart: fc.record({
      subtype: fc.constantFrom("mixed", "alternative"),
      params: fc.constant(new Map([["x", 'a"b\\']])),
      parts: fc.array(
        fc.oneof(
          { maxDepth: 2 },
          part,
          tie("multipart").map((inner) => ({ contentType: "multipart/mixed", body: octetsOf(""), multipart: inner })),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  }));
  const contents = ({ subtype, params, parts }: Multipart): unknown => ({
    subtype,
    params,
    parts: parts.map((each) =>
      each.multipart === undefined ? { ...each, body: [...each.body] } : contents(each.multipart),
    ),
  });

  it("writes what decodeMultipart reads as the same parts, octet for octet", () => {
    fc.assert(
      fc.property(multipart, (value) => {
        const { contentType, body } = encodeMultipart(value);
        expect(contents(decodeMultipart(body, contentType))).toEqual(contents(value));
      }),
    );
  });

  it("looks as RFC 2387 has it: related with type and start", () => {
    const parts = [
      { contentType: "application/xml", contentId: "root@x", body: octetsOf("<a/>") },
      {
        contentType: "image/png",
        contentId: "img@x",
        transferEncoding: "base64" as const,
        body: everyOctet.subarray(0, 4),
      },
    ];
    const { contentType, body } = encodeMultipart({
      subtype: "related",
      params: new Map([["start", "<root@x>"]]),
      parts,
    });
    expect(contentType).toBe('multipart/related;start="<root@x>";type="application/xml";boundary=sip-push-00000000');
    expect(textOf(body)).toBe(
      crlf(`--sip-push-00000000
Content-Type: application/xml
Content-ID: <root@x>

<a/>
--sip-push-00000000
Content-Type: image/png
Content-ID: <img@x>
Content-Transfer-Encoding: base64

AAECAw==
--sip-push-00000000--
`),
    );
    const decoded = decodeMultipart(body, contentType);
    expect([rootPart(decoded).contentId, partById(decoded, "img@x")?.body]).toEqual([
      "root@x",
      everyOctet.subarray(0, 4),
    ]);
  });

  it("takes the named part of related, the last of alternative, the first of mixed as the root", () => {
    const parts = ["1", "2"].map((id) => ({ contentType: "a/b", contentId: id, body: octetsOf("") }));
    const root = (subtype: string, start: string): unknown =>
      rootPart({ subtype, params: new Map([["start", start]]), parts }).contentId;
    expect([root("related", "<2>"), root("related", "<3>"), root("alternative", "<1>"), root("mixed", "<2>")]).toEqual([
      "2",
      "1",
      "2",
      "1",
    ]);
  });

  it.each([
    ["no parts", { subtype: "mixed", params: new Map(), parts: [] }],
    [
      "a subtype that is none",
      { subtype: "a b", params: new Map(), parts: [{ contentType: "a/b", body: everyOctet }] },
    ],
    [
      "octets that are not 7bit",
      {
        subtype: "mixed",
        params: new Map(),
        parts: [{ contentType: "a/b", transferEncoding: "7bit" as const, body: everyOctet }],
      },
    ],
    [
      "a line break in a header field",
      { subtype: "mixed", params: new Map(), parts: [{ contentType: "a/b\r\nX: y", body: everyOctet }] },
    ],
    [
      "a field that has a member",
      {
        subtype: "mixed",
        params: new Map(),
        parts: [{ contentType: "a/b", headers: [["content-ID", "x"] as const], body: everyOctet }],
      },
    ],
  ])("refuses %s", (_, value: Multipart) => {
    expect(refusalOf(() => encodeMultipart(value)).code).toBe("BODY_BAD_VALUE");
  });

  it("finds a boundary that is not in the parts in one pass, whatever they hold", () => {
    const taken = Array.from({ length: 20_000 }, (_, i) => `sip-push-${String(i).padStart(8, "0")}`).join("");
    expect(freshBoundary([octetsOf(taken), octetsOf("sip-push-00020001sip-push-")])).toBe("sip-push-00020000");
  });
});

describe("transfer encodings (RFC 2045 §6)", () => {
  const decode = (text: string, encoding: TransferEncoding): string =>
    textOf(decodeTransfer(octetsOf(text), encoding, "x", 0));

  it.each(["base64", "quoted-printable", "binary"] as const)(
    "%s gives back every octet, in lines of at most 76",
    (encoding) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
          const encoded = encodeTransfer(octets, encoding, "x");
          expect([...decodeTransfer(encoded, encoding, "x", 0)]).toEqual([...octets]);
          if (encoding !== "binary")
            expect(
              Math.max(
                ...textOf(encoded)
                  .split("\r\n")
                  .map((line) => line.length),
              ),
            ).toBeLessThanOrEqual(76);
        }),
      );
    },
  );

  it("base64 is that of Node", () => {
    expect(textOf(encodeTransfer(everyOctet, "base64", "x")).replaceAll("\r\n", "")).toBe(
      Buffer.from(everyOctet).toString("base64"),
    );
  });

  it("takes base64 without padding and with line ends anywhere", () => {
    expect([decode("Zm\r\n9v\nYg", "base64"), decode("", "base64")]).toEqual(["foob", ""]);
  });

  it.each(["Z", "Zm=9", "Zg=", "Zm9v====", "Zm9v!"])("refuses %s, which is not base64", (text) => {
    expect(refusalOf(() => decode(text, "base64")).code).toBe("BODY_BAD_MIME");
  });

  it("drops blanks before line ends and joins soft breaks (§6.7)", () => {
    expect(decode("a b  \t\r\nc=3D=3d=\r\nd= \t\ne\tf \t", "quoted-printable")).toBe("a b\r\nc==de\tf");
  });

  it.each(["=", "=4", "=G0", "a=\r"])("refuses %j, which is not quoted-printable", (text) => {
    expect(refusalOf(() => decode(text, "quoted-printable")).code).toBe("BODY_BAD_MIME");
  });
});

describe("structured MIME header fields", () => {
  it("reads types and parameters leniently", () => {
    expect(parseMimeValue('Multipart / Mixed ; Boundary="a\\"b" ;start=<x@y>; flag;', "x")).toEqual({
      value: "multipart/mixed",
      params: new Map([
        ["boundary", 'a"b'],
        ["start", "<x@y>"],
        ["flag", ""],
      ]),
    });
  });

  it.each(["", "a/b;ü=x", ";a=b", "a/b c", 'a/b;x="', "a/b;x=1;X=2", 'a/b;x="1"y'])("refuses %j", (text) => {
    expect(refusalOf(() => parseMimeValue(text, "x")).code).toBe("BODY_BAD_MIME");
  });

  it("gives back what it wrote", () => {
    const value = fc.string().filter((text) => !/[\0\r\n]/.test(text));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/), value), (params) => {
        const map = new Map(Object.entries(params));
        expect(parseMimeValue(serializeMimeValue("a/b", map, "x"), "x").params).toEqual(map);
      }),
    );
  });

  it("keeps handling apart, and only optional lets a part be left aside (RFC 3261 §20.11)", () => {
    const disposition = parseContentDisposition("Session;Handling=OPTIONAL;x=y");
    expect(disposition).toEqual({ type: "session", handling: "optional", params: new Map([["x", "y"]]) });
    expect(serializeContentDisposition(disposition)).toBe("session;handling=optional;x=y");
    expect(
      ["a;handling=optional", "a", "a;handling=required", "a;handling=x"].map((text) =>
        isOptional(parseContentDisposition(text)),
      ),
    ).toEqual([true, false, false, false]);
    expect(isOptional(undefined)).toBe(false);
  });
});
