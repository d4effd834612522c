import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SipHeaders, SipRequest, SipResponse } from "../message/index.ts";
import { VirtualClock } from "../testing/index.ts";
import { DigestClient } from "./client.ts";
import { parseCredentials, serializeCredentials } from "./credentials.ts";
import { digestHa1 } from "./digest.ts";
import { type DigestSecret, DigestServer, type DigestServerOptions } from "./server.ts";

const users: Readonly<Record<string, string>> = { bob: "zanzibar", "J\u00e4s\u00f8n": "p\u00e4ss" };

function newServer(options: Partial<DigestServerOptions> = {}): DigestServer {
  return new DigestServer({
    realm: "biloxi.com",
    users: (username) => (Object.hasOwn(users, username) ? { password: users[username] as string } : undefined),
    clock: new VirtualClock(),
    ...options,
  });
}

function message(to = "sip:alice@biloxi.com"): SipRequest {
  const headers = SipHeaders.of([
    ["From", "<sip:bob@biloxi.com>;tag=1"],
    ["To", `<${to}>`],
    ["Call-ID", "c1"],
    ["CSeq", "1 MESSAGE"],
  ]);
  return new SipRequest("MESSAGE", to, headers, Buffer.from("hello"));
}

function refusal(server: DigestServer, request: SipRequest, stale = false): SipResponse {
  const fields = server.challenge(request, { stale }).map((value) => [server.challengeHeader, value] as const);
  return new SipResponse(server.statusCode, "", SipHeaders.of(fields));
}

function newClient(username = "bob", password: string = users[username] ?? ""): DigestClient {
  return new DigestClient({ accounts: [{ username, password }] });
}

/** A request that answers a fresh challenge of `server`. */
function answered(server: DigestServer, client: DigestClient = newClient(), request = message()): SipRequest {
  return client.authorize(request, refusal(server, request)) ?? expect.unreachable("the client gave up");
}

/** The same request with other credentials. */
function altered(request: SipRequest, change: (value: string) => string): SipRequest {
  const copy = request.clone();
  copy.headers.set("Authorization", change(copy.headers.get("Authorization") ?? ""));
  return copy;
}

const ok = { ok: true, username: "bob", realm: "biloxi.com" };

describe("DigestServer.challenge", () => {
  test("offers one algorithm per field, best first, always with qop (RFC 8760 §2.3, §2.6 (8))", () => {
    const values = newServer().challenge(message());
    expect(values.map((value) => /algorithm=([^,]+)/.exec(value)?.[1])).toEqual(["SHA-256", "MD5"]);
    for (const value of values) expect(value).toMatch(/^Digest realm="biloxi\.com", nonce="[\w-]{43}".*, qop="auth"$/);
  });

  test("is 401 with WWW-Authenticate for a UAS and 407 with Proxy-Authenticate for a proxy (RFC 3261 §22.1)", () => {
    const { statusCode, challengeHeader } = newServer();
    expect([statusCode, challengeHeader]).toEqual([401, "WWW-Authenticate"]);
    const proxy = newServer({ side: "proxy" });
    expect([proxy.statusCode, proxy.challengeHeader]).toEqual([407, "Proxy-Authenticate"]);
  });

  test("says stale when told so, and gives a new nonce each time", () => {
    const server = newServer({ algorithms: ["MD5"] });
    expect(server.challenge(message(), { stale: true })[0]).toContain(", stale=true");
    const nonces = new Set(Array.from({ length: 100 }, () => server.challenge(message())[0]));
    expect(nonces.size).toBe(100);
  });

  test("takes the realm from the request where a server has several", () => {
    const realm = (request: SipRequest): string => (request.uri.scheme === "sip" ? request.uri.host : "none");
    expect(newServer({ realm }).challenge(message("sip:a@two.example"))[0]).toContain('realm="two.example"');
  });

  test("refuses to be built with no algorithm or one it does not know", () => {
    expect(() => newServer({ algorithms: [] })).toThrow(RangeError);
    expect(() => newServer({ algorithms: ["AKAv1-MD5"] })).toThrow(RangeError);
  });
});

