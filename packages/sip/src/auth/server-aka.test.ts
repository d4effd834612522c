import { describe, expect, test } from "vitest";
import { SipHeaders, SipRequest, SipResponse } from "../message/index.ts";
import { VirtualClock } from "../testing/index.ts";
import { fromAkaNonce } from "./aka.ts";
import { akaAlgorithms } from "./aka-algorithms.ts";
import { AuthenticationCentre } from "./authentication-centre.ts";
import { DigestClient } from "./client.ts";
import { parseCredentials, serializeCredentials } from "./credentials.ts";
import { digestAlgorithms } from "./digest.ts";
import { type AkaServerOptions, DigestServer, type DigestServerOptions, type DigestVerdict } from "./server.ts";
import { Usim } from "./usim.ts";

const REALM = "home.test";
const k = "465b5ce8b199b49faa5f0a2ee238a6bc";
const opc = "cd63cb71954a9f4e48a5994e37a02baf";
const subscribers: Readonly<Record<string, string>> = { alice: "alice", "alice@home.test": "alice", eve: "eve" };
const keysOf: Readonly<Record<string, string>> = { alice: k, eve: "00".repeat(16) };

interface Bed {
  readonly clock: VirtualClock;
  readonly sqns: Map<string, number>;
  readonly server: DigestServer;
}

function bed(aka: Partial<AkaServerOptions> = {}, options: Partial<DigestServerOptions> = {}): Bed {
  const clock = new VirtualClock();
  const sqns = new Map<string, number>();
  const source = new AuthenticationCentre({
    subscriber: (username) => {
      const id = subscribers[username];
      return id === undefined ? undefined : { id, k: keysOf[id] ?? "", opc };
    },
    store: sqns,
  });
  const users = (username: string) => (username === "bob" ? { password: "zanzibar" } : undefined);
  return { clock, sqns, server: new DigestServer({ realm: REALM, users, clock, aka: { source, ...aka }, ...options }) };
}

function register(user = "alice", authorization?: string): SipRequest {
  const headers = SipHeaders.of([
    ["From", `<sip:${user}@home.test>;tag=1`],
    ["To", `<sip:${user}@home.test>`],
    ["Call-ID", "c1"],
    ["CSeq", "1 REGISTER"],
  ]);
  if (authorization !== undefined) headers.add("Authorization", authorization);
  return new SipRequest("REGISTER", "sip:home.test", headers, new Uint8Array(0));
}

function octetsIn(nonce: string): [rand: Uint8Array, autn: Uint8Array] {
  const { rand, autn } = fromAkaNonce(nonce) ?? expect.unreachable("no nonce");
  return [rand, autn];
}

const clientOf = (usim: Usim, username = "alice"): DigestClient => new DigestClient({ accounts: [{ username, usim }] });
const phone = (): Usim => new Usim({ k, opc });

async function refusal(server: DigestServer, request: SipRequest, stale = false): Promise<SipResponse> {
  const values = await server.challengeFor(request, { stale });
  return new SipResponse(401, "", SipHeaders.of(values.map((value) => ["WWW-Authenticate", value] as const)));
}

/** What `client` sends after a challenge to `request`. */
async function answer(server: DigestServer, client: DigestClient, request = register()): Promise<SipRequest> {
  return client.authorize(request, await refusal(server, request)) ?? expect.unreachable("the client gave up");
}

function reasonOf(verdict: DigestVerdict): string {
  return verdict.ok ? "ok" : verdict.reason;
}

const credentialsIn = (request: SipRequest) =>
  parseCredentials(request.headers.get("Authorization") ?? "", "Authorization")[0] ?? expect.unreachable("none");

function altered(request: SipRequest, change: object): SipRequest {
  const copy = request.clone();
  copy.headers.set("Authorization", serializeCredentials({ ...credentialsIn(request), ...change }));
  return copy;
}

