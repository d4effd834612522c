import type { IncomingMessage } from "node:http";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Authenticator } from "./authenticator.ts";
import { clientFinder } from "./clients.ts";
import { namesIn, parseAuthorization } from "./credentials.ts";
import { networkOf } from "./failure-throttle.ts";
import { hashPassword, sha256Hex } from "./secrets.ts";
import { authority, certificate } from "./testdata/certificates.ts";
import { type Asking, FrontRig, initiator, post, TOKEN } from "./testdata/front-rig.ts";

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
const password = { sha256: sha256Hex("geheim") };

/** A request as the authenticator looks at it. */
const from = (remoteAddress: string, authorization?: string): IncomingMessage =>
  ({ socket: { remoteAddress }, headers: { authorization } }) as unknown as IncomingMessage;

describe("authentication of push initiators", () => {
  const clock = new VirtualClock();
  const make = (...initiators: ReturnType<typeof initiator>[]): Authenticator =>
    new Authenticator(initiators, { clock, allowPlain: false });

  it.each([
    ["a password that was hashed", async () => ({ scrypt: await hashPassword("päss:wörd") })],
    ["one whose SHA-256 is kept", async () => ({ sha256: sha256Hex("päss:wörd") })],
  ])("Basic: %s (RFC 7617)", async (_, verifier) => {
    const authenticator = make(initiator({ password: await verifier(), tokens: [] }));
    const results = [
      await authenticator.authenticate(from("127.0.0.1", basic("calendar", "päss:wörd"))),
      await authenticator.authenticate(from("127.0.0.1", basic("calendar", "päss"))),
      await authenticator.authenticate(from("127.0.0.1", basic("nobody", "päss:wörd"))),
      await authenticator.authenticate(from("127.0.0.1", basic("calendar", ""))),
    ];
    expect(results.map(({ result }) => result)).toEqual([
      "authenticated",
      "unauthenticated",
      "unauthenticated",
      "unauthenticated",
    ]);
    expect(results[0]).toMatchObject({ initiator: { name: "calendar" } });
  });

  it("knows verified credentials at once the next time, without the cost of their check", async () => {
    const authenticator = make(initiator({ password }));
    const request = from("127.0.0.1", basic("calendar", "geheim"));
    const first = authenticator.authenticate(request);
    expect(first).toBeInstanceOf(Promise);
    expect(authenticator.authenticate(request)).toBeInstanceOf(Promise); // joins the first
    await first;
    expect(authenticator.authenticate(request)).toMatchObject({ result: "authenticated" });
  });

  it("Bearer: one of several tokens (RFC 6750)", () => {
    const tokens = ["first-token", "second-token"].map((each) => ({ sha256: sha256Hex(each) }));
    const authenticator = make(initiator({ tokens }), initiator({ name: "mail" }));
    const result = (field: string) => authenticator.authenticate(from("::1", field));
    expect(result("Bearer second-token")).toMatchObject({ initiator: { name: "calendar" } });
    expect(result(`bearer ${TOKEN}`)).toMatchObject({ initiator: { name: "mail" } });
    expect(result("Bearer third-token")).toEqual({ result: "unauthenticated" });
    expect(result("Digest username=calendar")).toEqual({ result: "unauthenticated" });
    expect(authenticator.authenticate(from("::1"))).toEqual({ result: "unauthenticated" });
  });

  it("takes no credentials in the clear from other machines, unless it is told to", () => {
    const request = from("192.0.2.1", `Bearer ${TOKEN}`);
    expect(make(initiator()).authenticate(request)).toEqual({ result: "insecure" });
    const trusting = new Authenticator([initiator()], { clock, allowPlain: true });
    expect(trusting.authenticate(request)).toMatchObject({ result: "authenticated" });
    expect(make(initiator()).authenticate(from("::ffff:127.0.0.1", `Bearer ${TOKEN}`))).toMatchObject({
      result: "authenticated",
    });
  });

  it("slows down who guesses, not who is known already, and forgives with time", async () => {
    const own = new VirtualClock();
    const authenticator = new Authenticator(
      [initiator(), initiator({ name: "mail", tokens: [{ sha256: sha256Hex("m") }] })],
      {
        clock: own,
        allowPlain: true,
      },
    );
    const guess = (token: string) => authenticator.authenticate(from("192.0.2.1", `Bearer ${token}`));
    expect(guess(TOKEN)).toMatchObject({ result: "authenticated" });
    for (let each = 0; each < 10; each++) expect(guess(`wrong-${each}`)).toEqual({ result: "unauthenticated" });
    expect(guess("wrong-11")).toEqual({ result: "unauthenticated" });
    expect(guess("m")).toEqual({ result: "slowedDown", retryAfterSeconds: 1 });
    expect(guess(TOKEN)).toMatchObject({ result: "authenticated" });
    expect(authenticator.authenticate(from("192.0.2.2", "Bearer m"))).toMatchObject({ result: "authenticated" });
    await own.advance(1_000);
    expect(guess("wrong-12")).toEqual({ result: "unauthenticated" });
    expect(guess("wrong-13")).toEqual({ result: "slowedDown", retryAfterSeconds: 2 });
    await own.advance(600_001);
    expect(guess("wrong-14")).toEqual({ result: "unauthenticated" });
    expect(guess("wrong-15")).toEqual({ result: "unauthenticated" });
  });

  it("behind a trusted proxy tells clients apart, and takes credentials that came to it over TLS (RFC 7239)", () => {
    const clientOf = clientFinder(["10.0.0.1"]);
    const authenticator = new Authenticator([initiator()], { clock, allowPlain: false, clientOf });
    const ask = (remoteAddress: string, token: string, forwardedFor: string, proto = "https") => {
      const request = from(remoteAddress, `Bearer ${token}`);
      Object.assign(request.headers, { "x-forwarded-for": forwardedFor, "x-forwarded-proto": proto });
      return authenticator.authenticate(request);
    };
    const forged = (each: number) => ask("10.0.0.1", `wrong-${each}`, `198.51.100.${each}, 192.0.2.1`);
    for (let each = 0; each < 11; each++) expect(forged(each)).toEqual({ result: "unauthenticated" });
    expect(forged(12)).toMatchObject({ result: "slowedDown" });
    expect(ask("10.0.0.1", "mistyped", "192.0.2.2")).toEqual({ result: "unauthenticated" });
    expect(ask("10.0.0.1", TOKEN, "192.0.2.2", "http")).toEqual({ result: "insecure" });
    expect(ask("10.0.0.2", TOKEN, "192.0.2.2")).toEqual({ result: "insecure" });
    expect(ask("10.0.0.1", TOKEN, "192.0.2.2")).toMatchObject({ result: "authenticated" });
  });

  it("does not queue passwords to check without bound", async () => {
    const authenticator = make(initiator({ password }));
    const all = Array.from({ length: 100 }, async (_, each) =>
      authenticator.authenticate(from("127.0.0.1", basic("x", `${each}`))),
    );
    const results = await Promise.all(all);
    expect(results.filter(({ result }) => result === "busy")).toHaveLength(66);
    expect(results.filter(({ result }) => result === "unauthenticated")).toHaveLength(34);
  }, 60_000);

  it.each([
    ["a password that is no hash", { password: { scrypt: "geheim" } }],
    [
      "a hash that needs gigabytes",
      { password: { scrypt: `scrypt$ln=30,r=8,p=1$${"a".repeat(22)}$${"a".repeat(43)}` } },
    ],
    ["a token that is no digest", { tokens: [{ sha256: "geheim" }] }],
  ])("refuses to start with %s", (_, changes) => {
    expect(() => make(initiator(changes))).toThrow(expect.objectContaining({ code: "FRONT_BAD_OPTION" }));
  });
});

