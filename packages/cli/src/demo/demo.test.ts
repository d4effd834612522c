import { existsSync } from "node:fs";
import { PushReceiver } from "@sip-push/receiver";
import { serializeUri, silentLogger } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { runCli } from "../testdata/fake-io.ts";
import { cast } from "./cast.ts";
import { coreUri } from "./core.ts";
import { Demo, type DemoOptions } from "./demo.ts";
import { describeNextSteps, describeResults } from "./report.ts";

const names = cast.flatMap(({ recipients }) => recipients.map(({ name }) => name));

const opened: Demo[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((demo) => demo.close()));
});

async function openDemo(options: Partial<DemoOptions> = {}): Promise<Demo> {
  const demo = await Demo.open({ logger: silentLogger, signal: new AbortController().signal, ...options });
  opened.push(demo);
  return demo;
}

describe("the demo", () => {
  it("delivers to handsets over UDP, TCP and WebSocket, and the initiator is told the refusal and the missing handset apart", async () => {
    const results = await (await openDemo()).run();
    const rows = results.map(({ push, recipient, outcome, received, problems }) => ({
      name: recipient.name,
      over: recipient.over,
      method: push.method,
      told: `${outcome.messageState} ${outcome.papCode}`,
      sipStatus: outcome.sipStatus,
      sipReason: outcome.sipReason,
      attempts: outcome.attempts,
      digest: received?.digest ?? null,
      problems,
    }));
    const ok = { sipStatus: 200, sipReason: "OK", attempts: 1, digest: "valid", problems: [] };
    const no = { method: "unconfirmed", attempts: 1, problems: [] };
    const declined = { sipStatus: 603, sipReason: "Decline", digest: "valid" };
    const missing = { sipStatus: 404, sipReason: "Not Found", digest: null };
    expect(rows).toEqual([
      { name: "alice", over: "UDP", method: "confirmed", told: "delivered 1000", ...ok },
      { name: "bob", over: "TCP", method: "unconfirmed", told: "delivered 1000", ...ok },
      { name: "carol", over: "WS", method: "unconfirmed", told: "delivered 1000", ...ok },
      { name: "dave", over: "UDP", told: "aborted 5027", ...no, ...declined },
      { name: "nobody", over: null, told: "undeliverable 2003", ...no, ...missing },
    ]);
  });

  it("is told of a confirmed push what the handset reports", async () => {
    const [alice] = await (await openDemo()).run();
    expect(alice?.outcome.description).toBe("the delivery report says delivered");
  });

  it("submits one push for two handsets, and the others each by themselves", async () => {
    const results = await (await openDemo()).run();
    const ids = new Map(results.map(({ recipient, outcome }) => [recipient.name, outcome.pushId]));
    expect(ids.get("bob")).toBe(ids.get("carol"));
    expect(new Set(ids.values()).size).toBe(4);
  });

  it("keeps its pushes in a folder that is gone when it is closed", async () => {
    const demo = await openDemo();
    expect(existsSync(demo.ppg.folder)).toBe(true);
    await demo.close();
    expect(existsSync(demo.ppg.folder)).toBe(false);
  });

  it("takes other ports when the well-known ones are in use", async () => {
    const [first, second] = [await openDemo(), await openDemo()];
    const ports = [first, second].flatMap(({ core, ppg }) => [
      ...core.listening.map(({ transport, port }) => `${transport} ${port}`),
      ...[ppg.pap, ppg.gateway.operation ?? ""].map((url) => new URL(url).port),
    ]);
    expect(new Set(ports).size).toBe(10);
    expect(second.core.listening[0]?.port).toBe(second.core.listening[1]?.port);
    const results = await second.run();
    expect(results.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it("says which push did not come out as expected", async () => {
    const demo = await openDemo();
    const registered = Promise.withResolvers<void>();
    const somebody = await PushReceiver.open({
      aor: "sip:nobody@example.test",
      proxy: serializeUri(coreUri(demo.core, "TCP")),
      listen: [{ transport: "TCP", address: "127.0.0.1", port: 0 }],
      onEvent: ({ event }) => {
        if (event === "registered") registered.resolve();
      },
    });
    await registered.promise;
    const results = await demo.run();
    await somebody.close();
    expect(results.map(({ problems }) => problems.length)).toEqual([0, 0, 0, 0, 3]);
    expect(describeResults(results)).toContain(
      "Not as expected:\n  nobody: messageState is delivered, not undeliverable (200 OK)\n",
    );
  });

  it("prints commands that work as they stand", async () => {
    const pushes: string[] = [];
    const refused: string[] = [];
    const demo = await openDemo({
      onPush: (name, { contentType, digest }) => pushes.push(`${name} ${contentType} ${digest}`),
      onRefused: (name, { sipStatus }) => refused.push(`${name} ${sipStatus}`),
    });
    const [first] = await demo.run();
    pushes.length = 0;
    const steps = describeNextSteps(demo, first?.outcome.pushId ?? "");
    const [toAlice = [], status = [], toCarol = [], erin = [], toErin = []] = commandsIn(steps);

    const pushed = await runCli(toAlice);
    expect(pushed.stdout).toMatch(/^accepted: 1001 .*\nsip:alice@example\.test: delivered, 1000 .*\n$/);
    expect(pushed.exitCode).toBe(0);
    const asked = await runCli(status);
    expect(asked.stdout).toMatch(/^sip:alice@example\.test: delivered, 1000 .*\n$/);
    const text = await runCli(toCarol, { files: { "-": "Hello\n" } });
    expect(text.exitCode).toBe(0);
    const forged = await runCli([...toAlice, "--ds-password", "another"]);
    expect(forged.exitCode).toBe(1);
    expect({ pushes, refused }).toEqual({
      pushes: ["alice application/vnd.syncml.ds.notification valid", "carol text/plain unchecked"],
      refused: ["alice 403"],
    });

    const stop = new AbortController();
    const registered = Promise.withResolvers<void>();
    const onLine = (line: string): void => {
      if (line.startsWith("registered")) registered.resolve();
    };
    const own = runCli(erin, { stop: stop.signal, onLine });
    await registered.promise;
    expect((await runCli(toErin)).exitCode).toBe(0);
    stop.abort();
    expect((await own).stdout).toContain("ds-1.2 from ds.example.test");
  });

  it("closes at once when it is stopped while it runs", async () => {
    const stop = new AbortController();
    const demo = await openDemo({ signal: stop.signal });
    const running = demo.run();
    stop.abort();
    const results = await running;
    expect(results.every(({ problems }) => problems.length > 0)).toBe(true);
    await demo.close();
    expect(demo.core.listening).toEqual([]);
  });
});

describe("the command demo", () => {
  it("ends with exit code 0 after --once when all came out as expected", async () => {
    const { exitCode, stdout, stderr } = await runCli(["demo", "--once"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`All ${names.length} came out as expected.`);
    expect(stdout).not.toContain("npx");
  });

  it("ends with exit code 1 when something did not come out as expected", async () => {
    const { exitCode, stdout } = await runCli(["demo", "--once"], { stop: AbortSignal.abort() });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("Not as expected:");
  });

  it("prints the objects of `receive --json` and `send --json` with --json", async () => {
    const { stdout } = await runCli(["demo", "--once", "--json"]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(Object.keys(lines[0] ?? {})).toEqual(["event", "pap", "console", "operation", "proxy"]);
    expect(lines.filter(({ event }) => event === "push")).toHaveLength(4);
    expect(lines.filter((line) => "messageState" in line).map(({ to, problems }) => ({ to, problems }))).toEqual(
      names.map((name) => ({ to: `sip:${name}@example.test`, problems: [] })),
    );
  });
});

/** Command lines, without `npx sip-push` and what feeds them, as words; lines that end in `\` go on. */
function commandsIn(text: string): string[][] {
  return text
    .replaceAll(/\\\n */g, "")
    .split("\n")
    .flatMap((line) => /npx sip-push ((?:send|receive|push|status) .*)/.exec(line)?.[1] ?? [])
    .map((command) => command.split(" ").map((word) => word.replaceAll("'", "")));
}
