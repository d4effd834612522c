import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashPassword, verifyPassword } from "@sip-push/ppg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Ran, runCli, type World } from "../testdata/fake-io.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sip-push-ppg-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const good = `
name: ppg-7
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
initiators: [{ name: calendar, password: { env: PASSWORD }, recipients: "*" }]
sip: { from: "sip:ppg@example.test", listen: "udp:127.0.0.1:0" }
console: { users: [{ name: admin, password: { env: PASSWORD } }] }
operation: http://127.0.0.1:0
`;

function ppg(text: string, args: readonly string[] = [], world: World = {}): Promise<Ran> {
  const path = join(folder, "ppg.yaml");
  return runCli(["ppg", "--config", path, ...args], { files: { [path]: text }, env: { PASSWORD: "secret" }, ...world });
}

describe("sip-push ppg --check", () => {
  it("says what a good configuration amounts to", async () => {
    const { exitCode, stdout, stderr } = await ppg(good, ["--check"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(
      `${folder}/ppg.yaml: ok: ppg-7 on sqlite, HTTP http://127.0.0.1:0, SIP udp:127.0.0.1:0, push initiators calendar, console for admin\n`,
    );
    const { stdout: json } = await ppg(good, ["--check", "--json"]);
    expect(JSON.parse(json)).toMatchObject({ ok: true, name: "ppg-7", database: "sqlite", initiators: ["calendar"] });
  });

  it("says every problem on a line of its own, exit code 2", async () => {
    const bad = good.replace("ppg-7", "ppg 7").replace("udp:127.0.0.1:0", "udp:nowhere").replace("domain", "domian");
    const { exitCode, stdout, stderr } = await ppg(bad, ["--check"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr.split("\n").map((line) => line.replace(/^sip-push: .*ppg\.yaml: /, ""))).toEqual([
      "domain: is required",
      "line 2: name: must be 1 to 64 letters, digits, ., _ or -",
      "line 3: domian: unknown setting; did you mean domain?",
      expect.stringMatching(/^line 6: sip\.listen\[0\]: /),
      "",
    ]);
    const { exitCode: code, stdout: json } = await ppg(bad, ["--check", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(json)).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([
        { path: "domian", line: 3, variable: null, problem: "unknown setting; did you mean domain?" },
      ]),
    });
  });

  it("says what only the sender refuses, and what only the machine does, beside all else", async () => {
    const bad = good
      .replace("name: ppg-7", "name: ppg 7\ndataDirectory: /dev/null/data")
      .replace('"sip:ppg@example.test"', '"sip:ppg@example.test", role: gm, servedUser: "sip:a@b", contact: "tel:+1"');
    const { exitCode, stderr } = await ppg(bad, ["--check"]);
    expect(exitCode).toBe(2);
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringMatching(/ppg\.yaml: line 2: name: must be/),
      expect.stringMatching(/ppg\.yaml: line 3: dataDirectory: \/dev\/null\/data: is in a file, not in a folder$/),
      expect.stringMatching(/ppg\.yaml: line 7: sip\.contact: "tel:\+1" is no sip: or sips: URI$/),
      expect.stringMatching(/ppg\.yaml: line 7: sip\.servedUser: is for the role isc$/),
    ]);
  });

  it("takes the file's name, and settings, from the environment", async () => {
    const path = join(folder, "ppg.yaml");
    const env = { PASSWORD: "secret", SIP_PUSH_CONFIG: path, SIP_PUSH_NAME: "ppg-8" };
    const { stdout } = await runCli(["ppg", "--check", "--json"], { files: { [path]: good }, env });
    expect(JSON.parse(stdout)).toMatchObject({ name: "ppg-8" });
  });
});