describe("over HTTP", () => {
  let rig: FrontRig;
  beforeEach(() => {
    rig = new FrontRig();
  });
  afterEach(() => rig.close());

  it("challenges with both schemes, and 2001 (RFC 9110 §11.6.1)", async () => {
    const front = await rig.open({ realm: 'a "realm"' });
    const answer = await post(front.addresses[0]?.url ?? "", { headers: {} });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe(
      'Basic realm="a \\"realm\\"", charset="UTF-8", Bearer realm="a \\"realm\\""',
    );
    expect(answer.text).toContain('code="2001"');
    expect(front.stats.refused.unauthenticated).toBe(1);
    expect(rig.service.requests).toEqual([]);
  });

  it("tells initiators apart", async () => {
    const front = await rig.open({ initiators: [initiator(), initiator({ name: "mail", tokens: [], password })] });
    const url = front.addresses[0]?.url ?? "";
    await post(url, { headers: { authorization: basic("mail", "geheim") } });
    await post(url);
    expect(rig.service.requests.map((each) => each.initiator.name)).toEqual(["mail", "calendar"]);
  });

  describe("client certificates (RFC 5922 §7.1: names in subjectAltName)", () => {
    const { cert, key } = certificate("server");
    const tls = { certificate: cert, key, clientCa: authority };
    const ask = async (clientCertificates: "ask" | "require", asking: Asking) => {
      const front = await rig.open({
        listen: [{ secure: true, host: "127.0.0.1", port: 0 }],
        tls: { ...tls, clientCertificates },
        initiators: [initiator({ certificates: ["calendar.example.test"] })],
      });
      const result = post(front.addresses[0]?.url ?? "", { ca: authority, headers: {}, ...asking });
      return result.then(({ status }) => status).catch((error: Error & { code?: string }) => error.code);
    };

    it("are enough by themselves", async () => {
      expect(await ask("ask", certificate("calendar"))).toBe(202);
      expect(await ask("require", certificate("calendar"))).toBe(202);
    });

    it("of a name that nobody has, of a stranger, or none: 401 where they are asked for", async () => {
      expect(await ask("ask", certificate("unknown"))).toBe(401);
      expect(await ask("ask", certificate("untrusted"))).toBe(401);
      expect(await ask("ask", {})).toBe(401);
      expect(await ask("ask", { headers: { authorization: `Bearer ${TOKEN}` } })).toBe(202);
    });

    it("are required where they are", async () => {
      const token = { headers: { authorization: `Bearer ${TOKEN}` } };
      expect(await ask("require", token)).toMatch(/^(?:ERR_SSL|ECONNRESET|EPIPE)/);
      expect(await ask("require", { ...token, ...certificate("untrusted") })).toMatch(/^(?:ERR_SSL|ECONNRESET|EPIPE)/);
      expect(await ask("require", { ...token, ...certificate("unknown") })).toBe(202);
    });

    it("stand back behind an Authorization field, which must be right", async () => {
      const wrong = { headers: { authorization: "Bearer wrong" } };
      expect(await ask("ask", { ...certificate("calendar"), ...wrong })).toBe(401);
    });
  });
});

