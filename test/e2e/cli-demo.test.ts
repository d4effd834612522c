import { afterEach, describe, expect, it } from "vitest";
import { stopAllProcesses } from "../support/process.ts";
import { runCli, startCli } from "./command-line.ts";

afterEach(stopAllProcesses);

describe("sip-push demo", () => {
  it("ends with exit code 0 with --once, all as expected", async () => {
    const { exitCode, stdout, stderr } = await runCli(["demo", "--once"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const text = stdout.toString("utf8");
    expect(text).toMatch(/^Console +http:\/\/127\.0\.0\.1:[0-9]+\/console\/ \(user demo, password demo\)\n/m);
    expect(text).toMatch(/\nsip:alice@example\.test +UDP +confirmed +200 OK +delivered +1000 /);
    expect(text).toMatch(/\nsip:bob@example\.test +TCP +unconfirmed +200 OK +delivered +1000 /);
    expect(text).toMatch(/\nsip:carol@example\.test +WS +unconfirmed +200 OK +delivered +1000 /);
    expect(text).toMatch(/\nsip:dave@example\.test +UDP +unconfirmed +603 Decline +aborted +5027 /);
    expect(text).toMatch(/\nsip:nobody@example\.test +- +unconfirmed +404 Not Found +undeliverable +2003 /);
    expect(text).toContain("All 5 came out as expected.");
  });

  it("stays up, shows pushes as they arrive, and ends after Ctrl-C though somebody looks at the console", async () => {
    const demo = startCli("demo");
    const [, page = ""] = await demo.waitForOutput(/^Console +(\S+) /m);
    const [, gateway = ""] = await demo.waitForOutput(/(--ppg \S+ --user \S+ --password \S+) --ds-server/);
    const content = ["--to", "sip:carol@example.test", "--file", "-", "--content-type", "text/plain"];
    const pushed = await runCli(["push", ...gateway.split(" "), ...content, "--watch"], "Hello\n");
    expect(pushed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(pushed.stdout.toString()).toMatch(/^accepted: 1001 .*\nsip:carol@example\.test: delivered, 1000 /);
    await demo.waitForOutput(/^carol: push from sip:ppg@example\.test: text\/plain, 6 octets; answered 200\n/m);
    const watching = await watchConsole(page);
    demo.killGroup("SIGINT");
    // Else it would wait for who looks to leave.
    expect(await demo.waitForExit()).toEqual({ code: 0, signal: null });
    expect(demo.stderr).toBe("");
    await watching.text();
  });
});

/** Logs in as the demo says, and has the page's live changes sent: an answer that only the gateway ends. */
async function watchConsole(page: string): Promise<Response> {
  const login = await fetch(new URL("api/session", page), {
    method: "POST",
    headers: { "content-type": "application/json", origin: new URL(page).origin },
    body: JSON.stringify({ name: "demo", password: "demo" }),
  });
  const [cookie = ""] = (login.headers.get("set-cookie") ?? "").split(";", 1);
  const changes = await fetch(new URL("api/changes", page), { headers: { cookie } });
  expect(changes.status).toBe(200);
  return changes;
}
