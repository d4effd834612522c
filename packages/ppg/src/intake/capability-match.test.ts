import type { PapMessage } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import type { CapabilitiesOf } from "./options.ts";
import { asked, content, IntakeRig, pushOf, user } from "./testdata/intake-rig.ts";
import { encodeUaProf } from "./ua-prof.ts";

const rig = new IntakeRig();
const DS_TYPE = content.contentType;

/** Answers a push with capabilities that state these types, where the gateway knows `types` of each handset. */
async function push(stated: readonly string[] | null, types: readonly string[] | null, users = ["alice"]) {
  const questions: unknown[] = [];
  const capabilitiesOf: CapabilitiesOf = async (...question) => {
    questions.push(question);
    return types === null || question[0].includes("bob") ? null : { mediaTypes: types };
  };
  const capabilities: PapMessage["capabilities"] = {
    contentType: "application/xml",
    body: encodeUaProf({ mediaTypes: stated, languages: ["de"] }),
  };
  const request = rig.request(pushOf("p", { addresses: users.map(user) }), { capabilities });
  const { message } = asked(await rig.open({ capabilitiesOf }).handle(request));
  return { operation: message.operation, questions };
}

describe("content and the capabilities beside it (PAP 2.x)", () => {
  it.each<[string, readonly string[] | null, readonly string[] | null, number]>([
    ["that do not accept it", ["text/plain", "image/*"], null, 2005],
    ["that accept it", ["text/plain", DS_TYPE.toUpperCase()], null, 1001],
    ["that accept a range", ["application/*; q=0.5"], [DS_TYPE], 1001],
    ["that say nothing of types", null, ["text/plain"], 1001],
    ["where the handset is known not to accept it", ["*/*"], ["text/plain"], 2005],
    ["where the handset is known to accept all", ["*/*"], ["*/*"], 1001],
  ])("%s", async (_, stated, known, code) => {
    const { operation } = await push(stated, known);
    expect(operation).toMatchObject({ kind: "push-response", responseResult: { code } });
  });

  it("are compared for each recipient: one whose handset does not take it is rejected, and nobody is asked", async () => {
    const { operation, questions } = await push([DS_TYPE], ["text/plain"], ["alice", "bob"]);
    expect(operation).toMatchObject({ responseResult: { code: 1001, desc: expect.stringContaining("1 of 2") } });
    const status = await rig.store.status({ initiator: "calendar", pushId: "p" });
    expect(status?.deliveries).toMatchObject([
      { address: user("alice"), state: "rejected", papCode: 2005 },
      { address: user("bob"), state: "pending" },
    ]);
    expect(questions).toEqual(["alice", "bob"].map((name) => [`sip:${name}@example.test`, null, { ask: false }]));
  });

  it("are not compared, and the push goes, when what is known cannot be told", async () => {
    const capabilitiesOf: CapabilitiesOf = async () => {
      throw new Error("no");
    };
    const capabilities = { contentType: "application/xml", body: encodeUaProf({ mediaTypes: [DS_TYPE] }) };
    const answer = await rig.open({ capabilitiesOf }).handle(rig.request(pushOf("p"), { capabilities }));
    expect(answer.papCode).toBe(1001);
  });

  it("that cannot be read are a bad message, with what is wrong of them", async () => {
    const capabilities = { contentType: "application/xml", body: new TextEncoder().encode("garbage") };
    const { message } = asked(await rig.intake.handle(rig.request(pushOf("p"), { capabilities })));
    expect(message.operation).toMatchObject({ kind: "badmessage-response", code: 2000, badMessageFragment: "garbage" });
  });
});
