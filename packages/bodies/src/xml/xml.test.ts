import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyError } from "../errors.ts";
import { parseXml } from "./parse.ts";
import { serializeXml } from "./serialize.ts";
import { attributeOf, childOf, type XmlElement, xmlElement } from "./tree.ts";

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const root = (text: string): XmlElement => parseXml(octets(text)).root;
const utf16 = (text: string, encoding: "be" | "le"): Uint8Array => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return encoding === "be" ? bytes.swap16() : bytes;
};

function bare(parsed: XmlElement): XmlElement {
  const { offset: _, children, ...element } = parsed;
  return { ...element, children: children.map(bare) };
}

function refusal(input: Uint8Array | string, limits = {}): Partial<BodyError> {
  try {
    parseXml(typeof input === "string" ? octets(input) : input, limits);
  } catch (error) {
    expect(error).toBeInstanceOf(BodyError);
    return error as BodyError;
  }
  throw new Error("was taken");
}

const papWithSubset = `<?xml version="1.0"?>
<!-- a comment with <!DOCTYPE in it -->
<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.0//EN" "http://www.wapforum.org/DTD/pap_2.0.dtd"
 [<?wap-pap-ver supported-versions="2.1,2.0,1.*"?><!ENTITY e "[>'"><!-- ]> -->]>
<pap product-name="a &amp; b"><push-message push-id="1"/></pap>`;

/** Reserved. Namespaces in XML 1.0 §3. */
const XML = "http://www.w3.org/XML/1998/namespace";
const XMLNS = "http://www.w3.org/2000/xmlns/";

