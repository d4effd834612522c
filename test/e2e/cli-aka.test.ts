import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { stopAllProcesses } from "../support/process.ts";
import { makeTempFolder } from "../support/temp-folder.ts";
import { dsFlags, eventOf, linesOf, send, startCli, startReceiver, startUdpProxy } from "./command-line.ts";

const folder = makeTempFolder("cli-aka");
afterAll(() => folder.remove());
afterEach(stopAllProcesses);

/** Test set 1 of TS 35.208. */
const K = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC = "cd63cb71954a9f4e48a5994e37a02baf";

const users = join(folder.path, "users.json");
const usersJson = JSON.stringify([
  { username: "alice", k: K, opc: OPC },
  { username: "push", password: "secret" },
]);

const aka = ["--aka", `${K},${OPC}`];

describe("sip-push receive --aka", () => {
  it.each([
    ["AKAv1-MD5 (RFC 3310)", []],
    ["AKAv2-SHA-256 (RFC 4169)", ["--digest", "AKAv2-SHA-256", "--digest", "MD5"]],
  ])("registers with a USIM: %s", async (_, digest) => {
    await writeFile(users, usersJson);
    const { uri: proxy } = await startUdpProxy("--users", users, ...digest);
    const receiver = await startReceiver("alice", proxy, ...aka, "--role", "gm");
    const flags = ["--from", "sip:push@example.test", "--password", "secret", "--report"];
    const sent = await send(proxy, ["sip:alice@example.test"], ...dsFlags, ...flags);
    expect(sent).toMatchObject({ exitCode: 0, lines: [{ messageState: "delivered", report: "delivered" }] });
    expect(await eventOf(receiver, "push")).toMatchObject({ assertedIdentity: "sip:push@example.test" });
  });

  it("is not let in with another K", async () => {
    await writeFile(users, usersJson);
    const { uri: proxy } = await startUdpProxy("--users", users);
    const flags = ["--aor", "sip:alice@example.test", "--proxy", proxy, "--json"];
    const stranger = startCli("receive", ...flags, "--aka", `${K.replace("4", "5")},${OPC}`);
    expect(await eventOf(stranger, "registration-failed")).toMatchObject({ event: "registration-failed" });
    expect(linesOf(stranger.stdout).map(({ event }) => event)).not.toContain("registered");
  });

  it("keeps its sequence numbers in a file, and is followed by a network that forgot its own (AUTS)", async () => {
    await writeFile(users, usersJson);
    const listen = `udp:127.0.0.1:${await freePort()}`;
    const sqn = join(folder.path, "sqn.json");
    const flags = ["--proxy", `sip:${listen.slice(4)}`, "--aor", "sip:alice@example.test", "--json", ...aka];
    const highest = async (): Promise<number> =>
      Math.max(...(JSON.parse(await readFile(sqn, "utf8")) as { sqns: number[] }).sqns);
    const seen: number[] = [];
    // The proxy keeps its SQN in memory, so the second one is behind the USIM.
    for (let run = 0; run < 2; run++) {
      const proxy = startCli("proxy", "--listen", listen, "--users", users, "--json");
      await eventOf(proxy, "listening");
      const receiver = startCli("receive", ...flags, "--aka-sqn", sqn);
      await eventOf(receiver, "registered");
      await receiver.stop();
      await proxy.stop();
      seen.push(await highest());
    }
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[1]).toBeGreaterThan(seen[0] ?? 0);
  });
});
