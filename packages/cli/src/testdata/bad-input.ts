import { readFileSync } from "node:fs";

/** The certificates that the transports are tested with. */
const pem = (name: string): string =>
  readFileSync(new URL(`../../../sip/src/transport/testdata/${name}`, import.meta.url), "utf8");

const to = ["--to", "sip:alice@example.test"];
const ds = ["--ds-server", "ds.example.test"];
const aor = ["--aor", "sip:alice@example.test"];
const note = ["--file", "note.txt", "--content-type", "text/plain"];
/** K and OPc of test set 1 of TS 35.208. */
const usim = "465b5ce8b199b49faa5f0a2ee238a6bc,cd63cb71954a9f4e48a5994e37a02baf";
/** A real folder: the state of a USIM is not read through the world of a test. */
const here = import.meta.dirname;

/** Stands for the port of a UDP socket that plays the proxy. */
export const PROXY: string = "<proxy>";
/** Stands for a port that somebody else listens on. */
export const TAKEN: string = "<taken>";

/** Files that the commands find. */
export const files: Readonly<Record<string, string | Uint8Array>> = {
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
type BadInput = readonly [args: readonly string[], says: string];

export const badInput: ReadonlyArray<BadInput> = [
  [["frobnicate"], "unknown command 'frobnicate'"],
  [["sned"], "unknown command 'sned' (Did you mean send?)"],
  [["send", "--frobnicate"], "unknown option '--frobnicate'"],
  [["send", "alice"], "too many arguments for 'send'. Expected 0 arguments but got 1: alice."],
  [["send", "--to"], "option '--to <uri>' argument missing"],
  [["fleet"], "--count: is required; --aor: is required; --proxy: is required, unless --no-register is given"],
  [
    ["fleet", "--count", "2", ...aor, "--proxy", PROXY],
    "--aor: write {n} for the number of the handset, such as sip:handset{n}@example.test",
  ],
  [
    ["fleet", "--count", "0", "--aor", "sip:example.test", "--no-register"],
    '--count: must be a whole number from 1 to 1000000; --aor: "sip:example.test" names no user; write sip:user@domain',
  ],
  [["fleet", "--count", "1", ...aor, "--no-register", "--listen", TAKEN], "--listen: "],
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
  [
    ["send", ...to, "--proxy", PROXY, "--part", "note.txt:text/plain", ...ds],
    "--part: give this or --ds-server, not both",
  ],
  [["send", ...to, "--proxy", PROXY, "--part", "note.txt"], '--part: "note.txt" is not file:type/subtype\n'],
  [["send", ...to, "--proxy", PROXY, "--ds-server", ""], "--ds-server: is empty\n"],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--content-type", "text/plain"],
    "--content-type: a DS notification has its own",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--subscriptions", `${here}/nowhere/subscriptions.json`],
    `--subscriptions: ${here}/nowhere/subscriptions.json: no such file`,
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--subscriptions", "s.json", "--via", "message"],
    "--subscriptions: serves nothing with --via message",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--third-party-register"],
    "--third-party-register: goes with --wait-for-registration",
  ],
  [["send", ...to, "--proxy", PROXY, "--part", "nowhere.txt:text/plain"], "--part: nowhere.txt: no such file"],
  [["send", ...to, "--proxy", PROXY, "--part", "large.bin:a/b"], "--part: has 1048577 octets, the limit is 1048576"],
  [
    ["send", ...to, "--proxy", PROXY, "--part", "note.txt:text/plain", "--content-type", "text/plain"],
    "--content-type: must be multipart/mixed or multipart/related with --part",
  ],
  [["send", ...to, "--proxy", PROXY, ...ds, "--content-encoding", "gzip"], "--content-encoding: goes with --file only"],
  [
    ["send", ...to, "--proxy", PROXY, ...note, "--content-encoding", "g zip"],
    '--content-encoding: "g zip" is no list of tokens',
  ],
  [["send", ...to, "--proxy", PROXY, ...note, "--content-language", "de;"], '--content-language: "de;" is no list'],
  [
    ["send", ...to, "--proxy", PROXY, ...note, "--content-disposition", "="],
    '--content-disposition: "=" is no disposition',
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--priority", "high"],
    "--priority: must be one of emergency, urgent, normal, non-urgent",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--charging-vector", "--role", "gm"],
    "--charging-vector: is for the role isc",
  ],
  [["send", ...to, "--proxy", PROXY, ...ds, "--served-user", "alice"], '--served-user: no scheme in "alice"'],
  [["send", ...to, "--proxy", PROXY, ...ds, "--via", "post"], "--via: must be one of auto, message, notify"],
  [
    ["send", ...to, "--proxy", PROXY, ...note, "--via", "notify"],
    "--app: is required with --via notify: handsets subscribe to applications",
  ],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--wait-for-registration", "ever"],
    "--wait-for-registration: must be a whole number from 1 to 2147483647",
  ],
  [["send", ...to, "--proxy", PROXY, ...ds, "--report", "0"], "--report: must be a whole number from 1 to 2147483647"],
  [["send", ...to, "--proxy", PROXY, ...ds, "--contact", "me"], '--contact: no scheme in "me"'],
  [["send", ...to, "--proxy", PROXY, ...ds, "--route", "core"], '--route: no scheme in "core"'],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--trusted", "10.0.0.0/33", "--trusted", "x"],
    '--trusted: "10.0.0.0/33" is no IP address or range: the prefix has at most 32 bits; --trusted: "x" is no ',
  ],
  [["send", ...to, "--proxy", PROXY, ...ds, "--refer"], "--refer: goes with --via notify"],
  [
    ["send", ...to, "--proxy", PROXY, ...ds, "--subscriptions", `${here}/bad-input.ts`],
    `--subscriptions: ${here}/bad-input.ts: holds no subscriptions`,
  ],
  [["refer"], "--to: is required; --proxy: is required"],
  [["refer", "--to", "alice", "--proxy", PROXY], '--to: no scheme in "alice"'],
  [["refer", ...to, "--proxy", PROXY, "--target", "push"], '--target: no scheme in "push"'],
  [
    ["refer", ...to, "--proxy", PROXY, "--target", "sip:push@example.test?a=b"],
    '--target: "sip:push@example.test?a=b" has headers or a method',
  ],
  [["refer", ...to, "--proxy", PROXY, "--app", '"'], '--app: "\\"" is no application id'],
  [["refer", ...to, "--proxy", PROXY, "--expires", "0"], "--expires: must be a whole number from 1 to 2147483647"],
  [["refer", ...to, "--proxy", PROXY, "--report", "soon"], "--report: must be a whole number from 1 to 2147483647"],
  [["options"], "--to: is required; --proxy: is required"],
  [
    ["options", "--to", "tel:+15550100", "--proxy", PROXY],
    "--to: a tel: URI needs the domain to send it to (--domain)",
  ],
  [["options", ...to, "--proxy", PROXY, "--app", '"'], '--app: "\\"" is no application id'],
  [["receive"], "--aor: is required; --proxy: is required, unless --no-register is given"],
  [
    ["receive", "--aor", "sip:example.test", "--no-register"],
    '--aor: "sip:example.test" names no user; write sip:user@domain',
  ],
  [
    ["receive", ...aor, "--proxy", "nonsense", "--count", "0"],
    '--proxy: no scheme in "nonsense"; --count: must be a whole number from 1 to 1000000000',
  ],
  [
    ["receive", "--aor", "sip:alice@example.test?Subject=a", "--no-register", "--subscribe", "sip:a@b;method=MESSAGE"],
    '--aor: "sip:alice@example.test?Subject=a" has headers or a method; --subscribe: "sip:a@b;method=MESSAGE" has',
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
  [["receive", ...aor, "--proxy", PROXY, "--proxy", PROXY], "--instance: is required with several --proxy (RFC 5626)"],
  [
    ["receive", ...aor, "--no-register", "--proxy", PROXY, "--proxy", PROXY, "--instance", "urn:uuid:1"],
    "--proxy: give one only with --no-register",
  ],
  [
    ["receive", ...aor, "--no-register", "--aka", "465b5ce8,cd63cb71"],
    "--aka: must be K and OPc, 32 hex digits each, with a comma between them",
  ],
  [["receive", ...aor, "--no-register", "--aka", usim, "--password", "p"], "--aka: give this or --password, not both"],
  [["receive", ...aor, "--no-register", "--aka-sqn", "sqn.json"], "--aka-sqn: keeps nothing without --aka"],
  [["receive", ...aor, "--no-register", "--aka", usim, "--aka-sqn", here], `--aka-sqn: ${here}: is a folder`],
  [
    ["receive", ...aor, "--no-register", "--aka", usim, "--aka-sqn", `${here}/nowhere/sqn.json`],
    `--aka-sqn: ${here}/nowhere/sqn.json: no such file`,
  ],
  [
    ["receive", ...aor, "--no-register", "--aka", usim, "--aka-sqn", `${here}/bad-input.ts`],
    `--aka-sqn: ${here}/bad-input.ts: is no state of a USIM`,
  ],
  [["receive", ...aor, "--no-register", "--role", "isc"], "--role: must be one of gm, plain"],
  [
    ["receive", ...aor, "--no-register", "--access-network-info", "a\nb"],
    "--access-network-info: must be one line of text",
  ],
  [["receive", ...aor, "--no-register", "--pn-prid", "1"], "--pn-prid: says nothing without --pn-provider"],
  [["receive", ...aor, "--no-register", "--pn-provider", ""], "--pn-provider: is empty"],
  [["receive", ...aor, "--no-register", "--subscribe", "push"], '--subscribe: no scheme in "push"'],
  [["receive", ...aor, "--no-register", "--publish-to", "push"], '--publish-to: no scheme in "push"'],
  [["receive", ...aor, "--no-register", "--refer", "perhaps"], "--refer: must be one of accept, refuse"],
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
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--client-certificates", "ask"],
    "--ca: is required with --client-certificates: whose certificates to take",
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--client-certificates", "beg"],
    "--client-certificates: must be one of ask, require",
  ],
  [["proxy", "--listen", "udp:127.0.0.1:0", "--digest", "SHA-3"], "--digest: SHA-3 is unknown"],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--route-psi", "sip:push@example.test"],
    '--route-psi: "sip:push@example.test" is not like sip:push@example.test=sip:127.0.0.1:5090',
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--route-psi", "sip:example.test=sip:127.0.0.1"],
    '--route-psi: "sip:example.test" names no user',
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--route-method", "A B=sip:127.0.0.1"],
    '--route-method: "A B" is no method',
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--third-party-register", "here"],
    '--third-party-register: no scheme in "here"',
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--service-route", "sip:127.0.0.1"],
    "--service-route: sip:127.0.0.1 is no SIP URI with lr",
  ],
  [
    ["proxy", "--listen", "udp:127.0.0.1:0", "--flow-timer", "900", "--service-route", "x"],
    "--flow-timer: less than idleTimeoutMs; --service-route: x is no SIP URI with lr",
  ],
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
  [["ppg"], "--config: is required"],
  [["ppg", "--config", "nowhere.yaml"], "--config: nowhere.yaml: no such file"],
  [["ppg", "hash-password"], "<standard input>: -: no such file"],
  [["demo", "--twice"], "unknown option '--twice'"],
];
