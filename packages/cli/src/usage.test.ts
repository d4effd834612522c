import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./testdata/fake-io.ts";

/** The certificates that the transports are tested with. */
const pem = (name: string): string =>
  readFileSync(new URL(`../../sip/src/transport/testdata/${name}`, import.meta.url), "utf8");

const to = ["--to", "sip:alice@example.test"];
const ds = ["--ds-server", "ds.example.test"];
const aor = ["--aor", "sip:alice@example.test"];

/** Stands for the port of a UDP socket that plays the proxy. */
const PROXY = "<proxy>";
/** Stands for a port that somebody else listens on. */
const TAKEN = "<taken>";

const files = {
  "note.txt": "hello",
  "large.bin": new Uint8Array(1_048_577),
  "empty.json": "{}",
  "broken.json": "{",
  "list.json": "[]",
  "unknown.json": '{"listen": ["udp:127.0.0.1:0"], "too": "sip:alice@example.test"}',
  "two.json":
    '{"expires": "soon", "dsUi": 3, "dsServer": "ds", "to": "sip:alice@example.test", "proxy": "sip:127.0.0.1:9"}',
  "bad-format.json": '{"format":"ds-1.3"}',
  "bad-uri.json":
    '{"format":"ds-1.2","serverId":"s","sessionId":1,"syncs":[{"syncType":"two-way"},{"syncType":"two-way","serverUri":7}]}',
  "long-server.json": `{"format":"ds-1.2","sessionId":1,"serverId":"${"s".repeat(256)}"}`,
  "no-password.json": '{"format":"ds-1.2","sessionId":1,"serverId":"s","nonce":"n"}',
  "cut.bin": new Uint8Array(20),
  "users.txt": "alice\nbob:secret\ncarol",
  "no-users.txt": "# nobody\n",
  "not-utf8.json": Uint8Array.of(0x22, 0xff, 0x22),
  "server.crt": pem("server.crt"),
  "client.key": pem("client.key"),
};

