import {
  createRequest,
  DigestClient,
  digestHa1,
  digestResponse,
  findAlgorithm,
  SipHeaders,
  serializeCredentials,
} from "@sip-push/sip";
import { afterEach, describe, expect, test } from "vitest";
import { assertIdentity, keepPrivate } from "./identity.ts";
import type { SipProxyOptions } from "./options.ts";
import { type Agent, ProxyBed, responseOf } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

const user = {
  username: "bob",
  realm: "example.test",
  identities: ["sip:bob@example.test", "sip:robert@example.test", "tel:+15551234"],
};
const PAI = "P-Asserted-Identity";
const PPI = "P-Preferred-Identity";

describe("RFC 3325 §5, §6: what is asserted", () => {
  test.each([
    [
      "an untrusted sender's assertion is removed",
      { trusted: false, user: undefined },
      [[PAI, "<sip:king@castle.test>"]],
      [],
    ],
    [
      "a trusted sender's stays",
      { trusted: true, user: undefined },
      [[PAI, "<sip:psi@example.test>"]],
      ["<sip:psi@example.test>"],
    ],
    [
      "a user's assertion is replaced by the user's own",
      { trusted: false, user },
      [[PAI, "<sip:king@castle.test>"]],
      ["<sip:bob@example.test>"],
    ],
    [
      "a user who prefers an own identity gets that",
      { trusted: false, user },
      [[PPI, '"R" <sip:robert@EXAMPLE.test>']],
      ["<sip:robert@EXAMPLE.test>"],
    ],
    [
      "one sip and one tel URI may be preferred",
      { trusted: false, user },
      [[PPI, "sip:robert@example.test, <tel:+1-555-1234>"]],
      ["<sip:robert@example.test>", "<tel:+1-555-1234>"],
    ],
    [
      "a preference for somebody else is left aside",
      { trusted: false, user },
      [[PPI, "<sip:king@castle.test>"]],
      ["<sip:bob@example.test>"],
    ],
    [
      "a preference that cannot be read is left aside",
      { trusted: false, user },
      [[PPI, "<sip:king"]],
      ["<sip:bob@example.test>"],
    ],
    [
      "nobody's preference counts for nothing",
      { trusted: false, user: undefined },
      [[PPI, "<sip:bob@example.test>"]],
      [],
    ],
  ] as const)("%s", (_, sender, fields, expected) => {
    const headers = SipHeaders.of(fields);
    assertIdentity(headers, sender);
    expect(headers.getAll(PAI)).toEqual(expected);
    expect(headers.has(PPI)).toBe(false);
  });
});

describe("RFC 3325 §7: what leaves the trust domain", () => {
  test.each([
    ["id", false, false],
    ["header;id", false, false],
    ["ID", false, false],
    ["id", true, true],
    ["none", false, true],
    ["header", false, true],
    [undefined, false, true],
  ])("Privacy: %s towards a next hop that is trusted (%s): kept (%s)", (privacy, trusted, kept) => {
    const headers = SipHeaders.of([[PAI, "<sip:a@b.test>"]]);
    if (privacy !== undefined) headers.add("Privacy", privacy);
    keepPrivate(headers, trusted);
    expect(headers.has(PAI)).toBe(kept);
  });
});

