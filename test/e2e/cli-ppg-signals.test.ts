import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningProcess, startProcess, stopAllProcesses } from "../support/process.ts";
import { makeTempFolder, type TempFolder } from "../support/temp-folder.ts";

const binary = fileURLToPath(new URL("../../packages/cli/bin/sip-push.mjs", import.meta.url));

describe("sip-push ppg and signals", () => {
  let folder: TempFolder;
  let gateway: RunningProcess;
  let pap: string;

  const configure = (initiator: string): Promise<void> =>
    writeFile(
      join(folder.path, "ppg.json"),
      JSON.stringify({
        name: "ppg-1",
        dataDirectory: "./data",
        domain: "ppg.example.test",
        http: { listen: "http://127.0.0.1:0" },
        initiators: [{ name: initiator, password: { env: "PPG_PASSWORD" }, recipients: "*" }],
        sip: { from: "sip:ppg@example.test", listen: "udp:127.0.0.1:0" },
      }),
    );
  const statusFor = async (user: string): Promise<number> => {
    const authorization = `Basic ${btoa(`${user}:secret`)}`;
    return (await fetch(pap, { method: "POST", headers: { authorization } })).status;
  };
  const signal = (name: NodeJS.Signals): void => void process.kill(gateway.pid ?? 0, name);

  beforeEach(async () => {
    folder = makeTempFolder("ppg-signals");
    await configure("calendar");
    const args = [binary, "ppg", "--config", join(folder.path, "ppg.json"), "--json"];
    gateway = startProcess({ command: process.execPath, args, env: { PPG_PASSWORD: "secret" } });
    await gateway.waitForOutput(/\{"event":"listening".*\}\n/);
    pap = /"pap":"([^"]+)"/.exec(gateway.output)?.[1] ?? "";
  });
  afterEach(async () => {
    await stopAllProcesses();
    folder.remove();
  });

  it("SIGHUP makes it read its file again, and serve on", async () => {
    expect([await statusFor("calendar"), await statusFor("mail")]).toEqual([202, 401]);
    await configure("mail");
    signal("SIGHUP");
    await gateway.waitForOutput(/configuration read again/);
    expect([await statusFor("calendar"), await statusFor("mail")]).toEqual([401, 202]);
  });

  it("a second SIGTERM ends it although something is still under way", async () => {
    const { port } = new URL(pap);
    const socket = connect(Number(port), "127.0.0.1");
    const fields = `Host: a\r\nAuthorization: Basic ${btoa("calendar:secret")}\r\nContent-Length: 9\r\nExpect: 100-continue\r\n`;
    socket.write(`POST /pap HTTP/1.1\r\n${fields}\r\n`);
    socket.on("error", () => {});
    await once(socket, "data");
    // One signal may come twice, so it takes a second one that is clearly another.
    const again = setInterval(() => signal("SIGTERM"), 200);
    await gateway.exited;
    clearInterval(again);
    expect(gateway.exit).toMatchObject({ signal: "SIGTERM" });
    socket.destroy();
  });
});
