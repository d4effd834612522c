import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { stopAllProcesses } from "../support/process.ts";
import { dsFlags, END_MS, eventOf, startCli, startReceiver, startUdpProxy } from "./command-line.ts";

afterEach(stopAllProcesses);

const ALICE = "sip:alice@example.test";
const PUSH = "sip:push@example.test";

describe("sip-push receive --publish", () => {
  it("publishes to the presence agent, and takes it back at the end (RFC 3903)", async () => {
    const { uri: proxy } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy, "--publish");
    expect(await eventOf(receiver, "published")).toEqual({
      event: "published",
      to: ALICE,
      operation: "initial",
      expiresSeconds: expect.any(Number) as number,
    });
    receiver.killGroup("SIGINT");
    expect(await receiver.waitForExit(END_MS)).toEqual({ code: 0, signal: null });
  });

  it("says so where there is no presence agent", async () => {
    const { uri: proxy } = await startUdpProxy("--no-presence");
    const receiver = await startReceiver("alice", proxy, "--publish");
    expect(await eventOf(receiver, "publication-failed")).toEqual({
      event: "publication-failed",
      to: ALICE,
      sipStatus: 405,
      reason: expect.any(String) as string,
      retryInMs: expect.toSatisfy((value: unknown) => value === null || typeof value === "number") as number | null,
    });
  });

  it.each([
    ["registered, past a presence agent that would refuse it", ["--no-presence"], []],
    ["that is an application server", [], ["--no-register"]],
  ])("publishes to a push sender %s", async (_, core, sending) => {
    const own = `127.0.0.1:${await freePort()}`;
    const route = sending.length > 0 ? ["--route-psi", `${PUSH}=sip:${own}`] : [];
    const { uri: proxy } = await startUdpProxy(...core, ...route);
    // Its push is for somebody else, so it stays.
    const flags = ["--to", "sip:bob@example.test", "--from", PUSH, "--listen", `udp:${own}`, "--via", "notify"];
    startCli("send", "--proxy", proxy, ...dsFlags, ...flags, ...sending);
    const receiver = startCli("receive", "--aor", ALICE, "--proxy", proxy, "--publish-to", PUSH);
    await receiver.waitForOutput(/published to sip:push@example\.test \(initial\) for \d+ s\n/);
    expect(receiver.stdout).not.toContain("403");
  });
});
