import { describe, expect, test } from "vitest";
import { SipHeaders, SipRequest, SipResponse } from "../message/index.ts";
import { authSides } from "./challenge.ts";
import { DigestClient, type DigestClientOptions } from "./client.ts";
import { type DigestCredentials, parseCredentials } from "./credentials.ts";
import { type DigestAccount, digestAlgorithms, digestHa1, digestResponse, findAlgorithm, type Qop } from "./digest.ts";

const accounts = [{ username: "bob", password: "zanzibar" }];

function newClient(options: Partial<DigestClientOptions> = {}): DigestClient {
  return new DigestClient({ accounts, newCnonce: () => "0a4f113b", ...options });
}

function message(fields: Array<[string, string]> = [], to = "sip:alice@biloxi.com", method = "MESSAGE"): SipRequest {
  const headers = SipHeaders.of([
    ["Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx"],
    ["From", "<sip:bob@biloxi.com>;tag=1"],
    ["To", `<${to}>`],
    ["Call-ID", "c1"],
    ["CSeq", `7 ${method}`],
    ...fields,
  ]);
  return new SipRequest(method, to, headers, Buffer.from("body"));
}

function refusal(...values: string[]): SipResponse {
  return new SipResponse(401, "Unauthorized", SipHeaders.of(values.map((value) => ["WWW-Authenticate", value])));
}

function proxyRefusal(...values: string[]): SipResponse {
  return new SipResponse(407, "", SipHeaders.of(values.map((value) => ["Proxy-Authenticate", value])));
}

function challenge(nonce: string, extra = "", realm = "biloxi.com"): string {
  return `Digest realm="${realm}", nonce="${nonce}", qop="auth"${extra}`;
}

function sent(request: SipRequest | undefined, side: "uas" | "proxy" = "uas"): DigestCredentials[] {
  const name = authSides[side].credentials;
  return request?.headers.getAll(name).flatMap((value) => parseCredentials(value, name)) ?? [];
}

/** What a server that knows the password would compute. */
function expected(
  request: SipRequest,
  credentials: DigestCredentials,
  username = "bob",
  password = "zanzibar",
): string {
  const algorithm = findAlgorithm(credentials.algorithm);
  if (algorithm === undefined) throw new Error("unknown algorithm");
  const { nonce, nc, cnonce, uri, realm } = credentials;
  const ha1 = digestHa1(algorithm.hash, username, realm, password);
  const qop = credentials.qop as Qop | undefined;
  return digestResponse({ algorithm, ha1, nonce, method: request.method, uri, qop, nc, cnonce, body: request.body });
}