describe("DigestServer.verify", () => {
  test.each(["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"])(
    "accepts the right password with %s",
    async (algorithm) => {
      const server = newServer({ algorithms: [algorithm] });
      expect(await server.verify(answered(server))).toEqual({ ...ok, algorithm });
    },
  );

  test.each(["uas", "proxy"] as const)("accepts in the header field of its side: %s", async (side) => {
    const server = newServer({ side });
    const other = newServer({ side: side === "uas" ? "proxy" : "uas" });
    const request = answered(server);
    expect(await server.verify(request)).toMatchObject(ok);
    expect(await other.verify(request)).toEqual({ ok: false, reason: "missing" });
  });

  test("accepts auth-int when it was offered, and sees a changed body", async () => {
    const server = newServer({ qop: ["auth-int"] });
    const request = answered(server);
    const changed = new SipRequest(request.method, request.requestUri, request.headers, Buffer.from("hullo"));
    expect(await server.verify(changed)).toEqual({ ok: false, reason: "wrong-password" });
    expect(await server.verify(request)).toMatchObject(ok);
  });

  test("accepts names and passwords beyond ASCII, and looks them up as Unicode", async () => {
    const server = newServer();
    const request = answered(server, newClient("J\u00e4s\u00f8n"));
    expect(await server.verify(request)).toMatchObject({ ok: true, username: "J\u00e4s\u00f8n" });
    const escaped = altered(request, (value) => value.replace(/username="[^"]*"/, "username*=UTF-8''J%C3%A4s%C3%B8n"));
    expect(await newServer().verify(escaped)).toMatchObject({ ok: false, reason: "stale" });
  });

  test("accepts users known by H(A1) for the hash in use, in any case, from an asynchronous lookup", async () => {
    const ha1 = { MD5: digestHa1("MD5", "bob", "biloxi.com", "zanzibar").toUpperCase() };
    const lookup = async (): Promise<DigestSecret> => ({ ha1 });
    const md5 = newServer({ users: lookup, algorithms: ["MD5"] });
    expect(await md5.verify(answered(md5))).toMatchObject(ok);
    const sess = newServer({ users: lookup, algorithms: ["MD5-sess"] });
    expect(await sess.verify(answered(sess))).toMatchObject(ok);
    const sha = newServer({ users: lookup, algorithms: ["SHA-256"] });
    expect(await sha.verify(answered(sha))).toEqual({ ok: false, reason: "wrong-password" });
  });

  test("rejects with what the lookup rejects with", async () => {
    const server = newServer({ users: () => Promise.reject(new Error("user base is down")) });
    await expect(server.verify(answered(server))).rejects.toThrow("user base is down");
  });

  test.each([
    ["no credentials", (): string => "Bearer abc", "missing"],
    ["another realm", (value: string) => value.replace('realm="biloxi.com"', 'realm="elsewhere"'), "missing"],
    ["an algorithm that was not offered", (value: string) => value.replace("SHA-256", "SHA-512-256"), "missing"],
    ["an empty nonce (RFC 8760 §2.7)", (value: string) => value.replace(/nonce="[^"]{43}"/, 'nonce=""'), "missing"],
    ["an unknown user", (value: string) => value.replace('"bob"', '"eve"'), "unknown-user"],
    ["a property of every object", (value: string) => value.replace('"bob"', '"constructor"'), "unknown-user"],
    ["a wrong digest", (value: string) => value.replace(/response="."?/, 'response="f0'), "wrong-password"],
    ["an empty digest", (value: string) => value.replace(/response="[^"]*"/, 'response=""'), "wrong-password"],
    ["a count that was not signed", (value: string) => value.replace("nc=00000001", "nc=00000002"), "wrong-password"],
    ["qop not offered", (value: string) => value.replace("qop=auth", "qop=auth-int"), "malformed"],
    ["no response", (value: string) => value.replace(/response="[^"]*", /, ""), "malformed"],
    ["the URI of somebody else", (value: string) => value.replace("alice", "carol"), "malformed"],
    [
      "the host of somebody else",
      (value: string) => value.replace("sip:alice@biloxi.com", "sip:atlanta.com"),
      "malformed",
    ],
    ["a URI that is none", (value: string) => value.replace("sip:alice@biloxi.com", "alice"), "malformed"],
  ])("refuses %s", async (_, change, reason) => {
    const server = newServer();
    const request = altered(answered(server), change);
    expect(await server.verify(request)).toEqual({ ok: false, reason });
  });

  test("refuses a wrong password whatever the algorithm", async () => {
    for (const algorithm of ["MD5", "SHA-256", "SHA-512-256"]) {
      const server = newServer({ algorithms: [algorithm] });
      const request = answered(server, newClient("bob", "tanzania"));
      expect(await server.verify(request)).toEqual({ ok: false, reason: "wrong-password" });
    }
  });

  test("finds its realm among several credentials, in one field or many (RFC 3261 §22.3)", async () => {
    const server = newServer();
    const other = 'Digest username="bob", realm="atlanta.com", nonce="n", uri="sip:a@b", response="00"';
    const before = answered(server);
    before.headers.prepend("Authorization", other);
    expect(await server.verify(before)).toMatchObject(ok);
    const joined = altered(answered(server), (value) => `${other}, ${value}`);
    expect(await server.verify(joined)).toMatchObject(ok);
    const flawed = answered(server);
    flawed.headers.prepend("Authorization", 'Digest realm="biloxi.com');
    expect(await server.verify(flawed)).toMatchObject(ok);
  });

  test("looks at no more than four credentials for its realm", async () => {
    let lookups = 0;
    const nobody = (): undefined => {
      lookups++;
    };
    const server = newServer({ users: nobody });
    const request = answered(server);
    const value = request.headers.get("Authorization") ?? "";
    for (let i = 0; i < 20; i++) request.headers.add("Authorization", value);
    expect(await server.verify(request)).toEqual({ ok: false, reason: "unknown-user" });
    expect(lookups).toBe(4);
  });

  test("accepts a request retargeted on the way, when the URI is the one in To (RFC 8760 §2.6 (6))", async () => {
    const server = newServer();
    const request = answered(server);
    request.requestUri = "sip:alice@192.0.2.4:5070;transport=tcp";
    expect(await server.verify(request)).toMatchObject(ok);
    const strict = newServer({
      acceptsUri: (uri, { requestUri }) => uri.scheme === "sip" && requestUri.endsWith(uri.host),
    });
    const moved = answered(strict);
    moved.requestUri = "sip:alice@192.0.2.4";
    expect(await strict.verify(moved)).toEqual({ ok: false, reason: "malformed" });
    expect(await strict.verify(answered(strict))).toMatchObject(ok);
  });

  test("accepts a URI that names no user, on the host of the request, as SIPp writes it", async () => {
    const server = newServer();
    const client = newClient();
    const bare = message("sip:biloxi.com:5060");
    const request = answered(server, client, bare);
    request.requestUri = "sip:alice@biloxi.com";
    request.headers.set("To", "<sip:alice@biloxi.com>");
    expect(await server.verify(request)).toMatchObject(ok);
  });

  test("serves a client of RFC 2069 with nonces that are good for once (RFC 3261 §22.4)", async () => {
    const server = newServer({ algorithms: ["MD5"] });
    const request = message();
    const legacy = server.challenge(request)[0]?.replace(', qop="auth"', "") ?? "";
    const response = new SipResponse(401, "", SipHeaders.of([["WWW-Authenticate", legacy]]));
    const client = newClient();
    const next = client.authorize(request, response) ?? expect.unreachable();
    expect(await server.verify(next)).toMatchObject(ok);
    expect(await server.verify(client.preauthorize(message()))).toEqual({ ok: false, reason: "replayed" });
  });

  test("nothing but a verdict comes out of any credentials", async () => {
    const server = newServer();
    const value = answered(server).headers.get("Authorization") ?? "";
    const octets = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)) });
    const mutation = fc.tuple(fc.nat(value.length), fc.nat(20), octets);
    const property = fc.asyncProperty(mutation, async ([at, cut, insert]) => {
      const text = value.slice(0, at) + insert + value.slice(at + cut);
      const request = message();
      request.headers.set("Authorization", text);
      const verdict = await server.verify(request);
      expect(["missing", "malformed", "unknown-user", "wrong-password", "stale", "replayed", undefined]).toContain(
        verdict.ok ? undefined : verdict.reason,
      );
    });
    await fc.assert(property, { numRuns: 500 });
  });
});

