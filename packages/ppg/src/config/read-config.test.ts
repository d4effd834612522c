import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hashPassword } from "../front/secrets.ts";
import { environmentVariables } from "./environment.ts";
import { readPpgConfig } from "./read-config.ts";
import { ConfigError, describeProblem } from "./types.ts";
import type { ConfigWorld } from "./world.ts";

const pem = (name: string): string =>
  readFileSync(new URL(`../../../sip/src/transport/testdata/${name}`, import.meta.url), "utf8");

const files: Readonly<Record<string, string | Uint8Array>> = {
  "/etc/ppg/server.crt": pem("server.crt"),
  "/etc/ppg/server.key": pem("server.key"),
  "/etc/ppg/client.key": pem("client.key"),
  "/etc/ppg/token": "a-long-token\n",
  "/etc/ppg/empty": "\n",
  "/etc/ppg/octets": Uint8Array.of(0xff, 0xfe),
  "/etc/ppg/database": "postgres://ppg:secret@db/ppg\n",
};

function world(env: Record<string, string> = {}): ConfigWorld {
  return {
    env,
    directory: "/etc/ppg",
    readFile: async (path) => {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error(`ENOENT ${path}`), { code: "ENOENT" });
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
  };
}

const minimal = `
domain: ppg.example.test
http:
  listen: http://127.0.0.1:0
initiators:
  - name: calendar
    tokens: { file: token }
    recipients: "sip:*@example.test"
sip:
  from: sip:ppg@example.test
  listen: udp:127.0.0.1:0
`;

/** All that is said of a text, one line each. */
async function problemsOf(text: string, env: Record<string, string> = {}): Promise<string[]> {
  try {
    await readPpgConfig(text, world(env));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(describeProblem);
  }
}

