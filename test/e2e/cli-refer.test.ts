import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { stopAllProcesses } from "../support/process.ts";
import {
  dsFlags,
  END_MS,
  type Ended,
  eventOf,
  linesOf,
  runCli,
  startCli,
  startReceiver,
  startUdpProxy,
} from "./command-line.ts";

afterEach(stopAllProcesses);

const ALICE = "sip:alice@example.test";
const PUSH = "sip:push@example.test";

function refer(proxy: string, ...flags: readonly string[]): Promise<Ended> {
  return runCli(["refer", "--to", ALICE, "--proxy", proxy, ...flags]);
}

describe("sip-push refer", () => {
  it("is accepted with 202, and the handset subscribes at the target (RFC 3515, RFC 4488)", async () => {
    const { uri: proxy, process } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy);
    const { exitCode, stdout, stderr } = await refer(proxy, "--target", PUSH, "--expires", "600", "--json");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const reference = { target: PUSH, applications: ["push.syncml"] };
    expect(linesOf(stdout)).toEqual([
      { to: ALICE, ...reference, accepted: true, sipStatus: 202, reason: "Accepted", report: null },
    ]);
    expect(await eventOf(receiver, "referred")).toMatchObject({ ...reference, from: PUSH, sipStatus: 202 });
    expect(await eventOf(process, "refused")).toMatchObject({ method: "SUBSCRIBE", requestUri: PUSH, sipStatus: 404 });
  });

  it("with --report says how the target answered the subscription", async () => {
    const { uri: proxy, process } = await startUdpProxy();
    await startReceiver("alice", proxy);
    const missing = await refer(proxy, "--target", PUSH, "--report", "--json");
    expect(missing.exitCode).toBe(1);
    expect(linesOf(missing.stdout)).toEqual([
      expect.objectContaining({ accepted: true, sipStatus: 202, report: { sipStatus: 404, reason: "Not Found" } }),
    ]);
    // Its push is for somebody else, so it stays.
    const to = ["--to", "sip:bob@example.test", "--from", "sip:other@example.test", "--proxy", proxy];
    startCli("send", ...to, ...dsFlags, "--via", "notify");
    await eventOf(process, "registered", "sip:other@example.test");
    const there = await refer(proxy, "--target", "sip:other@example.test", "--report");
    expect(there.stdout.toString()).toBe(
      `${ALICE}: accepted; sip:other@example.test answered the subscription: 200 OK\n`,
    );
    expect(there.exitCode).toBe(0);
  });

  it("is exit code 1 when the handset refuses, by policy 403 or because it has no such application 488, and when it is not there 404", async () => {
    const { uri: proxy } = await startUdpProxy();
    await Promise.all([startReceiver("alice", proxy, "--refer", "refuse"), startReceiver("bob", proxy)]);
    const refused = await refer(proxy, "--json");
    expect(refused.exitCode).toBe(1);
    expect(linesOf(refused.stdout)).toEqual([
      expect.objectContaining({ target: PUSH, accepted: false, sipStatus: 403, report: null }),
    ]);
    const other = await refer(proxy, "--to", "sip:bob@example.test", "--app", "mms.ua");
    expect(other.exitCode).toBe(1);
    expect(other.stdout.toString()).toMatch(/^sip:bob@example\.test: refused, 488 .*\n$/);
    const missing = await refer(proxy, "--to", "sip:nobody@example.test");
    expect(missing.exitCode).toBe(1);
    expect(missing.stdout.toString()).toBe("sip:nobody@example.test: refused, 404 Not Found\n");
  });

  it("gives up waiting for a report after Ctrl-C", async () => {
    const { uri: proxy } = await startUdpProxy("--relay");
    await startReceiver("alice", proxy);
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    await once(silent, "listening");
    const subscribed = once(silent, "message");
    const target = `sip:push@127.0.0.1:${silent.address().port}`;
    const referring = startCli("refer", "--to", ALICE, "--proxy", proxy, "--target", target, "--report", "--json");
    await subscribed;
    referring.killGroup("SIGINT");
    // Before 64*T1, when nobody has answered the handset's SUBSCRIBE.
    expect(await referring.waitForExit(END_MS)).toEqual({ code: 1, signal: null });
    expect(linesOf(referring.stdout)).toEqual([expect.objectContaining({ to: ALICE, target })]);
    silent.close();
  });
});