describe("replay protection (RFC 7616 §3.4, §5.4)", () => {
  test("a request heard twice is a replay, also with another Call-ID", async () => {
    const server = newServer();
    const request = answered(server);
    expect(await server.verify(request)).toMatchObject(ok);
    const again = request.clone();
    again.headers.set("Call-ID", "c2");
    expect(await server.verify(again)).toEqual({ ok: false, reason: "replayed" });
  });

  test("one nonce serves many requests, also when they overtake each other by up to 31", async () => {
    const server = newServer();
    const client = newClient();
    const requests = [answered(server, client), ...Array.from({ length: 39 }, () => client.preauthorize(message()))];
    const order = [0, 39, 8, 32, 9, 38, 20];
    for (const at of order) expect(await server.verify(requests[at] as SipRequest)).toMatchObject(ok);
    for (const at of [...order, 7]) {
      expect(await server.verify(requests[at] as SipRequest)).toEqual({ ok: false, reason: "replayed" });
    }
  });

  test("a wrong digest uses no count up", async () => {
    const server = newServer();
    const request = answered(server);
    await server.verify(altered(request, (value) => value.replace(/response="[^"]*"/, `response="${"0".repeat(64)}"`)));
    expect(await server.verify(request)).toMatchObject(ok);
  });

  test("a nonce is good for 300 seconds and stale from then on", async () => {
    const clock = new VirtualClock();
    const server = newServer({ clock });
    const client = newClient();
    const first = answered(server, client);
    await clock.advance(299_999);
    expect(await server.verify(first)).toMatchObject(ok);
    const late = client.preauthorize(message());
    await clock.advance(1);
    expect(await server.verify(late)).toEqual({ ok: false, reason: "stale" });
    const next = client.authorize(late, refusal(server, late, true)) ?? expect.unreachable();
    expect(await server.verify(next)).toMatchObject(ok);
  });

  test("stale is said only to who knows the password", async () => {
    const clock = new VirtualClock();
    const server = newServer({ clock, nonceLifetimeSeconds: 10 });
    const request = answered(server, newClient("bob", "tanzania"));
    await clock.advance(60_000);
    expect(await server.verify(request)).toEqual({ ok: false, reason: "wrong-password" });
  });

  test("a nonce of another server, or made up, is stale", async () => {
    const nonceSecret = new Uint8Array(32).fill(7);
    const server = newServer({ nonceSecret });
    const twin = newServer({ nonceSecret });
    const request = answered(server);
    expect(await twin.verify(request)).toMatchObject(ok);
    expect(await newServer().verify(request)).toEqual({ ok: false, reason: "stale" });

    const [credentials = expect.unreachable()] = parseCredentials(request.headers.get("Authorization") ?? "", "A");
    const [first = ""] = credentials.nonce;
    const changed = `${first === "A" ? "B" : "A"}${credentials.nonce.slice(1)}`;
    for (const nonce of ["n", changed, `${credentials.nonce}=`, "A".repeat(43)]) {
      const forged = message();
      const response = new SipResponse(
        401,
        "",
        SipHeaders.of([["WWW-Authenticate", `Digest realm="biloxi.com", nonce="${nonce}", qop="auth", algorithm=MD5`]]),
      );
      const next = newClient().authorize(forged, response) ?? expect.unreachable();
      expect(await server.verify(next)).toEqual({ ok: false, reason: "stale" });
    }
  });

  test("a nonce handed out for one realm is stale in another, also where both share the secret", async () => {
    const nonceSecret = new Uint8Array(32).fill(7);
    const [server, other] = [newServer({ nonceSecret }), newServer({ nonceSecret, realm: "atlanta.com" })];
    const value = other.challenge(message())[0]?.replace("atlanta.com", "biloxi.com") ?? "";
    const response = new SipResponse(401, "", SipHeaders.of([["WWW-Authenticate", value]]));
    const next = newClient().authorize(message(), response) ?? expect.unreachable();
    expect(await server.verify(next)).toEqual({ ok: false, reason: "stale" });
  });

  test("nonces pushed out of a full table are stale, so that their counts cannot be used again", async () => {
    const clock = new VirtualClock();
    const server = newServer({ clock, maxNonces: 2 });
    const requests: SipRequest[] = [];
    for (let i = 0; i < 3; i++) {
      requests.push(answered(server));
      await clock.advance(1000);
    }
    for (const request of requests) expect(await server.verify(request)).toMatchObject(ok);
    expect(await server.verify(requests[0] as SipRequest)).toEqual({ ok: false, reason: "stale" });
    expect(await server.verify(requests[2] as SipRequest)).toEqual({ ok: false, reason: "replayed" });
  });

  test("each count is accepted once, whatever the order (property)", async () => {
    const server = newServer();
    const client = newClient();
    const requests = [answered(server, client), ...Array.from({ length: 63 }, () => client.preauthorize(message()))];
    const accepted = new Set<number>();
    const property = fc.asyncProperty(fc.nat(63), async (at) => {
      const verdict = await server.verify(requests[at] as SipRequest);
      expect(verdict.ok && accepted.has(at)).toBe(false);
      if (verdict.ok) accepted.add(at);
    });
    await fc.assert(property, { numRuns: 300 });
    expect(accepted.size).toBeGreaterThan(0);
  });
});

describe("DigestClient and DigestServer", () => {
  test("credentials written by our client are those our server reads back", async () => {
    const server = newServer();
    const value = answered(server).headers.get("Authorization") ?? "";
    const [credentials = expect.unreachable()] = parseCredentials(value, "Authorization");
    expect(serializeCredentials(credentials)).toBe(value);
  });
});
