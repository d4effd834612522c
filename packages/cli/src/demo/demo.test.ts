import { PushReceiver } from "@sip-push/receiver";
import { serializeUri, silentLogger } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { runCli } from "../testdata/fake-io.ts";
import { cast } from "./cast.ts";
import { Demo, type DemoOptions } from "./demo.ts";
import { describeNextSteps, describeResults } from "./report.ts";

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
  it("delivers to handsets over UDP, TCP and WebSocket, and tells the refusal and the missing handset apart", async () => {
    const results = await (await openDemo()).run();
    const rows = results.map(({ recipient, outcome, push, problems }) => ({
      name: recipient.name,
      over: recipient.over,
      state: outcome.messageState,
      sipStatus: outcome.sipStatus,
      uiMode: push?.notification?.format === "ds-1.2" ? push.notification.uiMode : null,
      digest: push?.digest ?? null,
      problems,
    }));
    const valid = { digest: "valid", problems: [] };
    expect(rows).toEqual([
      { name: "alice", over: "UDP", state: "delivered", sipStatus: 200, uiMode: "informative", ...valid },
      { name: "bob", over: "TCP", state: "delivered", sipStatus: 200, uiMode: "background", ...valid },
      { name: "carol", over: "WS", state: "delivered", sipStatus: 200, uiMode: "user-interaction", ...valid },
      { name: "dave", over: "UDP", state: "aborted", sipStatus: 603, uiMode: "user-interaction", ...valid },
      { name: "nobody", over: null, state: "undeliverable", sipStatus: 404, uiMode: null, digest: null, problems: [] },
    ]);
  });

  it("takes other ports when the well-known ones are in use", async () => {
    const [first, second] = [await openDemo(), await openDemo()];
    const ports = [first, second].flatMap(({ proxy }) =>
      proxy.listening.map(({ transport, port }) => `${transport} ${port}`),
    );
    expect(new Set(ports).size).toBe(6);
    expect(second.proxy.listening[0]?.port).toBe(second.proxy.listening[1]?.port);
    const results = await second.run();
    expect(results.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it("says which push did not come out as expected", async () => {
    const demo = await openDemo();
    const registered = Promise.withResolvers<void>();
    const somebody = await PushReceiver.open({
      aor: "sip:nobody@example.test",
      proxy: serializeUri(demo.proxyUri("TCP")),
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
    await demo.run();
    pushes.length = 0;
    const [toAlice, toCarol, erin, toErin] = commandsIn(describeNextSteps(demo));

    const sent = await runCli(toAlice ?? []);
    expect(sent.stdout).toMatch(/sip:alice@example\.test +delivered +1000 +200 OK/);
    const text = await runCli(toCarol ?? [], { files: { "-": "Hello\n" } });
    expect(text.exitCode).toBe(0);
    const forged = await runCli([...(toAlice ?? []), "--ds-password", "another"]);
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
    const own = runCli(erin ?? [], { stop: stop.signal, onLine });
    await registered.promise;
    expect((await runCli(toErin ?? [])).exitCode).toBe(0);
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
    expect(demo.proxy.listening).toEqual([]);
  });
});

describe("the command demo", () => {
  it("ends with exit code 0 after --once when all came out as expected", async () => {
    const { exitCode, stdout, stderr } = await runCli(["demo", "--once"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`All ${cast.length} came out as expected.`);
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
    expect(lines.filter(({ event }) => event === "push")).toHaveLength(4);
    expect(lines.filter((line) => "messageState" in line).map(({ to, problems }) => ({ to, problems }))).toEqual(
      cast.map(({ name }) => ({ to: `sip:${name}@example.test`, problems: [] })),
    );
  });
});

/** Command lines, without `npx sip-push` and what feeds them, as words; lines that end in `\` go on. */
function commandsIn(text: string): string[][] {
  return text
    .replaceAll(/\\\n */g, "")
    .split("\n")
    .flatMap((line) => /npx sip-push ((?:send|receive) .*)/.exec(line)?.[1] ?? [])
    .map((command) => command.split(" ").map((word) => word.replaceAll("'", "")));
}
