import { afterEach, beforeEach, expect, it } from "vitest";
import { GatewayBed } from "../support/gateway-bed.ts";

let bed: GatewayBed;

beforeEach(async () => {
  bed = await GatewayBed.open();
});
afterEach(() => bed.close());

it("whom a push does not go to has a result, a line in the log and a place in the metrics, as all that end", async () => {
  const gateway = await bed.openGateway(`
dataDirectory: ./data
database: sqlite
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
initiators: ${bed.initiators}
sip: { from: "sip:gateway@example.test", listen: "udp:127.0.0.1:0" }
`);
  const initiator = bed.initiatorOf(gateway);
  const [waiting, over, bogus, forbidden] = [
    "sip:alice@example.test",
    "sip:bob@example.test",
    "nobody",
    "sip:mallory@elsewhere.test",
  ];
  const later = { deliverAfter: new Date(Date.now() + 3_600_000) };
  const old = { ...bed.pushTo(waiting, over), ...later, notifyUrl: undefined };
  await initiator.push(old);
  await initiator.cancel({ pushId: old.pushId, addresses: [over] });

  const replace = { pushId: old.pushId, method: "pending-only" } as const;
  const push = { ...bed.pushTo(waiting, over, bogus, forbidden), ...later, replace };
  expect(await initiator.push(push)).toMatchObject({ kind: "answered", papCode: 1001 });
  await initiator.cancel({ pushId: push.pushId });
  const told: unknown[] = [];
  while (told.length < 4) {
    const { address, messageState, code } = await bed.results.next(({ pushId }) => pushId === push.pushId);
    told.push([address, messageState, code]);
  }
  expect(told).toEqual([
    [over, "rejected", 2008],
    [bogus, "rejected", 2002],
    [forbidden, "rejected", 2001],
    [waiting, "cancelled", 1000],
  ]);
  const { body } = await gateway.metrics.text();
  expect(body).toMatch(/^ppg_recipients_accepted_total 3$/m);
  expect(body).toMatch(/^ppg_deliveries_finished_total\{state="rejected"\} 3$/m);
  // Two that were cancelled, one that was replaced, three that were rejected.
  for (let lines = 0; lines < 6; lines++) await bed.lines.next(([, message]) => message === "push ended");
});
