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

const folder = makeTempFolder("cli");
afterAll(() => folder.remove());
afterEach(stopAllProcesses);

describe("the outcome of sip-push send", () => {
  it("is exit code 1, and a line for each recipient in their order, when one of several was not reached", async () => {
    const { uri: proxy } = await startUdpProxy();
    await Promise.all([
      startReceiver("alice", proxy),
      startReceiver("bob", proxy, "--answer", "603"),
      startReceiver("+15550100", proxy),
    ]);
    const to = ["sip:nobody@example.test", "sip:alice@example.test", "sip:bob@example.test", "tel:+1-555-0100"];
    const domain = ["--domain", "example.test"];
    const { exitCode, lines, stderr } = await send(proxy, to, ...dsFlags, ...domain);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
    const others = { attempts: 1, elapsedMs: expect.any(Number) as number, via: "message", report: null };
    const states = [
      { messageState: "undeliverable", papCode: 2003, sipStatus: 404, sipReason: "Not Found" },
      { messageState: "delivered", papCode: 1000, sipStatus: 200, sipReason: "OK" },
      { messageState: "aborted", papCode: 5027, sipStatus: 603, sipReason: "Decline" },
      { messageState: "delivered", papCode: 1000, sipStatus: 200, sipReason: "OK" },
    ];
    expect(lines).toEqual(states.map((state, index) => ({ to: to[index], ...state, ...others })));

    const flags = ["--proxy", proxy, ...dsFlags, ...domain];
    const people = await runCli(["send", ...to.flatMap((uri) => ["--to", uri]), ...flags]);
    expect(people.exitCode).toBe(1);
    const rows = [
      /^to +state +PAP +SIP answer +attempts +time$/,
      /^[─ ]+$/,
      /^sip:nobody@example\.test +undeliverable +2003 +404 Not Found +1 +\d+ ms$/,
      /^sip:alice@example\.test +delivered +1000 +200 OK +1 +\d+ ms$/,
      /^sip:bob@example\.test +aborted +5027 +603 Decline +1 +\d+ ms$/,
      /^tel:\+1-555-0100 +delivered +1000 +200 OK +1 +\d+ ms$/,
      /^$/,
    ];
    expect(people.stdout.toString("utf8").split("\n")).toEqual(rows.map((row) => expect.stringMatching(row) as string));
  });

  it("follows the answer of the handset", async () => {
    const { uri: proxy } = await startUdpProxy();
    const answers = [
      ["486", "pending", 5029],
      ["403", "undeliverable", 2001],
      ["488", "undeliverable", 2005],
      ["202", "pending", 1001],
    ] as const;
    const handsets = await Promise.all(
      answers.map(([answer]) => startReceiver(`user${answer}`, proxy, "--answer", answer)),
    );
    const to = answers.map(([answer]) => `sip:user${answer}@example.test`);
    const { exitCode, lines } = await send(proxy, to, ...dsFlags);
    expect(exitCode).toBe(1);
    expect(lines.map(({ messageState, papCode, sipStatus }) => [String(sipStatus), messageState, papCode])).toEqual(
      answers,
    );
    const pushes = await Promise.all(handsets.map((handset) => eventOf(handset, "push")));
    expect(pushes.map(({ sipStatus }) => String(sipStatus))).toEqual(answers.map(([answer]) => answer));
  });

  it("is pending, 480, for a handset that has gone, whether it took leave or not", async () => {
    const { uris, process: proxy } = await startProxy(["tcp:127.0.0.1", "ws:127.0.0.1"]);
    const [tcp = "", webSocket = ""] = uris;
    const [alice, bob, carol] = [
      await startReceiver("alice", tcp),
      await startReceiver("bob", webSocket),
      await startReceiver("carol", tcp),
    ];
    await alice.stop();
    bob.killGroup("SIGKILL");
    carol.killGroup("SIGKILL");
    const left = await eventOf(proxy, "unregistered", "sip:alice@example.test");
    const lost = await eventOf(proxy, "unregistered", "sip:bob@example.test");
    await carol.exited;
    expect([left["reason"], lost["reason"]]).toEqual(["removed", "flow-closed"]);
    const to = ["alice", "bob", "carol"].map((user) => `sip:${user}@example.test`);
    const { exitCode, lines } = await send(tcp, to, ...dsFlags);
    expect(exitCode).toBe(1);
    expect(lines.map(({ messageState, papCode, sipStatus }) => [messageState, papCode, sipStatus])).toEqual(
      to.map(() => ["pending", 5028, 480]),
    );
  });

  it("is without SIP status when the proxy is not there", async () => {
    const reserved = await reservePort();
    await reserved.release();
    const { exitCode, lines } = await send(
      `sip:127.0.0.1:${reserved.port};transport=tcp`,
      ["sip:alice@example.test"],
      ...dsFlags,
    );
    expect(exitCode).toBe(1);
    expect(lines[0]).toMatchObject({ messageState: "pending", papCode: 4001, sipStatus: null, sipReason: null });
  });
});

