import { describe, expect, it } from "vitest";
import { type Ran, runCli, type World } from "../testdata/fake-io.ts";

type Line = Readonly<Record<string, unknown>>;

const aor = ["--aor", "sip:alice@example.test"];
const direct = [...aor, "--no-register", "--listen", "udp:127.0.0.1:0", "--json"];
const signed = ["--ds-server", "ds.example.test", "--ds-password", "secret", "--ds-nonce", "n"];

/** Runs a handset, sends to it when it listens, and stops it; gives what both said. */
async function sendTo(
  receiveFlags: readonly string[],
  sendFlags: readonly string[],
  world: World = {},
): Promise<{
  readonly receiver: Ran;
  readonly outcome: Line;
  readonly pushes: readonly Line[];
}> {
  const stop = new AbortController();
  const listening = Promise.withResolvers<string>();
  const onLine = (line: string): void => {
    const { event, uri } = JSON.parse(line) as Line;
    if (event === "listening") listening.resolve(String(uri));
  };
  const receiving = runCli(["receive", ...direct, ...receiveFlags], { ...world, stop: stop.signal, onLine });
  const uri = await listening.promise;
  const sent = await runCli(["send", "--to", uri, "--proxy", uri, ...sendFlags, "--json"]);
  stop.abort();
  const receiver = await receiving;
  const pushes = receiver.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
    .filter(({ event }) => event === "push");
  return { receiver, outcome: JSON.parse(sent.stdout) as Line, pushes };
}

const known = ["--ds-password", "secret", "--ds-nonce", "n"];
const forged = [...signed, "--ds-password", "guess"];
const hop = ["--proxy", "sip:127.0.0.1"];

describe("sip-push receive", () => {
  it.each<
    readonly [
      what: string,
      receiveFlags: readonly string[],
      sendFlags: readonly string[],
      sipStatus: number,
      push: Line | null,
    ]
  >([
    ["takes a notification unchecked without a password", [], signed, 200, { digest: "unchecked", sipStatus: 200 }],
    ["says that a digest is valid", known, signed, 200, { digest: "valid", sipStatus: 200 }],
    ["refuses an invalid digest", known, forged, 403, null],
    ["drops it with --invalid-digest drop", [...known, "--invalid-digest", "drop"], forged, 200, null],
    [
      "marks it with --invalid-digest accept",
      [...known, "--invalid-digest", "accept"],
      forged,
      200,
      { digest: "invalid" },
    ],
    ["answers as --answer says", ["--answer", "486"], signed, 486, { sipStatus: 486 }],
    ["takes a push from a trusted address", ["--trust-ppg", "127.0.0.0/8"], signed, 200, { sipStatus: 200 }],
    ["refuses one from another address", ["--trust-ppg", "10.0.0.0/8"], signed, 403, null],
    [
      "takes a push from a trusted identity that a trusted hop asserts (RFC 3325)",
      ["--trust-ppg", "sip:ppg@example.test", ...hop],
      [...signed, "--from", "sip:ppg@example.test"],
      200,
      { assertedIdentity: "sip:ppg@example.test" },
    ],
    ["refuses another identity", ["--trust-ppg", "sip:ppg@example.test", ...hop], signed, 403, null],
    [
      "does not believe an identity that another hop asserts",
      ["--trust-ppg", "sip:ppg@example.test", "--trusted-hop", "10.0.0.0/8"],
      [...signed, "--from", "sip:ppg@example.test"],
      403,
      null,
    ],
    ["refuses an application that it has not", ["--app", "mms.ua"], signed, 488, null],
    [
      "takes an application in any spelling",
      ["--app", "x-wap-application:push.syncml"],
      signed,
      200,
      { applicationId: "push.syncml" },
    ],
    [
      "takes each of several applications",
      ["--app", "mms.ua", "--app", "5"],
      signed,
      200,
      { applicationId: "push.syncml" },
    ],
  ])("%s", async (_, receiveFlags, sendFlags, sipStatus, push) => {
    const { receiver, outcome, pushes } = await sendTo(receiveFlags, sendFlags);
    expect(outcome["sipStatus"]).toBe(sipStatus);
    expect(pushes).toEqual(push === null ? [] : [expect.objectContaining(push)]);
    expect(receiver.exitCode).toBe(0);
    expect(receiver.stderr).toMatch(push === null ? /^refused a push from sip:\S+: \d+ .+\n$/ : /^$/);
  });

  it("takes its settings from the environment and a file too", async () => {
    const { pushes } = await sendTo(["--config", "phone.json"], signed, {
      env: { SIP_PUSH_DS_PASSWORD: "secret", SIP_PUSH_COUNT: "5" },
      files: { "phone.json": '{"dsNonce": "n", "answer": 480}' },
    });
    expect(pushes).toEqual([expect.objectContaining({ digest: "valid", sipStatus: 480 })]);
  });

  it("need not register when the environment says so", async () => {
    const stop = new AbortController();
    const env = { SIP_PUSH_REGISTER: "false", SIP_PUSH_AOR: "sip:alice@example.test" };
    const ran = await runCli(["receive", "--json"], { env, stop: stop.signal, onLine: () => stop.abort() });
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/^\{"event":"listening","uri":"sip:alice@127\.0\.0\.1:\d+"\}\n$/);
  });
});
