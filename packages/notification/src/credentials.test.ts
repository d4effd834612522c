import { describe, expect, it } from "vitest";
import auth from "../vectors/syncml-auth.json" with { type: "json" };
import { toBase64 } from "./base64.ts";
import { basicCredential, hmacCredential, md5Credential, serializeHmacHeader } from "./credentials.ts";

function vector(id: string): (typeof auth.vectors)[number] {
  const found = auth.vectors.find((row) => row.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
}

const { user: userName, password, nonce } = vector("syncml-auth-md5");
const credentials = { userName, password, nonce: nonce ?? "" };

describe("SyncML credentials (OMA DM 1.2 Security 5)", () => {
  it("are base64 of user:password for syncml:auth-basic", () => {
    expect(basicCredential(credentials)).toBe(vector("syncml-auth-basic").credDataB64);
  });

  it("are the specification's example for syncml:auth-md5", () => {
    expect(md5Credential(credentials)).toBe(vector("syncml-auth-md5").credDataB64);
    expect(md5Credential({ ...credentials, nonce: new TextEncoder().encode(credentials.nonce) })).toBe(
      vector("syncml-auth-md5").credDataB64,
    );
  });

  it("cover the body for syncml:auth-MAC", () => {
    const { body, macB64 } = vector("x-syncml-hmac");
    const octets = new TextEncoder().encode(body);
    expect(hmacCredential(credentials, octets)).toBe(macB64);
    expect(serializeHmacHeader(credentials, octets)).toBe(`algorithm=MD5, username="Bruce2", mac=${macB64}`);
  });

  it("quote the user name in the header x-syncml-hmac", () => {
    const header = serializeHmacHeader({ ...credentials, userName: String.raw`a"b\c` }, new Uint8Array(0));
    expect(header).toContain(String.raw`username="a\"b\\c"`);
  });
});

describe("base64 (RFC 4648 10)", () => {
  it.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
  ])("of %j is %j", (text, base64) => {
    expect(toBase64(new TextEncoder().encode(text))).toBe(base64);
  });

  it("takes every octet value", () => {
    const octets = Uint8Array.from({ length: 256 }, (_, value) => value);
    expect(toBase64(octets)).toBe(Buffer.from(octets).toString("base64"));
  });
});