/** What is typed -> all of what is said, after `sip-push: `. */
const badInput: ReadonlyArray<readonly [args: readonly string[], says: string]> = [
  [["frobnicate"], "unknown command 'frobnicate'"],
  [["sned"], "unknown command 'sned' (Did you mean send?)"],
  [["send", "--frobnicate"], "unknown option '--frobnicate'"],
  [["send", "alice"], "too many arguments for 'send'. Expected 0 arguments but got 1: alice."],
  [["send", "--to"], "option '--to <uri>' argument missing"],
  [
    ["send"],
    "--to: is required; --proxy: is required; --file: give a file to push, or --ds-server for a DS notification",
  ],
  [["send", ...to, "--proxy", PROXY], "--file: give a file to push, or --ds-server for a DS notification"],
  [["send", ...to, "--proxy", PROXY, "--file", "note.txt"], "--content-type: is required with --file"],
  [
    ["send", ...to, "--proxy", PROXY, "--file", "note.txt", ...ds, "--content-type", "text/plain"],
    "--file: give this or --ds-server, not both",
  ],
  [
    ["send", ...to, "--proxy", PROXY, "--file", "nowhere.txt", "--content-type", "text/plain"],
    "--file: nowhere.txt: no such file",
  ],
  [
    ["send", ...to, "--proxy", PROXY, "--file", "large.bin", "--content-type", "image/png"],
    "--file: has 1048577 octets, the limit is 1048576",
  ],
  [
    ["send", ...to, "--proxy", PROXY, "--file", "note.txt", "--content-type", "text"],
    '--content-type: "text" is no media type; write type/subtype',
  ],
  [["send", "--to", "alice", "--proxy", PROXY, ...ds], '--to: no scheme in "alice"'],
  [
    ["send", ...to, "--to", "mailto:bob@example.test", "--proxy", PROXY, ...ds],
    '--to: "mailto:bob@example.test" is no URI to push to; write a sip:, sips: or tel: URI',
  ],
  [
    ["send", "--to", "tel:+15550100", "--proxy", PROXY, ...ds],
    "--to: a tel: URI needs the domain to send it to (--domain)",
  ],
  [
    ["send", "--to", "tel:+15550100", "--proxy", PROXY, "--domain", "a b", ...ds],
    '--domain: bad host "a b"; --to: a tel: URI needs the domain to send it to (--domain)',
  ],
  [
    ["send", "--to", "sips:alice@example.test", "--proxy", PROXY, ...ds],
    "--to: sips:alice@example.test must travel over TLS all the way, ",
  ],
  [["send", ...to, "--proxy", "127.0.0.1:5060", ...ds], '--proxy: no scheme in "127.0.0.1:5060"'],
  [["send", ...to, "--proxy", "sip:127.0.0.1:99999", ...ds], '--proxy: bad port "99999"'],
  [["send", ...to, "--proxy", "tel:+15550100", ...ds], '--proxy: "tel:+15550100" is no sip: or sips: URI'],
  [["send", ...to, "--proxy", PROXY, ...ds, "--from", "push"], '--from: no scheme in "push"'],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--expires", "0"],
    "--expires: must be a whole number from 1 to 2147483647",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--expires", "1.5"],
    "--expires: must be a whole number from 1 to 2147483647",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--ds-session", "65536"],
    "--ds-session: must be a whole number from 0 to 65535",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--ds-ui", "loud"],
    "--ds-ui: must be one of not-specified, background, informative, user-interaction",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--ds-sync", "both-ways:./contacts"],
    '--ds-sync: "both-ways:./contacts" is not type:uri[:media-type] with a type of two-way, one-way-from-client, refresh-from-client, one-way-from-server, refresh-from-server',
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--ds-nonce", "n"],
    "--ds-nonce: makes a digest only together with --ds-password",
  ],
  [
    ["send", ...to, "--proxy", PROXY, "--file", "note.txt", "--content-type", "a/b", "--ds-ui", "informative"],
    "--ds-server: is required with --ds-ui",
  ],
  [["send", ...to, "--proxy", PROXY, "--ds-server", "s".repeat(256)], "--ds-server: has 256 octets"],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--listen", "sctp:127.0.0.1:0"],
    '--listen: cannot listen on "sctp:127.0.0.1:0": "sctp" is no transport; use udp, tcp, tls, ws, wss',
  ],
  [["send", ...to, "--proxy", PROXY, ...ds, "--app", '"'], '--app: "\\"" is no application id'],
  [["send", ...to, "--proxy", PROXY, ...ds, "--ca", "note.txt"], "--ca: note.txt: is no certificate in PEM"],
  [["send", ...to, "--proxy", PROXY, ...ds, "--cert", "server.crt"], "--key: is required with --cert"],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--cert", "server.crt", "--key", "client.key"],
    "--key: client.key: is no key in PEM, or not the one of --cert",
  ],
  [["send", "--config", "nowhere.json"], "--config: nowhere.json: no such file"],
  [["send", "--config", "list.json"], "--config: the file must hold one JSON object"],
  [["send", "--config", "unknown.json", "--proxy", PROXY, ...ds], '--config: unknown setting "too"; --to: is required'],
  [
    ["send", "--config", "two.json"],
    "--ds-ui: must be one of not-specified, background, informative, user-interaction; --expires: must be a whole number",
  ],
  [["receive"], "--aor: is required; --proxy: is required, unless --no-register is given"],
  [
    ["receive", "--aor", "sip:example.test", "--no-register"],
    '--aor: "sip:example.test" names no user; write sip:user@domain',
  ],
  [
    ["receive", ...aor, "--proxy", "nonsense", "--count", "0"],
    '--proxy: no scheme in "nonsense"; --count: must be a whole number from 1 to 1000000000',
  ],
  [["receive", ...aor, "--no-register", "--answer", "180"], "--answer: must be a whole number from 200 to 699"],
  [["receive", ...aor, "--no-register", "--instance", "phone"], '--instance: "phone" is no URN; write urn:uuid:…'],
  [
    ["receive", ...aor, "--no-register", "--listen", "udp:127.0.0.1:0", "--trust-ppg", "nobody"],
    '--trust-ppg: no scheme in "nobody"',
  ],
  [
    ["receive", ...aor, "--no-register", "--listen", "udp:127.0.0.1:0", "--trusted-hop", "10.0.0.0/99"],
    '--trusted-hop: "10.0.0.0/99" is no IP address or range',
  ],
  [
    ["receive", ...aor, "--no-register", "--ds-nonce", "n"],
    "--ds-nonce: checks a digest only together with --ds-password",
  ],
  [
    ["receive", ...aor, "--no-register", "--invalid-digest", "shrug"],
    "--invalid-digest: must be one of refuse, drop, accept",
  ],
  [
    ["receive", ...aor, "--no-register", "--listen", TAKEN],
    "--listen: cannot listen on TCP 127.0.0.1 port <taken>: the port is in use",
  ],
  [["proxy", "--listen", TAKEN], "--listen: cannot listen on TCP 127.0.0.1 port <taken>: the port is in use"],
  [
    ["proxy", "--listen", "tls:127.0.0.1:0"],
    "--listen: cannot listen on TLS 127.0.0.1 port 0: it needs a certificate and its key",
  ],
  [["proxy", "--listen", "udp:127.0.0.1:0", "--domain", "a b"], '--domain: "a b" is no domain name'],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--trusted", "everybody"],
    '--trusted: "everybody" is no IP address or range',
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--users", "users.txt"],
    '--users: line 1: no ":" in it; write user:password or user:realm:HA1; --users: line 3:',
  ],
  [["proxy", "--listen", "udp:127.0.0.1:0", "--users", "no-users.txt"], "--users: no users in it"],
  [["proxy", "--listen", "udp:127.0.0.1:0", "--users", "nowhere.txt"], "--users: nowhere.txt: no such file"],
  [["notification", "decode"], "missing required argument 'file'"],
  [["notification", "decode", "nowhere.bin"], "<file>: nowhere.bin: no such file"],
  [["notification", "decode", "cut.bin"], "version: "],
  [
    ["notification", "decode", "--format", "ds-2.0", "cut.bin"],
    "option '--format <format>' argument 'ds-2.0' is invalid. Allowed choices are ds-1.2, dm-1.2,",
  ],
  [
    ["notification", "decode", "--content-type", "text/plain", "cut.bin"],
    '--content-type: "text/plain" is not the type of a notification',
  ],
  [["notification", "encode", "--json", "broken.json"], "--json: not JSON: "],
  [["notification", "encode", "--json", "not-utf8.json"], "--json: not JSON: "],
  [["notification", "encode", "--json", "empty.json"], "format: is missing"],
  [
    ["notification", "encode", "--json", "bad-format.json"],
    "format: must be one of ds-1.2, dm-1.2, syncml-1.1-xml, syncml-1.1-wbxml",
  ],
  [["notification", "encode", "--json", "bad-uri.json"], "syncs[0].serverUri: is missing"],
  [["notification", "encode", "--json", "long-server.json"], "serverId: has 256 octets"],
  [["notification", "encode", "--json", "no-password.json"], "nonce: makes a digest only together with a password"],
  [["demo", "--twice"], "unknown option '--twice'"],
];

