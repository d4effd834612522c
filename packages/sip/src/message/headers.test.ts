import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SipParseError } from "./errors.ts";
import { headerNames } from "./header-names.ts";
import { SipHeaders } from "./headers.ts";

const parse = (...lines: string[]): SipHeaders => SipHeaders.parse(lines.map((line) => `${line}\r\n`).join(""), 0, 256);

/** The compact forms of the IANA registry "SIP Parameters", Header Fields. */
const compactForms = {
  a: "Accept-Contact",
  b: "Referred-By",
  c: "Content-Type",
  d: "Request-Disposition",
  e: "Content-Encoding",
  f: "From",
  i: "Call-ID",
  j: "Reject-Contact",
  k: "Supported",
  l: "Content-Length",
  m: "Contact",
  n: "Identity-Info",
  o: "Event",
  r: "Refer-To",
  s: "Subject",
  t: "To",
  u: "Allow-Events",
  v: "Via",
  x: "Session-Expires",
  y: "Identity",
};

describe("reading header fields (RFC 3261 §7.3)", () => {
  it.each(headerNames.slice(1))("%s is found in any case", (name) => {
    const headers = parse(`${name}: 1`, `${name.toLowerCase()}:2`, `${name.toUpperCase()} : 3`);
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(headers.getAll(spelling)).toEqual(["1", "2", "3"]);
    }
  });

  it.each(Object.entries(compactForms))("%s is the compact form of %s (§7.3.3)", (compact, name) => {
    const headers = parse(`${compact}: 1`, `${compact.toUpperCase()}: 2`, `${name}: 3`);
    for (const spelling of [compact, name]) expect(headers.getAll(spelling)).toEqual(["1", "2", "3"]);
    expect(SipHeaders.of([[compact, "1"]]).serialize()).toBe(`${name}: 1\r\n`);
  });

  it("a single letter that is no compact form is a name of its own", () => {
    expect(SipHeaders.of([["z", "1"]]).serialize()).toBe("z: 1\r\n");
  });

  it("fields nobody knows are found by their name in any case", () => {
    const headers = parse("X-Thing: a", "x-thing: b", "X-Other: c", "z: d");
    expect([headers.getAll("X-THING"), headers.get("x-other"), headers.get("Z"), headers.get("X")]).toEqual([
      ["a", "b"],
      "c",
      "d",
      undefined,
    ]);
  });

  it("a name that only begins or ends like another is another", () => {
    const headers = parse(
      "Expiress: 1",
      "Expire: 2",
      "Expiret: 3",
      "Fro: 4",
      "Froma: 5",
      "To-: 6",
      "Call_ID: 7",
      "C: text/plain",
    );
    for (const name of ["Expires", "From", "To", "Call-ID"]) expect(headers.has(name)).toBe(false);
    expect(headers.get("Content-Type")).toBe("text/plain");
  });

  it("blanks around the colon and at the end mean nothing, octets of UTF-8 do", () => {
    const headers = parse("Subject \t : \t voil\xc3\xa0 \t ");
    expect(headers.get("subject")).toBe("voil\xc3\xa0");
  });

  it("a folded value is one line with one blank per fold (§7.3.1)", () => {
    const headers = parse(
      "Subject: I know",
      "  \t you're there, ",
      " pick up",
      "To:",
      " <sip:a@b>",
      "\t",
      "Via: x",
      " ",
    );
    expect([headers.get("Subject"), headers.get("To"), headers.get("Via")]).toEqual([
      "I know you're there, pick up",
      "<sip:a@b>",
      "x",
    ]);
  });

  it("a run of blanks that is no fold costs no more than its length", () => {
    const blanks = " ".repeat(60_000);
    const headers = parse(`Subject: a${blanks}b`, " c");
    expect(headers.get("Subject")).toBe(`a${blanks}b c`);
  });

  it("lists span fields; commas in quotes, brackets and comments do not split", () => {
    const headers = parse('Contact: "A, B" <sip:a@h?x=1,2>;q=1 , <sip:b@h>', "m: sip:c@h", "Contact:", "Allow: ");
    expect(headers.list("Contact")).toEqual(['"A, B" <sip:a@h?x=1,2>;q=1', "<sip:b@h>", "sip:c@h"]);
    expect([headers.list("Allow"), headers.list("Route"), headers.count("Contact")]).toEqual([[], [], 3]);
  });

  it("a line that is no header field is the flaw; the others are still there, and all is written back", () => {
    const lines = ["Via: 1", "Foobar roobar", ": no name", "B@d: sign", "a\rb: lone CR", "a\nb: lone LF", "To: 2"];
    const headers = parse(...lines);
    expect(headers.flaw).toMatchObject({
      code: "SIP_BAD_HEADER",
      message: 'headers: not a header field: "Foobar roobar\\r\\n"',
    });
    expect([...headers]).toEqual([
      ["Via", "1"],
      ["To", "2"],
    ]);
    expect(headers.serialize()).toBe(lines.map((line) => `${line}\r\n`).join(""));
    expect(headers.clone().add("X-New", "3").serialize()).toBe(`${lines.join("\r\n")}\r\nX-New: 3\r\n`);
    expect(headers.clone().flaw).toBe(headers.flaw);
  });

  it("a first line that begins with a blank folds onto nothing", () => {
    expect(parse(" To: x", "From: y").flaw).toBeInstanceOf(SipParseError);
  });

  it("takes as many fields as the limit, not one more", () => {
    const text = "a: 1\r\n".repeat(10);
    expect(SipHeaders.parse(text, 0, 10).count("a")).toBe(10);
    expect(() => SipHeaders.parse(text, 0, 9)).toThrow(
      expect.objectContaining({ code: "SIP_TOO_LARGE", statusCode: 513 }),
    );
  });

  it("parsed keeps what the parser gave until that field changes", () => {
    const headers = parse("CSeq: 1 MESSAGE", "To: x");
    let calls = 0;
    const parser = (value: string): { value: string } => {
      calls++;
      return { value };
    };
    const first = headers.parsed("CSeq", parser);
    headers.set("To", "y");
    expect([headers.parsed("cseq", parser) === first, calls]).toEqual([true, 1]);
    headers.set("CSeq", "2 MESSAGE");
    expect([headers.parsed("CSeq", parser), calls, headers.parsed("Via", parser)]).toEqual([
      { value: "2 MESSAGE" },
      2,
      undefined,
    ]);
  });
});