describe("a USIM at a digest server (RFC 3310, RFC 4169)", () => {
  test.each(akaAlgorithms.map(({ name }) => name))("both prove K to each other with %s", async (name) => {
    const { server } = bed({ algorithms: [name] });
    const verdict = await server.verify(await answer(server, clientOf(phone())));
    expect(verdict).toMatchObject({ ok: true, username: "alice", realm: REALM, algorithm: name });
  });

  test("the keys of the run come with the verdict: CK and IK with AKAv1, masked with AKAv2 (RFC 4169 §2.2)", async () => {
    const lengths = async (name: string): Promise<unknown> => {
      const { server } = bed({ algorithms: [name] });
      const verdict = await server.verify(await answer(server, clientOf(phone())));
      return verdict.ok && [verdict.keys?.ck.length, verdict.keys?.ik.length];
    };
    expect(await lengths("AKAv1-MD5")).toEqual([16, 16]);
    expect(await lengths("AKAv2-SHA-256")).toEqual([32, 32]);
  });

  test("AKAv2 is chosen where both versions are offered (RFC 4169 §4.1)", async () => {
    const { server } = bed({ algorithms: ["AKAv1-MD5", "AKAv2-MD5"] });
    expect(credentialsIn(await answer(server, clientOf(phone()))).algorithm).toBe("AKAv2-MD5");
  });

  test("the same nonce serves the requests that follow, each with a count of its own", async () => {
    const { server } = bed();
    const client = clientOf(phone());
    const first = await answer(server, client);
    expect(reasonOf(await server.verify(first))).toBe("ok");
    const second = client.preauthorize(register());
    expect(credentialsIn(second).nc).toBe("00000002");
    expect(reasonOf(await server.verify(second))).toBe("ok");
    expect(reasonOf(await server.verify(first))).toBe("replayed");
  });

  test("credentials of another subscriber's USIM are refused", async () => {
    const { server } = bed();
    const stranger = new Usim({ k: "ff".repeat(16), opc });
    // It does not even answer: the network cannot know its K.
    const request = register();
    expect(clientOf(stranger).authorize(request, await refusal(server, request))).toBeUndefined();
    const good = await answer(server, clientOf(phone()));
    expect(reasonOf(await server.verify(altered(good, { response: "0".repeat(32) })))).toBe("wrong-password");
  });

  test("who answered is who was challenged, whatever name the credentials have", async () => {
    const { server } = bed();
    const request = register("eve");
    const eve = clientOf(new Usim({ k: "00".repeat(16), opc }), "alice");
    const verdict = await server.verify(await answer(server, eve, request));
    expect(verdict).toMatchObject({ ok: true, username: "eve" });
  });

  test("the name in unanswered credentials tells whom to challenge (RFC 3310 §5.2)", async () => {
    const { server, sqns } = bed();
    const empty = { username: "alice@home.test", realm: REALM, nonce: "", uri: "sip:home.test", response: "" };
    await server.challengeFor(register("somebody", serializeCredentials(empty)));
    expect([...sqns.keys()]).toEqual(["alice"]);
  });

  test("a user with a password gets the other challenges, and answers them at the same server", async () => {
    const { server } = bed();
    const bob = new DigestClient({ accounts: [{ username: "bob", password: "zanzibar" }] });
    const verdict = await server.verify(await answer(server, bob, register("bob")));
    expect(verdict).toMatchObject({ ok: true, username: "bob", algorithm: "SHA-256" });
    expect(await server.challengeFor(register("nobody"))).toHaveLength(2);
  });

  test("an account with a USIM never answers a challenge for passwords (RFC 3310 §5.3), nor the other way round", async () => {
    const { server } = bed();
    const request = register("bob");
    expect(clientOf(phone(), "bob").authorize(request, await refusal(server, request))).toBeUndefined();
    const password = new DigestClient({ accounts: [{ username: "alice", password: "x" }] });
    expect(password.authorize(register(), await refusal(server, register()))).toBeUndefined();
  });

  test("a nonce too old, of another realm, or of nobody is answered by a new challenge", async () => {
    const { server, clock } = bed();
    const good = await answer(server, clientOf(phone()));
    expect(reasonOf(await server.verify(altered(good, { realm: "other.test" })))).toBe("missing");
    expect(reasonOf(await server.verify(altered(good, { nonce: "AAAA" })))).toBe("missing");
    await clock.advance(299_999);
    expect(reasonOf(await server.verify(good))).toBe("ok");
    await clock.advance(1);
    expect(reasonOf(await server.verify(altered(good, { nc: "00000002" })))).toBe("missing");
  });

  test("challenges are remembered up to a bound; past it the oldest can be answered no more", async () => {
    const { server } = bed({}, { maxNonces: 2 });
    const client = clientOf(phone());
    const first = await answer(server, client);
    await server.challengeFor(register());
    await server.challengeFor(register());
    expect(reasonOf(await server.verify(first))).toBe("missing");
  });

  test("an algorithm that is none is said when the server is made", () => {
    expect(() => bed({ algorithms: ["MD5"] })).toThrow(RangeError);
    expect(() => bed({ algorithms: [] })).toThrow(RangeError);
    expect(digestAlgorithms.some(({ aka }) => aka !== undefined)).toBe(false);
  });
});

