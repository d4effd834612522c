import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { startProcess, stopAllProcesses } from "../support/process.ts";
import { makeTempFolder } from "../support/temp-folder.ts";

const binary = fileURLToPath(new URL("../../packages/cli/bin/sip-push.mjs", import.meta.url));

const folder = makeTempFolder("ppg-log");

afterEach(async () => {
  await stopAllProcesses();
  folder.remove();
});

it("sip-push ppg goes on when the disk with its log is full", async () => {
  const config = {
    dataDirectory: "./data",
    domain: "ppg.example.test",
    http: { listen: "http://127.0.0.1:0" },
    initiators: [{ name: "calendar", password: { env: "PPG_PASSWORD" }, recipients: "*" }],
    sip: { from: "sip:ppg@example.test", listen: "udp:127.0.0.1:0" },
  };
  const file = join(folder.path, "ppg.json");
  await writeFile(file, JSON.stringify(config));
  const gateway = startProcess({
    command: "sh",
    // Where no line can be written, from "gateway open" on.
    args: ["-c", 'exec "$@" 2>/dev/full', "sh", process.execPath, binary, "ppg", "--config", file, "--json"],
    env: { PPG_PASSWORD: "secret" },
  });
  const [, pap = ""] = await gateway.waitForOutput(/"pap":"([^"]+)"/);
  const live = new URL("/health/live", pap);
  // One that stops takes no connection any more.
  for (let asked = 0; asked < 10; asked++) expect(await (await fetch(live)).json()).toMatchObject({ ok: true });
  expect(gateway.exit).toBeUndefined();
});
