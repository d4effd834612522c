import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type RunningProcess, stopAllProcesses } from "../support/process.ts";
import { makeTempFolder } from "../support/temp-folder.ts";
import {
  dsFlags,
  END_MS,
  eventOf,
  type Line,
  linesOf,
  type ProxyProcess,
  runCli,
  send,
  startCli,
  startReceiver,
  startUdpProxy,
} from "./command-line.ts";

const folder = makeTempFolder("cli-subscribe");
afterAll(() => folder.remove());
afterEach(stopAllProcesses);

const ALICE = "sip:alice@example.test";
const PUSH = "sip:push@example.test";

/** Starts `send` for one recipient, and waits until the proxy knows where it is. */
async function startSender(proxy: ProxyProcess, ...flags: readonly string[]): Promise<RunningProcess> {
  const sender = startCli("send", "--to", ALICE, "--proxy", proxy.uri, "--json", ...dsFlags, ...flags);
  await eventOf(proxy.process, "registered", PUSH);
  return sender;
}

async function outcomeOf(sender: RunningProcess, exitCode: number): Promise<Line> {
  expect(await sender.waitForExit()).toEqual({ code: exitCode, signal: null });
  return linesOf(sender.stdout)[0] as Line;
}

const delivered = { to: ALICE, messageState: "delivered", papCode: 1000, sipStatus: 200, via: "notify" };

describe("sip-push send --via notify", () => {
  it("waits for the handset to subscribe, and its push comes in a NOTIFY (draft-mdolly-dispatch-oma-push-00 §11)", async () => {
    const proxy = await startUdpProxy();
    const sender = await startSender(proxy, "--via", "notify");
    const apps = ["--app", "push.syncml", "--app", "mms.ua"];
    const receiver = await startReceiver("alice", proxy.uri, ...apps, "--subscribe", PUSH);
    expect(await outcomeOf(sender, 0)).toMatchObject(delivered);
    expect(await eventOf(receiver, "push")).toMatchObject({ applicationId: "push.syncml", via: "notify" });
    const subscribed = linesOf(receiver.stdout).filter(({ event }) => event === "subscribed");
    const expiresSeconds = expect.any(Number) as number;
    expect(subscribed).toEqual(
      ["push.syncml", "mms.ua"].map((applicationId) => ({
        event: "subscribed",
        to: PUSH,
        applicationId,
        expiresSeconds,
      })),
    );
  });

  it("does not fall back to MESSAGE: a handset that does not subscribe in time does not get it", async () => {
    const proxy = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy.uri);
    const sent = await send(proxy.uri, [ALICE], ...dsFlags, "--via", "notify", "--wait-for-registration", "1");
    expect(sent).toMatchObject({ exitCode: 1, stderr: "" });
    expect(sent.lines).toEqual([
      expect.objectContaining({ messageState: "undeliverable", sipStatus: null, attempts: 0, via: null }),
    ]);
    expect(receiver.stdout).not.toContain('"push"');
  });

  it("with --refer makes the handset subscribe (RFC 3515), and the next run does so at once", async () => {
    const proxy = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy.uri);
    const sent = await send(proxy.uri, [ALICE], ...dsFlags, "--via", "notify", "--refer");
    expect(sent).toMatchObject({ exitCode: 0, stderr: "", lines: [delivered] });
    expect(await eventOf(receiver, "referred")).toEqual({
      event: "referred",
      from: PUSH,
      assertedIdentity: null,
      target: PUSH,
      applications: ["push.syncml"],
      sipStatus: 202,
      reason: null,
    });

    // That run ended its subscription, so that the handset takes the reference of the next.
    const flags = ["--to", ALICE, "--proxy", proxy.uri, ...dsFlags, "--via", "notify", "--refer"];
    const people = await runCli(["send", ...flags]);
    expect(people).toMatchObject({ exitCode: 0, stderr: `registered ${PUSH}\n${ALICE} subscribed to push.syncml\n` });
    const text = people.stdout.toString("utf8");
    expect(text).toMatch(/^to +state +PAP +SIP answer +attempts +time +via\n/);
    expect(text).toMatch(/sip:alice@example\.test +delivered +1000 +200 OK +1 +\d+ ms +notify\n$/);
  });

  it("says so when a handset refuses the reference", async () => {
    const proxy = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy.uri, "--refer", "refuse");
    const flags = ["--via", "notify", "--refer", "--wait-for-registration", "1"];
    const sent = await send(proxy.uri, [ALICE], ...dsFlags, ...flags);
    expect(sent.exitCode).toBe(1);
    expect(sent.stderr).toMatch(/^sip-push: sip:alice@example\.test does not take the reference: 403 .*\n$/);
    expect(await eventOf(receiver, "referred")).toMatchObject({ sipStatus: 403 });
  });

  it("goes on with the subscriptions in a file: the next run notifies in the same dialog", async () => {
    const proxy = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy.uri);
    const kept = ["--subscriptions", join(folder.path, "subscriptions.json")];
    const first = await send(proxy.uri, [ALICE], ...dsFlags, ...kept, "--via", "notify", "--refer");
    expect(first).toMatchObject({ exitCode: 0, lines: [delivered] });
    // Without --via it prefers a subscription that there is.
    const second = await send(proxy.uri, [ALICE], ...dsFlags, ...kept);
    expect(second).toMatchObject({ exitCode: 0, lines: [delivered] });
    await receiver.waitForOutput(/"event":"push".*\n[^]*"event":"push".*\n/);
    const [one, two] = linesOf(receiver.stdout).filter(({ event }) => event === "push");
    expect(two).toMatchObject({ via: "notify", callId: one?.["callId"] });
  });

  it.each(["SIGINT", "SIGTERM"] as const)("gives up within a second after %s, and unregisters", async (signal) => {
    const proxy = await startUdpProxy();
    const sender = await startSender(proxy, "--via", "notify");
    sender.killGroup(signal);
    expect(await sender.waitForExit(END_MS)).toEqual({ code: 1, signal: null });
    expect(linesOf(sender.stdout)).toEqual([expect.objectContaining({ messageState: "cancelled", attempts: 0 })]);
    expect(await eventOf(proxy.process, "unregistered", PUSH)).toMatchObject({ reason: "removed" });
  });
});