describe("nextnonce (RFC 7616 §3.5)", () => {
  const accepted = (nonce: string): SipResponse =>
    new SipResponse(200, "", SipHeaders.of([["Authentication-Info", `nextnonce="${nonce}"`]]));
  const nonceIn = (values: readonly string[]): string => /nonce="([^"]+)"/.exec(values[0] ?? "")?.[1] ?? "";

  test("is a challenge of its own, which the USIM answers (RFC 3310 §3.2)", async () => {
    const { server } = bed();
    const client = clientOf(phone());
    const request = await answer(server, client);
    client.accepted(request, accepted(nonceIn(await server.challengeFor(register()))));
    const next = client.preauthorize(register());
    expect(credentialsIn(next).nonce).not.toBe(credentialsIn(request).nonce);
    expect(reasonOf(await server.verify(next))).toBe("ok");
  });

  test.each([
    ["no AKA challenge", () => "n2"],
    ["of another network", () => Buffer.alloc(32, 7).toString("base64")],
    ["an old one", (nonce: string) => nonce],
  ])("%s changes nothing", async (_, nextOf) => {
    const { server } = bed();
    const usim = phone();
    const client = clientOf(usim);
    const old = nonceIn(await server.challengeFor(register()));
    usim.authenticate(...octetsIn(old));
    const request = await answer(server, client);
    client.accepted(request, accepted(nextOf(old)));
    expect(reasonOf(await server.verify(client.preauthorize(register())))).toBe("ok");
  });
});

test("a USIM whose state cannot be saved does not cost the answer that brought nextnonce", async () => {
  const { server } = bed();
  let full = false;
  const save = (): void => {
    if (full) throw new Error("no space left");
  };
  const client = clientOf(new Usim({ k, opc, store: { load: () => undefined, save } }));
  const request = await answer(server, client);
  full = true;
  const [challenge = ""] = await server.challengeFor(register());
  const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1];
  client.accepted(request, new SipResponse(200, "", SipHeaders.of([["Authentication-Info", `nextnonce="${nonce}"`]])));
  expect(reasonOf(await server.verify(client.preauthorize(register())))).toBe("ok");
});

