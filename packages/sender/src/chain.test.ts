import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SenderRig } from "../../../test/support/sender-rig.ts";

let rig: SenderRig;

beforeEach(() => {
  rig = new SenderRig();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const chain = { callId: "1a.0b5c1a9e-1b8d-4d2c-8f0e-5a2f7c9d1e3b", cseq: 7 };

describe("attempts of one chain (RFC 3261 §8.1.3.5)", () => {
  it("have the Call-ID given, the same From tag, and count on from the CSeq given", async () => {
    await rig.handset(() => [200]);
    const sender = await rig.open();
    await rig.deliver(sender, {}, { chain });
    await rig.deliver(
      await rig.open({ listen: [{ transport: "UDP", address: "192.0.2.7", port: 5060 }] }),
      {},
      { chain: { ...chain, cseq: 9 } },
    );
    expect(rig.seen.map(({ callId }) => callId)).toEqual([chain.callId, chain.callId]);
    expect(rig.cseqs).toEqual([7, 9]);
    expect(new Set(rig.seen.map(({ from }) => from.params.get("tag"))).size).toBe(1);
  });

  it("ask for a report with the Call-ID as Message-ID, and do not wait for it", async () => {
    await rig.handset(() => [202]);
    const sender = await rig.open();
    const outcome = await rig.deliver(sender, { report: "receiver" }, { chain });
    expect(outcome).toMatchObject({
      messageState: "pending",
      papCode: 1001,
      sipStatus: 202,
      elapsedMs: 0,
      report: null,
    });
    expect(Buffer.from(rig.seen[0]?.body ?? []).toString()).toContain(`imdn.Message-ID: ${chain.callId}`);
    expect(sender.reports.waiting).toBe(0);
  });

  it.each([
    [{ callId: "a b", cseq: 1 }, "chain.callId"],
    [{ callId: "c".repeat(129), cseq: 1 }, "chain.callId"],
    [{ callId: "c", cseq: 0 }, "chain.cseq"],
    [{ callId: "c", cseq: 2 ** 31 }, "chain.cseq"],
  ])("are refused with %o", async (bad, field) => {
    const sender = await rig.open();
    await expect(sender.deliver(rig.push, { to: "sip:bob@192.0.2.2", chain: bad })).rejects.toMatchObject({ field });
  });

  it("are of one recipient", async () => {
    const sender = await rig.open();
    const to = ["sip:bob@192.0.2.2", "sip:carol@192.0.2.2"];
    await expect(sender.deliver(rig.push, { to, chain })).rejects.toMatchObject({ field: "chain" });
  });
});
