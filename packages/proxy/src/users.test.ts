import { digestHa1, parseUri } from "@sip-push/sip";
import { describe, expect, test } from "vitest";
import { ProxyConfigError } from "./errors.ts";
import { hasIdentity, UserDirectory } from "./users.ts";
import { parseUsers } from "./users-file.ts";

const ha1 = digestHa1("MD5", "carol", "example.test", "secret");
const sha = digestHa1("SHA-256", "dave", "example.test", "secret");

function problemsOf(text: string): readonly string[] {
  try {
    parseUsers(text);
    return [];
  } catch (error) {
    if (error instanceof ProxyConfigError && error.code === "PROXY_BAD_USERS") return error.problems;
    throw error;
  }
}

describe("lines", () => {
  const users = parseUsers(
    `# handsets\n\nalice:open sesame: now\r\ncarol:example.test:${ha1}\ndave:example.test:${sha.toUpperCase()}\n`,
  );

  test("user:password, the password being all behind the first colon", () => {
    expect(users.find("alice", "anywhere.test")?.secret).toEqual({ password: "open sesame: now" });
  });

  test("user:realm:HA1, of that realm only", () => {
    expect(users.find("carol", "example.test")?.secret).toEqual({ ha1: { MD5: ha1 } });
    expect(users.find("dave", "example.test")?.secret).toEqual({ ha1: { "SHA-256": sha } });
    expect(users.find("carol", "other.test")).toBeUndefined();
  });

  test("every problem is told with its line, and no password in it", () => {
    expect(problemsOf(`alice\n:pw\nbob:\nb o b:secret\ncarol::${ha1}\nalice:a\nalice:b`)).toEqual([
      'line 1: no ":" in it; write user:password or user:realm:HA1',
      "line 2: the user name is empty",
      'line 3: the password of user "bob" is empty',
      'line 4: "b o b" is no user name: it has a blank or one of " < > \\',
      'line 5: the realm of user "carol" is empty',
      'line 7: user "alice" appears twice',
    ]);
    expect(problemsOf("# nobody\n")).toEqual(["no users in it"]);
  });
});

describe("JSON", () => {
  test("a list, or an object with one", () => {
    const alice = { username: "alice", password: "secret", identities: ["sip:al@example.test", "tel:+1555"] };
    for (const text of [JSON.stringify([alice]), `\n {"users": [${JSON.stringify(alice)}]}`]) {
      const user = parseUsers(text).find("alice", "example.test");
      expect([user?.secret, user?.identities]).toEqual([{ password: "secret" }, alice.identities]);
    }
    expect(parseUsers(JSON.stringify([{ username: "c", realm: "r.test", ha1 }])).find("c", "r.test")?.secret).toEqual({
      ha1: { MD5: ha1 },
    });
  });

  test("every problem is told with its place", () => {
    const bad = [
      5,
      { username: 1 },
      { username: "a b", password: "x" },
      { username: "a" },
      { username: "b", password: "x", ha1 },
      { username: "c", ha1 },
      { username: "d", realm: "r", ha1: "zz" },
      { username: "e", password: "x", realm: "" },
      { username: "f", password: "x", identities: "sip:a@b" },
      { username: "g", password: "x", identities: ["sip:a@b", "http://x"] },
      { username: "h", password: "x" },
      { username: "h", password: "y" },
    ];
    expect(problemsOf(JSON.stringify(bad))).toEqual([
      "users[0]: must be an object",
      "users[1].username: must be a string",
      'users[2].username: "a b" is no user name: it has a blank or one of " < > \\',
      "users[3].password: must be a string that is not empty",
      "users[4].password: give password or ha1, not both",
      "users[5].realm: needed with ha1",
      "users[6].ha1: must be 32 (MD5) or 64 (SHA-256) hex digits",
      "users[7].realm: must be a domain name",
      "users[8].identities: must be a list of URIs",
      "users[9].identities[1]: must be a sip:, sips: or tel: URI",
      'users[11].username: "h" appears twice',
    ]);
    expect(problemsOf('{"users": 5}')).toEqual(['JSON must be a list of users, or an object with a list "users"']);
    expect(problemsOf('[\n  {"username": "a",\n}]')).toEqual(["line 3: not valid JSON"]);
  });
});

describe("USIMs in JSON (TS 33.102, TS 35.206)", () => {
  const k = "465B5CE8B199B49FAA5F0A2EE238A6BC";
  const op = "cdc202d5123e20f62b6d676ac72cb318";
  const alice = { username: "alice@example.test", k, op, amf: "8000", sqn: "0000000000ff" };

  test("give a subscriber, one under whatever name, and no password", () => {
    const users = parseUsers(JSON.stringify([alice, { username: "bob", password: "x" }]));
    const subscriber = { id: "alice@example.test", k, op, amf: "8000", sqn: 255 };
    expect(users.subscriberOf("alice@example.test", "example.test")).toEqual(subscriber);
    expect(users.subscriberOf("alice", "example.test")).toEqual(subscriber);
    expect(users.passwordOf("alice", "example.test")).toBeUndefined();
    expect(users.subscriberOf("bob", "example.test")).toBeUndefined();
    expect(users.subscriberOf("nobody", "example.test")).toBeUndefined();
    expect(users.algorithms).toEqual(["MD5"]);
  });

  test("every problem is told with its place, and no key in it", () => {
    const bad = [
      { username: "a", k },
      { username: "b", k, op, opc: op },
      { username: "c", opc: op },
      { username: "d", k: k.slice(1), op },
      { username: "e", k, op, amf: 8000 },
      { username: "f", k, op, sqn: "xyz" },
      { username: "g", k, op, password: "x" },
    ];
    const problems = problemsOf(JSON.stringify(bad));
    expect(problems).toEqual([
      "users[0].opc: give either opc or op",
      "users[1].opc: give either opc or op",
      "users[2].k: needed with opc, op, amf and sqn",
      "users[3].k: must be 32 hex digits",
      "users[4].amf: must be 4 hex digits",
      "users[5].sqn: must be 12 hex digits",
      "users[6].k: give k, or password, or ha1",
    ]);
    expect(problems.join()).not.toMatch(/465b5ce8|cdc202d5/i);
  });
});

describe("UserDirectory", () => {
  const secret = { password: "x" };
  const users = new UserDirectory([
    { username: "alice@example.test", secret },
    { username: "bob", secret, identities: ["sip:robert@Example.test"] },
  ]);

  test("a private identity is also the user of that name in its domain", () => {
    expect(users.find("alice", "example.test")).toBe(users.find("alice@example.test", "example.test"));
    expect(users.find("alice", "other.test")).toBeUndefined();
  });

  test("identities are known however they are spelled", () => {
    expect(users.knows({ user: "robert", domain: "example.test", uri: "sip:robert@example.test" })).toBe(true);
    expect(users.knows({ user: "carol", domain: "example.test", uri: "sip:carol@example.test" })).toBe(false);
    const bob = users.find("bob", "example.test");
    const identities = bob === undefined ? [] : users.identitiesOf(bob, "example.test");
    expect(identities).toEqual(["sip:bob@example.test", "sip:robert@Example.test"]);
    expect(hasIdentity(identities, parseUri("sip:rob%65rt@example.test"))).toBe(true);
  });
});