describe("parseXml", () => {
  it("gives elements and attributes with their namespaces, and offsets in octets", () => {
    const text = '<a xmlns="urn:a" xmlns:b="urn:b" b:x="1" x="2">é<b:c/>z<![CDATA[<&>]]></a>';
    const a = root(text);
    expect(bare(a)).toEqual({
      name: "a",
      namespace: "urn:a",
      attributes: [
        { name: "x", namespace: "urn:b", value: "1" },
        { name: "x", namespace: "", value: "2" },
      ],
      children: [{ name: "c", namespace: "urn:b", attributes: [], children: [], text: "" }],
      text: "éz<&>",
    });
    expect([a.offset, childOf(a, "c")?.offset]).toEqual([0, Buffer.from(text).indexOf("<b:c")]);
    expect([attributeOf(a, "x"), attributeOf(a, "x", "urn:b"), attributeOf(a, "y")]).toEqual(["2", "1", undefined]);
  });

  it("keeps a DOCTYPE with its internal subset as text, and reads the processing instructions in it (PAP 2.0)", () => {
    const { root: pap, doctype, instructions } = parseXml(octets(papWithSubset));
    expect([pap.name, attributeOf(pap, "product-name"), pap.children[0]?.name]).toEqual([
      "pap",
      "a & b",
      "push-message",
    ]);
    expect(doctype).toMatch(/^pap PUBLIC "-\/\/WAPFORUM\/\/DTD PAP 2\.0\/\/EN" [\s\S]*\]$/);
    expect(instructions).toEqual([{ target: "wap-pap-ver", data: 'supported-versions="2.1,2.0,1.*"' }]);
    expect(pap.offset).toBe(Buffer.from(papWithSubset).indexOf("<pap "));
  });

  it("gives instructions around the root, without the XML declaration", () => {
    const { instructions } = parseXml(octets('<?xml version="1.0"?><?a b c?><r><?inside?></r><?z?>'));
    expect(instructions).toEqual([
      { target: "a", data: "b c" },
      { target: "z", data: "" },
    ]);
  });

  it.each([
    ["an entity that the DOCTYPE declares", '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', 35],
    ["an external entity", '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', 59],
    ["a parameter entity in the content", "<a>%e;&e;</a>", 8],
    ["an entity of HTML", "<a>&nbsp;</a>", 8],
    ["a name on the prototype", "<a>&constructor;</a>", 15],
    ["NUL by reference", "<a>&#0;</a>", 6],
    ["a surrogate by reference", "<a>&#xD800;</a>", 10],
  ])("expands nothing: %s is an error (XML 1.0 §4.1)", (_, text, offset) => {
    expect(refusal(text)).toMatchObject({ code: "BODY_BAD_XML", field: "a", offset });
  });

  it("takes the five predefined entities and character references", () => {
    expect(root("<a b='&quot;&#x41;'>&lt;&gt;&amp;&apos;&#233;</a>")).toMatchObject({
      text: "<>&'é",
      attributes: [{ value: '"A' }],
    });
  });

  it("makes line ends newlines, but not those that are referred to (XML 1.0 §2.11)", () => {
    expect(root("<a>1\r\n2\r3&#13;<b/></a>")).toMatchObject({ text: "1\n2\n3\r", children: [{ offset: 14 }] });
  });

  it.each(["le", "be"] as const)("reads UTF-16%s with its mark, and gives offsets in octets", (encoding) => {
    const text = '<?xml version="1.0" encoding="utf-16"?><a>é<b/></a>';
    const a = parseXml(utf16(text, encoding)).root;
    expect(a).toMatchObject({ text: "é", children: [{ offset: 2 + text.indexOf("<b") * 2 }] });
    expect(refusal(utf16(text, encoding).subarray(0, -1))).toMatchObject({ code: "BODY_TRUNCATED" });
    expect(refusal(Buffer.concat([utf16("<a>", encoding), Buffer.from([0xd8, 0xd8])]))).toMatchObject({
      code: "BODY_BAD_CHARSET",
    });
  });

  it("skips the byte order mark of UTF-8", () => {
    expect(root("\ufeff<a/>").offset).toBe(3);
  });

  it.each([
    ["octets that are not UTF-8", Buffer.from("<a>\xff</a>", "latin1"), "BODY_BAD_CHARSET", 3],
    ["a declared encoding that is not UTF-8", '<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "BODY_BAD_CHARSET", 0],
    ["UTF-8 that calls itself UTF-16", "<?xml version='1.0' encoding='utf-16'?><a/>", "BODY_BAD_CHARSET", 0],
    [
      "octets that are not in the ASCII declared",
      "<?xml version='1.0' encoding='US-ASCII'?><a>é</a>",
      "BODY_BAD_CHARSET",
      44,
    ],
    ["a control character", "<a>\r\n\x01</a>", "BODY_BAD_XML", 5],
    ["a name that is none behind a prefix", "<r><a:1 xmlns:a='u'/></r>", "BODY_BAD_XML", 3],
    ["an attribute without a name behind its prefix", "<a xmlns:b='u' b:=''/>", "BODY_BAD_XML", 0],
    ["a prefix that is not declared", "<x:a/>", "BODY_BAD_XML", 0],
    ["a prefix on the prototype", "<constructor:a/>", "BODY_BAD_XML", 0],
    ["an attribute twice", "<r><a b='1' b='2'/></r>", "BODY_BAD_XML", 3],
    ["an attribute on the prototype", "<a __proto__='1'/>", "BODY_BAD_XML", 0],
    ["an attribute twice by namespace", "<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>", "BODY_BAD_XML", 0],
    ["a prefix for the namespace of declarations", `<a xmlns:x="${XMLNS}"/>`, "BODY_BAD_XML", 0],
    ["a prefix of its own for that of xml:lang", `<a><b xmlns:x="${XML}"/></a>`, "BODY_BAD_XML", 3],
    ["a default namespace that is reserved", `<a xmlns="${XML}"/>`, "BODY_BAD_XML", 0],
    ["a second root", "<a/><b/>", "BODY_BAD_XML", 4],
    ["text behind the root", "<a/>x", "BODY_BAD_XML", 4],
    ["text before the root", "x<a/>", "BODY_BAD_XML", 0],
    ["tags that do not match", "<a><b></a></b>", "BODY_BAD_XML", 9],
    ["a DOCTYPE behind the root", "<a/><!DOCTYPE a>", "BODY_BAD_XML", 4],
    ["a DOCTYPE twice", "<!DOCTYPE a><!DOCTYPE a><a/>", "BODY_BAD_XML", 12],
    ["< in a value", "<a b='<'/>", "BODY_BAD_XML", 6],
    ["white space before a name", "<a>< b/></a>", "BODY_BAD_XML", 4],
    ["attributes that are not apart", "<a b='1'c='2'/>", "BODY_BAD_XML", 8],
    ["an attribute without a value", "<a b/>", "BODY_BAD_XML", 4],
    ["a value without quotes", "<a b=1/>", "BODY_BAD_XML", 5],
    ["-- in a comment", "<a><!-- -- --></a>", "BODY_BAD_XML", 10],
    ["an instruction without a name", "<a><? b?></a>", "BODY_BAD_XML", 3],
    ["a CDATA section outside the root", "<![CDATA[x]]><a/>", "BODY_BAD_XML", 0],
    ["a control character by reference", "<a>&#1;</a>", "BODY_BAD_XML", 6],
    ["a character over U+10FFFF", "<a>&#x110000;</a>", "BODY_BAD_XML", 12],
    ["& that begins no reference", "<a>a & b</a>", "BODY_BAD_XML", 5],
    ["a reference that does not end", "<a>&amp</a>", "BODY_BAD_XML", 3],
    ["a prefix declared for nothing", "<a xmlns:b=''/>", "BODY_BAD_XML", 0],
    ["another namespace for the prefix xml", "<a xmlns:xml='u'/>", "BODY_BAD_XML", 0],
    ["an end tag only", "</a>", "BODY_BAD_XML", 3],
    ["a name over 1,024 characters", `<${"a".repeat(1_025)}/>`, "BODY_TOO_LARGE", 1],
    ["nothing", "", "BODY_TRUNCATED", 0],
  ])("refuses %s", (_, input, code, offset) => {
    expect(refusal(input)).toMatchObject({ code, offset });
  });

  it.each([
    [{ maxOctets: 10 }, 10],
    [{ maxDepth: 2 }, 6],
    [{ maxElements: 3 }, 6],
  ])("keeps to the limit %j", (limits, offset) => {
    expect(refusal("<a><b><c d=''/></b></a>", limits)).toMatchObject({ code: "BODY_TOO_LARGE", offset });
    expect(parseXml(octets("<a><b><c d=''/></b></a>"), { maxOctets: 23, maxDepth: 3, maxElements: 4 }).root.name).toBe(
      "a",
    );
  });

  it("reads an element with as many attributes as it may have, and soon refuses one with more", () => {
    const attributes = (count: number): string => Array.from({ length: count }, (_, i) => ` a${i}=''`).join("");
    expect(root(`<a${attributes(256)}/>`).attributes.length).toBe(256);
    for (const text of [`<a${attributes(257)}/>`, `<a${attributes(90_000)}/>`]) {
      expect(refusal(text)).toMatchObject({ code: "BODY_TOO_LARGE" });
    }
  });

  it("refuses a value, comment or instruction over 64 Ki characters", () => {
    const long = "x".repeat(80_000);
    for (const text of [`<a b="${long}"/>`, `<!--${long}--><a/>`, `<a><?${long}?></a>`]) {
      expect(refusal(text)).toMatchObject({ code: "BODY_TOO_LARGE" });
    }
  });

  it("reads text longer than the pieces that the reader gets", () => {
    const long = "é&amp;".repeat(30_000);
    expect(root(`<a>${long}<b/></a>`)).toMatchObject({
      text: "é&".repeat(30_000),
      children: [{ offset: 3 + 7 * 30_000 }],
    });
  });

  it("undoes declarations where their element ends, and takes the inner one", () => {
    const a = root("<a xmlns='u' xmlns:p='v'><b xmlns='' p:x=''><p:c xmlns:p='w'/></b><p:d/></a>");
    const [b, d] = a.children;
    expect([a, b, b?.children[0], d].map((each) => [each?.name, each?.namespace])).toEqual([
      ["a", "u"],
      ["b", ""],
      ["c", "w"],
      ["d", "v"],
    ]);
    expect(b?.attributes).toEqual([{ name: "x", namespace: "v", value: "" }]);
  });

  it.each([
    [
      "declarations inside declarations",
      (n: number) =>
        `<a ${Array.from({ length: 250 }, (_, i) => `xmlns:p${i}='u'`).join(" ")}>`.repeat(20) +
        "<b xmlns:q='u'/>".repeat(n),
    ],
    ["values", (n: number) => `<a>${"<b c='&amp;'/>".repeat(n)}`],
    ["end tags that do not match", (n: number) => `<a>${"</b".repeat(n)}`],
    ["ampersands", (n: number) => `<a>${"&amp;".repeat(n * 10)}`],
  ])("a long document of %s is soon read", (_, text) => {
    const limits = { maxElements: 1_000_000 };
    expect(refusal(text(15_000), limits)).toMatchObject({ code: "BODY_TRUNCATED" });
  });

  it("counts instructions like elements", () => {
    expect(refusal("<?a?><?b?><r/>", { maxElements: 1 })).toMatchObject({ code: "BODY_TOO_LARGE" });
  });

  it("refuses every truncation", () => {
    const whole = octets(papWithSubset);
    for (let length = 0; length < whole.length; length++) {
      expect(refusal(whole.subarray(0, length)).code).toBe("BODY_TRUNCATED");
    }
  });

  it("throws nothing but BodyError", () => {
    const pieces = [
      "<",
      ">",
      "/",
      "!",
      "?",
      "a",
      "=",
      '"',
      "'",
      "&",
      ";",
      "#",
      "x",
      " ",
      "[",
      "]",
      "--",
      "CDATA",
      "\0",
      "é",
    ];
    const soup = fc.array(fc.constantFrom(...pieces, "<a>", "</a>", "<!DOCTYPE", "xmlns:a='b'", "a:b"), {
      maxLength: 40,
    });
    const inputs = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      soup.map((text) => octets(text.join(""))),
    );
    fc.assert(
      fc.property(inputs, (input) => {
        try {
          parseXml(input);
        } catch (error) {
          expect(error).toBeInstanceOf(BodyError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const name = fc
  .stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,5}$/)
  .filter((text) => text !== "xmlns" && text !== "__proto__");
const namespace = fc.constantFrom("", "urn:a", "urn:b", "http://c/?x=1&y=\"'");
const text = fc.string({ unit: "grapheme" }).map((value) => value.replace(/[[\p{Cc}--[\t\n\r]]\ufffe\uffff]/gv, ""));
const attributes = fc.uniqueArray(fc.record({ name, namespace, value: fc.oneof(text, fc.constant("\t\r\n<&>\"'")) }), {
  maxLength: 3,
  selector: (attribute) => `${attribute.namespace} ${attribute.name}`,
});
const { element } = fc.letrec<{ element: XmlElement }>((tie) => ({
  element: fc.record({
    name,
    namespace,
    attributes,
    children: fc.oneof({ maxDepth: 3 }, fc.constant([]), fc.array(tie("element"), { maxLength: 3 })),
    text: fc.oneof(text, fc.constant("a\r\n&<>]]>")),
  }),
}));

describe("serializeXml", () => {
  it("writes what parseXml reads as the same tree", () => {
    fc.assert(
      fc.property(element, (tree) => {
        expect(bare(parseXml(serializeXml(tree)).root)).toEqual(tree);
      }),
    );
  });

  it("declares namespaces on the root, with the prefixes wanted", () => {
    const tree = xmlElement("a", {
      namespace: "urn:a",
      attributes: { x: "1", y: undefined },
      children: [xmlElement("b", { namespace: "urn:b", text: "t" })],
    });
    const written = new TextDecoder().decode(serializeXml(tree, { prefixes: { "urn:b": "bee" }, doctype: "a" }));
    expect(written).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE a>\n<a xmlns="urn:a" xmlns:bee="urn:b" x="1"><bee:b>t</bee:b></a>\n',
    );
  });

  it.each([
    xmlElement("1a"),
    xmlElement("a b"),
    xmlElement("a", { attributes: { "x>": "" } }),
    xmlElement("a", { text: "\0" }),
    xmlElement("a", { text: "\ud800" }),
    xmlElement("a", { attributes: { b: "\x01" } }),
  ])("refuses what XML cannot hold", (tree) => {
    expect(() => serializeXml(tree)).toThrow(expect.objectContaining({ code: "BODY_BAD_VALUE" }));
  });
});