describe("a configuration", () => {
  it("needs a domain, a listener, an initiator and a SIP address; all else has a default", async () => {
    const config = await readPpgConfig(minimal, world());
    expect(config).toMatchObject({
      name: "ppg",
      dataDirectory: "/etc/ppg/data",
      database: { kind: "sqlite" },
      domains: ["ppg.example.test"],
      http: {
        listen: [{ secure: false, host: "127.0.0.1", port: 0 }],
        path: "/pap",
        tls: null,
        maxBodyBytes: 1_048_576,
      },
      delivery: { concurrency: 2048, perDestination: 2048, retry: { absent: { maxAttempts: 40, initialMs: 60_000 } } },
      results: { retry: { initialMs: 1_000, maxMs: 600_000, jitter: 0.5 } },
      retention: { finishedDays: 30 },
      console: null,
      operation: null,
      log: "info",
    });
    expect(config.initiators[0]).toMatchObject({ applications: ["*"], notifyUrls: [], password: null, rate: null });
    expect(await problemsOf("")).toEqual([
      "domain: is required",
      "http: is required",
      "initiators: is required",
      "sip: is required",
    ]);
  });

  it("keeps no token and no password as it is", async () => {
    const text = minimal.replace("tokens:", "password: { env: PASSWORD }\n    tokens:");
    const config = await readPpgConfig(text, world({ PASSWORD: "geheim" }));
    expect(JSON.stringify(config)).not.toMatch(/geheim|a-long-token/);
    expect(config.initiators[0]?.password).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it("takes a password hash as it is, for an initiator and for the console", async () => {
    const entry = await hashPassword("geheim");
    const text = minimal.replace("tokens: { file: token }", `password: { scrypt: "${entry}" }`);
    const users = `console: { users: [{ name: admin, password: { scrypt: "${entry}" } }, { name: b, password: { file: token } }] }`;
    const config = await readPpgConfig(`${text}\n${users}`, world());
    expect(config.initiators[0]?.password).toEqual({ scrypt: entry });
    expect(config.console?.users).toEqual([
      { name: "admin", password: entry },
      { name: "b", password: expect.stringMatching(/^scrypt\$/) },
    ]);
  });

  it("makes of notifyAs what an initiator's server is shown", async () => {
    const of = async (lines: string): Promise<unknown> =>
      (await readPpgConfig(minimal.replace("tokens:", `notifyAs: ${lines}\n    tokens:`), world())).initiators[0]
        ?.notifyAs;
    const basic = `Basic ${Buffer.from("ppg:a-long-token").toString("base64")}`;
    expect(await of("{ user: ppg, password: { file: token } }")).toEqual({ authorization: basic, certificate: null });
    expect(await of("{ token: { file: token } }")).toMatchObject({ authorization: "Bearer a-long-token" });
    expect(await of("{ certificate: server.crt, key: server.key }")).toEqual({
      authorization: null,
      certificate: { certificate: files["/etc/ppg/server.crt"], key: files["/etc/ppg/server.key"] },
    });
  });

  it("reads a database URL from a file, from the environment, or as it stands", async () => {
    const url = "postgres://ppg:secret@db/ppg";
    const expected = { kind: "postgres", url, maxConnections: 8 };
    const of = async (line: string): Promise<unknown> =>
      (await readPpgConfig(`${minimal}\n${line}`, world({ DATABASE_URL: url }))).database;
    expect(await of("database: { file: database }")).toEqual(expected);
    expect(await of("database: { env: DATABASE_URL }")).toEqual(expected);
    expect(await of(`database: ${url}`)).toEqual(expected);
  });
});

/** What is added to the minimal file -> what is said, with the line. */
const wrong: ReadonlyArray<readonly [text: string, says: readonly string[]]> = [
  ["nam: ppg-1", ["line 12: nam: unknown setting; did you mean name?"]],
  ["frobnicate: 1", ["line 12: frobnicate: unknown setting"]],
  [
    "log: debugg",
    ['line 12: log: "debugg" is none of trace, debug, info, warn, error, fatal, silent; did you mean debug?'],
  ],
  ["log: 7", ["line 12: log: must be text, not 7"]],
  ["name: ppg 1", ["line 12: name: must be 1 to 64 letters, digits, ., _ or -"]],
  ["database: postgres://db", ["line 12: database: the URL names no database: postgres://user:password@host/database"]],
  [
    "database: mysql://root:geheim@db/x",
    ["line 12: database: must be sqlite or postgres://user:password@host/database"],
  ],
  ["database: { file: nowhere }", ["line 12: database: nowhere: no such file"]],
  ["database: { file: octets }", ["line 12: database: octets: is no text in UTF-8"]],
  ["database: { scrypt: x }", ["line 12: database: write it as { file: … } or { env: … }"]],
  ["delivery: { concurency: 1 }", ["line 12: delivery.concurency: unknown setting; did you mean concurrency?"]],
  ["delivery: { concurrency: 10, perDestination: 11 }", ["line 12: delivery.perDestination: is more than concurrency"]],
  [
    "delivery:\n  retry:\n    absent: { maxAttempts: 0 }",
    ["line 14: delivery.retry.absent.maxAttempts: must be a whole number from 1 to 10000"],
  ],
  [
    "delivery:\n  retry:\n    absent: { initialSeconds: 9, maxSeconds: 8 }",
    ["line 14: delivery.retry.absent.initialSeconds: is longer than maxSeconds"],
  ],
  ["results: { giveUpAfterHours: soon }", ["line 12: results.giveUpAfterHours: must be a number from 0.001 to 8760"]],
  ["retention: 30", ["line 12: retention: must be settings, not 30"]],
  [
    "addresses: { PLMN: 'sip:{value@example.test', USER: 'sip:{value}@example.test' }",
    ["line 12: addresses.PLMN: must hold {value} once"],
  ],
  ["networks: [GSM, UMTS]", [expect.stringMatching(/^line 12: networks\[1\]: "UMTS" is none of Any, GSM, /)]],
  ["operation: https://127.0.0.1:9", ["line 12: operation: https needs http.tls"]],
  [
    "operation: 127.0.0.1:9",
    ['line 12: operation: "127.0.0.1:9" is no address; write http://127.0.0.1:8070 or https://0.0.0.0:8443'],
  ],
  ["console: { users: [] }", ["line 12: console.users: give at least one user"]],
  [
    "console: { users: [{ name: admin, password: geheim }] }",
    ["line 12: console.users[0].password: write it as { scrypt: … } or { file: … } or { env: … }"],
  ],
  [
    "console: { users: [{ name: admin, password: { scrypt: geheim } }] }",
    ["line 12: console.users[0].password: scrypt: is nothing that `sip-push ppg hash-password` prints"],
  ],
  [
    "console: { users: [{ name: a, password: { file: token } }, { name: a, password: { file: token } }] }",
    ['line 12: console.users[1].name: "a" is there twice'],
  ],
  ["log: info\nlog: debug", ["line 13: a setting of this name is there already"]],
  ["log: [", [expect.stringMatching(/^line 1[23]: /)]],
];

/** A line of the minimal file -> another -> what is said. */
const changed: ReadonlyArray<readonly [line: string, other: string, says: readonly string[]]> = [
  ["http://127.0.0.1:0", "https://127.0.0.1:0", ["line 4: http.listen[0]: https needs http.tls"]],
  [
    "http://127.0.0.1:0",
    "http://127.0.0.1:80/pap",
    ['line 4: http.listen[0]: "http://127.0.0.1:80/pap" has more than a host and a port'],
  ],
  [
    "http://127.0.0.1:0",
    "[http://127.0.0.1:81, http://127.0.0.1:81]",
    ["line 4: http.listen[1]: takes the port of http.listen[0]"],
  ],
  [
    "http://127.0.0.1:0",
    "http://127.0.0.1:0\n  path: /console/x",
    ["line 5: http.path: /console is the gateway's own"],
  ],
  [
    "http://127.0.0.1:0",
    "http://127.0.0.1:0\n  tls:\n    certificate: server.crt\n    key: client.key",
    ["line 7: http.tls.key: is not the key of the certificate"],
  ],
  [
    "http://127.0.0.1:0",
    "http://127.0.0.1:0\n  tls:\n    certificate: token\n    key: nowhere\n    clientCertificates: ask",
    [
      "line 6: http.tls.certificate: token: is no certificate in PEM",
      "line 7: http.tls.key: nowhere: no such file",
      "line 8: http.tls.clientCertificates: needs clientCa: whose certificates to take",
    ],
  ],
  [
    "tokens: { file: token }",
    "password: geheim",
    ["line 7: initiators[0].password: write it as { scrypt: … } or { file: … } or { env: … }"],
  ],
  [
    "tokens: { file: token }",
    "tokens: [{ sha256: abc }, { env: NOWHERE }, { file: empty }]",
    [
      "line 7: initiators[0].tokens[0]: sha256: must be 64 hexadecimal digits",
      "line 7: initiators[0].tokens[1]: the environment has no NOWHERE",
      "line 7: initiators[0].tokens[2]: empty: is empty",
    ],
  ],
  [
    "tokens: { file: token }",
    "applications: push.syncml",
    ["line 6: initiators[0]: can never log in: give password, tokens or certificates"],
  ],
  [
    "tokens: { file: token }",
    "certificates: pi.example.test",
    ["line 7: initiators[0].certificates: needs http.tls.clientCa: nobody is asked for a certificate"],
  ],
  [
    '"sip:*@example.test"',
    "mailto:*",
    [
      'line 8: initiators[0].recipients[0]: "mailto:*": is no pattern of recipients; write sip:*@example.test, tel:+49* or *',
    ],
  ],
  [
    "listen: http://127.0.0.1:0\n",
    "listen: http://127.0.0.1:0\n  trustedProxies: [10.0.0.1, proxy.example.test, 10.0.0.0/33, 0.0.0.0/0, 2001:db8::/32]\n",
    [
      'line 5: http.trustedProxies[1]: "proxy.example.test" is no IP address or range such as 127.0.0.0/8',
      'line 5: http.trustedProxies[2]: "10.0.0.0/33" is no IP address or range: the prefix has at most 32 bits',
      'line 5: http.trustedProxies[3]: "0.0.0.0/0" is everybody, who could say anything',
    ],
  ],
  [
    '"sip:*@example.test"',
    '"sip:*@example.test*"',
    [
      'line 8: initiators[0].recipients[0]: "sip:*@example.test*": in the host "example.test*" a star may only be the whole first label, before a domain of two: *.example.test',
    ],
  ],
  [
    '"sip:*@example.test"',
    '"*"\n    notifyUrls: ["https://*.test/*", "https://pi.example.test*", "http://*:*/", "http://a:8*/"]',
    [
      expect.stringContaining("line 9: initiators[0].notifyUrls[0]: "),
      expect.stringContaining("line 9: initiators[0].notifyUrls[1]: "),
      expect.stringContaining("line 9: initiators[0].notifyUrls[2]: "),
      expect.stringContaining("line 9: initiators[0].notifyUrls[3]: "),
    ],
  ],
  [
    '"sip:*@example.test"',
    '"*"\n  - name: calendar\n    tokens: { file: token }\n    recipients: "*"',
    [
      'line 9: initiators[1].name: "calendar" is there twice',
      "line 10: initiators[1].tokens[0]: is a token of another initiator, too",
    ],
  ],
  [
    "tokens: { file: token }",
    "tokens: { file: token }\n    notifyAs: { user: ppg }",
    ["line 8: initiators[0].notifyAs.password: is required with user"],
  ],
  [
    "tokens: { file: token }",
    "tokens: { file: token }\n    notifyAs: { token: { file: nowhere } }",
    ["line 8: initiators[0].notifyAs.token: nowhere: no such file"],
  ],
  ["sip:ppg@example.test", "nobody", [expect.stringMatching(/^line 10: sip.from: /)]],
  ["udp:127.0.0.1:0", "udp:localhost:99999", [expect.stringMatching(/^line 11: sip.listen\[0\]: /)]],
  ["udp:127.0.0.1:0", "tls:127.0.0.1:0", ["line 11: sip.listen[0]: tls needs sip.tls.certificate and sip.tls.key"]],
  [
    "udp:127.0.0.1:0",
    "udp:127.0.0.1:0\n  register: true\n  trusted: [10.0.0.0/8, core]",
    [
      "line 12: sip.register: needs sip.proxy: where to register",
      expect.stringMatching(/^line 13: sip.trusted\[1\]: "core" is no IP address/),
    ],
  ],
  [
    "udp:127.0.0.1:0",
    "udp:127.0.0.1:0\n  register: true",
    ["line 12: sip.register: needs sip.proxy: where to register"],
  ],
  [
    "udp:127.0.0.1:0",
    "udp:127.0.0.1:0\n  role: plain\n  chargingVector: true",
    ["line 13: sip.chargingVector: is for the role isc"],
  ],
  [
    "udp:127.0.0.1:0",
    "udp:127.0.0.1:0\n  credentials: { user: ppg, password: { env: SIP_PASSWORD } }",
    ["line 12: sip.credentials.password: the environment has no SIP_PASSWORD"],
  ],
];

describe("what is wrong is said with its place", () => {
  it.each(wrong)("%s", async (text, says) => {
    expect(await problemsOf(`${minimal}${text}\n`)).toEqual(says);
  });

  it.each(changed)("%s -> %s", async (line, other, says) => {
    expect(minimal).toContain(line);
    expect(await problemsOf(minimal.replace(line, other))).toEqual(says);
  });

  it("says all of it at once, in the order of the file", async () => {
    const text = minimal
      .replace("http://127.0.0.1:0", "ftp://127.0.0.1")
      .replace("{ file: token }", "{ file: nowhere }")
      .replace("udp:127.0.0.1:0", "sctp:127.0.0.1:0");
    const problems = await problemsOf(`${text}log: loud\nhtp: {}\n`);
    expect(problems.map((problem) => problem.split(":").slice(0, 2).join(":"))).toEqual([
      "line 4: http.listen[0]",
      "line 7: initiators[0].tokens[0]",
      "line 11: sip.listen[0]",
      "line 12: log",
      "line 13: htp",
    ]);
  });

  it("says nothing of a setting that follows from what is wrong with another", async () => {
    const listen = "  listen: [127.0.0.1:1, http://h:99999, http://127.0.0.1:1/x]";
    const problems = await problemsOf(minimal.replace("  listen: http://127.0.0.1:0", listen));
    expect(problems.map((problem) => problem.split(":")[1])).toEqual([
      " http.listen[0]",
      " http.listen[1]",
      " http.listen[2]",
    ]);
  });

  it("says what is wrong with the SIP address beside other problems of its section", async () => {
    const text = minimal.replace("sip:ppg@example.test", "http://x").replace("udp:127.0.0.1:0", "xyz:1:2");
    expect(await problemsOf(text)).toEqual([
      'line 10: sip.from: "http://x" is no SIP address',
      expect.stringMatching(/^line 11: sip.listen\[0\]: /),
    ]);
  });

  it("repeats no secret", async () => {
    const secret = "correct-horse-battery-staple";
    const texts = [
      minimal.replace("{ file: token }", secret),
      minimal.replace("{ file: token }", `{ sha256: ${secret} }`),
      `${minimal}database: my${secret}`,
      `${minimal}console: { users: [{ name: admin, password: { scrypt: ${secret} } }] }`,
    ];
    const problems = (await Promise.all(texts.map((text) => problemsOf(text)))).flat();
    expect(problems).toHaveLength(4);
    expect(problems.join("\n")).not.toContain(secret);
  });
});

describe("the environment", () => {
  it("wins over the file", async () => {
    const config = await readPpgConfig(
      `${minimal}name: of-the-file`,
      world({
        SIP_PUSH_NAME: "of-the-environment",
        SIP_PUSH_HTTP_LISTEN: "http://127.0.0.1:1 http://127.0.0.1:2",
        SIP_PUSH_HTTP_MAX_BODY_BYTES: "77",
        SIP_PUSH_HTTP_ALLOW_PLAIN: "true",
        SIP_PUSH_SIP_PROXY: "sip:core.example.test",
      }),
    );
    expect(config.name).toBe("of-the-environment");
    expect(config.http.listen.map(({ port }) => port)).toEqual([1, 2]);
    expect(config.http).toMatchObject({ maxBodyBytes: 77, allowPlain: true });
    expect(config.sip.proxy).toBe("sip:core.example.test");
  });

  it("is named where it is what is wrong", async () => {
    const env = {
      SIP_PUSH_LOG: "loud",
      SIP_PUSH_SIP_REGISTER: "perhaps",
      SIP_PUSH_HTTP_LISTEN: "http://127.0.0.1 ftp://x",
    };
    expect((await problemsOf(minimal, env)).sort()).toEqual([
      expect.stringMatching(/^SIP_PUSH_HTTP_LISTEN: http.listen\[1\]: /),
      expect.stringMatching(/^SIP_PUSH_LOG: log: /),
      "SIP_PUSH_SIP_REGISTER: sip.register: must be true or false",
    ]);
  });

  it.each(Object.entries(environmentVariables))("%s is a setting: %s", async (path, variable) => {
    const problems = await problemsOf(minimal, { [variable]: "\u0001" });
    expect(problems.some((problem) => problem.startsWith(`${variable}: ${path}`))).toBe(true);
    expect(problems.join("\n")).not.toContain("unknown setting");
  });
});