describe("names and credentials", () => {
  it.each([
    ["DNS:a.example, DNS:B.example", ["a.example", "b.example"]],
    ["URI:sip:pi.example, IP Address:192.0.2.1", ["sip:pi.example", "pi.example"]],
    ["URI:https://pi.example/x, email:a@b.example", ["https://pi.example/x"]],
    ["URI:sip:user@pi.example", ["sip:user@pi.example"]],
    ['DNS:"a.example, DNS:evil.example"', ["a.example, dns:evil.example"]],
    ['DNS:a.example, DNS:"broken', []],
    ["", []],
  ])("in %j are %j", (text, names) => {
    expect(namesIn(text)).toEqual(names);
  });

  it.each([
    [basic("a", "b:c"), { scheme: "basic", user: "a", password: "b:c" }],
    ["BEARER a.b-c_d~e+f/g==", { scheme: "bearer", token: "a.b-c_d~e+f/g==" }],
    ["Basic Zm9v", { scheme: "unknown" }],
    ["Basic", { scheme: "unknown" }],
    ["Bearer a b", { scheme: "unknown" }],
    ["", { scheme: "unknown" }],
  ])("%j is %j", (field, credentials) => {
    expect(parseAuthorization(field)).toEqual(credentials);
  });

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["2001:0db8:0:0:9:9:9:9", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["", ""],
  ])("the network of %s is %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