describe("changing header fields", () => {
  const received = [
    "v: SIP/2.0/UDP a , SIP/2.0/UDP b",
    "X-Odd :  as  is",
    "subject: one",
    " two",
    "Via: SIP/2.0/UDP c",
    "l:0",
  ];
  const lines = (headers: SipHeaders): string[] => headers.serialize().split("\r\n").slice(0, -1);

  it("what was not changed is written back octet for octet, folds and all", () => {
    expect(lines(parse(...received))).toEqual(received);
    expect(lines(parse(...received).add("X-New", "1"))).toEqual([...received, "X-New: 1"]);
  });

  it("set puts one in place of all, or at the end", () => {
    expect(lines(parse(...received).set("Via", "new"))).toEqual(["Via: new", ...received.slice(1, 4), "l:0"]);
    expect(lines(parse(...received).set("To", "x"))).toEqual([...received, "To: x"]);
  });

  it("prepend goes before the first of its name, or to the top", () => {
    expect(lines(parse("To: x", "Via: a").prepend("v", "b"))).toEqual(["To: x", "Via: b", "Via: a"]);
    expect(lines(parse("To: x").prepend("Via", "b"))).toEqual(["Via: b", "To: x"]);
  });

  it("shift takes the topmost element of a list, field after field", () => {
    const headers = parse(...received);
    expect([headers.shift("Via"), headers.list("Via")]).toEqual(["SIP/2.0/UDP a", ["SIP/2.0/UDP b", "SIP/2.0/UDP c"]]);
    expect([headers.shift("Via"), headers.shift("Via"), headers.shift("Via")]).toEqual([
      "SIP/2.0/UDP b",
      "SIP/2.0/UDP c",
      undefined,
    ]);
    expect(lines(headers)).toEqual([...received.slice(1, 4), "l:0"]);
  });

  it("replaceFirst changes the topmost element only", () => {
    expect(
      parse(...received)
        .replaceFirst("Via", "x")
        .list("Via"),
    ).toEqual(["x", "SIP/2.0/UDP b", "SIP/2.0/UDP c"]);
    expect(parse("To: x").replaceFirst("Via", "y").list("Via")).toEqual(["y"]);
  });

  it("remove takes all fields of that name", () => {
    expect(
      lines(
        parse(...received)
          .remove("Via")
          .remove("X-ODD"),
      ),
    ).toEqual(["subject: one", " two", "l:0"]);
  });

  it("a clone and its original change apart", () => {
    const original = parse(...received);
    const early = original.clone();
    const late = original.set("Via", "1").clone();
    late.set("Via", "2");
    early.remove("Via");
    expect([original.get("Via"), early.get("Via"), late.get("Via"), early.get("l")]).toEqual([
      "1",
      undefined,
      "2",
      "0",
    ]);
  });

  it.each([
    ["a CR LF in the value", "Subject", "a\r\nVia: evil"],
    ["a lone CR", "Subject", "a\rb"],
    ["a lone LF", "Subject", "a\nb"],
    ["a character that is no octet", "Subject", "€"],
    ["a blank in the name", "Sub ject", "a"],
    ["no name", "", "a"],
    ["a colon in the name", "a:", "b"],
  ])("refuses %s, and stays as it was", (_, name, value) => {
    const headers = parse("To: x");
    for (const change of ["add", "set", "prepend"] as const)
      expect(() => headers[change](name, value)).toThrow(SipParseError);
    expect(() => SipHeaders.of([[name, value]])).toThrow(SipParseError);
    expect(headers.serialize()).toBe("To: x\r\n");
  });

  it("takes a NUL: a quoted-pair may hold one (RFC 4475 §3.1.1.2)", () => {
    expect(SipHeaders.of([["To", '"\\\0" <sip:a@b>']]).get("To")).toBe('"\\\0" <sip:a@b>');
  });
});

