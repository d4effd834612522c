import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SipParseError } from "../message/index.ts";
import { parseAuthElements, parseAuthParams } from "./auth-params.ts";
import { type DigestChallenge, parseChallenges, serializeChallenge } from "./challenge.ts";
import { type DigestCredentials, parseCredentials, serializeCredentials } from "./credentials.ts";

const F = "WWW-Authenticate";

describe("parseChallenges", () => {
  test("reads the challenge of RFC 3261 §22.2", () => {
    const value =
      'Digest realm="biloxi.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c"';
    expect(parseChallenges(value, F)).toEqual([
      {
        realm: "biloxi.com",
        nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        opaque: "5ccc069c",
        qop: ["auth", "auth-int"],
        stale: false,
        userhash: false,
      },
    ]);
  });

  test.each([
    ["names and scheme in any case", 'DIGEST Realm="r",NONCE="n",Stale=TRUE,QOP="AUTH"'],
    ["blanks around = and commas", 'Digest  realm = "r" ,\tnonce= "n" , stale=true,qop="auth"'],
    ["missing quotes", "Digest realm=r,nonce=n,stale=true,qop=auth"],
    ["quotes where none belong", 'Digest realm="r",nonce="n",stale="true",qop="auth"'],
    ["empty list elements (RFC 7230 §7)", 'Digest ,realm="r",,nonce="n",stale=true,qop=" auth , ",'],
    ["parameters nobody knows", 'Digest realm="r",nonce="n",stale=true,qop="auth",domain="sip:a sip:b",x=1'],
  ])("tolerates %s", (_, value) => {
    expect(parseChallenges(value, F)).toMatchObject([{ realm: "r", nonce: "n", stale: true, qop: ["auth"] }]);
  });

  test("reads several challenges out of one field and leaves other schemes alone (RFC 7235 §4.1)", () => {
    const value =
      'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple", ' +
      'Digest realm="a", nonce="1", algorithm=SHA-256, Negotiate abc/+==, Bearer, Digest realm="b", nonce="2, Digest x=y"';
    expect(parseChallenges(value, F)).toMatchObject([
      { realm: "a", nonce: "1", algorithm: "SHA-256" },
      { realm: "b", nonce: "2, Digest x=y" },
    ]);
  });

  test("keeps escapes out of values and puts them back", () => {
    const challenge = parseChallenges('Digest realm="a \\"b\\" \\\\c", nonce="n"', F)[0] as DigestChallenge;
    expect(challenge.realm).toBe('a "b" \\c');
    expect(serializeChallenge(challenge)).toBe('Digest realm="a \\"b\\" \\\\c", nonce="n"');
  });

  test.each([
    ["no realm", 'Digest nonce="n"'],
    ["no nonce", 'Digest realm="r"'],
    ["a parameter twice (RFC 7235 §2.1)", 'Digest realm="r", nonce="n", realm="q"'],
    ["an open quote", 'Digest realm="r", nonce="n'],
    ["text behind a value", 'Digest realm="r" x, nonce="n"'],
    ["a parameter before any scheme", 'realm="r", nonce="n"'],
    ["no scheme", '"realm"'],
  ])("refuses %s", (_, value) => {
    expect(() => parseChallenges(value, F)).toThrow(SipParseError);
  });

  test("never shows a value in an error", () => {
    const error = (() => {
      try {
        return parseCredentials('Digest username="u", response="5ecre7', "Authorization");
      } catch (caught) {
        return caught;
      }
    })();
    expect(String(error)).not.toContain("5ecre7");
  });
});

