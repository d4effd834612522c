import type { ResponseInit, SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SenderRig } from "../../../test/support/sender-rig.ts";

let rig: SenderRig;
let answer: (request: SipRequest) => readonly [number, ResponseInit?] | undefined;

beforeEach(async () => {
  rig = new SenderRig();
  answer = (request) => [200, { headers: [["Contact", request.headers.get("Contact") ?? ""]] }];
  await rig.handset((request) => answer(request), "192.0.2.9");
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const registers = (): (string | undefined)[] =>
  rig.seen.filter(({ method }) => method === "REGISTER").map(({ headers }) => headers.get("Expires"));
const behind = { register: true, proxy: "sip:192.0.2.9" };

it("a sender that registers is known again within 150 seconds to a core over UDP that restarted", async () => {
  await rig.open(behind);
  await rig.clock.advance(149_000);
  expect(registers()).toEqual(["300"]);
  await rig.clock.advance(2000);
  expect(registers()).toEqual(["300", "300"]);
});

it.each([
  [undefined, "300"],
  [60, "60"],
  [7200, "7200"],
])("a sender asks for the registration that it is told, %s: %s", async (registerExpiresSeconds, asked) => {
  await rig.open({ ...behind, ...(registerExpiresSeconds === undefined ? {} : { registerExpiresSeconds }) });
  await rig.clock.advance(100);
  expect(registers()).toEqual([asked]);
});

it("a registrar that wants longer registrations gets them (423, RFC 3261 §10.2.8)", async () => {
  const accept = answer;
  answer = (request) =>
    Number(request.headers.get("Expires")) < 900 ? [423, { headers: [["Min-Expires", "900"]] }] : accept(request);
  await rig.open(behind);
  await rig.clock.advance(100);
  expect(registers()).toEqual(["300", "900"]);
});

it.each([0, 1.5, -1])("a sender refuses to register for %d seconds", async (registerExpiresSeconds) => {
  await expect(rig.open({ ...behind, registerExpiresSeconds })).rejects.toMatchObject({
    code: "PUSH_BAD_OPTION",
    field: "registerExpiresSeconds",
  });
});
