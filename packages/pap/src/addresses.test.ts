import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressTypes,
  type PapAddress,
  parsePapAddress,
  serializePapAddress,
  uriOf,
  type WapPushAddress,
} from "./addresses.ts";
import { PapError } from "./errors.ts";
import { refusalOf } from "./testdata/checks.ts";

const wappush = (type: string, value: string, ppg: string | null = "ppg.carrier.com"): WapPushAddress => ({
  kind: "wappush",
  type,
  value,
  qualifiers: [],
  ppg,
});

describe("WAPPUSH addresses (PPG service §7.1)", () => {
  it.each<[string, PapAddress, string?]>([
    ["WAPPUSH=+155519990730/TYPE=PLMN@ppg.carrier.com", wappush("PLMN", "+155519990730")],
    [
      "wappush=+1-555.1999-0730/type=plmn@PPG.Carrier.COM",
      wappush("PLMN", "+155519990730"),
      "WAPPUSH=+155519990730/TYPE=PLMN@ppg.carrier.com",
    ],
    ["/WAPPUSH=+1/TYPE=PLMN/@ppg", wappush("PLMN", "+1", "ppg"), "WAPPUSH=+1/TYPE=PLMN@ppg"],
    ["WAPPUSH=+1/TYPE=PLMN", wappush("PLMN", "+1", null)],
    ["WAPPUSH=john.doe%40wapforum.org/TYPE=USER@ppg.carrier.com", wappush("USER", "john.doe@wapforum.org")],
    [
      "WAPPUSH=John_Doe/TYPE=user@ppg.carrier.com",
      wappush("USER", "John_Doe"),
      "WAPPUSH=John_Doe/TYPE=USER@ppg.carrier.com",
    ],
    [
      "WAPPUSH=29aaa7bf%3a4044/TYPE=USER@rim.net",
      wappush("USER", "29aaa7bf:4044", "rim.net"),
      "WAPPUSH=29aaa7bf%3A4044/TYPE=USER@rim.net",
    ],
    ["WAPPUSH=%C3%A9%2F%3D%25/TYPE=USER@ppg.carrier.com", wappush("USER", "é/=%")],
    ["WAPPUSH=195.153.199.30/TYPE=IPv4@ppg.carrier.com", wappush("IPv4", "195.153.199.30")],
    [
      "WAPPUSH=0.0.0.255/TYPE=IPV4@127.0.0.1",
      wappush("IPv4", "0.0.0.255", "127.0.0.1"),
      "WAPPUSH=0.0.0.255/TYPE=IPv4@127.0.0.1",
    ],
    [
      "WAPPUSH=FEDC:BA98:0:0:0:0:0:1/TYPE=IPv6@ppg.carrier.com",
      wappush("IPv6", "fedc:ba98:0:0:0:0:0:1"),
      "WAPPUSH=fedc:ba98:0:0:0:0:0:1/TYPE=IPv6@ppg.carrier.com",
    ],
    [
      "WAPPUSH=::1/TYPE=IPv6@ppg.carrier.com",
      wappush("IPv6", "0:0:0:0:0:0:0:1"),
      "WAPPUSH=0:0:0:0:0:0:0:1/TYPE=IPv6@ppg.carrier.com",
    ],
    [
      "WAPPUSH=2001:0db8::/TYPE=IPv6@ppg.carrier.com",
      wappush("IPv6", "2001:db8:0:0:0:0:0:0"),
      "WAPPUSH=2001:db8:0:0:0:0:0:0/TYPE=IPv6@ppg.carrier.com",
    ],
    [
      "WAPPUSH=49123/TYPE=gsm_msisdn@ppg.carrier.com",
      wappush("GSM_MSISDN", "49123"),
      "WAPPUSH=49123/TYPE=GSM_MSISDN@ppg.carrier.com",
    ],
    ["WAPPUSH=a/TYPE=Future@ppg.carrier.com", wappush("Future", "a")],
    [
      "WAPPUSH=+1/Area=two words;x/B=/TYPE=PLMN@ppg.carrier.com",
      {
        ...wappush("PLMN", "+1"),
        qualifiers: [
          ["Area", "two words;x"],
          ["B", ""],
        ],
      },
    ],
  ])("reads %s", (text, address, canonical = text) => {
    expect(parsePapAddress(text)).toEqual(address);
    expect(serializePapAddress(address)).toBe(canonical);
  });

  it.each([
    ["no type", "WAPPUSH=+1@ppg"],
    ["an empty type", "WAPPUSH=+1/TYPE=@ppg"],
    ["a type that is no token", "WAPPUSH=+1/TYPE=P LMN@ppg"],
    ["a type of 33 characters", `WAPPUSH=a/TYPE=${"x".repeat(33)}@ppg`],
    ["two types", "WAPPUSH=+1/TYPE=PLMN/TYPE=USER@ppg"],
    ["no value", "WAPPUSH=/TYPE=USER@ppg"],
    ["a gateway that is no domain", "WAPPUSH=+1/TYPE=PLMN@-ppg"],
    ["an empty gateway", "WAPPUSH=+1/TYPE=PLMN@"],
    ["an empty label", "WAPPUSH=+1/TYPE=PLMN@ppg..com"],
    ["an @ that is not escaped", "WAPPUSH=john@wapforum.org/TYPE=USER@ppg"],
    ["a slash that is not escaped", "WAPPUSH=a/b/TYPE=USER@ppg"],
    ["a character that is not escaped", "WAPPUSH=a:b/TYPE=USER@ppg"],
    ["an escape that is none", "WAPPUSH=a%4/TYPE=USER@ppg"],
    ["escapes that are not UTF-8", "WAPPUSH=%FF/TYPE=USER@ppg"],
    ["an escaped control character", "WAPPUSH=a%0D%0A/TYPE=USER@ppg"],
    ["a number without +", "WAPPUSH=155519990730/TYPE=PLMN@ppg"],
    ["a number without digits", "WAPPUSH=+-/TYPE=PLMN@ppg"],
    ["a number with a blank", "WAPPUSH=+1 555/TYPE=PLMN@ppg"],
    ["an IPv4 address of three numbers", "WAPPUSH=1.2.3/TYPE=IPv4@ppg"],
    ["an IPv4 number over 255", "WAPPUSH=1.2.3.256/TYPE=IPv4@ppg"],
    ["an IPv4 number with a leading zero", "WAPPUSH=1.2.3.04/TYPE=IPv4@ppg"],
    ["an IPv6 address of seven groups", "WAPPUSH=1:2:3:4:5:6:7/TYPE=IPv6@ppg"],
    ["an IPv6 address of nine groups", "WAPPUSH=1:2:3:4:5:6:7:8:9/TYPE=IPv6@ppg"],
    ["an IPv6 address with :: for nothing", "WAPPUSH=1:2:3:4::5:6:7:8/TYPE=IPv6@ppg"],
    ["an IPv6 address with :: twice", "WAPPUSH=1::2::3/TYPE=IPv6@ppg"],
    ["an IPv6 group of five digits", "WAPPUSH=::12345/TYPE=IPv6@ppg"],
    ["no IPv6 address at all", "WAPPUSH=/TYPE=IPv6@ppg"],
    ["a qualifier without value", "WAPPUSH=+1/AREA/TYPE=PLMN@ppg"],
    ["nothing", ""],
    ["the keyword alone", "WAPPUSH="],
    ["a bare user", "john"],
    ["user@domain", "john@wapforum.org"],
    ["white space around it", " WAPPUSH=+1/TYPE=PLMN@ppg"],
    ["a line end behind it", "WAPPUSH=+1/TYPE=PLMN@ppg\n"],
    ["1,025 characters", `WAPPUSH=${"a".repeat(1025)}/TYPE=USER@ppg`],
  ])("refuses %s", (_, text) => {
    expect(refusalOf(() => parsePapAddress(text))).toMatchObject({
      code: "PAP_BAD_ADDRESS",
      papCode: 2002,
      attribute: "address-value",
      badMessageFragment: text.slice(0, 256),
    });
  });

  it("knows the types of the PPG service and of WDP appendix C in any case", () => {
    const values: Partial<Record<string, string>> = { PLMN: "+1", IPv4: "1.2.3.4", IPv6: "1:2:3:4:5:6:7:8" };
    for (const type of addressTypes) {
      const text = `WAPPUSH=${values[type] ?? "a"}/TYPE=${type.toLowerCase()}@ppg`;
      expect(parsePapAddress(text)).toMatchObject({ type });
    }
    expect(addressTypes.length).toBe(15);
  });
});

