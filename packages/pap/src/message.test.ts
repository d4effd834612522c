import { describe, expect, it } from "vitest";
import { operations } from "./elements.ts";
import { PapError } from "./errors.ts";
import { applicationIdsOf, contentLanguageOf, decodePap, encodePap } from "./message.ts";
import type { PapLimits } from "./options.ts";
import { refusalOf } from "./testdata/checks.ts";
import { control, multipart, notification, octetsOf, textOf, vectors, WAPFORUM_2_1 } from "./testdata/documents.ts";
import type { PapMessage } from "./types.ts";

describe.each(vectors)("$name", ({ contentType, octets, message, end }) => {
  it("is decoded", () => {
    expect(decodePap(contentType, octets)).toEqual(message);
  });

  it("comes back as the same from what is encoded of it", () => {
    const encoded = encodePap(message);
    expect(decodePap(encoded.contentType, encoded.body)).toEqual(message);
  });

  it("is truncated wherever it is cut", () => {
    for (let length = 0; length < end; length++) {
      expect(refusalOf(() => decodePap(contentType, octets.subarray(0, length)))).toMatchObject({
        code: "PAP_TRUNCATED",
        papCode: 2000,
      });
    }
    expect(decodePap(contentType, octets.subarray(0, end))).toEqual(message);
  });
});

it("has a vector of every operation", () => {
  expect(new Set(vectors.map(({ message }) => message.operation.kind))).toEqual(new Set(Object.keys(operations)));
});

const push = control('<push-message push-id="1"><address address-value="sip:a@b.c"/></push-message>');
const related = 'multipart/related; boundary=x; type="application/xml"';
const xmlPart = ["Content-Type: application/xml", push] as const;
const textPart = ["Content-Type: text/plain", "hello"] as const;

describe("encodePap", () => {
  const message: PapMessage = {
    version: "2.1",
    publicId: WAPFORUM_2_1,
    operation: {
      kind: "push-message",
      pushId: "1@pi.example",
      replaceMethod: "all",
      progressNotesRequested: false,
      addresses: ["sip:bob@home.example"],
    },
    content: { contentType: "application/vnd.syncml.ds.notification", body: notification },
  };

  it("writes multipart/related with type, control entity and content (PAP §8, RFC 2387)", () => {
    const { contentType, body } = encodePap({
      ...message,
      content: { contentType: "text/plain", body: octetsOf("hello") },
    });
    expect(contentType).toBe('multipart/related;type="application/xml";boundary=sip-push-00000000');
    expect(textOf(body).replaceAll("\r\n", "\n")).toBe(`--sip-push-00000000
Content-Type: application/xml

<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.1//EN" "http://www.openmobilealliance.org/tech/DTD/pap_2.1.dtd" [<?wap-pap-ver supported-versions="2.1,2.0,1.*"?>]>
<pap><push-message push-id="1@pi.example"><address address-value="sip:bob@home.example"/></push-message></pap>

--sip-push-00000000
Content-Type: text/plain

hello
--sip-push-00000000--
`);
  });

  it("writes an operation without companions as application/xml alone", () => {
    const operation = { kind: "cancel-message", pushId: "1", addresses: [] } as const;
    const { contentType, body } = encodePap({ version: "1.0", operation });
    expect([contentType, textOf(body)]).toEqual([
      "application/xml",
      '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">\n<pap><cancel-message push-id="1"/></pap>\n',
    ]);
  });

  it("keeps the octets of content that is a multipart itself", () => {
    const inner = multipart("inner", [textPart, textPart]);
    const content = { contentType: "multipart/mixed; boundary=inner", headers: [], body: inner };
    const { contentType, body } = encodePap({ ...message, content });
    const decoded = decodePap(contentType, body);
    expect(decoded.content).toEqual(content);
    expect(encodePap(decoded).body).toEqual(body);
  });

  const { content: _, ...withoutContent } = message;
  const query = { kind: "statusquery-message", pushId: "1", addresses: [] } as const;
  it.each<[string, PapMessage]>([
    ["a push without content", withoutContent],
    ["a status query with content", { ...message, operation: query }],
    [
      "a cancellation with capabilities",
      { version: "2.0", operation: query, capabilities: { contentType: "a/b", body: notification } },
    ],
    [
      "content with a header field that is none",
      { ...message, content: { contentType: "a/b", headers: [["X:", ""]], body: notification } },
    ],
  ])("refuses %s", (_name, bad) => {
    expect(refusalOf(() => encodePap(bad))).toMatchObject({ code: "PAP_BAD_VALUE", papCode: 3000, offset: null });
  });
});