describe("parseCredentials", () => {
  const base = 'Digest username="bob", realm="r", nonce="n", uri="sip:r"';

  test("reads the credentials of RFC 3261 §22.2", () => {
    const value = `${base}, qop=auth, nc=0000000A, cnonce="0a4f", response="6629FAE4", opaque=""`;
    expect(parseCredentials(value, "Authorization")).toEqual([
      {
        username: "bob",
        realm: "r",
        nonce: "n",
        uri: "sip:r",
        qop: "auth",
        nc: "0000000A",
        cnonce: "0a4f",
        response: "6629fae4",
        opaque: "",
      },
    ]);
  });

  test("takes the empty nonce and response of a first IMS REGISTER (RFC 8760 §2.7)", () => {
    const value = 'Digest username="u@home", realm="home", uri="sip:home", nonce="", response=""';
    expect(parseCredentials(value, "Authorization")).toMatchObject([{ nonce: "", response: "" }]);
  });

  test("reads username* of RFC 7616 §3.9.2 as UTF-8 octets", () => {
    const value = `Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="r", nonce="n", uri="u", response="00"`;
    expect(parseCredentials(value, "Authorization")[0]?.username).toBe("J\u00c3\u00a4s\u00c3\u00b8n Doe");
  });

  test.each([
    ["no response", base],
    ["a response that is not hex", `${base}, response="xyz"`],
    ["an nc of nine digits", `${base}, response="00", nc=000000001, qop=auth, cnonce="c"`],
    ["qop without nc", `${base}, response="00", qop=auth, cnonce="c"`],
    ["qop without cnonce", `${base}, response="00", qop=auth, nc=00000001`],
    ["username and username* together (RFC 7616 §3.4)", `${base}, response="00", username*=UTF-8''bob`],
    ["username* in another charset", `Digest username*=ISO-8859-1''b, realm="r", nonce="n", uri="u", response="00"`],
  ])("refuses %s", (_, value) => {
    expect(() => parseCredentials(value, "Authorization")).toThrow(SipParseError);
  });
});

describe("properties of the header grammar", () => {
  const octets = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)) });
  const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/);
  const hex = fc.stringMatching(/^[0-9a-f]{0,64}$/);
  const some = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined });
  const present = <T extends object>(value: T): T =>
    Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

  test("challenges survive writing and reading", () => {
    const challenge = fc
      .record({
        realm: octets,
        nonce: octets,
        opaque: some(octets),
        algorithm: some(token),
        qop: fc.uniqueArray(fc.constantFrom("auth", "auth-int", "x-auth")),
        stale: fc.boolean(),
        userhash: fc.boolean(),
      })
      .map(present);
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
        const value = challenges.map((each) => serializeChallenge(each as DigestChallenge)).join(", ");
        expect(parseChallenges(value, F)).toEqual(challenges);
      }),
    );
  });

  test("credentials survive writing and reading", () => {
    const credentials = fc
      .record({
        username: octets,
        realm: octets,
        nonce: octets,
        uri: octets,
        response: hex,
        algorithm: some(token),
        opaque: some(octets),
        nc: fc.stringMatching(/^[0-9a-f]{8}$/),
        cnonce: octets,
        qop: some(fc.constantFrom("auth", "auth-int")),
        userhash: some(fc.constant(true)),
        auts: some(octets),
      })
      .map(present);
    fc.assert(
      fc.property(credentials, (each) => {
        expect(parseCredentials(serializeCredentials(each as DigestCredentials), "Authorization")).toEqual([each]);
      }),
    );
  });

  test("nothing but SipParseError comes out of any text", () => {
    const piece = fc.constantFrom(
      "Digest ",
      "realm=",
      'nonce="n"',
      '"',
      "\\",
      ",",
      "=",
      "<",
      "(",
      " ",
      "username*=",
      "nc=",
      "x",
    );
    const text = fc.oneof(
      octets,
      fc.array(fc.oneof(piece, octets), { maxLength: 30 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (value) => {
        for (const parse of [parseAuthElements, parseAuthParams, parseChallenges, parseCredentials]) {
          try {
            parse(value, F);
          } catch (error) {
            expect(error).toBeInstanceOf(SipParseError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("a long hostile value is refused", () => {
    const hostile = [
      `Digest realm="${"\\a".repeat(15_000)}`,
      `Digest ${"a ".repeat(15_000)}`,
      `Digest a=${"=,".repeat(15_000)}`,
    ];
    for (const value of hostile) {
      expect(() => parseChallenges(value, F)).toThrow(SipParseError);
    }
  });
});