describe("through the proxy", () => {
  let bed: ProxyBed;
  let sender: Agent;
  let alice: Agent;

  async function start(options: Partial<SipProxyOptions>): Promise<void> {
    bed = await ProxyBed.open(options);
    sender = await bed.agent();
    alice = await bed.agent();
    const credentials = new DigestClient({ accounts: [{ username: "alice", password: "secret" }] });
    await alice.register("alice", `<${alice.contact("alice")}>`, {}, { credentials });
  }

  afterEach(() => bed.close());

  const users = parseUsers("alice:secret\nbob:hunter2\n");
  const as = (username: string, password: string): DigestClient =>
    new DigestClient({ accounts: [{ username, password }] });
  const asserted = (agent: Agent): string[] => agent.received.at(-1)?.headers.getAll(PAI) ?? [];
  const push = (headers: Array<readonly [string, string]>, from = "sip:bob@example.test") => ({
    requestUri: "sip:alice@example.test",
    from,
    headers,
  });

  test("by default nobody is trusted", async () => {
    await start({});
    await sender.ask(push([[PAI, "<sip:king@castle.test>"]]));
    expect([alice.received.length, asserted(alice)]).toEqual([1, []]);
  });

  test("a trusted sender's identity reaches the handset; with Privacy: id it does not", async () => {
    await start({ trusted: ["127.0.0.1"] });
    await sender.ask(push([[PAI, "<sip:psi@example.test>"]]));
    expect(asserted(alice)).toEqual(["<sip:psi@example.test>"]);
    await sender.ask(
      push([
        [PAI, "<sip:psi@example.test>"],
        ["Privacy", "id"],
      ]),
    );
    expect(asserted(alice)).toEqual([]);
  });

  test("who claims to be a user of the domain is asked for credentials (407), and then asserted", async () => {
    await start({ users });
    expect((await sender.ask(push([]))).statusCode).toBe(407);
    const credentials = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    expect((await sender.ask(push([]), { credentials })).statusCode).toBe(200);
    expect(asserted(alice)).toEqual(["<sip:bob@example.test>"]);
    expect(alice.received.at(-1)?.headers.has("Proxy-Authorization")).toBe(false);
  });

  test("RFC 3261 §22.3: credentials for another proxy are passed on", async () => {
    await start({ users });
    const other = 'Digest username="b", realm="next.test", nonce="n", uri="sip:x", response="00"';
    const client = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    const request = createRequest({ method: "MESSAGE", ...push([]) });
    const challenge = await sender.ask(push([]));
    const authorized = client.authorize(request, challenge);
    authorized?.headers.add("Proxy-Authorization", other);
    await sender.send(authorized ?? request);
    expect(alice.received.at(-1)?.headers.getAll("Proxy-Authorization")).toEqual([other]);
  });

  test("a wrong password is asked for again, and nothing is passed on", async () => {
    await start({ users });
    const credentials = new DigestClient({ accounts: [{ username: "bob", password: "guess" }] });
    expect((await sender.ask(push([]), { credentials })).statusCode).toBe(407);
    expect(alice.received).toHaveLength(0);
  });

  test("an old nonce is answered with a new one and stale, so that no password is asked for", async () => {
    await start({ users });
    const credentials = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    await sender.ask(push([]), { credentials });
    await bed.clock.advance(301_000);
    await alice.register("alice", `<${alice.contact("alice")}>`, {}, { credentials: as("alice", "secret") });
    const request = credentials.preauthorize(createRequest({ method: "MESSAGE", ...push([]) }));
    const response = responseOf(await sender.send(request));
    expect([response.statusCode, response.headers.get("Proxy-Authenticate")]).toEqual([
      407,
      expect.stringMatching(/stale=true/),
    ]);
  });

  test("credentials that cannot be read are 400", async () => {
    await start({ users });
    expect((await sender.ask(push([["Proxy-Authorization", "Digest username="]]))).statusCode).toBe(400);
  });

  test("a sender of another domain is not asked and not asserted", async () => {
    await start({ users });
    expect((await sender.ask(push([[PAI, "<sip:x@y.test>"]], "sip:x@y.test"))).statusCode).toBe(200);
    expect(asserted(alice)).toEqual([]);
  });

  test("a trusted sender is not asked", async () => {
    await start({ users, trusted: ["127.0.0.0/8"] });
    expect((await sender.ask(push([]))).statusCode).toBe(200);
  });

  test("an authenticated user may send to other domains", async () => {
    await start({ users });
    const other = await bed.agent();
    const credentials = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    const init = { requestUri: other.contact("carol"), from: "sip:bob@example.test" };
    expect((await sender.ask(init, { credentials })).statusCode).toBe(200);
    expect(asserted(other)).toEqual(["<sip:bob@example.test>"]);
  });

  test("an identity that a handset asserts in its answer is removed, too", async () => {
    await start({});
    alice.answer = (transaction) => transaction.reply(200, { headers: [[PAI, "<sip:king@castle.test>"]] });
    expect((await sender.ask(push([]))).headers.has(PAI)).toBe(false);
  });

  test("a handset in the trust domain may assert itself, and keep that private from others", async () => {
    await start({ trusted: ["127.0.0.2"] });
    const handset = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.2", port: 6100 });
    await handset.register("carol", `<${handset.contact("carol")}>`);
    const ask = async (privacy: string): Promise<string[]> => {
      const headers = [
        [PAI, "<sip:carol@example.test>"],
        ["Privacy", privacy],
      ] as const;
      handset.answer = (transaction) => transaction.reply(200, { headers });
      return (await sender.ask({ requestUri: "sip:carol@example.test" })).headers.getAll(PAI);
    };
    expect([await ask("none"), await ask("id")]).toEqual([["<sip:carol@example.test>"], []]);
  });

  test("Privacy: id holds on a flow that a Route names, too", async () => {
    await start({ trusted: ["127.0.0.2"] });
    const watcher = await bed.agent("TCP");
    const notifier = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.2", port: 6100 });
    await notifier.register("carol", `<${notifier.contact("carol")}>`);
    await watcher.ask({ method: "SUBSCRIBE", requestUri: "sip:carol@example.test", callId: "dialog" });
    const routes = notifier.received.at(-1)?.headers.list("Record-Route") ?? [];
    const notify = (privacy: string) => ({
      method: "NOTIFY",
      requestUri: watcher.contact("watcher"),
      callId: "dialog",
      headers: [
        ...routes.map((route) => ["Route", route] as const),
        [PAI, "<sip:carol@example.test>"] as const,
        ["Privacy", privacy] as const,
      ],
    });
    await notifier.ask(notify("none"));
    expect(asserted(watcher)).toEqual(["<sip:carol@example.test>"]);
    await notifier.ask(notify("id"));
    expect([watcher.received.length, asserted(watcher)]).toEqual([2, []]);
  });

  test("within a dialog that was let through nobody is asked again", async () => {
    await start({ users });
    const credentials = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    const subscribe = { ...push([["Event", "oma-push"]]), method: "SUBSCRIBE", callId: "dialog" };
    await sender.ask(subscribe, { credentials });
    const routes = alice.received.at(-1)?.headers.list("Record-Route") ?? [];
    const notify = {
      method: "NOTIFY",
      requestUri: sender.contact("bob"),
      from: "sip:alice@example.test",
      callId: "dialog",
      toTag: "bob",
      headers: routes.map((route) => ["Route", route] as const),
    };
    expect(routes).toHaveLength(1);
    // RFC 3261 §12.2.1.1: without it the request belongs to no dialog.
    const { toTag: _, ...outside } = notify;
    expect((await alice.ask(outside)).statusCode).toBe(407);
    expect((await alice.ask({ ...outside, method: "MESSAGE" })).statusCode).toBe(407);
    expect((await alice.ask(notify)).statusCode).toBe(200);
    expect(sender.received.map(({ method }) => method)).toEqual(["NOTIFY"]);
  });

  test("users: REGISTER needs the credentials of that very user; 401, 403, 200 (RFC 3261 §10.3 (3), (4))", async () => {
    await start({ users });
    const contact = `<${sender.contact("bob")}>`;
    expect((await sender.register("bob", contact)).statusCode).toBe(401);
    expect((await sender.register("bob", contact, {}, { credentials: as("alice", "secret") })).statusCode).toBe(403);
    expect((await sender.register("bob", contact, {}, { credentials: as("bob", "hunter2") })).statusCode).toBe(200);
    expect((await sender.register("carol", contact, {}, { credentials: as("carol", "x") })).statusCode).toBe(401);
  });

  test.each([
    ["sip:127.0.0.1:5060", 200],
    ["sip:example.test", 200],
    ["sip:elsewhere.test", 400],
  ])(
    "users: credentials for %s, which SIPp and others write in place of the Request-URI, are %i",
    async (uri, expected) => {
      await start({ users });
      const challenge = (await sender.register("bob")).headers.get("WWW-Authenticate") ?? "";
      const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? "";
      const input = { nonce, method: "REGISTER", uri, qop: "auth", nc: "00000001", cnonce: "c" } as const;
      const algorithm = findAlgorithm("MD5");
      if (algorithm === undefined) throw new Error("no MD5");
      const response = digestResponse({ ...input, algorithm, ha1: digestHa1("MD5", "bob", "example.test", "hunter2") });
      const credentials = { ...input, username: "bob", realm: "example.test", response, algorithm: "MD5" };
      const headers = [["Authorization", serializeCredentials(credentials)]] as const;
      expect((await sender.register("bob", undefined, { headers })).statusCode).toBe(expected);
    },
  );

  test("users: one who never registered is 480, one who is not there 404", async () => {
    await start({ users });
    const ask = async (name: string): Promise<number> =>
      (await sender.ask({ requestUri: `sip:${name}@example.test` })).statusCode;
    expect([await ask("bob"), await ask("carol")]).toEqual([480, 404]);
  });

  const md5 = "0".repeat(32);
  const sha256 = "0".repeat(64);
  test.each([
    ["passwords", "bob:secret", ["MD5"]],
    ["MD5 HA1", `bob:example.test:${md5}`, ["MD5"]],
    ["SHA-256 HA1", `bob:example.test:${sha256}\nalice:secret`, ["SHA-256"]],
    ["either", `bob:example.test:${sha256}\nalice:example.test:${md5}`, ["SHA-256", "MD5"]],
  ])("users with %s are challenged for what serves them", async (_, file, algorithms) => {
    bed = await ProxyBed.open({ users: parseUsers(file) });
    sender = await bed.agent();
    const response = await sender.register("bob", "<sip:bob@127.0.0.1>");
    const challenges = response.headers.getAll("WWW-Authenticate");
    expect(challenges.map((each) => /algorithm=([\w-]+)/.exec(each)?.[1])).toEqual(algorithms);
  });
});