describe("DigestClient.authorize", () => {
  test("re-originates the request with credentials, CSeq one higher, no top Via (RFC 3261 §22.2)", () => {
    const request = message();
    const next = newClient().authorize(request, refusal(challenge("n1", ', opaque="5ccc", algorithm=MD5')));
    expect(next?.cseq).toEqual({ seq: 8, method: "MESSAGE" });
    expect(next?.callId).toBe("c1");
    expect(next?.headers.get("From")).toBe(request.headers.get("From"));
    expect(next?.headers.has("Via")).toBe(false);
    expect(next?.body).toBe(request.body);
    expect(request.cseq.seq).toBe(7);
    expect(request.headers.has("Authorization")).toBe(false);
    const [credentials] = sent(next);
    expect(credentials).toMatchObject({
      username: "bob",
      realm: "biloxi.com",
      nonce: "n1",
      uri: "sip:alice@biloxi.com",
      opaque: "5ccc",
      algorithm: "MD5",
      qop: "auth",
      nc: "00000001",
      cnonce: "0a4f113b",
    });
    expect(credentials?.response).toBe(expected(next as SipRequest, credentials as DigestCredentials));
  });

  test.each(digestAlgorithms)("answers $name with the algorithm as it was written", ({ name }) => {
    const written = name.toLowerCase();
    const next = newClient().authorize(message(), refusal(challenge("n1", `, algorithm=${written}`)));
    const [credentials] = sent(next);
    expect(credentials?.algorithm).toBe(written);
    expect(credentials?.response).toBe(expected(next as SipRequest, credentials as DigestCredentials));
  });

  test("answers a proxy's 407 in Proxy-Authorization (RFC 3261 §22.3)", () => {
    const next = newClient().authorize(message(), proxyRefusal(challenge("n1")));
    expect(sent(next, "proxy")).toMatchObject([{ nonce: "n1" }]);
    expect(sent(next)).toEqual([]);
  });

  test("uses the topmost challenge of a realm that it understands (RFC 8760 §2.4)", () => {
    const values = [
      challenge("n1", ", algorithm=SHA3-512"),
      'Digest realm="biloxi.com", nonce="n2", qop="token", algorithm=SHA-512-256',
      challenge("n3", ", algorithm=SHA-256"),
      challenge("n4", ", algorithm=MD5"),
    ];
    expect(sent(newClient().authorize(message(), refusal(...values)))).toMatchObject([
      { nonce: "n3", algorithm: "SHA-256" },
    ]);
    expect(sent(newClient().authorize(message(), refusal(...values.toReversed())))).toMatchObject([{ nonce: "n4" }]);
    expect(sent(newClient().authorize(message(), refusal(values.join(", "))))).toMatchObject([{ nonce: "n3" }]);
  });

  test("leaves out algorithms that local policy forbids (RFC 8760 §2.4)", () => {
    const algorithms = digestAlgorithms.filter(({ hash }) => hash !== "MD5");
    const client = newClient({ algorithms });
    expect(client.authorize(message(), refusal(challenge("n1", ", algorithm=MD5")))).toBeUndefined();
  });

  test("answers every realm for which there is an account, in one request (RFC 3261 §22.3)", () => {
    const client = newClient({
      accounts: [
        { realm: "a", username: "ann", password: "1" },
        { realm: "b", username: "ben", password: "2" },
      ],
    });
    const headers = SipHeaders.of([
      ["WWW-Authenticate", challenge("na", "", "a")],
      ["Proxy-Authenticate", `${challenge("nb", "", "b")}, ${challenge("nc", "", "c")}`],
      ["Proxy-Authenticate", 'Basic realm="b"'],
    ]);
    const next = client.authorize(message(), new SipResponse(407, "", headers));
    expect(sent(next)).toMatchObject([{ realm: "a", username: "ann" }]);
    expect(sent(next, "proxy")).toMatchObject([{ realm: "b", username: "ben" }]);
  });

  test("prefers the account that names the realm", () => {
    const client = newClient({ accounts: [...accounts, { realm: "biloxi.com", username: "robert", password: "x" }] });
    expect(sent(client.authorize(message(), refusal(challenge("n"))))).toMatchObject([{ username: "robert" }]);
  });

  test.each([
    ["no account for the realm", [challenge("n", "", "elsewhere")]],
    ["only Basic, which SIP forbids (RFC 3261 §22)", ['Basic realm="biloxi.com"']],
    ["only malformed challenges", ['Digest realm="biloxi.com"', 'Digest realm="bil']],
    ["-sess without qop (RFC 3261 §22.4 (8))", ['Digest realm="biloxi.com", nonce="n", algorithm=MD5-sess']],
    ["no challenge at all", []],
  ])("gives up on %s", (_, values) => {
    const client = newClient({ accounts: [{ realm: "biloxi.com", username: "bob", password: "zanzibar" }] });
    expect(client.authorize(message(), refusal(...values))).toBeUndefined();
  });

  test("answers a server of RFC 2069 without qop, nc and cnonce", () => {
    const next = newClient().authorize(message(), refusal('Digest realm="biloxi.com", nonce="n1"'));
    const [credentials] = sent(next);
    expect(credentials).not.toHaveProperty("qop");
    expect(credentials).not.toHaveProperty("cnonce");
    expect(credentials).not.toHaveProperty("nc");
    expect(credentials).not.toHaveProperty("algorithm");
    expect(credentials?.response).toBe(expected(next as SipRequest, credentials as DigestCredentials));
  });

  test("takes auth when it is offered and auth-int when nothing else is, over the body", () => {
    const both = newClient().authorize(message(), refusal('Digest realm="r", nonce="n1", qop="auth-int,auth"'));
    expect(sent(both)).toMatchObject([{ qop: "auth" }]);
    const next = newClient().authorize(message(), refusal('Digest realm="r", nonce="n1", qop="auth-int"'));
    const [credentials] = sent(next);
    expect(credentials?.qop).toBe("auth-int");
    expect(credentials?.response).toBe(expected(next as SipRequest, credentials as DigestCredentials));
  });

  test("hashes the user name when the server asks for it (RFC 7616 §3.4.4, §3.9.2)", () => {
    const client = newClient({ accounts: [{ username: "J\u00e4s\u00f8n Doe", password: "Secret, or not?" }] });
    const value = 'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="n", userhash=true';
    expect(sent(client.authorize(message(), refusal(value)))).toMatchObject([
      { userhash: true, username: "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b" },
    ]);
  });

  test("does not touch credentials of other schemes", () => {
    const request = message([["Authorization", "Bearer abc"]]);
    const next = newClient().authorize(request, refusal(challenge("n1")));
    const again = newClient().authorize(next as SipRequest, refusal(challenge("n2", ", stale=true")));
    for (const each of [next, again]) {
      expect(each?.headers.getAll("Authorization")[0]).toBe("Bearer abc");
      expect(each?.headers.count("Authorization")).toBe(2);
    }
  });

  test("never answers for ACK and CANCEL (RFC 3261 §22.1)", () => {
    for (const method of ["ACK", "CANCEL"]) {
      expect(newClient().authorize(message([], "sip:a@b", method), refusal(challenge("n1")))).toBeUndefined();
    }
  });

  test("the default cnonce is 128 random bits, new for each request", () => {
    const client = new DigestClient({ accounts });
    const cnonces = ["n1", "n2"].map(
      (nonce) => sent(client.authorize(message(), refusal(challenge(nonce))))[0]?.cnonce,
    );
    expect(cnonces[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(cnonces[1]).not.toBe(cnonces[0]);
  });

  test("shows no secret when the client is printed", async () => {
    const { inspect } = await import("node:util");
    const client = newClient();
    client.authorize(message(), refusal(challenge("n1")));
    expect(inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client)).not.toMatch(/zanzibar|n1/);
  });
});

describe("DigestClient when credentials are refused (RFC 3261 §22.1)", () => {
  test("gives up when the server asks again, with the same nonce or a new one", () => {
    for (const nonce of ["n1", "n2"]) {
      const client = newClient();
      const next = client.authorize(message(), refusal(challenge("n1"))) as SipRequest;
      expect(client.authorize(next, refusal(challenge(nonce)))).toBeUndefined();
    }
  });

  test("does not fall back to a weaker algorithm of the same realm", () => {
    const client = newClient();
    const values = [challenge("n1", ", algorithm=SHA-256"), challenge("n1", ", algorithm=MD5")];
    const next = client.authorize(message(), refusal(...values)) as SipRequest;
    expect(client.authorize(next, refusal(...values))).toBeUndefined();
  });

  test("retries a stale nonce once (RFC 7616 §3.3)", () => {
    const client = newClient();
    const first = client.authorize(message(), refusal(challenge("n1"))) as SipRequest;
    const second = client.authorize(first, refusal(challenge("n2", ", stale=true"))) as SipRequest;
    expect(sent(second)).toMatchObject([{ nonce: "n2", nc: "00000001" }]);
    expect(second.cseq.seq).toBe(9);
    expect(second.headers.count("Authorization")).toBe(1);
    expect(client.authorize(second, refusal(challenge("n3", ", stale=true")))).toBeUndefined();
  });

  test("keeps count although the transaction layer sent a copy", () => {
    const client = newClient();
    const first = client.authorize(message(), refusal(challenge("n1"))) as SipRequest;
    const copy = first.clone();
    copy.headers.prepend("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKy");
    expect(client.authorize(copy, refusal(challenge("n2")))).toBeUndefined();
  });

  test("goes through a chain of challengers and counts on with the nonces of the earlier ones", () => {
    const client = newClient();
    const first = client.authorize(message(), proxyRefusal(challenge("p1", "", "edge"))) as SipRequest;
    const second = client.authorize(first, proxyRefusal(challenge("q1", "", "core"))) as SipRequest;
    expect(sent(second, "proxy")).toMatchObject([
      { realm: "edge", nonce: "p1", nc: "00000002" },
      { realm: "core", nonce: "q1", nc: "00000001" },
    ]);
    const third = client.authorize(second, refusal(challenge("u1"))) as SipRequest;
    expect(sent(third, "proxy").map(({ nc }) => nc)).toEqual(["00000003", "00000002"]);
    expect(sent(third)).toMatchObject([{ nonce: "u1", nc: "00000001" }]);
    for (const credentials of [...sent(third), ...sent(third, "proxy")]) {
      expect(credentials.response).toBe(expected(third, credentials));
    }
  });

  test("stops answering a server that invents a realm each time", () => {
    const client = newClient();
    let request: SipRequest | undefined = message();
    let rounds = 0;
    while (request !== undefined && rounds < 100) {
      request = client.authorize(request, refusal(challenge("n", "", `realm${rounds}`)));
      rounds++;
    }
    expect(rounds).toBe(9);
  });
});

describe("DigestClient.preauthorize (RFC 3261 §22.2, RFC 7616 §3.6)", () => {
  test("adds nothing before there was a challenge", () => {
    const request = message();
    expect(newClient().preauthorize(request)).toBe(request);
    expect(request.headers.has("Authorization")).toBe(false);
  });

  test("goes on with the nonce count for later requests to the same To", () => {
    const client = newClient();
    client.authorize(message(), refusal(challenge("n1")));
    const second = client.preauthorize(message());
    const third = client.preauthorize(message());
    expect([second, third].map((each) => sent(each)[0]?.nc)).toEqual(["00000002", "00000003"]);
    expect(sent(third)[0]?.response).toBe(expected(third, sent(third)[0] as DigestCredentials));
    expect(sent(client.preauthorize(message([], "sip:carol@biloxi.com")))).toEqual([]);
  });

  test("shows a proxy's credentials to everybody behind the same next hop, and to nobody else", () => {
    const client = newClient();
    const route: [string, string] = ["Route", "<sip:proxy.biloxi.com:5070;lr>"];
    client.authorize(message([route]), proxyRefusal(challenge("p1")));
    expect(sent(client.preauthorize(message([route], "sip:carol@atlanta.com")), "proxy")).toMatchObject([
      { nc: "00000002" },
    ]);
    expect(sent(client.preauthorize(message([["Route", "<sip:proxy.biloxi.com;lr>"]])), "proxy")).toEqual([]);
    expect(sent(client.preauthorize(message()), "proxy")).toEqual([]);
  });

  test("takes the name of the next hop from its user where an outbound proxy is set without a Route", () => {
    const client = newClient({ nextHop: () => "outbound" });
    client.authorize(message(), proxyRefusal(challenge("p1")));
    expect(sent(client.preauthorize(message([], "tel:+1-201-555-0123")), "proxy")).toMatchObject([{ nc: "00000002" }]);
  });

  test("a nonce that many requests were given is counted once for all of them", () => {
    const client = newClient();
    const counts = ["sip:a@x", "sip:b@x", "sip:c@x"].map(
      (to) => sent(client.authorize(message([], to), refusal(challenge("shared"))))[0]?.nc,
    );
    expect(counts).toEqual(["00000001", "00000002", "00000003"]);
  });

  test("a nonce refused later is replaced by the new one, stale or not, and not used again", () => {
    for (const extra of [", stale=true", ""]) {
      const client = newClient();
      client.authorize(message(), refusal(challenge("n1")));
      const request = client.preauthorize(message());
      const next = client.authorize(request, refusal(challenge("n2", extra)));
      expect(sent(next)).toMatchObject([{ nonce: "n2", nc: "00000001" }]);
      expect(sent(client.preauthorize(message()))).toMatchObject([{ nonce: "n2", nc: "00000002" }]);
      expect(client.authorize(next as SipRequest, refusal(challenge("n3")))).toBeUndefined();
      expect(sent(client.preauthorize(message()))).toEqual([]);
    }
  });

  test("a nonce refused later without stale and without a new one is given up", () => {
    const client = newClient();
    client.authorize(message(), refusal(challenge("n1")));
    expect(client.authorize(client.preauthorize(message()), refusal(challenge("n1")))).toBeUndefined();
  });

  test("leaves ACK and CANCEL and requests that have credentials alone", () => {
    const client = newClient();
    client.authorize(message(), refusal(challenge("n1")));
    expect(sent(client.preauthorize(message([], "sip:alice@biloxi.com", "ACK")))).toEqual([]);
    const twice = client.preauthorize(client.preauthorize(message()));
    expect(sent(twice)).toHaveLength(1);
  });

  test("keeps one cnonce for all requests of a -sess session (RFC 7616 §3.4.2)", () => {
    let made = 0;
    const client = newClient({ newCnonce: () => `c${++made}` });
    client.authorize(message(), refusal(challenge("n1", ", algorithm=SHA-256-sess")));
    expect(sent(client.preauthorize(message()))).toMatchObject([{ cnonce: "c1", nc: "00000002" }]);
  });

  test("remembers no more sessions than it was told to", () => {
    const client = newClient({ maxSessions: 2 });
    for (const user of ["a", "b", "c"]) client.authorize(message([], `sip:${user}@x`), refusal(challenge(user)));
    const known = ["a", "b", "c"].filter((user) => sent(client.preauthorize(message([], `sip:${user}@x`))).length > 0);
    expect(known).toEqual(["b", "c"]);
  });
});

describe("DigestClient.accepted (Authentication-Info, RFC 7616 §3.5)", () => {
  function ok(info: string): SipResponse {
    return new SipResponse(200, "OK", SipHeaders.of([["Authentication-Info", info]]));
  }

  function authorized(client: DigestClient): SipRequest {
    return client.authorize(message(), refusal(challenge("n1", ", algorithm=SHA-256"))) as SipRequest;
  }

  function proof(request: SipRequest, body?: Uint8Array): string {
    const [{ uri, nonce, nc, cnonce } = expect.unreachable()] = sent(request);
    const algorithm = findAlgorithm("SHA-256") ?? expect.unreachable();
    const ha1 = digestHa1("SHA-256", "bob", "biloxi.com", "zanzibar");
    return digestResponse({ algorithm, ha1, nonce, method: "", uri, qop: "auth", nc, cnonce, body });
  }

  test("uses nextnonce for the next request, with the count from one", () => {
    const client = newClient();
    client.accepted(authorized(client), ok('nextnonce="n2"'));
    expect(sent(client.preauthorize(message()))).toMatchObject([{ nonce: "n2", nc: "00000001" }]);
  });

  test("believes a server that proves itself and not one that fails to", () => {
    const client = newClient();
    const request = authorized(client);
    client.accepted(
      request,
      ok(`nextnonce="evil", rspauth="${"0".repeat(64)}", cnonce="0a4f113b", nc=00000001, qop=auth`),
    );
    expect(sent(client.preauthorize(message()))).toMatchObject([{ nonce: "n1", nc: "00000002" }]);
    client.accepted(
      request,
      ok(`nextnonce="n2", rspauth="${proof(request)}", cnonce="0a4f113b", nc=00000001, qop=auth`),
    );
    expect(sent(client.preauthorize(message()))).toMatchObject([{ nonce: "n2", nc: "00000001" }]);
  });

  test.each(["", "nextnonce", 'nextnonce="', 'x="1"', ",,"])("ignores %j", (info) => {
    const client = newClient();
    client.accepted(authorized(client), ok(info));
    expect(sent(client.preauthorize(message()))).toMatchObject([{ nonce: "n1", nc: "00000002" }]);
  });

  test("a request accepted and sent again with the same CSeq starts a new round", () => {
    const client = newClient();
    const request = authorized(client);
    client.accepted(request, new SipResponse(200, "OK"));
    expect(client.authorize(request, refusal(challenge("n2")))).toBeDefined();
  });
});

describe("algorithms with a password of their own (RFC 3310, RFC 4169)", () => {
  const aka = {
    name: "AKAv1-MD5",
    hash: "MD5" as const,
    session: false,
    derive: (account: DigestAccount, { nonce }: { nonce: string }) =>
      nonce === "out-of-sync"
        ? { password: "", auts: "AAAA" }
        : nonce === "forged"
          ? undefined
          : { password: `${nonce}:${String(account.password)}` },
  };
  const client = newClient({ algorithms: [aka] });

  test("derive it from the challenge, once per nonce", () => {
    const next = client.authorize(message(), refusal(challenge("n1", ", algorithm=AKAv1-MD5"))) as SipRequest;
    const [credentials] = sent(next);
    const ha1 = digestHa1("MD5", "bob", "biloxi.com", "n1:zanzibar");
    const { nonce = "", uri = "", nc, cnonce } = credentials ?? {};
    const response = digestResponse({ algorithm: aka, ha1, nonce, method: "MESSAGE", uri, qop: "auth", nc, cnonce });
    expect(credentials).toMatchObject({ algorithm: "AKAv1-MD5", response });
  });

  test("report a synchronization failure with auts and an empty password, and refuse a forged network", () => {
    const next = client.authorize(message(), refusal(challenge("out-of-sync", ", algorithm=AKAv1-MD5")));
    expect(sent(next)).toMatchObject([{ auts: "AAAA" }]);
    expect(client.authorize(message(), refusal(challenge("forged", ", algorithm=AKAv1-MD5")))).toBeUndefined();
  });
});
