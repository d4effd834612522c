import { readFile } from "node:fs/promises";
import { PushInitiator } from "@sip-push/initiator";
import { Gateway, type PpgEvent, readPpgConfig } from "@sip-push/ppg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeTempFolder, type TempFolder } from "../support/temp-folder.ts";

const PASSWORD = "secret";
const ALICE = "sip:alice@example.test";

let folder: TempFolder;
let gateway: Gateway;
let initiator: PushInitiator;
let events: PpgEvent[];

beforeEach(async () => {
  folder = makeTempFolder("taken-back");
  events = [];
  const text = `
name: ppg-1
dataDirectory: ./data
database: sqlite
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
initiators: [{ name: calendar, password: { env: PASSWORD }, recipients: ["sip:*@example.test"] }]
sip: { from: "sip:gateway@example.test", listen: "udp:127.0.0.1:0" }
`;
  const config = await readPpgConfig(text, { env: { PASSWORD }, readFile, directory: folder.path });
  gateway = await Gateway.open(config, { observe: (event) => void events.push(event) });
  initiator = new PushInitiator({ url: gateway.pap[0] ?? "", credentials: { user: "calendar", password: PASSWORD } });
});
afterEach(async () => {
  await initiator.close();
  await gateway.close();
  folder.remove();
});

it("a push that its initiator cancels or replaces is told as cancelled, and counted", async () => {
  const content = { contentType: "text/plain", body: Buffer.from("later"), applicationId: "push.syncml" };
  const push = { addresses: [ALICE], content, deliverAfter: new Date(Date.now() + 3_600_000) };
  for (const pushId of ["p1", "p2"]) expect(await initiator.push({ ...push, pushId })).toMatchObject({ papCode: 1001 });
  await initiator.cancel({ pushId: "p1" });
  await initiator.push({ ...push, pushId: "p3", replace: { pushId: "p2", method: "pending-only" } });
  const told = events.filter((each) => each.event === "state");
  expect(told.map(({ pushId, from, to, reason }) => [pushId, from, to, reason])).toEqual([
    ["p1", "pending", "cancelled", "cancelled"],
    ["p2", "pending", "cancelled", "replaced"],
  ]);
  expect((await gateway.metrics.text()).body).toContain('ppg_deliveries_finished_total{state="cancelled"} 2');
});