describe("bad usage, configuration or input is one line, exit code 2, and nothing is sent", () => {
  const proxy = createSocket("udp4");
  const taken = createServer();
  const received: string[] = [];
  let places: Readonly<Record<string, string>> = {};
  let takenPort = 0;

  beforeAll(async () => {
    proxy.on("message", (octets) => received.push(octets.toString("latin1")));
    proxy.bind(0, "127.0.0.1");
    taken.listen(0, "127.0.0.1");
    await Promise.all([once(proxy, "listening"), once(taken, "listening")]);
    takenPort = portOf(taken.address());
    places = { [PROXY]: `sip:127.0.0.1:${proxy.address().port}`, [TAKEN]: `tcp:127.0.0.1:${takenPort}` };
  });

  afterAll(async () => {
    await Promise.all([close(proxy), close(taken)]);
  });

  it.each(badInput)("%j", async (args, says) => {
    const ran = await runCli(
      args.map((arg) => places[arg] ?? arg),
      { files },
    );
    expect(ran.stderr).toMatch(/^sip-push: [^\n]+\n$/);
    expect(ran.stderr.slice("sip-push: ".length)).toMatch(startingWith(says.replace("<taken>", String(takenPort))));
    expect({ ...ran, stderr: "" }).toEqual({ exitCode: 2, stdout: "", stderr: "", octets: new Uint8Array() });
  });

  it("sends nothing in any of these cases", async () => {
    const marker = once(proxy, "message");
    const own = createSocket("udp4");
    own.send("marker", proxy.address().port, "127.0.0.1");
    await marker;
    await close(own);
    expect(received).toEqual(["marker"]);
  });
});

describe("help", () => {
  const commands = [
    [],
    ["demo"],
    ["proxy"],
    ["receive"],
    ["send"],
    ["notification", "decode"],
    ["notification", "encode"],
  ];

  it.each(commands.map((command) => [command]))("sip-push %j --help has examples and exit code 0", async (command) => {
    const { exitCode, stdout, stderr } = await runCli([...command, "--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: sip-push/);
    expect(stdout).toMatch(/\nExamples?:\n[^]*sip-push/);
  });

  it("is shown, on standard error, when there is no command", async () => {
    const { exitCode, stdout, stderr } = await runCli([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: sip-push/);
  });

  it("names the version", async () => {
    expect((await runCli(["--version"])).stdout).toMatch(/^[0-9]+\.[0-9]+\.[0-9]+\n$/);
  });
});

function startingWith(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}

function portOf(address: ReturnType<Server["address"]>): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

function close(closable: Socket | Server): Promise<void> {
  return new Promise((resolve) => closable.close(() => resolve()));
}
