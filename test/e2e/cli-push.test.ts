import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stopAllProcesses } from "../support/process.ts";
import { makeTempFolder } from "../support/temp-folder.ts";
import {
  dsFlags,
  eventOf,
  type Line,
  linesOf,
  send,
  startCli,
  startProxy,
  startReceiver,
  startUdpProxy,
} from "./command-line.ts";

const allOctets = Uint8Array.from({ length: 256 }, (_, octet) => octet);
const sha256 = createHash("sha256").update(allOctets).digest("hex");

const folder = makeTempFolder("cli");
const file = join(folder.path, "all-octets.bin");
beforeAll(() => writeFile(file, allOctets));
afterAll(() => folder.remove());

const certificate = (name: string): string =>
  fileURLToPath(new URL(`../../packages/sip/src/transport/testdata/${name}`, import.meta.url));
const tls = ["--cert", certificate("server.crt"), "--key", certificate("server.key")];
const trust = ["--ca", certificate("authority.crt")];

/** Where one proxy listens, all at once. */
const places = [
  "udp:127.0.0.1",
  "tcp:127.0.0.1",
  "ws:127.0.0.1",
  "tls:127.0.0.1",
  "wss:127.0.0.1",
  "udp:[::1]",
  "tcp:[::1]",
] as const;

/** A way of a push: from the sender to the proxy, and from there to the handset. */
const ways: ReadonlyArray<readonly [sender: (typeof places)[number], handset: (typeof places)[number]]> = [
  ["udp:127.0.0.1", "udp:127.0.0.1"],
  ["tcp:127.0.0.1", "tcp:127.0.0.1"],
  ["ws:127.0.0.1", "ws:127.0.0.1"],
  ["tls:127.0.0.1", "tls:127.0.0.1"],
  ["wss:127.0.0.1", "wss:127.0.0.1"],
  ["udp:[::1]", "udp:[::1]"],
  ["tcp:[::1]", "tcp:[::1]"],
  ["udp:127.0.0.1", "ws:127.0.0.1"],
  ["tcp:[::1]", "udp:127.0.0.1"],
];

describe("sip-push proxy, receive and send", () => {
  let uris: readonly string[] = [];
  beforeAll(async () => {
    ({ uris } = await startProxy(places, ...tls));
  });
  afterAll(stopAllProcesses);

  it.each(ways)("carry all 256 octets intact, and a notification, over %s and %s", async (sender, handset) => {
    const proxy = uris[places.indexOf(sender)] as string;
    const apps = ["--app", "test.ua", "--app", "push.syncml"];
    const receiver = await startReceiver(
      "alice",
      uris[places.indexOf(handset)] as string,
      ...apps,
      ...trust,
      "--count",
      "2",
    );
    const to = ["sip:alice@example.test"];

    const content = ["--file", file, "--content-type", "application/octet-stream", "--app", "test.ua"];
    const sent = await send(proxy, to, ...content, ...trust);
    expect(sent).toMatchObject({ exitCode: 0, stderr: "" });
    const outcome = { messageState: "delivered", papCode: 1000, sipStatus: 200, sipReason: "OK", attempts: 1 };
    const elapsedMs = expect.any(Number) as number;
    expect(sent.lines).toEqual([{ to: to[0], ...outcome, elapsedMs, via: "message", report: null }]);
    const notified = await send(proxy, to, ...dsFlags, "--ds-session", "7", "--ds-ui", "informative", ...trust);
    expect(notified).toMatchObject({ exitCode: 0, stderr: "" });

    expect(await receiver.waitForExit()).toEqual({ code: 0, signal: null });
    expect(receiver.stderr).toBe("");
    expect(linesOf(receiver.stdout)).toEqual([
      { event: "listening", uri: expect.stringMatching(/^sips?:alice@/) as string },
      { event: "registered", aor: "sip:alice@example.test", expiresSeconds: 3600 },
      pushLine({ applicationId: "test.ua", contentType: "application/octet-stream", length: 256, sha256 }),
      pushLine({ contentType: "application/vnd.syncml.ds.notification", notification }),
    ]);
  });
});

const notification = {
  format: "ds-1.2",
  version: "1.2",
  uiMode: "informative",
  initiator: "server",
  sessionId: 7,
  serverId: "ds.example.test",
  syncs: [{ syncType: "two-way", alertCode: 206, contentType: "text/x-vcard", serverUri: "./contacts" }],
  vendor: "",
  digest: "00".repeat(16),
};

/** All fields of a push event and no other. */
function pushLine(fields: Line): Line {
  return {
    event: "push",
    from: "sip:push@localhost",
    assertedIdentity: null,
    applicationId: "push.syncml",
    contentType: "",
    length: expect.any(Number) as number,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    via: "message",
    callId: expect.stringMatching(/./) as string,
    sipStatus: 200,
    notification: null,
    digest: "unchecked",
    priority: null,
    subject: null,
    deliverBefore: null,
    contentEncoding: null,
    contentLanguage: null,
    contentDisposition: null,
    parts: [],
    reportsAsked: [],
    pushResource: null,
    contentHeaders: [],
    ...fields,
  };
}

describe("sip-push receive", () => {
  afterEach(stopAllProcesses);

  it("takes a push larger than a datagram may be, sent to its UDP address over TCP (RFC 3261 §18.1.1)", async () => {
    const { uris } = await startProxy(["udp:127.0.0.1", "tcp:127.0.0.1"]);
    const large = join(folder.path, "large.bin");
    await writeFile(large, Buffer.alloc(100_000, 0xa5));
    const receiver = await startReceiver("alice", uris[0] ?? "", "--app", "test.ua");
    const flags = ["--file", large, "--content-type", "application/octet-stream", "--app", "test.ua"];
    const sent = await send(uris[1] ?? "", ["sip:alice@example.test"], ...flags);
    expect(sent).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await eventOf(receiver, "push")).toMatchObject({ length: 100_000 });
  });

  it("checks digests: a right one is valid, a wrong one is answered 403", async () => {
    const { uri: proxy } = await startUdpProxy();
    const secret = ["--ds-password", "sécret", "--ds-nonce", "n"];
    const receiver = await startReceiver("alice", proxy, ...secret);
    const wrong = await send(
      proxy,
      ["sip:alice@example.test"],
      ...dsFlags,
      "--ds-password",
      "other",
      "--ds-nonce",
      "n",
    );
    expect(wrong.exitCode).toBe(1);
    expect(wrong.lines[0]).toMatchObject({ messageState: "undeliverable", papCode: 2001, sipStatus: 403 });
    const right = await send(proxy, ["sip:alice@example.test"], ...dsFlags, ...secret);
    expect(right.exitCode).toBe(0);
    expect(await eventOf(receiver, "push")).toMatchObject({ digest: "valid", sipStatus: 200 });
    expect(receiver.stderr).toMatch(/^refused a push from sip:push@localhost: 403 digest invalid\n$/);
  });

  it("listens without a proxy with --no-register, and is reached at the URI that it prints", async () => {
    const receiver = startCli("receive", "--aor", "sip:alice@example.test", "--no-register", "--json", "--count", "1");
    const { uri } = await eventOf(receiver, "listening");
    const sent = await send(String(uri), [String(uri)], ...dsFlags);
    expect(sent.exitCode).toBe(0);
    expect(await receiver.waitForExit()).toEqual({ code: 0, signal: null });
    expect(linesOf(receiver.stdout).map(({ event }) => event)).toEqual(["listening", "push"]);
  });
});
