import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { stopAllProcesses } from "../support/process.ts";
import { makeTempFolder } from "../support/temp-folder.ts";
import {
  dsFlags,
  END_MS,
  eventOf,
  linesOf,
  send,
  startCli,
  startProxy,
  startReceiver,
  startUdpProxy,
} from "./command-line.ts";

afterEach(stopAllProcesses);

const ALICE = "sip:alice@example.test";
const PUSH = "sip:push@example.test";

describe("sip-push proxy with the sender as an application server", () => {
  it("--route-psi sends requests to its address there, so that it need not register (TS 24.229 §5.4.3.3)", async () => {
    const own = `127.0.0.1:${await freePort()}`;
    const { uri: proxy, process } = await startUdpProxy("--route-psi", `${PUSH}=sip:${own}`);
    const flags = ["--no-register", "--from", PUSH, "--listen", `udp:${own}`, "--via", "notify", "--report"];
    const sender = startCli("send", "--to", ALICE, "--proxy", proxy, "--json", ...dsFlags, ...flags);
    const receiver = await startReceiver("alice", proxy, "--subscribe", PUSH);
    expect(await sender.waitForExit()).toEqual({ code: 0, signal: null });
    expect(linesOf(sender.stdout)).toEqual([
      expect.objectContaining({ messageState: "delivered", via: "notify", report: "delivered" }),
    ]);
    expect(await eventOf(receiver, "push")).toMatchObject({ via: "notify" });
    expect(process.stdout).not.toContain(`"registered","aor":"${PUSH}"`);
  });

  it("--third-party-register tells it of a registration that it waits for (TS 24.229 §5.4.1.7)", async () => {
    const own = `127.0.0.1:${await freePort()}`;
    const core = ["--no-reg-event", "--third-party-register", `sip:${own}`];
    const { uri: proxy, process } = await startUdpProxy(...core);
    const flags = ["--listen", `udp:${own}`, "--wait-for-registration", "--third-party-register"];
    const sender = startCli("send", "--to", ALICE, "--proxy", proxy, "--json", ...dsFlags, ...flags);
    expect(await eventOf(process, "refused")).toMatchObject({ method: "MESSAGE", sipStatus: 404 });
    await startReceiver("alice", proxy);
    expect(await sender.waitForExit()).toEqual({ code: 0, signal: null });
    expect(linesOf(sender.stdout)).toEqual([expect.objectContaining({ messageState: "delivered", attempts: 2 })]);
  });
});

describe("sip-push proxy --watcher (RFC 3680 §4.6)", () => {
  it.each([
    { what: "tells a sender that it knows by its password", flags: ["--watcher", PUSH], ends: "delivered" },
    { what: "and without it refuses the same sender, whose push then waits for nothing", flags: [], ends: "pending" },
  ])("$what", async ({ flags, ends }) => {
    const folder = makeTempFolder("watcher");
    try {
      const users = join(folder.path, "users.txt");
      await writeFile(users, "push:push-secret\nalice:alice-secret\n");
      const { uri: proxy, process } = await startUdpProxy("--users", users, ...flags);
      const account = ["--from", PUSH, "--user", "push", "--password", "push-secret"];
      const to = ["--to", ALICE, "--proxy", proxy, "--json", "--wait-for-registration", ...dsFlags];
      const sender = startCli("send", ...to, ...account);
      if (ends === "delivered") {
        expect(await eventOf(process, "refused")).toMatchObject({ method: "MESSAGE", sipStatus: 480 });
        await startReceiver("alice", proxy, "--user", "alice", "--password", "alice-secret");
      }
      await sender.waitForExit();
      expect(linesOf(sender.stdout)).toMatchObject([{ messageState: ends }]);
    } finally {
      folder.remove();
    }
  });
});

describe("sip-push receive with two proxies", () => {
  it("has two flows, and one push comes once (RFC 5626)", async () => {
    const { uris, process } = await startProxy(["tcp:127.0.0.1", "ws:127.0.0.1"]);
    const [tcp = "", ws = ""] = uris;
    const instance = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    const receiver = await startReceiver("alice", tcp, "--proxy", ws, "--instance", instance);
    await process.waitForOutput(/"event":"registered".*\n[^]*"event":"registered".*\n/);
    expect(await send(tcp, [ALICE], ...dsFlags)).toMatchObject({ exitCode: 0, lines: [{ messageState: "delivered" }] });
    receiver.killGroup("SIGINT");
    expect(await receiver.waitForExit(END_MS)).toEqual({ code: 0, signal: null });
    expect(linesOf(receiver.stdout).filter(({ event }) => event === "push")).toHaveLength(1);
    await process.waitForOutput(/"event":"unregistered".*\n[^]*"event":"unregistered".*\n/);
    const gone = linesOf(process.stdout).filter(({ event }) => event === "unregistered");
    expect(new Set(gone.map(({ contact }) => contact)).size).toBe(2);
  });

  it("goes on with one when the other is lost", async () => {
    const { uri: tcp, process } = await startProxy(["tcp:127.0.0.1"]);
    const other = await startUdpProxy();
    const instance = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    await startReceiver("alice", tcp, "--proxy", other.uri, "--instance", instance);
    await Promise.all([process, other.process].map((each) => eventOf(each, "registered")));
    await other.process.stop();
    expect(await send(tcp, [ALICE], ...dsFlags)).toMatchObject({ exitCode: 0, lines: [{ messageState: "delivered" }] });
    expect(linesOf(process.stdout).map(({ event }) => event)).not.toContain("unregistered");
  });
});

describe("RFC 8599 parameters of the handset", () => {
  it("come back to it with each push", async () => {
    const { uri: proxy } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy, "--pn-provider", "fcm", "--pn-prid", "device-1");
    expect((await send(proxy, [ALICE], ...dsFlags)).exitCode).toBe(0);
    expect(await eventOf(receiver, "push")).toMatchObject({
      pushResource: { provider: "fcm", prid: "device-1", param: null },
    });
  });
});
