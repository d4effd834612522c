import { describe, expect, it } from "vitest";
import { runCli } from "./testdata/fake-io.ts";

type Settings = Readonly<Record<string, string>>;

/** What nobody takes, by setting. */
const sender: Settings = {
  contact: "x",
  route: "x",
  trusted: "x",
  servedUser: "x",
};
const commands: ReadonlyArray<readonly [command: string, bad: Settings]> = [
  [
    "send",
    {
      ...sender,
      part: "x",
      contentEncoding: "x y",
      contentLanguage: "x;",
      contentDisposition: "=",
      priority: "x",
      via: "x",
      waitForRegistration: "x",
      report: "x",
    },
  ],
  ["refer", { ...sender, target: "x", expires: "x", report: "x" }],
  ["options", { ...sender, app: '"' }],
  [
    "push",
    {
      part: "x",
      contentEncoding: "x y",
      priority: "x",
      method: "x",
      deliverBefore: "x",
      deliverAfter: "x",
      replace: "\u0001",
      replaceMethod: "x",
      watch: "x",
      notifyListen: "x y",
      notifyUrl: "x",
      papVersion: "x",
      timeout: "x",
    },
  ],
  [
    "receive",
    {
      aka: "x",
      role: "x",
      accessNetworkInfo: "\u0001",
      subscribe: "x",
      publishTo: "x",
      refer: "x",
      trustedHop: "x",
    },
  ],
  [
    "fleet",
    {
      count: "x",
      aor: "x",
      registerRate: "x",
      trustedHop: "x",
      duplicatesBy: "x",
      endAfter: "x",
      stats: "x",
    },
  ],
  [
    "proxy",
    {
      trusted: "x",
      routePsi: "x",
      routeMethod: "x",
      thirdPartyRegister: "x",
      flowTimer: "x",
      clientCertificates: "x",
    },
  ],
];

const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
const variableOf = (key: string): string => `SIP_PUSH_${key.replace(/[A-Z]/g, "_$&").toUpperCase()}`;

describe("settings of the command line, all problems at once", () => {
  it.each(commands)("%s takes them from the environment", async (command, bad) => {
    const env = Object.fromEntries(Object.entries(bad).map(([key, value]) => [variableOf(key), value]));
    const { exitCode, stdout, stderr } = await runCli([command], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    for (const key of Object.keys(bad)) expect(stderr).toContain(`${flagOf(key)}: `);
  });

  it.each(commands)("%s takes them from a file", async (command, bad) => {
    const files = { "settings.json": JSON.stringify(bad) };
    const { exitCode, stdout, stderr } = await runCli([command, "--config", "settings.json"], { files });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).not.toContain("unknown setting");
    for (const key of Object.keys(bad)) expect(stderr).toContain(`${flagOf(key)}: `);
  });

  it("takes switches from the environment: a proxy that has no presence agent", async () => {
    const stop = new AbortController();
    const env = { SIP_PUSH_PRESENCE: "false", SIP_PUSH_REG_EVENT: "0", SIP_PUSH_FLOW_TIMER: "x" };
    const bad = await runCli(["proxy"], { env });
    expect(bad.stderr).toBe("sip-push: --flow-timer: must be a whole number from 0 to 86400\n");
    const ran = await runCli(["proxy", "--listen", "udp:127.0.0.1:0", "--json"], {
      env: { ...env, SIP_PUSH_FLOW_TIMER: "30" },
      stop: stop.signal,
      onLine: () => stop.abort(),
    });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  });
});
