import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reservePort } from "../support/free-port.ts";
import { stopAllProcesses } from "../support/process.ts";
import {
  END_MS,
  type Ended,
  type Line,
  linesOf,
  runCli,
  startCli,
  startReceiver,
  startUdpProxy,
} from "./command-line.ts";

const ALICE = "sip:alice@example.test";

let proxy = "";

beforeAll(async () => {
  proxy = (await startUdpProxy()).uri;
  await startReceiver("alice", proxy, "--app", "push.syncml", "--app", "mms.ua");
});
afterAll(stopAllProcesses);

function ask(to: string, ...flags: readonly string[]): Promise<Ended> {
  return runCli(["options", "--to", to, "--proxy", proxy, ...flags]);
}

/** What is said of a handset that nothing is known of. */
const nothing: Line = {
  handset: null,
  applications: null,
  accept: null,
  allow: null,
  allowEvents: null,
  supported: null,
  acceptEncoding: null,
  acceptLanguage: null,
};

describe("sip-push options", () => {
  it("says what a handset can take, as one object (RFC 3261 §11)", async () => {
    const { exitCode, stdout, stderr } = await ask(ALICE, "--json");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const having = (...words: readonly string[]): readonly string[] => expect.arrayContaining([...words]) as string[];
    expect(linesOf(stdout)).toEqual([
      {
        to: ALICE,
        sipStatus: 200,
        reason: "OK",
        handset: expect.stringMatching(/^sip:alice@127\.0\.0\.1:\d+$/) as string,
        applications: ["push.syncml", "mms.ua"],
        accept: having("application/vnd.syncml.ds.notification", "message/cpim"),
        allow: having("MESSAGE", "NOTIFY", "REFER"),
        allowEvents: having("oma-push"),
        supported: having("gruu", "norefersub", "outbound"),
        acceptEncoding: having("gzip"),
        acceptLanguage: ["en"],
      },
    ]);
  });

  it("says it in lines for people", async () => {
    const { exitCode, stdout } = await ask(ALICE, "--app", "mms.ua");
    const text = stdout.toString("utf8");
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^sip:alice@example\.test: 200 OK\n {2}handset {10}sip:alice@/);
    expect(text).toContain("\n  applications     push.syncml, mms.ua\n");
    expect(text).toMatch(/\n {2}Allow {12}MESSAGE, /);
  });

  it.each([
    ["sip:nobody@example.test", [], 404, "Not Found"],
    [ALICE, ["--app", "wml.ua"], 480, "Temporarily Unavailable"],
  ])("is exit code 1 and the answer for %s %j", async (to, flags, sipStatus, reason) => {
    const { exitCode, stdout } = await ask(to, ...flags, "--json");
    expect(exitCode).toBe(1);
    expect(linesOf(stdout)).toEqual([{ to, sipStatus, reason, ...nothing }]);
    expect((await ask(to, ...flags)).stdout.toString()).toBe(`${to}: ${sipStatus} ${reason}\n`);
  });

  it("is exit code 1 without SIP status when the proxy is not there", async () => {
    const reserved = await reservePort();
    await reserved.release();
    const flags = ["--proxy", `sip:127.0.0.1:${reserved.port};transport=tcp`];
    const { exitCode, stdout } = await ask(ALICE, ...flags, "--json");
    expect(exitCode).toBe(1);
    expect(linesOf(stdout)).toEqual([{ to: ALICE, sipStatus: null, reason: expect.stringMatching(/./), ...nothing }]);
  });

  it("ends within a second after Ctrl-C", async () => {
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    await once(silent, "listening");
    const asked = once(silent, "message");
    const asking = startCli("options", "--to", ALICE, "--proxy", `sip:127.0.0.1:${silent.address().port}`);
    await asked;
    asking.killGroup("SIGINT");
    expect(await asking.waitForExit(END_MS)).toEqual({ code: 1, signal: null });
    silent.close();
  });
});