describe("properties of header fields", () => {
  const name = fc.constantFrom("Via", "v", "X-Any", "to", "Subject", "Content-Length");
  const value = fc.string({ unit: fc.constantFrom("a", " ", "\t", ",", '"', ":", ";", "\xc3", "\xa0", "\0") });
  const operation = fc.record({
    kind: fc.constantFrom("set", "add", "prepend", "replaceFirst", "remove", "shift"),
    name,
    value,
  });

  it("headers read from the wire and headers made here behave the same", () => {
    const start = fc.array(fc.tuple(name, value), { maxLength: 6 });
    fc.assert(
      fc.property(start, fc.array(operation, { maxLength: 6 }), (fields, operations) => {
        const trimmed = fields.map(([n, v]) => [n, v.replace(/^[ \t]+|[ \t]+$/g, "")] as const);
        const made = SipHeaders.of(trimmed);
        const read = SipHeaders.parse(trimmed.map(([n, v]) => `${n}: ${v}\r\n`).join(""), 0, 256);
        for (const step of operations) {
          for (const headers of [made, read]) {
            if (step.kind === "remove" || step.kind === "shift") headers[step.kind](step.name);
            else headers[step.kind as "set"](step.name, step.value);
          }
        }
        expect([...read].map(([, v]) => v)).toEqual([...made].map(([, v]) => v));
        for (const each of ["Via", "To", "X-Any", "Subject"]) {
          expect([read.get(each), read.count(each), read.has(each)]).toEqual([
            made.get(each),
            made.count(each),
            made.has(each),
          ]);
          expect([read.getAll(each), read.list(each)]).toEqual([made.getAll(each), made.list(each)]);
        }
      }),
    );
  });
});
