import { describe, expect, it } from "vitest";
import { errorOf } from "../test/support.ts";
import { element, MAX_DEPTH, type SyncmlElement, textOf } from "./syncml-tree.ts";
import { syncmlDocumentTypes } from "./syncml-versions.ts";
import { readXml } from "./xml-reader.ts";
import { writeXml } from "./xml-writer.ts";

const read = (text: string): SyncmlElement => readXml(new TextEncoder().encode(text));
const rootText = (text: string): string => textOf(read(text), "root");

describe("XML reading (XML 1.0)", () => {
  it("skips declaration, document type, comments, instructions, attributes, prefixes and a byte order mark", () => {
    const root = read(
      `\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n<!-- <a> -->\n<!DOCTYPE a PUBLIC "-//x//EN" 'a.dtd'>\n` +
        `<?pi <b>?><s:a xmlns:s='urn:x' b = "1>2"><s:c/ ><!-- & --><d></d ></s:a>\n<!-- end -->`.replace("/ >", "/>"),
    );
    expect([root.name, root.children.map(({ name }) => name)]).toEqual(["a", ["c", "d"]]);
  });

  it.each(["<!DOCTYPE a>", `<!DOCTYPE a SYSTEM "a.dtd">`, `<!DOCTYPE a PUBLIC "p" "a.dtd" >`])(
    "accepts %s",
    (doctype) => {
      expect(read(`${doctype}<a/>`).name).toBe("a");
    },
  );

  it("understands references, CDATA sections and line ends", () => {
    expect(rootText("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;&#x1F4C7;<![CDATA[<&amp;]]>\r\n\r&#13;&#xd;</a>")).toBe(
      "<&>\"'AB\u{1F4C7}<&amp;\n\n\r\r",
    );
    expect(rootText("<a><![CDATA[x\r\ny\rz]]></a>")).toBe("x\ny\nz");
  });

  it("says where elements start, in octets", () => {
    expect(read("<a>é<b/>\u{1F4C7}<c/></a>").children.map(({ offset }) => offset)).toEqual([5, 13]);
  });

  it.each([
    [
      "an internal subset, so that no entity can be declared",
      `<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`,
      "document",
      0,
    ],
    ["an undeclared entity", "<a>x&e;</a>", "a", 4],
    ["a bare ampersand", "<a>&</a>", "a", 3],
    ["a reference to a character that XML does not allow", "<a>&#0;</a>", "a", 3],
    ["a reference to a surrogate", "<a>&#xD800;</a>", "a", 3],
    ["a reference over 10FFFF", "<a>&#x110000;</a>", "a", 3],
    ["a control character", "<a>é\u0001</a>", "document", 5],
    ["crossing tags", "<a><b></a></b>", "a/b", 6],
    ["a second root", "<a/><b/>", "document", 4],
    ["text before the root", "x<a/>", "document", 0],
    ["text after the root", "<a/>x", "document", 4],
    ["CDATA outside the root", "<![CDATA[x]]><a/>", "document", 0],
    ["a document type after the root", "<a/><!DOCTYPE a>", "document", 4],
    ["two document types", "<!DOCTYPE a><!DOCTYPE a><a/>", "document", 12],
    ["an unquoted attribute", "<a b=c></a>", "document", 0],
    ["a tag in an attribute", `<a b="<c>"></a>`, "document", 0],
    ["an end tag alone", "</a>", "document", 0],
    ["an end tag with an attribute", "<a></a b='c'>", "a", 3],
    ["another encoding", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "document", 0],
  ])("refuses %s", (_, text, field, offset) => {
    expect(errorOf(() => read(text))).toMatchObject({ code: "NOTIFICATION_BAD_XML", field, offset });
  });

  it.each([
    ["", "document"],
    ["\n", "document"],
    [`<?xml version="1.0"`, "document"],
    ["<!-- ", "document"],
    ["<!DOCT", "document"],
    ["<a", "document"],
    ["<a>", "a"],
    ["<a>é", "a"],
    ["<a>&am", "a"],
    ["<a><![CDATA[x", "a"],
    ["<a><b></b></a", "a"],
  ])("calls %j truncated", (text, field) => {
    const offset = new TextEncoder().encode(text).length;
    expect(errorOf(() => read(text))).toMatchObject({ code: "NOTIFICATION_TRUNCATED", field, offset });
  });

  it("refuses octets that are not UTF-8, and says where", () => {
    const error = errorOf(() => readXml(Uint8Array.of(0x3c, 0x61, 0x3e, 0xe9, 0x3c)));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_UTF8", field: "document", offset: 4 });
    const overlong = errorOf(() => readXml(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c)));
    expect(overlong).toMatchObject({ code: "NOTIFICATION_BAD_UTF8", offset: 3 });
  });

  it("limits nesting", () => {
    expect(read("<a>".repeat(MAX_DEPTH) + "</a>".repeat(MAX_DEPTH)).name).toBe("a");
    const error = errorOf(() => read("<a>".repeat(MAX_DEPTH + 1)));
    expect(error).toMatchObject({ code: "NOTIFICATION_TOO_LARGE", offset: 3 * MAX_DEPTH });
  });

  it.each([
    ["a tag of white space", `<a${" ".repeat(60_000)}`],
    ["attributes without an end", `<a${" b='c'".repeat(9000)}`],
    ["a name without an end", `<${"a".repeat(60_000)}`],
    ["many ampersands", `<a>${"&".repeat(60_000)}</a>`],
    ["an encoding that never comes", `<?xml ${"e ".repeat(30_000)}?><a`],
  ])("refuses %s, however long", (_, text) => {
    expect(errorOf(() => read(text)).code).toMatch(/^NOTIFICATION_/);
  });
});

describe("XML writing", () => {
  it("names the MetInf namespace where it begins, and closes empty elements", () => {
    const meta = element("Meta", [element("Anchor", [element("Next", "1<2")]), element("Type", "")]);
    expect(writeXml(element("SyncML", [meta]), syncmlDocumentTypes["1.2"])).toBe(
      `<?xml version="1.0"?>\n<!DOCTYPE SyncML PUBLIC "-//SYNCML//DTD SyncML 1.2//EN" ` +
        `"http://www.openmobilealliance.org/tech/DTD/OMA-TS-SyncML_RepPro_DTD-V1_2.dtd">\n` +
        `<SyncML xmlns="SYNCML:SYNCML1.2"><Meta><Anchor xmlns="syncml:metinf"><Next>1&lt;2</Next></Anchor>` +
        `<Type xmlns="syncml:metinf"/></Meta></SyncML>\n`,
    );
  });
});