describe("URIs as addresses", () => {
  it.each([
    "sip:bob@home.example",
    "sip:+15551999@home.example;user=phone",
    "sips:bob:secret@home.example:5061;transport=tcp;lr",
    "sip:%C3%A9;x=1@[2001:db8::1]:5060",
    "sip:home.example",
    "sip:bob@127.0.0.1:0",
    "tel:+1-555-1999",
    "tel:+15551999;ext=7;isub=1",
    "tel:1999;phone-context=+1555",
    "tel:*21#;phone-context=home.example",
  ])("takes %s", (uri) => {
    const address = { kind: uri.split(":", 1)[0], uri };
    expect(parsePapAddress(uri)).toEqual(address);
    expect(serializePapAddress(address as PapAddress)).toBe(uri);
  });

  it("takes the scheme in any case, and keeps the rest", () => {
    expect(parsePapAddress("SIP:Bob@Home.example")).toEqual({ kind: "sip", uri: "sip:Bob@Home.example" });
  });

  it.each([
    ["header fields", "sip:bob@home.example?Subject=x"],
    ["no host", "sip:"],
    ["no host behind the user", "sip:bob@"],
    ["an empty user", "sip:@home.example"],
    ["angle brackets", "<sip:bob@home.example>"],
    ["a blank", "sip:bob smith@home.example"],
    ["a line end", "sip:bob@home.example\r\nX: y"],
    ["a host of digits", "sip:bob@1.2.3"],
    ["an IPv6 address without brackets", "sip:bob@::1"],
    ["brackets around none", "sip:bob@[x]"],
    ["a port over 65535", "sip:bob@home.example:65536"],
    ["an empty port", "sip:bob@home.example:"],
    ["an empty parameter", "sip:bob@home.example;;lr"],
    ["an escape that is none", "sip:b%4@home.example"],
    ["a letter that is not ASCII", "sip:é@home.example"],
    ["a tel URI without a number", "tel:"],
    ["a local number without a context", "tel:1999"],
    ["a tel parameter that is none", "tel:+1555;é=1"],
    ["another scheme", "mailto:bob@home.example"],
    ["a scheme alone", "sip"],
  ])("refuses %s", (_, text) => {
    expect(refusalOf(() => parsePapAddress(text)).code).toBe("PAP_BAD_ADDRESS");
  });

  it("finds the URI that a USER address holds escaped", () => {
    const text = "WAPPUSH=sip%3Aalice%40home.example%3Buser=phone/TYPE=USER@ppg";
    expect(refusalOf(() => parsePapAddress(text)).code).toBe("PAP_BAD_ADDRESS"); // = is to be escaped too
    const refused = "WAPPUSH=sip%3Aa%40b.c%3Fx%3Dy/TYPE=USER@ppg";
    expect(refusalOf(() => parsePapAddress(refused)).code, "and no name of a user").toBe("PAP_BAD_ADDRESS");
    const address = parsePapAddress("WAPPUSH=sip%3Aalice%40home.example%3Buser%3Dphone/TYPE=USER@ppg");
    expect(uriOf(address)).toEqual({ kind: "sip", uri: "sip:alice@home.example;user=phone" });
    expect(uriOf({ kind: "tel", uri: "tel:+1" })).toEqual({ kind: "tel", uri: "tel:+1" });
    expect(uriOf(parsePapAddress("WAPPUSH=alice/TYPE=USER@ppg"))).toBeUndefined();
    expect(uriOf(parsePapAddress("WAPPUSH=+1/TYPE=PLMN@ppg"))).toBeUndefined();
    expect(uriOf(wappush("GSM_MSISDN", "sip:alice@home.example"))).toBeUndefined();
  });
});