describe("who may subscribe to sip-push send", () => {
  it("is who the proxy asserts, with --trusted (RFC 3325)", async () => {
    const users = join(folder.path, "users.txt");
    await writeFile(users, "alice:secret\npush:secret\n");
    const proxy = await startUdpProxy("--users", users);
    const sender = await startSender(proxy, "--via", "notify", "--password", "secret", "--trusted", "127.0.0.1");
    await startReceiver("alice", proxy.uri, "--password", "secret", "--subscribe", PUSH);
    expect(await outcomeOf(sender, 0)).toMatchObject(delivered);
  });

  it("is nobody, with --trusted, when the proxy asserts nobody: 403", async () => {
    const proxy = await startUdpProxy();
    const sender = await startSender(proxy, "--via", "notify", "--trusted", "127.0.0.1");
    const receiver = await startReceiver("alice", proxy.uri, "--subscribe", PUSH);
    expect(await eventOf(receiver, "subscription-failed")).toEqual({
      event: "subscription-failed",
      to: PUSH,
      applications: ["push.syncml"],
      sipStatus: 403,
      reason: expect.stringContaining("Forbidden") as string,
      retryInMs: null,
    });
    sender.killGroup("SIGINT");
    expect(await outcomeOf(sender, 1)).toMatchObject({ messageState: "cancelled" });
  });
});

describe("sip-push receive --subscribe", () => {
  it("unsubscribes, unregisters and ends within a second after Ctrl-C", async () => {
    const proxy = await startUdpProxy();
    // Its push is for somebody else, so it stays.
    const to = ["--to", "sip:bob@example.test", "--proxy", proxy.uri];
    const sender = startCli("send", ...to, ...dsFlags, "--via", "notify");
    await eventOf(proxy.process, "registered", PUSH);
    const receiver = await startReceiver("alice", proxy.uri, "--subscribe", PUSH);
    await eventOf(receiver, "subscribed");
    receiver.killGroup("SIGINT");
    expect(await receiver.waitForExit(END_MS)).toEqual({ code: 0, signal: null });
    expect(linesOf(receiver.stdout).at(-1)).toEqual({
      event: "subscription-ended",
      to: PUSH,
      applications: ["push.syncml"],
      reason: "stopped",
      retryInMs: null,
    });
    expect(await eventOf(proxy.process, "unregistered", ALICE)).toMatchObject({ reason: "removed" });
    await sender.waitForOutput(/the subscription of sip:alice@example\.test ended/);
  });

  it("prints lines for people without --json", async () => {
    const proxy = await startUdpProxy();
    const sender = await startSender(proxy, "--via", "notify");
    const flags = ["--aor", ALICE, "--proxy", proxy.uri, "--subscribe", PUSH, "--count", "1"];
    const receiver = startCli("receive", ...flags);
    expect(await receiver.waitForExit()).toEqual({ code: 0, signal: null });
    expect(receiver.stdout).toMatch(/\nsubscribed to push\.syncml of sip:push@example\.test for \d+ s\n/);
    expect(receiver.stdout).toMatch(/\nsubscribed push from sip:push@example\.test for push\.syncml: /);
    expect(await outcomeOf(sender, 0)).toMatchObject(delivered);
  });
});

describe("sip-push send --wait-for-registration", () => {
  it("pushes when the handset registers (RFC 3680)", async () => {
    const proxy = await startUdpProxy();
    const flags = ["--to", ALICE, "--proxy", proxy.uri, "--json", ...dsFlags, "--wait-for-registration"];
    const sender = startCli("send", ...flags);
    expect(await eventOf(proxy.process, "refused")).toMatchObject({ method: "MESSAGE", sipStatus: 404 });
    const receiver = await startReceiver("alice", proxy.uri);
    expect(await outcomeOf(sender, 0)).toMatchObject({ messageState: "delivered", attempts: 2, via: "message" });
    expect(await eventOf(receiver, "push")).toMatchObject({ via: "message" });
  });

  it("says what there was when the handset does not come in time", async () => {
    const proxy = await startUdpProxy();
    const { exitCode, lines } = await send(proxy.uri, [ALICE], ...dsFlags, "--wait-for-registration", "5");
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.objectContaining({ messageState: "undeliverable", sipStatus: 404 })]);
  });
});
