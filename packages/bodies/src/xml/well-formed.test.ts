import { describe, expect, it } from "vitest";
import { BodyError } from "../errors.ts";
import { parseXml } from "./parse.ts";

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

function codeOf(text: string): string {
  try {
    parseXml(octets(text));
    return "well-formed";
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return error.code;
  }
}

/* What libxml2 says of these is the same, but where a test says so. Found by comparing the two over mutated documents. */

describe("well-formed (XML 1.0, Namespaces in XML 1.0)", () => {
  it.each([
    ["all of the XML declaration (§2.8, §2.9)", `<?xml version='1.0' encoding="UTF-8" standalone = 'no' ?><a/>`],
    ["a later minor version (§2.8)", '<?xml version="1.1"?><a/>'],
    ["an instruction with a name that only begins like the declaration (§2.6)", "<?xml-stylesheet x?><a/>"],
    ["an instruction named xmlns", "<?xmlns x?><a/>"],
    ["names of the fifth edition (§2.3)", "<é·\u0300 \u{10000}\u203f='' ⁰='' 〇=''/>"],
    ["an emoji as a name (§2.3)", "<😀/>"],
    ["leading zeros in references (§4.1)", "<a>&#0000000000065;&#x00000000000041;</a>"],
    ["] and > apart, and ]]> by reference (§2.4)", "<a>]] > ]]&gt; ]>]</a>"],
    ["]]> in a value", "<a b=']]>'/>"],
    ["a comment that begins with >", "<a><!-->--></a>"],
    [
      "a DOCTYPE with all that there is",
      `<!DOCTYPE p:a SYSTEM 'x"y' [ %q;<!-- > ]]> --><!ENTITY e ">'"><?x y?> ] ><p:a xmlns:p='u'/>`,
    ],
    ["a DOCTYPE without a system identifier, which libxml2 refuses", '<!DOCTYPE a PUBLIC "-//X//EN"><a/>'],
    ["white space before the XML declaration, which libxml2 refuses", '\r\n<?xml version="1.0"?><a/>'],
  ])("takes %s", (_, text) => expect(codeOf(text)).toBe("well-formed"));

  it.each([
    ["]]> in text (§2.4)", "<a>b]]>c</a>"],
    ["a declaration without a version (§2.8)", "<?xml encoding='utf-8'?><a/>"],
    ["a declaration with nothing in it", "<?xml?><a/>"],
    ["a declaration of version 2.0", "<?xml version='2.0'?><a/>"],
    ["a declaration in another order", "<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>"],
    ["standalone that is neither yes nor no (§2.9)", "<?xml version='1.0' standalone='maybe'?><a/>"],
    ["a declaration behind a comment", "<!-- --><?xml version='1.0'?><a/>"],
    ["a declaration behind the root", "<a/><?xml version='1.0'?>"],
    ["a declaration inside the root", "<a><?xml version='1.0'?></a>"],
    ["a declaration inside the DOCTYPE", "<!DOCTYPE a [<?xml version='1.0'?>]><a/>"],
    ["an instruction named like the declaration (§2.6)", "<?XML x?><a/>"],
    ["an instruction whose name ends with a space that is none of XML's", "<?a\u00a0b?><a/>"],
    ["a letter that begins no name (§2.3)", "<ª/>"],
    ["a sign that is no name (§2.3)", "<a×b/>"],
    ["a DOCTYPE without a name", "<!DOCTYPE [<!ELEMENT a ANY>]><a/>"],
    ["a DOCTYPE whose name is not apart", "<!DOCTYPEa><a/>"],
    ["a DOCTYPE with something behind its name", "<!DOCTYPE a b><a/>"],
    ["a DOCTYPE with a bracket too many", "<!DOCTYPE a ]><a/>"],
    ["a public identifier with a character that it cannot have (§2.3)", '<!DOCTYPE a PUBLIC "{}" "x"><a/>'],
    ["text in the internal subset (§2.8)", "<!DOCTYPE a [b]><a/>"],
    ["a tag in the internal subset", "<!DOCTYPE a [<b/>]><a/>"],
    ["a section in the internal subset", "<!DOCTYPE a [<![INCLUDE[]]>]><a/>"],
    ["a declaration that there is not", "<!DOCTYPE a [<!FOO x>]><a/>"],
    ["-- in a comment of the internal subset", "<!DOCTYPE a [<!-- -- -->]><a/>"],
    ["an instruction without a name in the internal subset", "<!DOCTYPE a [<? x?>]><a/>"],
  ])("refuses %s", (_, text) => expect(codeOf(text)).toBe("BODY_BAD_XML"));

  it("makes blanks of the white space that is written in a value, not of what is referred to (§3.3.3)", () => {
    const { root } = parseXml(octets("<a b=' 1\t2\n3\r\n4\r5&#9;6&#10;7&#13;8 '>\t\r\n</a>"));
    expect(root.attributes[0]?.value).toBe(" 1 2 3 4 5\t6\n7\r8 ");
    expect(root.text).toBe("\t\n");
  });

  const filled = (head: string, unit: string): string => head + unit.repeat(Math.floor(1_000_000 / unit.length));
  it.each([
    filled("", "<a "),
    filled("<a>", "&"),
    filled("<a b=", "'\""),
    filled("<a>", "<![CDATA[x]]>"),
    filled("<a>", "]]"),
    filled("<a>", "<?a?>"),
    filled("<!DOCTYPE", " "),
    filled("<!DOCTYPE a PUBLIC ", '" '),
    filled("<!DOCTYPE a [<!ENTITY a ", "''"),
    filled("<!DOCTYPE a [<!ENTITY a ", "x"),
    filled("<!DOCTYPE a [", "%"),
    filled("<!DOCTYPE a [", "<?a?>"),
    filled("<?xml ", "encoding='"),
  ])("soon refuses a megabyte of %.30s", { timeout: 5_000 }, (text) => {
    expect(codeOf(text)).not.toBe("well-formed");
  });
});
