import { expect, test, vi } from "vitest";
import { SipHeaders, SipRequest, SipResponse } from "../message/index.ts";
import { DigestClient } from "./client.ts";
import { digestHa1 } from "./digest.ts";
import { type DigestSecret, DigestServer } from "./server.ts";

const counted = vi.hoisted(() => ({ hashes: 0 }));

vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  const hash = ((...args: Parameters<typeof crypto.hash>) => {
    counted.hashes++;
    return crypto.hash(...args);
  }) as typeof crypto.hash;
  return { ...crypto, hash };
});

const ha1 = { MD5: digestHa1("MD5", "bob", "biloxi.com", "zanzibar") };

test.each([
  ["passwords", { password: "zanzibar" }],
  ["H(A1)", { ha1 }],
] as Array<[string, DigestSecret]>)(
  "an unknown user costs the same hashing as a wrong password, with %s",
  async (_, secret) => {
    const users = (name: string): DigestSecret | undefined => (name === "bob" ? secret : undefined);
    const server = new DigestServer({ realm: "biloxi.com", algorithms: ["MD5"], users });
    const attempt = async (username: string, password: string): Promise<[number, string]> => {
      const request = new SipRequest(
        "MESSAGE",
        "sip:a@biloxi.com",
        SipHeaders.of([
          ["To", "<sip:a@biloxi.com>"],
          ["Call-ID", "c"],
          ["CSeq", "1 MESSAGE"],
        ]),
      );
      const [value = ""] = server.challenge(request);
      const response = new SipResponse(401, "", SipHeaders.of([["WWW-Authenticate", value]]));
      const client = new DigestClient({ accounts: [{ username, password }] });
      const next = client.authorize(request, response) ?? expect.unreachable();
      const before = counted.hashes;
      const verdict = await server.verify(next);
      return [counted.hashes - before, verdict.ok ? "ok" : verdict.reason];
    };
    const [right] = await attempt("bob", "zanzibar");
    expect(right).toBeGreaterThan(0);
    expect(await attempt("bob", "guess")).toEqual([right, "wrong-password"]);
    expect(await attempt("eve", "guess")).toEqual([right, "unknown-user"]);
  },
);
