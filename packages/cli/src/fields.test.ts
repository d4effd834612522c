import { describe, expect, it } from "vitest";
import type { z } from "zod";
import {
  akaKeys,
  aorText,
  disposition,
  headerText,
  methodRoute,
  optionalSeconds,
  psiRoute,
  tokenList,
  trustedPeer,
} from "./fields.ts";

const types = {
  ...{ akaKeys, aorText, disposition, headerText, methodRoute, psiRoute, tokenList, trustedPeer },
  seconds: optionalSeconds(30),
} satisfies Readonly<Record<string, z.ZodType>>;

/** What comes of it, or the problem. */
function read(name: keyof typeof types, value: unknown): unknown {
  const result = types[name].safeParse(value);
  return result.success ? result.data : result.error.issues.map(({ message }) => message).join("; ");
}

const K = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC = "cd63cb71954a9f4e48a5994e37a02baf";

describe("a setting of the command line", () => {
  it.each<readonly [name: keyof typeof types, value: unknown, gives: unknown]>([
    ["seconds", true, 30],
    ["seconds", "true", 30],
    ["seconds", "7", 7],
    ["seconds", 7, 7],
    ["seconds", "false", undefined],
    ["seconds", false, undefined],
    ["seconds", undefined, undefined],
    ["seconds", "0", "must be a whole number from 1 to 2147483647"],
    ["seconds", null, "must be a whole number from 1 to 2147483647"],
    ["akaKeys", `${K},${OPC}`, { k: K, opc: OPC }],
    ["akaKeys", `${K.toUpperCase()},${OPC}`, { k: K.toUpperCase(), opc: OPC }],
    ["akaKeys", `${K}${OPC}`, "must be K and OPc, 32 hex digits each, with a comma between them"],
    ["psiRoute", "sip:push@a.test=sip:127.0.0.1:5090", { what: "sip:push@a.test", to: "sip:127.0.0.1:5090" }],
    ["psiRoute", "sip:push@a.test;x=y=sips:b.test;z=sip:c", { what: "sip:push@a.test;x=y", to: "sips:b.test;z=sip:c" }],
    ["psiRoute", "push=sip:127.0.0.1", 'no scheme in "push"'],
    ["methodRoute", "MESSAGE=sip:127.0.0.1", { what: "MESSAGE", to: "sip:127.0.0.1" }],
    ["methodRoute", "MESSAGE=http://a.test", '"MESSAGE=http://a.test" is not like MESSAGE=sip:127.0.0.1:5090'],
    ["trustedPeer", "10.0.0.0/8", "10.0.0.0/8"],
    ["trustedPeer", "core.example.test", "core.example.test"],
    ["headerText", " 3GPP-E-UTRAN-FDD ", "3GPP-E-UTRAN-FDD"],
    ["headerText", "a\r\nVia: b", "must be one line of text"],
    ["tokenList", "gzip, deflate", "gzip, deflate"],
    ["tokenList", "gzip,", '"gzip," is no list of tokens'],
    ["disposition", "render;handling=optional", "render;handling=optional"],
    ["disposition", "a b", '"a b" is no disposition'],
    ["aorText", "sip:example.test", '"sip:example.test" names no user; write sip:user@domain'],
  ])("%s %j", (name, value, gives) => {
    expect(read(name, value)).toEqual(gives);
  });

  it("never repeats a key in what it says of it", () => {
    expect(read("akaKeys", `${K},${OPC}0`)).not.toContain(K);
  });
});
