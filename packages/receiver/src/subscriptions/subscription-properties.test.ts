import { referHeaders } from "@sip-push/push";
import { createRequest, parseUri, responseTo, type SipUri } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { acceptRegister, HANDSET, NETWORK, ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import { openNotifier, PSI } from "../testdata/push-notifier.ts";

const OTHER = "sip:other@home.test";
const NAMES = ["push.syncml", "x.app", "ulp.ua"];

/** How the other side behaves: it answers, does not, or refuses for now. */
const mood = fc.constantFrom("well", "silent", "busy");

const step = fc.oneof(
  fc.record({ kind: fc.constant("sender"), mood }),
  fc.record({ kind: fc.constant("registrar"), mood }),
  fc.record({ kind: fc.constant("applications"), names: fc.subarray(NAMES) }),
  fc.record({ kind: fc.constant("subscribe"), to: fc.constantFrom(PSI, OTHER) }),
  fc.record({ kind: fc.constant("stop"), index: fc.nat(3) }),
  fc.record({ kind: fc.constant("refer"), to: fc.constantFrom(PSI, OTHER), report: fc.boolean() }),
  fc.record({ kind: fc.constant("forget") }),
  fc.record({ kind: fc.constant("end"), reason: fc.constantFrom("deactivated", "probation", "giveup", "timeout") }),
  fc.record({ kind: fc.constant("wait"), ms: fc.constantFrom(10, 600, 5000, 33_000, 400_000) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A receiver that lives through `steps`, and after them for long enough with all others well. */
async function live(steps: readonly Step[], heals: boolean): Promise<void> {
  const rig = await ReceiverRig.start();
  let peer = await openNotifier(rig, { maxExpiresSeconds: 600 });
  let senderMood = "well";
  const install = (): void => {
    rig.methods["SUBSCRIBE"] = (transaction) => {
      if (senderMood === "well") peer.notifier.handle(transaction);
      else if (senderMood === "busy") transaction.reply(503);
    };
  };
  install();
  rig.methods["NOTIFY"] = (transaction) => transaction.reply(200);
  const receiver = await rig.open({
    register: true,
    expiresSeconds: 600,
    applications: ["push.syncml"],
    subscriptions: [{ to: PSI }],
  });
  const perform = async (each: Step): Promise<void> => {
    switch (each.kind) {
      case "sender":
        senderMood = each.mood;
        return;
      case "registrar":
        rig.registrar = (request) =>
          each.mood === "well" ? acceptRegister(request) : each.mood === "busy" ? responseTo(request, 503) : undefined;
        return;
      case "applications":
        return receiver.setApplications(each.names);
      case "subscribe":
        receiver.subscribe(each.to);
        return;
      case "stop":
        void receiver.subscriptions[each.index]?.stop();
        return;
      case "refer": {
        const event = { applicationIds: ["x.app"] };
        const headers = referHeaders({ target: each.to, event, withoutSubscription: !each.report });
        const init = { method: "REFER", requestUri: "sip:bob@home.test", from: PSI };
        const request = createRequest({ ...init, headers: [...headers, ["Contact", `<sip:psi@${NETWORK}>`]] });
        void rig.peer.sender.send(request, { nextHop: parseUri(`sip:${HANDSET}`) as SipUri });
        return;
      }
      case "forget":
        peer = await openNotifier(rig, { maxExpiresSeconds: 600 });
        return install();
      case "end":
        for (const { id } of [...peer.notifier.subscriptions()]) peer.notifier.terminate(id, each.reason);
        return;
      default:
        return rig.clock.advance(each.ms);
    }
  };
  for (const each of steps) await perform(each);
  if (heals) {
    await perform({ kind: "sender", mood: "well" });
    await perform({ kind: "registrar", mood: "well" });
    await perform({ kind: "applications", names: NAMES });
    await rig.clock.advance(3_600_000);
    const standing = receiver.subscriptions.map(({ state }) => state);
    expect(standing).toEqual(standing.map(() => "active"));
    for (const { confirmed, applications } of receiver.subscriptions) {
      expect([...confirmed].sort()).toEqual([...applications].sort());
    }
    expect(peer.notifier.size).toBe(receiver.subscriptions.length);
  }
  const startMs = rig.clock.now();
  await rig.clock.until(receiver.close());
  expect(rig.clock.now() - startMs).toBeLessThanOrEqual(1000);
  expect(receiver.subscriptions).toEqual([]);
  await rig.clock.advance(60_000);
  expect(await rig.stop()).toBe(0);
}

describe("subscriptions, whatever happens to them", () => {
  it("all stand, each once, with what was asked for, when the others are well again", async () => {
    const steps = fc.array(step, { maxLength: 25, size: "max" });
    await fc.assert(
      fc.asyncProperty(steps, (all) => live(all, true)),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it("end within a second of close, in the middle of anything, and leave nothing running", async () => {
    const steps = fc.array(step, { maxLength: 25, size: "max" });
    await fc.assert(
      fc.asyncProperty(steps, (all) => live(all, false)),
      { numRuns: 50 },
    );
  });
});