describe("serializePapAddress", () => {
  it.each<[string, PapAddress]>([
    ["a number with separators", wappush("PLMN", "+1-555")],
    ["an IPv6 address in short", wappush("IPv6", "::1")],
    ["a type in the wrong case", wappush("plmn", "+1")],
    ["a gateway in upper case", wappush("PLMN", "+1", "PPG")],
    ["a lone surrogate", wappush("USER", "\ud800")],
    ["a qualifier with a slash", { ...wappush("PLMN", "+1"), qualifiers: [["a", "b/c"]] }],
    ["a qualifier that is the type", { ...wappush("USER", "a"), qualifiers: [["TYPE", "PLMN"]] }],
    ["a URI that is none", { kind: "sip", uri: "sip:" }],
    ["a URI of another kind", { kind: "sips", uri: "sip:bob@home.example" }],
    ["a scheme in upper case", { kind: "sip", uri: "SIP:bob@home.example" }],
  ])("refuses %s, which would come back as another address", (_, address) => {
    expect(refusalOf(() => serializePapAddress(address))).toMatchObject({ code: "PAP_BAD_VALUE", papCode: 3000 });
  });

  it("escapes any text so that it comes back", () => {
    const users = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
      .filter((value) => !/\p{Cc}/u.test(value));
    fc.assert(
      fc.property(users, (value) => {
        const address = wappush("USER", value);
        expect(parsePapAddress(serializePapAddress(address))).toEqual(address);
      }),
    );
  });

  it("what was read and written is read as the same; nothing but PapError is thrown", () => {
    const pieces = [
      "WAPPUSH=",
      "wappush=",
      "/TYPE=",
      "PLMN",
      "USER",
      "IPv4",
      "ipv6",
      "@",
      "/",
      "=",
      "%",
      "%41",
      "+1",
      "1.2.3.4",
      "::",
      "a",
      ":",
      ".",
      "-",
      "sip:",
      "tel:",
      ";",
      "[",
      "]",
      "é",
      "\0",
    ];
    const texts = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((each) => each.join("")),
      fc.array(fc.constantFrom(...pieces), { maxLength: 3 }).map((each) => `WAPPUSH=${each.join("")}/TYPE=USER@a`),
      fc.string({ maxLength: 60 }),
    );
    let taken = 0;
    fc.assert(
      fc.property(texts, (text) => {
        let address: PapAddress;
        try {
          address = parsePapAddress(text);
        } catch (error) {
          expect(error).toBeInstanceOf(PapError);
          return;
        }
        taken++;
        expect(parsePapAddress(serializePapAddress(address))).toEqual(address);
      }),
      { numRuns: 3000 },
    );
    expect(taken).toBeGreaterThan(10);
  });
});
