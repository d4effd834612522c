import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashPassword } from "../front/secrets.ts";
import { readPpgConfig } from "./read-config.ts";
import { ConfigError, describeProblem } from "./types.ts";
import { folderProblem } from "./world.ts";

let directory = "";
let scrypt = "";

const material = (name: string): string =>
  readFileSync(new URL(`../../../sip/src/transport/testdata/${name}`, import.meta.url), "utf8");
const spki = { type: "spki", format: "pem" } as const;
const pkcs8 = { type: "pkcs8", format: "pem" } as const;

beforeAll(async () => {
  scrypt = await hashPassword("secret");
  directory = mkdtempSync(join(tmpdir(), "sip-push-config-"));
  const lock = { cipher: "aes-256-cbc", passphrase: "secret" } as const;
  const files = {
    "server.crt": material("server.crt"),
    "server.key": material("server.key"),
    "client.key": material("client.key"),
    "half.crt": `${material("server.crt")}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    "empty.crt": "",
    "rsa.key": generateKeyPairSync("rsa", {
      modulusLength: 2_048,
      publicKeyEncoding: spki,
      privateKeyEncoding: pkcs8,
    }).privateKey,
    "locked.key": generateKeyPairSync("ed25519", { publicKeyEncoding: spki, privateKeyEncoding: { ...pkcs8, ...lock } })
      .privateKey,
    "one.token": "one\n",
    "two.token": "two\n",
    "lines.token": "one\ntwo\n",
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A configuration in which everything is said, and right. */
const right = (): object => ({
  name: "ppg-1",
  dataDirectory: "data",
  database: "sqlite",
  databaseConnections: 8,
  domain: ["ppg.example.test", "ppg.example.com"],
  http: {
    listen: ["http://127.0.0.1:8070", "https://127.0.0.1:8443", "http://127.0.0.1:8072", "http://127.0.0.1:8073"],
    path: "/pap",
    tls: { certificate: "server.crt", key: "server.key", clientCa: "server.crt", clientCertificates: "ask" },
    trustedProxies: ["10.0.0.1"],
  },
  pap: { maxAddresses: 10 },
  initiators: [
    { name: "a", tokens: [{ file: "one.token" }], recipients: ["*"], notifyUrls: ["https://a.test/*"] },
    {
      ...{ name: "b", tokens: [{ file: "two.token" }], recipients: ["*"], applications: ["*"] },
      ...{ rate: { perSecond: 1, burst: 1 }, notifyAs: { user: "ppg", password: { file: "one.token" } } },
    },
    { name: "c", certificates: ["c.test"], recipients: ["*"] },
    { name: "d", certificates: ["d.test"], recipients: ["*"], notifyAs: { token: { file: "one.token" } } },
    {
      ...{ name: "e", certificates: ["e.test"], recipients: ["*"] },
      notifyAs: { certificate: "server.crt", key: "server.key" },
    },
  ],
  addresses: { PLMN: "sip:{value}@example.test", USER: "sip:{value}@example.test" },
  networks: ["GSM"],
  bearers: ["SMS"],
  sip: {
    from: "sip:ppg@example.test",
    listen: [5070, 5071, 5072, 5073].map((port) => `${port === 5071 ? "tls" : "udp"}:127.0.0.1:${port}`),
    role: "isc",
    proxy: "sip:core.test",
    route: ["<sip:a.test;lr>", "<sip:b.test;lr>"],
    contact: "sip:ppg@127.0.0.1",
    identity: "sip:ppg@example.test",
    servedUser: "sip:a@example.test",
    domain: "example.test",
    register: true,
    credentials: { user: "ppg", password: { file: "one.token" } },
    trusted: ["10.0.0.1", "core.test"],
    maxInFlight: 10,
    subscriptions: { maxExpiresSeconds: 600 },
    tls: { certificate: "server.crt", key: "server.key", ca: "server.crt" },
  },
  delivery: {
    concurrency: 10,
    perDestination: 10,
    retry: { absent: { maxAttempts: 1, initialSeconds: 1, maxSeconds: 2 } },
    breaker: { maxFailures: 1, initialPauseSeconds: 1, maxPauseSeconds: 2 },
  },
  results: { concurrency: 1, retry: { initialSeconds: 1, maxSeconds: 2, jitter: 0 }, ca: "server.crt" },
  retention: { finishedDays: 1 },
  console: { users: ["a", "b", "c"].map((name) => ({ name, password: { scrypt } })) },
  operation: "http://127.0.0.1:8071",
  shutdownSeconds: 1,
  log: "info",
});

/** A setting, what it is instead, what is said then, and of which setting if it is another. All can be wrong together. */
const mistakes: ReadonlyArray<readonly [path: string, value: unknown, says: string, of?: string]> = [
  ["frobnicate", 1, "unknown setting"],
  ["name", "ppg 1", "must be 1 to 64 letters, digits, ., _ or -"],
  ["dataDirectory", "server.crt/data", "is in a file, not in a folder"],
  ["databaseConnections", 0, "must be a whole number from 1 to 1000"],
  ["domain.1", "-", "is no domain name"],
  ["http.listen.2", "http://0.0.0.0:8070", "takes the port of http.listen[0]"],
  ["http.listen.3", "ftp://x", "is no address"],
  ["http.path", "/console", "is the gateway's own"],
  ["http.tls.key", "client.key", "is not the key of the certificate"],
  ["http.tls.clientCa", "half.crt", "half.crt: certificate 2 of 2 in it cannot be read"],
  ["http.tls.frob", 1, "unknown setting"],
  ["http.trustedProxies.0", "core", "is no IP address"],
  ["pap.maxAddresses", "many", "must be a whole number"],
  ["initiators.0.tokens.0", { file: "lines.token" }, "holds what no bearer token may"],
  ["initiators.0.recipients.0", "mailto:*", "is no pattern of recipients"],
  ["initiators.0.notifyUrls.0", "https://*.test/*", ""],
  ["initiators.1.name", "a", '"a" is there twice'],
  ["initiators.1.applications.0", "a b", "is no application id"],
  ["initiators.1.rate.burst", 0, "must be a whole number"],
  ["initiators.1.notifyAs.user", undefined, "is required with password"],
  ["initiators.2.certificates", [], "can never log in", "initiators[2]"],
  ["initiators.2.recipients", [], "give at least one pattern"],
  ["initiators.3.notifyAs.token", { file: "nowhere.token" }, "nowhere.token: no such file"],
  ["initiators.4.certificates.0", "d.test", "is a certificate of another initiator, too"],
  ["initiators.4.notifyAs.key", "locked.key", "locked.key: is encrypted"],
  ["addresses.PLMN", 7, "must be text, not 7"],
  ["addresses.USER", "sip:a@example.test", "must hold {value} once"],
  ["networks.0", "UMTS", "is none of"],
  ["bearers.0", "Pigeon", "is none of"],
  ["sip.from", "nobody", "no scheme"],
  ["sip.listen.1", "tls:127.0.0.1:8443", "takes the port of http.listen[1]"],
  ["sip.listen.2", "http://127.0.0.1:5072", ""],
  ["sip.listen.3", "udp:0.0.0.0:5070", "takes the port of sip.listen[0]"],
  ["sip.role", "gm", "is for the role isc", "sip.servedUser"],
  ["sip.proxy", "tel:+1", "is no sip: or sips: URI"],
  ["sip.route.1", "b", "no scheme"],
  ["sip.contact", "mailto:a@b", "is no sip: or sips: URI"],
  ["sip.identity", "mailto:a@b", "is no SIP address"],
  ["sip.domain", "a b", ""],
  ["sip.credentials.password", { env: "NOWHERE" }, "the environment has no NOWHERE"],
  ["sip.trusted.0", 7, "must be text, not 7"],
  ["sip.trusted.1", "core", "is no IP address"],
  ["sip.maxInFlight", 0, "must be a whole number"],
  ["sip.subscriptions.maxExpiresSeconds", 1, "must be a whole number"],
  ["sip.tls.key", "rsa.key", "is not the key of the certificate"],
  ["sip.tls.ca", "empty.crt", "empty.crt: is no certificate in PEM"],
  ["delivery.perDestination", 11, "is more than concurrency"],
  ["delivery.retry.absent.initialSeconds", 3, "is longer than maxSeconds"],
  ["delivery.retry.absent.maxAttempts", 0, "must be a whole number"],
  ["delivery.breaker.initialPauseSeconds", 3, "is longer than maxPauseSeconds"],
  ["results.concurrency", 0, "must be a whole number"],
  ["results.retry.initialSeconds", 3, "is longer than maxSeconds"],
  ["results.retry.jitter", 2, "must be a number from 0 to 1"],
  ["results.ca", ".", ".: is a folder"],
  ["retention.finishedDays", -1, "must be a number"],
  ["console.users.1.name", "a", '"a" is there twice'],
  ["console.users.2.password", "secret", "write it as"],
  ["operation", "https://[::]:8070", "takes the port of http.listen[0]"],
  ["shutdownSeconds", -1, "must be a whole number"],
  ["log", "loud", "is none of"],
];

/** What is wrong with a configuration, one line each. */
async function problemsOf(settings: object, more = ""): Promise<string[]> {
  try {
    await readPpgConfig(`${JSON.stringify(settings)}${more}`, { env: {}, readFile, directory, folderProblem });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((each) => describeProblem({ ...each, line: null }));
    throw error;
  }
}

function put(settings: object, path: string, value: unknown): void {
  const keys = path.split(".");
  const holder = keys.slice(0, -1).reduce<object>((each, key) => Reflect.get(each, key) as object, settings);
  Reflect.set(holder, keys.at(-1) ?? "", value);
}

const nameOf = (path: string): string => path.replace(/\.([0-9]+)(?=\.|$)/g, "[$1]");
const cases = mistakes.map(([path, value, says, of = nameOf(path)]) => ({ path, value, says, of }));

describe("all that is wrong with a configuration", () => {
  it("is nothing when it is right", async () => {
    expect(await problemsOf(right())).toEqual([]);
  });

  it.each(cases)("is said of $path: $value", async ({ path, value, says, of }) => {
    const settings = right();
    put(settings, path, value);
    const [problem = "", ...more] = await problemsOf(settings);
    expect(problem.startsWith(`${of}: `) && problem.includes(says), problem).toBe(true);
    expect(more).toEqual([]);
  });

  it("is said at once, once each, in one line", async () => {
    const settings = right();
    for (const { path, value } of cases) put(settings, path, value);
    const problems = await problemsOf(settings);
    expect(problems.map((problem) => problem.split(": ", 1)[0] ?? "").sort()).toEqual(cases.map(({ of }) => of).sort());
    expect(problems.join("")).not.toContain("\n");
  });

  it("is said beside what is said twice in the file", async () => {
    const text = "name: a b\nname: ppg 1\nlog: loud\ndomain: x\n---\n";
    const problems = await readPpgConfig(text, { env: {}, readFile, directory }).catch((error: unknown) => error);
    expect((problems as ConfigError).problems.map(({ line, path }) => [line, path])).toEqual([
      ...[
        [null, "http"],
        [null, "initiators"],
        [null, "sip"],
      ],
      ...[
        [2, ""],
        [2, "name"],
        [3, "log"],
        [5, ""],
      ],
    ]);
  });
});

describe("a database URL", () => {
  it.each([
    ["postgres://u:%ff@db/x", "the URL cannot be read; write what is special in a password as %xx"],
    ["postgres://u:secret@db/x?sslrootcert=/nowhere.pem", "the URL names /nowhere.pem: no such file"],
  ])("that cannot be used, %s, is refused without being repeated", async (database, says) => {
    expect(await problemsOf({ ...right(), database })).toEqual([`database: ${says}`]);
  });
});

describe("the data directory", () => {
  it("need not be there, but there must be a way to make it", async () => {
    expect(await problemsOf({ ...right(), dataDirectory: "a/b/c" })).toEqual([]);
    const dataDirectory = "server.crt";
    expect(await problemsOf({ ...right(), dataDirectory })).toEqual([
      `dataDirectory: ${join(directory, dataDirectory)}: is a file, not a folder`,
    ]);
  });

  it("must be one to write to", async () => {
    const dataDirectory = join(directory, "locked");
    mkdirSync(dataDirectory);
    chmodSync(dataDirectory, 0o500);
    // Root may write everywhere.
    const says = process.getuid?.() === 0 ? [] : [`dataDirectory: ${dataDirectory}: permission denied`];
    expect(await problemsOf({ ...right(), dataDirectory: join(dataDirectory, "x") })).toEqual(says);
  });

  it("is not looked at where PostgreSQL has the pushes", async () => {
    const database = "postgres://u:secret@db/x";
    expect(await problemsOf({ ...right(), database, dataDirectory: "server.crt/data" })).toEqual([]);
  });
});