describe("sip-push receive", () => {
  it("ends with exit code 0 after --count pushes, and unregisters", async () => {
    const { uri: proxy, process } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy, "--count", "2");
    for (let push = 0; push < 2; push++)
      expect((await send(proxy, ["sip:alice@example.test"], ...dsFlags)).exitCode).toBe(0);
    expect(await receiver.waitForExit(END_MS)).toEqual({ code: 0, signal: null });
    expect(linesOf(receiver.stdout).filter(({ event }) => event === "push")).toHaveLength(2);
    expect(await eventOf(process, "unregistered")).toMatchObject({ aor: "sip:alice@example.test", reason: "removed" });
  });

  // Ctrl-C comes twice under npx, and SIGINT under timeout(1).
  it.each([
    ["SIGINT, twice at a time", ["SIGINT", "SIGINT"]],
    ["SIGTERM", ["SIGTERM"]],
  ] as const)("unregisters and ends within a second after %s", async (_, signals) => {
    const { uri: proxy, process } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy);
    for (const signal of signals) receiver.killGroup(signal);
    expect(await receiver.waitForExit(END_MS)).toEqual({ code: 0, signal: null });
    expect(await eventOf(process, "unregistered")).toMatchObject({ aor: "sip:alice@example.test", reason: "removed" });
  });

  it("says why it could not register, as the contract has it, and goes on trying", async () => {
    const reserved = await reservePort();
    await reserved.release();
    // Over WebSocket nothing of it is open while it waits.
    const proxy = `sip:127.0.0.1:${reserved.port};transport=ws`;
    const receiver = startCli("receive", "--aor", "sip:alice@example.test", "--proxy", proxy, "--json");
    const failed = await eventOf(receiver, "registration-failed");
    expect(failed).toEqual({ event: "registration-failed", sipStatus: null, reason: expect.any(String) as string });
    startCli("proxy", "--listen", `ws:127.0.0.1:${reserved.port}`);
    expect(await eventOf(receiver, "registered")).toMatchObject({ aor: "sip:alice@example.test" });
  });

  it("prints lines for people without --json", async () => {
    const { uri: proxy } = await startUdpProxy();
    const receiver = startCli("receive", "--aor", "sip:alice@example.test", "--proxy", proxy, "--count", "1");
    await receiver.waitForOutput(/registered sip:alice@example.test for 3600 s\n/);
    await send(proxy, ["sip:alice@example.test"], ...dsFlags, "--ds-session", "7");
    await receiver.waitForExit(END_MS);
    expect(receiver.stdout).toMatch(/^listening as sip:alice@127\.0\.0\.1:\d+; Ctrl-C ends it\n/);
    expect(receiver.stdout).toContain("ds-1.2 from ds.example.test, session 7: two-way ./contacts (text/x-vcard)");
    expect(receiver.stdout).toMatch(/answered 200\nunregistered sip:alice@example\.test\n$/);
  });
});

describe("a proxy with a users file", () => {
  it("registers and passes on for those who know their password (RFC 3261 §22)", async () => {
    const users = join(folder.path, "users.txt");
    await writeFile(users, "alice:open sesame\npush:büro\n");
    const { uri: proxy, process } = await startUdpProxy("--users", users);
    const flags = ["--aor", "sip:alice@example.test", "--proxy", proxy, "--json"];

    const stranger = startCli("receive", ...flags);
    expect(await eventOf(stranger, "registration-failed")).toMatchObject({ sipStatus: 401 });
    const forger = startCli("receive", ...flags, "--password", "sesame");
    expect(await eventOf(forger, "registration-failed")).toMatchObject({ sipStatus: 401 });
    const receiver = await startReceiver("alice", proxy, "--password", "open sesame");
    expect(await eventOf(process, "registered")).toMatchObject({ aor: "sip:alice@example.test", expiresSeconds: 3600 });

    const from = ["--from", "sip:push@example.test"];
    const refused = await send(proxy, ["sip:alice@example.test"], ...dsFlags, ...from);
    expect(refused.exitCode).toBe(1);
    expect(refused.lines[0]).toMatchObject({ messageState: "undeliverable", sipStatus: 407 });
    const sent = await send(proxy, ["sip:alice@example.test"], ...dsFlags, ...from, "--password", "büro");
    expect(sent.exitCode).toBe(0);
    expect(sent.lines[0]).toMatchObject({ messageState: "delivered", attempts: 2 });
    const push = await eventOf(receiver, "push");
    expect(push).toMatchObject({ from: "sip:push@example.test", assertedIdentity: "sip:push@example.test" });
  });
});

describe("sip-push proxy", () => {
  it("says in JSON what it listens on and what it does, and ends within a second after Ctrl-C", async () => {
    const { uri: proxy, process } = await startUdpProxy();
    const receiver = await startReceiver("alice", proxy);
    await send(proxy, ["sip:alice@example.test", "sip:nobody@example.test"], ...dsFlags);
    await receiver.stop();
    await eventOf(process, "unregistered");
    process.killGroup("SIGINT");
    expect(await process.waitForExit(END_MS)).toEqual({ code: 0, signal: null });
    const aor = "sip:alice@example.test";
    const contact = expect.stringMatching(/^sip:alice@127\.0\.0\.1:\d+$/) as string;
    const callId = expect.any(String) as string;
    const lines = linesOf(process.stdout);
    const of = (name: string): unknown => lines.filter(({ event }) => event === name);
    expect(of("listening")).toEqual([{ event: "listening", addresses: [proxy.replace("sip:", "udp:")] }]);
    expect(of("registered")).toEqual([{ event: "registered", aor, contact, expiresSeconds: 3600 }]);
    expect(of("unregistered")).toEqual([{ event: "unregistered", aor, contact, reason: "removed" }]);
    const elapsedMs = expect.any(Number) as number;
    expect(of("forwarded")).toEqual([
      { event: "forwarded", method: "MESSAGE", requestUri: aor, callId, targets: [contact], sipStatus: 200, elapsedMs },
    ]);
    expect(of("refused")).toEqual([
      {
        event: "refused",
        method: "MESSAGE",
        requestUri: "sip:nobody@example.test",
        callId,
        sipStatus: 404,
        reason: "Not Found",
      },
    ]);
    expect(lines).toHaveLength(5);
  });
});