describe("sip-push ppg", () => {
  it("says where it listens, serves, and ends as asked", async () => {
    const stop = new AbortController();
    const listening = Promise.withResolvers<Record<string, string>>();
    const ran = ppg(good, ["--json"], { stop: stop.signal, onLine: (line) => listening.resolve(JSON.parse(line)) });
    const { event, pap, operation, console } = await listening.promise;
    expect(event).toBe("listening");
    expect((await fetch(`${operation}/health/ready`)).status).toBe(200);
    expect((await fetch(pap ?? "", { method: "POST" })).status).toBe(401);
    expect((await fetch(`${console}api/session`)).status).toBe(401);
    stop.abort();
    const { exitCode, stderr } = await ran;
    expect(exitCode).toBe(0);
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ msg }) => msg)).toEqual(["gateway open", "gateway closed"]);
    expect(lines[0]).toMatchObject({ level: 30, node: "ppg-7", pap: [pap] });
  });

  it("reads its file again when it is asked to (SIGHUP), and takes none that is wrong", async () => {
    const path = join(folder, "ppg.yaml");
    const files: Record<string, string> = { [path]: good };
    const stop = new AbortController();
    const listening = Promise.withResolvers<string>();
    let hangup = (): void => {};
    let logged = Promise.withResolvers<string>();
    const ran = runCli(["ppg", "--config", path, "--json"], {
      files,
      env: { PASSWORD: "secret", OTHER: "other" },
      stop: stop.signal,
      onHangup: (reload) => {
        hangup = reload;
      },
      onLine: (line) => listening.resolve((JSON.parse(line) as { pap: string }).pap),
      onLog: (line) => logged.resolve(line),
    });
    const url = await listening.promise;
    const ask = async (user: string, password: string): Promise<number> => {
      const authorization = `Basic ${btoa(`${user}:${password}`)}`;
      return (await fetch(url, { method: "POST", headers: { authorization } })).status;
    };
    const reload = (text: string): Promise<string> => {
      files[path] = text;
      logged = Promise.withResolvers();
      hangup();
      return logged.promise;
    };
    expect([await ask("calendar", "secret"), await ask("mail", "other")]).toEqual([202, 401]);
    const other = good.replace("name: calendar, password: { env: PASSWORD }", "name: mail, password: { env: OTHER }");
    expect(await reload(other.replace("env: OTHER", "env: NONE"))).toMatch(
      /line 5: initiators\[0\]\.password: the environment has no NONE.*not taken/,
    );
    expect(await ask("calendar", "secret")).toBe(202);
    expect(await reload(other)).toContain("configuration read again");
    expect([await ask("calendar", "secret"), await ask("mail", "other")]).toEqual([401, 202]);
    stop.abort();
    expect((await ran).exitCode).toBe(0);
  });

  it("logs from the level on that is configured", async () => {
    const stop = new AbortController();
    const onLine = (): void => stop.abort();
    expect(await ppg(`${good}log: silent`, [], { stop: stop.signal, onLine })).toMatchObject({
      exitCode: 0,
      stderr: "",
    });
  });

  it("says which address is taken, exit code 2", async () => {
    const stop = new AbortController();
    const listening = Promise.withResolvers<Record<string, string>>();
    const ran = ppg(good, ["--json"], { stop: stop.signal, onLine: (line) => listening.resolve(JSON.parse(line)) });
    const { origin } = new URL((await listening.promise)["pap"] ?? "");
    const taken = good
      .replace("http://127.0.0.1:0", origin)
      .replace("name: ppg-7", "name: ppg-9\ndataDirectory: other");
    const { exitCode, stderr } = await ppg(`${taken}log: silent`);
    stop.abort();
    await ran;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: `sip-push: http: ${origin}: the port is in use\n` });
  });

  it("says that its database does not answer, after waiting as long as it was told, exit code 1", async () => {
    const text = `${good}database: postgres://nobody@127.0.0.1:1/none\ndatabaseWaitSeconds: 0\nlog: silent`;
    const { exitCode, stderr } = await ppg(text);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^sip-push: database: [^\n]+\n$/);
  });

  it("gives up waiting for its database when it is told to stop", async () => {
    const text = `${good}database: postgres://nobody@127.0.0.1:1/none\ndatabaseWaitSeconds: 3600`;
    const stop = new AbortController();
    const ran = ppg(text, [], { stop: stop.signal });
    stop.abort();
    expect((await ran).exitCode).toBe(0);
  });
});

describe("sip-push ppg hash-password", () => {
  it("prints what the configuration has in place of the password", async () => {
    const { exitCode, stdout } = await runCli(["ppg", "hash-password"], { files: { "-": "correct horse\n" } });
    expect(exitCode).toBe(0);
    expect(await verifyPassword("correct horse", stdout.trim())).toBe(true);
    expect(await verifyPassword("correct horse", await hashPassword("other"))).toBe(false);
    const text = good.replace("password: { env: PASSWORD }", `password: { scrypt: "${stdout.trim()}" }`);
    expect((await ppg(text, ["--check"])).exitCode).toBe(0);
  });

  it("takes no empty one", async () => {
    const { exitCode, stderr } = await runCli(["ppg", "hash-password"], { files: { "-": "\n" } });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: "sip-push: <standard input>: is empty; type the password\n",
    });
  });
});