describe("synchronization (RFC 3310 §3.4, TS 33.102 §6.3.5)", () => {
  /** A USIM that has seen more than the server will say. */
  async function ahead(): Promise<Usim> {
    const usim = phone();
    const other = new AuthenticationCentre({ subscriber: () => ({ id: "x", k, opc, sqn: 32 * 5000 }) });
    for (let i = 0; i < 32; i++) {
      const { rand, autn } = (await other.vector("x", "x")) ?? expect.unreachable("no vector");
      usim.authenticate(rand, autn);
    }
    return usim;
  }

  test("AUTS goes out with an empty password, is taken, and the next challenge is answered", async () => {
    const { server } = bed();
    const client = clientOf(await ahead());
    const outOfStep = await answer(server, client);
    expect(credentialsIn(outOfStep).auts).toMatch(/^[A-Za-z0-9+/]{19}=$/);
    expect(reasonOf(await server.verify(outOfStep))).toBe("resynchronized");
    const next = client.authorize(outOfStep, await refusal(server, outOfStep)) ?? expect.unreachable("gave up");
    expect(credentialsIn(next).auts).toBeUndefined();
    expect(next.cseq.seq).toBe(3);
    expect(reasonOf(await server.verify(next))).toBe("ok");
    // And it is the session of later requests.
    expect(reasonOf(await server.verify(client.preauthorize(register())))).toBe("ok");
  });

  test("a client says so once: a server that does not follow is given up", async () => {
    const { server } = bed();
    const client = clientOf(await ahead());
    const outOfStep = await answer(server, client);
    expect(client.authorize(outOfStep, await refusal(server, outOfStep))).toBeUndefined();
  });

  test("credentials with AUTS are not sent along with later requests", async () => {
    const { server } = bed();
    const client = clientOf(await ahead());
    await answer(server, client);
    expect(client.preauthorize(register()).headers.has("Authorization")).toBe(false);
  });

  test("AUTS is taken once, and nobody else's, and only with the right digest", async () => {
    const { server, sqns } = bed();
    const outOfStep = await answer(server, clientOf(await ahead()));
    const before = sqns.get("alice");
    const forged = Buffer.alloc(14, 1).toString("base64");
    expect(reasonOf(await server.verify(altered(outOfStep, { auts: "AAAA" })))).toBe("malformed");
    expect(reasonOf(await server.verify(altered(outOfStep, { auts: "*" })))).toBe("malformed");
    expect(reasonOf(await server.verify(altered(outOfStep, { response: "0".repeat(32) })))).toBe("wrong-password");
    expect(sqns.get("alice")).toBe(before);
    expect(reasonOf(await server.verify(outOfStep))).toBe("resynchronized");
    expect(reasonOf(await server.verify(outOfStep))).toBe("missing");
    const again = await answer(server, clientOf(await ahead()), register());
    // The server is in step with that USIM now.
    expect(credentialsIn(again).auts).toBeUndefined();
    expect(reasonOf(await server.verify(altered(again, { auts: forged })))).toBe("wrong-password");
  });

  test("a forged AUTS with the digest of an empty password does not move the server", async () => {
    const { server, sqns } = bed();
    const stranger = clientOf(await ahead());
    const outOfStep = await answer(server, stranger);
    const before = sqns.get("alice");
    // The digest does not cover AUTS, so anybody on the way can change it.
    const forged = altered(outOfStep, { auts: Buffer.alloc(14, 1).toString("base64") });
    expect(reasonOf(await server.verify(forged))).toBe("wrong-password");
    expect(sqns.get("alice")).toBe(before);
  });

  test("a forged AUTS does not end the challenge that others may answer, or have answered", async () => {
    const { server } = bed();
    const client = clientOf(phone());
    const answered = await answer(server, client);
    expect(reasonOf(await server.verify(answered))).toBe("ok");
    const { nonce, realm } = credentialsIn(answered);
    // Everybody knows the empty password; the nonce was on the way.
    const challenge = new SipResponse(
      401,
      "",
      SipHeaders.of([["WWW-Authenticate", `Digest realm="${realm}", nonce="${nonce}"`]]),
    );
    const stranger = new DigestClient({ accounts: [{ username: "alice", password: "" }] });
    const empty = stranger.authorize(register(), challenge) ?? expect.unreachable("gave up");
    const forged = altered(empty, { algorithm: "AKAv1-MD5", auts: Buffer.alloc(14, 1).toString("base64") });
    expect(reasonOf(await server.verify(forged))).toBe("wrong-password");
    expect(reasonOf(await server.verify(client.preauthorize(register())))).toBe("ok");
  });
});
