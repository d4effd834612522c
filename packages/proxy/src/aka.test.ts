import { AuthenticationCentre, DigestClient, parseChallenges, Usim } from "@sip-push/sip";
import { afterEach, describe, expect, test } from "vitest";
import type { SipProxyOptions } from "./options.ts";
import { ProxyBed } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

const k = "465b5ce8b199b49faa5f0a2ee238a6bc";
const op = "cdc202d5123e20f62b6d676ac72cb318";

describe("users with a USIM (RFC 3310, RFC 4169)", () => {
  let bed: ProxyBed;
  const users = parseUsers(
    JSON.stringify([
      { username: "alice@example.test", k, op, identities: ["tel:+1555"] },
      { username: "bob", password: "hunter2" },
    ]),
  );
  const start = async (options: Partial<SipProxyOptions> = {}): Promise<void> => {
    bed = await ProxyBed.open({ users, ...options });
  };
  afterEach(() => bed.close());

  const credentialsOf = (usim: Usim): DigestClient =>
    new DigestClient({ accounts: [{ username: "alice@example.test", usim }] });

  test("register by AKAv1-MD5, and are asserted by all their names as senders", async () => {
    await start();
    const [alice, bob] = [await bed.agent(), await bed.agent()];
    const credentials = credentialsOf(new Usim({ k, op }));
    const contact = `<${alice.contact("alice")}>`;
    const challenged = await alice.register("alice", contact);
    const challenges = parseChallenges(challenged.headers.get("WWW-Authenticate") ?? "", "WWW-Authenticate");
    expect([challenged.statusCode, challenges.map(({ algorithm }) => algorithm)]).toEqual([401, ["AKAv1-MD5"]]);
    expect((await alice.register("alice", contact, {}, { credentials })).statusCode).toBe(200);

    const bobs = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    await bob.register("bob", `<${bob.contact("bob")}>`, {}, { credentials: bobs });
    const headers = [["P-Preferred-Identity", "<tel:+1555>"]] as const;
    const sent = { requestUri: "sip:bob@example.test", from: "sip:alice@example.test", headers };
    expect((await alice.ask(sent, { credentials })).statusCode).toBe(200);
    expect(bob.received.at(-1)?.headers.getAll("P-Asserted-Identity")).toEqual(["<tel:+1555>"]);
  });

  test.each(["AKAv2-MD5", "AKAv2-SHA-256"])("register by %s where that is configured", async (algorithm) => {
    await start({ digestAlgorithms: [algorithm] });
    const alice = await bed.agent();
    const credentials = credentialsOf(new Usim({ k, op }));
    expect((await alice.register("alice", `<${alice.contact("alice")}>`, {}, { credentials })).statusCode).toBe(200);
    const bob = await bed.agent();
    const challenged = await bob.register("bob");
    expect(challenged.headers.get("WWW-Authenticate")).toContain("algorithm=MD5");
  });

  test("whose USIM has seen more are followed (RFC 3310 §3.4)", async () => {
    await start();
    const usim = new Usim({ k, op });
    const elsewhere = new AuthenticationCentre({ subscriber: () => ({ id: "alice", k, op, sqn: 32 * 1000 }) });
    for (let i = 0; i < 32; i++) {
      const { rand, autn } = (await elsewhere.vector("alice", "x")) ?? expect.unreachable("no vector");
      usim.authenticate(rand, autn);
    }
    const alice = await bed.agent();
    const outcome = await alice.register(
      "alice",
      `<${alice.contact("alice")}>`,
      {},
      { credentials: credentialsOf(usim) },
    );
    expect(outcome.statusCode).toBe(200);
  });

  test("are refused with another K, which gives up at once: the network is not its own", async () => {
    await start();
    const alice = await bed.agent();
    const credentials = credentialsOf(new Usim({ k: "00".repeat(16), op }));
    expect((await alice.register("alice", `<${alice.contact("alice")}>`, {}, { credentials })).statusCode).toBe(401);
    expect(bed.proxy.registrations).toBe(0);
  });
});
