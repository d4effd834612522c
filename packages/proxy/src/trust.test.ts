import { DigestClient, type ListenAddress, staticResolver } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

const PAI = "P-Asserted-Identity";
const CORE: ListenAddress = { transport: "TLS", address: "127.0.0.9", port: 5061 };

describe("a trust domain by TLS names (RFC 3325 §2, RFC 5922 §7.1)", () => {
  let bed: ProxyBed;
  let core: Agent;
  let alice: Agent;

  beforeEach(async () => {
    bed = await ProxyBed.open({
      trusted: ["core.peer.test"],
      users: parseUsers("alice:secret"),
      resolver: staticResolver({ "core.peer.test": { addresses: [CORE.address] } }),
    });
    bed.network.certificates.set(CORE.address, ["core.peer.test"]);
    core = await bed.agent("TLS", CORE);
    alice = await bed.agent();
  });

  afterEach(() => bed.close());

  const push = (headers: Array<readonly [string, string]>) => ({
    requestUri: "sip:bob@elsewhere.test;maddr=127.0.0.1",
    from: "sip:alice@example.test",
    headers,
  });
  const psi = [PAI, "<sip:psi@peer.test>"] as const;

  test("the peer that proves the name is believed, not asked for credentials, and may send elsewhere", async () => {
    const elsewhere = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.1", port: 6500 });
    const init = { ...push([psi]), requestUri: elsewhere.contact("bob") };
    expect((await core.ask(init)).statusCode).toBe(200);
    expect(elsewhere.received.at(-1)?.headers.getAll(PAI)).toEqual(["<sip:psi@peer.test>"]);
  });

  test("the same peer without TLS, and another over TLS, are nobody", async () => {
    const plain = await bed.agent("UDP", { ...CORE, transport: "UDP", port: 5060 });
    const other = await bed.agent("TLS", { ...CORE, address: "127.0.0.8" });
    for (const agent of [plain, other]) expect((await agent.ask(push([psi]))).statusCode).toBe(407);
  });

  test.each([
    ["sip:carol@core.peer.test;transport=tls", "127.0.0.9", true],
    ["sips:carol@core.peer.test", "127.0.0.9", true],
    ["sip:carol@127.0.0.8:5061;transport=tls", "127.0.0.8", false],
  ])("what is private stays inside: towards %s (at %s) it is passed on: %s", async (requestUri, address, passed) => {
    const next = address === CORE.address ? core : await bed.agent("TLS", { ...CORE, address });
    await core.ask({ ...push([psi, ["Privacy", "id"]]), requestUri });
    expect(next.received).toHaveLength(1);
    expect(next.received[0]?.headers.getAll(PAI)).toEqual(passed ? ["<sip:psi@peer.test>"] : []);
  });

  test("what the peer asserts in an answer reaches the sender, unless it is private", async () => {
    const credentials = new DigestClient({ accounts: [{ username: "alice", password: "secret" }] });
    const askWith = async (privacy: string): Promise<string[]> => {
      core.answer = (transaction) => transaction.reply(200, { headers: [psi, ["Privacy", privacy]] });
      const init = { ...push([]), requestUri: "sip:carol@core.peer.test;transport=tls" };
      return (await alice.ask(init, { credentials })).headers.getAll(PAI);
    };
    expect([await askWith("none"), await askWith("id")]).toEqual([["<sip:psi@peer.test>"], []]);
  });
});