describe("decodePap", () => {
  it("gives the content as a view into the octets", () => {
    const octets = multipart("x", [xmlPart, textPart]);
    expect(decodePap(related, octets).content?.body.buffer).toBe(octets.buffer);
  });

  it("finds the application and the languages of the content, in however many fields", () => {
    const fields = [
      ...["x-wap-application-ID: 7", "X-Wap-Application-Id: x-wap-application:push.syncml"],
      ...["Content-Language: de", "content-language: en, fr"],
    ];
    const octets = multipart("x", [xmlPart, [["Content-Type: a/b", ...fields].join("\n"), ""]]);
    const { content } = decodePap(related, octets);
    const bare = { contentType: "a/b", body: octets };
    expect(content && applicationIdsOf(content)).toEqual(["7", "x-wap-application:push.syncml"]);
    expect(content && contentLanguageOf(content)).toBe("de, en, fr");
    expect([applicationIdsOf(bare), contentLanguageOf(bare)]).toEqual([[], undefined]);
  });

  it.each(["Content-Type: c/d", "Content-Encoding: gzip", "Content-Disposition: x", "Content-Transfer-Encoding: 8bit"])(
    "refuses content with a second %s",
    (field) => {
      const head = ["Content-Type: a/b", "Content-Encoding: gzip", "Content-Disposition: y"];
      const fields = [...head, "Content-Transfer-Encoding: binary", field].join("\n");
      const name = field.split(":", 1)[0] ?? "";
      expect(() => decodePap(related, multipart("x", [xmlPart, [fields, ""]]))).toThrow(`${name}: stands twice`);
    },
  );

  it("takes text/xml, which is the same (RFC 7303 §9.2), charsets that XML tells by itself, and no type", () => {
    const octets = multipart("x", [["Content-Type: text/xml; charset=us-ascii", push], textPart]);
    expect(decodePap("Multipart/Related; boundary=x", octets).operation.kind).toBe("push-message");
    const query = Buffer.from(`\ufeff${control('<statusquery-message push-id="1"/>')}`, "utf16le");
    expect(decodePap("application/xml; charset=UTF-16", query).operation.kind).toBe("statusquery-message");
  });

  it("takes an operation without companions in a multipart of one part", () => {
    const octets = multipart("x", [["Content-Type: application/xml", control('<statusquery-message push-id="1"/>')]]);
    expect(decodePap(related, octets).operation.kind).toBe("statusquery-message");
  });

  it.each<[string, string, Uint8Array, Partial<PapError>]>([
    ["no Content-Type", "", octetsOf(push), { code: "PAP_BAD_MIME" }],
    ["a Content-Type that is none", "application", octetsOf(push), { code: "PAP_BAD_MIME" }],
    ["another type", "text/plain", octetsOf(push), { code: "PAP_BAD_MIME" }],
    ["another multipart", "multipart/mixed; boundary=x", multipart("x", [xmlPart, textPart]), { code: "PAP_BAD_MIME" }],
    ["no boundary", "multipart/related", multipart("x", [xmlPart, textPart]), { code: "PAP_BAD_MIME" }],
    [
      "the wrong boundary",
      "multipart/related; boundary=y",
      multipart("x", [xmlPart, textPart]),
      { code: "PAP_TRUNCATED" },
    ],
    [
      "a type that is not XML",
      'multipart/related; boundary=x; type="text/plain"',
      multipart("x", [xmlPart, textPart]),
      { code: "PAP_BAD_MIME" },
    ],
    [
      "a start that names nothing",
      "multipart/related; boundary=x; start=a@b",
      multipart("x", [xmlPart, textPart]),
      { code: "PAP_MISSING_PART" },
    ],
    ["a control entity that is not XML", related, multipart("x", [textPart, xmlPart]), { code: "PAP_BAD_MIME" }],
    [
      "a control entity that is packed",
      related,
      multipart("x", [["Content-Type: application/xml\nContent-Encoding: gzip", push], textPart]),
      { code: "PAP_BAD_MIME" },
    ],
    ["another charset", "application/xml; charset=ISO-8859-1", octetsOf(push), { code: "PAP_BAD_CHARSET" }],
    [
      "a header field that is none",
      related,
      multipart("x", [["Content-Type application/xml", push], textPart]),
      { code: "PAP_BAD_MIME" },
    ],
    [
      "base64 that is none",
      related,
      multipart("x", [["Content-Type: application/xml\nContent-Transfer-Encoding: base64", push], textPart]),
      { code: "PAP_BAD_MIME" },
    ],
    ["a push alone", "application/xml", octetsOf(push), { code: "PAP_MISSING_PART", version: "2.0" }],
    ["a push without content", related, multipart("x", [xmlPart]), { code: "PAP_MISSING_PART", version: "2.0" }],
    [
      "a part too many",
      related,
      multipart("x", [xmlPart, textPart, textPart, textPart]),
      { code: "PAP_EXTRA_PART", version: "2.0" },
    ],
    [
      "a query with content",
      related,
      multipart("x", [["Content-Type: application/xml", control('<statusquery-message push-id="1"/>')], textPart]),
      { code: "PAP_EXTRA_PART" },
    ],
  ])("refuses %s", (_, contentType, octets, error) => {
    expect(refusalOf(() => decodePap(contentType, octets))).toMatchObject({ papCode: 2000, element: null, ...error });
  });

  it.each<[PapLimits, string]>([
    [{ maxMessageOctets: 400 }, "has more octets than a message may have"],
    [{ maxControlOctets: 100 }, "has a control entity that is too large"],
    [{ maxHeaderOctets: 20 }, "has header fields that are too large"],
    [{ maxAddresses: 0 }, "has too many addresses"],
  ])("keeps to %j: %s", (limits) => {
    const octets = multipart("x", [xmlPart, ["Content-Type: text/plain", "hello".repeat(100)]]);
    expect(refusalOf(() => decodePap(related, octets, { limits }))).toMatchObject({
      code: "PAP_TOO_LARGE",
      papCode: 2000,
    });
    expect(decodePap(related, octets, { limits: { maxMessageOctets: octets.length } }).operation.kind).toBe(
      "push-message",
    );
  });

  it("keeps to maxMessageOctets for an operation alone", () => {
    const query = octetsOf(control('<statusquery-message push-id="1"/>'));
    const take = (maxMessageOctets: number): unknown =>
      decodePap("application/xml", query, { limits: { maxMessageOctets } });
    expect(refusalOf(() => take(query.length - 1))).toMatchObject({ code: "PAP_TOO_LARGE", version: "2.0" });
    expect(take(query.length)).toMatchObject({ operation: { pushId: "1" } });
  });

  it("refuses content that is a multipart without its end: the handset could not read it either", () => {
    const octets = multipart("x", [xmlPart, ["Content-Type: multipart/mixed; boundary=y", "--y\r\n\r\nhello"]]);
    expect(refusalOf(() => decodePap(related, octets)).code).toBe("PAP_TRUNCATED");
  });

  it("knows the version of what it refuses, to be answered in kind", () => {
    const octets = multipart("x", [xmlPart, textPart]);
    const error = refusalOf(() => decodePap(related, octets.subarray(0, -9)));
    expect(error).toBeInstanceOf(PapError);
    expect([error.version, error.publicId]).toEqual(["2.0", "-//WAPFORUM//DTD PAP 2.0//EN"]);
    expect(error.badMessageFragment).toContain("hello");
  });
});
