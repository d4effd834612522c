import { afterEach, describe, expect, it } from "vitest";
import { stopAllProcesses } from "../support/process.ts";
import { runCli, startCli } from "./command-line.ts";

afterEach(stopAllProcesses);

describe("sip-push demo", () => {
  it("ends with exit code 0 with --once, all as expected", async () => {
    const { exitCode, stdout, stderr } = await runCli(["demo", "--once"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const text = stdout.toString("utf8");
    expect(text).toMatch(/\nsip:alice@example\.test +UDP +delivered +1000 +200 OK /);
    expect(text).toMatch(/\nsip:bob@example\.test +TCP +delivered +1000 +200 OK /);
    expect(text).toMatch(/\nsip:carol@example\.test +WS +delivered +1000 +200 OK /);
    expect(text).toMatch(/\nsip:dave@example\.test +UDP +aborted +5027 +603 Decline /);
    expect(text).toMatch(/\nsip:nobody@example\.test +- +undeliverable +2003 +404 Not Found /);
    expect(text).toContain("All 5 came out as expected.");
  });

  it("stays up, shows pushes as they arrive, and ends within a second after Ctrl-C", async () => {
    const demo = startCli("demo");
    const [, proxy = ""] = await demo.waitForOutput(/npx sip-push send --to sip:carol@example\.test --proxy (\S+) /);
    const args = ["--to", "sip:carol@example.test", "--proxy", proxy, "--file", "-", "--content-type", "text/plain"];
    expect((await runCli(["send", ...args], "Hello\n")).exitCode).toBe(0);
    await demo.waitForOutput(/^carol: push from sip:push@localhost: text\/plain, 6 octets; answered 200\n/m);
    demo.killGroup("SIGINT");
    expect(await demo.waitForExit(1_000)).toEqual({ code: 0, signal: null });
    expect(demo.stderr).toBe("");
  });
});
