import { parseUsers, SipProxy } from "@sip-push/proxy";
import { AuthenticationCentre } from "@sip-push/sip";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { runSipp, type SippResult } from "../support/sipp.ts";

/** Test set 3 of TS 35.208. */
const keys = { k: "fec86ba6eb707ed08905757b1bb44b8f", op: "dbc59adcb6f9a0ef735477b7fadf8374", amf: "0000" };

describeWithPeers("SIPp with a USIM at our proxy (RFC 3310)", ["sipp"], () => {
  let proxy: SipProxy | undefined;
  beforeEach(() => {
    // SIPp takes RES for text, which ends before an octet of 0: 3 % of all vectors are not for it.
    const prototype: { readonly vector: AuthenticationCentre["vector"] } = AuthenticationCentre.prototype;
    const { vector } = prototype;
    vi.spyOn(AuthenticationCentre.prototype, "vector").mockImplementation(async function (
      this: AuthenticationCentre,
      ...who
    ) {
      let made = await vector.apply(this, who);
      while (made?.xres.includes(0)) made = await vector.apply(this, who);
      return made;
    });
  });
  afterEach(() => proxy?.close());

  async function register(user: object): Promise<SippResult> {
    proxy = await SipProxy.open({
      listen: [{ transport: "UDP", address: "127.0.0.1", port: 0 }],
      domains: ["example.test"],
      users: parseUsers(JSON.stringify([{ username: "alice", ...user }])),
    });
    const remotePort = proxy.listening[0]?.port ?? 0;
    return runSipp({ scenario: "register-aka", transport: "udp", remotePort, args: ["-s", "alice"] });
  }

  it("registers by AKAv1-MD5: its MILENAGE and ours agree, both ways", async () => {
    const result = await register(keys);
    expect(result).toMatchObject({ exitCode: 0, successfulCalls: 1, failedCalls: 0 });
    expect(proxy?.bindings("sip:alice@example.test")).toHaveLength(1);
  });

  it("gives up on a proxy that has another K: it verifies AUTN", async () => {
    const result = await register({ ...keys, k: "00".repeat(16) });
    expect(result.exitCode).not.toBe(0);
    expect(result.errors).toContain("MAC != eXpectedMAC");
    expect(proxy?.registrations).toBe(0);
  });
});
