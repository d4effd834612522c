import { messageStates, papCodes } from "@sip-push/pap";
import { papCodes as codesOfOutcomes, outcomeTable } from "@sip-push/push";
import { expect, it } from "vitest";

it("the outcome table and PAP mean the same by a code and by a state", () => {
  expect(papCodes).toMatchObject(codesOfOutcomes);
  for (const { messageState } of outcomeTable) expect(messageStates).toContain(messageState);
});
