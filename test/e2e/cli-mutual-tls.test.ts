import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { stopAllProcesses } from "../support/process.ts";
import { dsFlags, eventOf, send, startCli, startProxy, startReceiver } from "./command-line.ts";

afterEach(stopAllProcesses);

const file = (name: string): string =>
  fileURLToPath(new URL(`../../packages/sip/src/transport/testdata/${name}`, import.meta.url));
const server = ["--cert", file("server.crt"), "--key", file("server.key")];
const client = ["--cert", file("client.crt"), "--key", file("client.key")];
const trust = ["--ca", file("authority.crt")];

const ALICE = "sip:alice@example.test";

describe("sip-push proxy --client-certificates (RFC 5922 §7.4)", () => {
  it("require: takes who has one, and nobody else", async () => {
    const { uri: proxy } = await startProxy(["tls:127.0.0.1"], ...server, ...trust, "--client-certificates", "require");
    const stranger = startCli("receive", "--aor", "sip:bob@example.test", "--proxy", proxy, "--json", ...trust);
    expect(await eventOf(stranger, "registration-failed")).toMatchObject({ sipStatus: null });
    const receiver = await startReceiver("alice", proxy, ...trust, ...client);
    expect((await send(proxy, [ALICE], ...dsFlags, ...trust)).exitCode).toBe(1);
    expect((await send(proxy, [ALICE], ...dsFlags, ...trust, ...client)).exitCode).toBe(0);
    expect(await eventOf(receiver, "push")).toMatchObject({ sipStatus: 200 });
  });

  it("ask: takes who has none, too", async () => {
    const { uri: proxy } = await startProxy(["tls:127.0.0.1"], ...server, ...trust, "--client-certificates", "ask");
    await startReceiver("alice", proxy, ...trust, ...client);
    const sent = await send(proxy, [ALICE], ...dsFlags, ...trust, "--report");
    expect(sent).toMatchObject({ exitCode: 0, lines: [{ report: "delivered" }] });
  });
});
