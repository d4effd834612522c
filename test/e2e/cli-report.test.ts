import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { reservePort } from "../support/free-port.ts";
import { stopAllProcesses } from "../support/process.ts";
import { makeTempFolder } from "../support/temp-folder.ts";
import {
  dsFlags,
  END_MS,
  eventOf,
  linesOf,
  runCli,
  send,
  startCli,
  startProxy,
  startReceiver,
  startUdpProxy,
} from "./command-line.ts";

const folder = makeTempFolder("cli-report");
afterAll(() => folder.remove());
afterEach(stopAllProcesses);

const ALICE = "sip:alice@example.test";

describe("sip-push send --report", () => {
  it("shows what the handset reports (RFC 5438)", async () => {
    const { uri: proxy } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy);
    const sent = await send(proxy, [ALICE], ...dsFlags, "--report");
    expect(sent).toMatchObject({ exitCode: 0, stderr: "" });
    const elapsedMs = expect.any(Number) as number;
    const outcome = {
      messageState: "delivered",
      papCode: 1000,
      sipStatus: 200,
      sipReason: "OK",
      attempts: 1,
      elapsedMs,
    };
    expect(sent.lines).toEqual([{ to: ALICE, ...outcome, via: "message", report: "delivered" }]);
    expect(await eventOf(receiver, "push")).toMatchObject({
      contentType: "application/vnd.syncml.ds.notification",
      reportsAsked: ["positive-delivery", "negative-delivery"],
    });
    const people = await runCli(["send", "--to", ALICE, "--proxy", proxy, ...dsFlags, "--report"]);
    expect(people.stdout.toString("utf8")).toMatch(
      /^to +state +PAP +SIP answer +attempts +time +report\n.*\n.* delivered +1000 +200 OK +1 +\d+ ms +delivered\n$/,
    );
  });

  it("is asked for in each of several recipients, and awaited for as long as it says", async () => {
    const { uri: proxy } = await startUdpProxy();
    await Promise.all([startReceiver("alice", proxy), startReceiver("bob", proxy, "--no-report")]);
    const to = [ALICE, "sip:bob@example.test", "sip:nobody@example.test"];
    const { exitCode, lines } = await send(proxy, to, ...dsFlags, "--report", "5");
    expect(exitCode).toBe(1);
    expect(lines.map(({ messageState, sipStatus, report }) => [messageState, sipStatus, report])).toEqual([
      ["delivered", 200, "delivered"],
      ["unknown", 200, null],
      ["undeliverable", 404, null],
    ]);
    const bob = ["--to", "sip:bob@example.test", "--proxy", proxy];
    const people = await runCli(["send", ...bob, ...dsFlags, "--report", "1"]);
    expect(people.exitCode).toBe(1);
    expect(people.stdout.toString("utf8")).toMatch(
      / 200 OK +1 +\d+ ms +none\nsip:bob@example\.test: 200 OK; no delivery report came\n$/,
    );
  });

  it("comes over TCP and WebSocket too", async () => {
    const { uris } = await startProxy(["tcp:127.0.0.1", "ws:127.0.0.1"]);
    await startReceiver("alice", uris[1] ?? "");
    const { exitCode, lines } = await send(uris[0] ?? "", [ALICE], ...dsFlags, "--report");
    expect(exitCode).toBe(0);
    expect(lines).toEqual([expect.objectContaining({ messageState: "delivered", report: "delivered" })]);
  });

  it("sends nothing, exit code 1, when the registrar does not take the sender", async () => {
    const users = join(folder.path, "users.txt");
    await writeFile(users, "alice:secret\npush:secret\n");
    const { uri: proxy } = await startUdpProxy("--users", users);
    const receiver = await startReceiver("alice", proxy, "--password", "secret");
    const refused = await send(proxy, [ALICE], ...dsFlags, "--report");
    expect(refused).toMatchObject({ exitCode: 1, lines: [] });
    expect(refused.stderr).toMatch(/^sip-push: could not register sip:push@example\.test: 401 .*; nothing was sent\n$/);
    expect(receiver.stdout).not.toContain('"push"');
    const sent = await send(proxy, [ALICE], ...dsFlags, "--report", "--password", "secret");
    expect(sent).toMatchObject({ exitCode: 0, lines: [{ report: "delivered" }] });
    expect(await eventOf(receiver, "push")).toMatchObject({ assertedIdentity: "sip:push@example.test" });
  });

  it("finds a sender that does not register at the address in --from", async () => {
    // It reports only what came through a trusted hop, which here is the sender itself.
    const receiver = startCli("receive", "--aor", ALICE, "--no-register", "--trusted-hop", "127.0.0.1", "--json");
    const { uri } = await eventOf(receiver, "listening");
    const reserved = await reservePort();
    await reserved.release();
    const own = `127.0.0.1:${reserved.port}`;
    const flags = ["--no-register", "--from", `sip:push@${own}`, "--listen", `udp:${own}`, "--report"];
    const sent = await send(String(uri), [ALICE], ...dsFlags, ...flags);
    expect(sent).toMatchObject({ exitCode: 0, lines: [{ messageState: "delivered", report: "delivered" }] });
    expect(await eventOf(receiver, "push")).toMatchObject({ from: `sip:push@${own}` });
  });

  it("gives up waiting within a second after Ctrl-C", async () => {
    const { uri: proxy, process } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy, "--no-report");
    const sender = startCli("send", "--to", ALICE, "--proxy", proxy, "--json", ...dsFlags, "--report");
    await eventOf(receiver, "push");
    sender.killGroup("SIGINT");
    expect(await sender.waitForExit(END_MS)).toEqual({ code: 1, signal: null });
    expect(linesOf(sender.stdout)).toEqual([expect.objectContaining({ messageState: "cancelled", report: null })]);
    expect(await eventOf(process, "unregistered", "sip:push@example.test")).toMatchObject({ reason: "removed" });
  });
});

describe("what sip-push send says besides the content", () => {
  it("is shown by the handset: priority, encoding, language, disposition and parts", async () => {
    const { uri: proxy } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy, "--app", "test.ua");
    const note = join(folder.path, "note.txt");
    await writeFile(note, "hello");
    const common = ["--app", "test.ua", "--priority", "urgent", "--content-disposition", "render", "--expires", "60"];
    const single = ["--file", note, "--content-type", "text/plain", "--content-language", "de, en"];
    expect(await send(proxy, [ALICE], ...common, ...single)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await eventOf(receiver, "push")).toMatchObject({
      applicationId: "test.ua",
      priority: "urgent",
      contentLanguage: "de, en",
      contentDisposition: "render",
      deliverBefore: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      parts: [],
    });
    const parts = ["--part", `${note}:text/plain`, "--part", `${note}:application/octet-stream`];
    expect(await send(proxy, [ALICE], ...common, ...parts)).toMatchObject({ exitCode: 0, stderr: "" });
    await receiver.waitForOutput(/"event":"push".*\n[^]*"event":"push".*\n/);
    expect(linesOf(receiver.stdout).at(-1)).toMatchObject({
      length: 5,
      parts: [
        { contentType: "text/plain", length: 5 },
        { contentType: "application/octet-stream", length: 5 },
      ],
    });
  });
});
