import { describe, expect, it } from "vitest";
import { SipHeaders, SipResponse } from "../message/index.ts";
import type { SendFailureCode, SendOutcome } from "../user-agent/request-sender.ts";
import { judgeAnswer } from "./publication-answer.ts";
import type { Publish } from "./publish-request.ts";

const initial: Publish = {
  operation: "initial",
  entityTag: undefined,
  state: { contentType: "application/pidf+xml", body: new Uint8Array([1]) },
  expiresSeconds: 600,
};
const modify: Publish = { ...initial, operation: "modify", entityTag: "a" };

function answered(statusCode: number, fields: ReadonlyArray<readonly [string, string]> = []): SendOutcome {
  const response = new SipResponse(statusCode, "", SipHeaders.of(fields));
  return { kind: "response", response, flow: {} as never, attempts: 1 };
}

describe("the answer to a PUBLISH (RFC 3903 §5)", () => {
  it.each([
    [
      "SIP-ETag and Expires",
      [
        ["SIP-ETag", "b"],
        ["Expires", "300"],
      ],
      { trigger: "accepted", entityTag: "b", expiresSeconds: 300 },
    ],
    ["no Expires", [["SIP-ETag", "b"]], { trigger: "accepted", entityTag: "b", expiresSeconds: 600 }],
    [
      "a malformed Expires",
      [
        ["SIP-ETag", "b"],
        ["Expires", "soon"],
      ],
      { trigger: "accepted", expiresSeconds: 600 },
    ],
    ["no SIP-ETag (§6 step 6)", [["Expires", "300"]], { trigger: "failed", reason: "the answer has no SIP-ETag" }],
    ["a SIP-ETag that is no token (§12)", [["SIP-ETag", '"b"']], { trigger: "failed" }],
    ["an endless SIP-ETag", [["SIP-ETag", "b".repeat(257)]], { trigger: "failed" }],
    [
      "Expires 0",
      [
        ["SIP-ETag", "b"],
        ["Expires", "0"],
      ],
      { trigger: "failed", reason: "the answer says Expires 0" },
    ],
  ] as const)("takes a 200 with %s for what it is", (_, fields, answer) => {
    expect(judgeAnswer(initial, answered(200, fields))).toMatchObject(answer);
  });

  it.each([
    [400, "bodyRefused"],
    [403, "bodyRefused"],
    [404, "failed"],
    [405, "unsupported"],
    [406, "bodyRefused"],
    [408, "failed"],
    [413, "bodyRefused"],
    [415, "bodyRefused"],
    [480, "failed"],
    [488, "bodyRefused"],
    [489, "unsupported"],
    [493, "bodyRefused"],
    [500, "failed"],
    [501, "unsupported"],
    [503, "failed"],
    [504, "failed"],
    [513, "bodyRefused"],
    [600, "failed"],
    [606, "bodyRefused"],
    [302, "failed"],
  ] as const)("takes %i for %s", (statusCode, trigger) => {
    expect(judgeAnswer(modify, answered(statusCode))).toMatchObject({ trigger, sipStatus: statusCode });
  });

  it("takes 412 for a lost state only when there was a condition", () => {
    expect(judgeAnswer(modify, answered(412)).trigger).toBe("conditionFailed");
    expect(judgeAnswer(initial, answered(412)).trigger).toBe("failed");
  });

  it("takes 423 for what to ask for when its Min-Expires is above what was asked", () => {
    expect(judgeAnswer(initial, answered(423, [["Min-Expires", "601"]]))).toEqual({
      trigger: "tooBrief",
      minExpiresSeconds: 601,
    });
    expect(judgeAnswer(initial, answered(423, [["Min-Expires", "600"]])).trigger).toBe("failed");
    expect(judgeAnswer(initial, answered(423)).trigger).toBe("failed");
  });

  it.each<readonly [SendFailureCode, string]>([
    ["SIP_TIMEOUT", "failed"],
    ["SIP_TRANSPORT", "failed"],
    ["SIP_UNRESOLVED", "failed"],
    ["SIP_OVERLOADED", "failed"],
    ["SIP_ABORTED", "failed"],
    ["SIP_CLOSED", "endpointClosed"],
  ])("takes %s for %s", (code, trigger) => {
    const outcome: SendOutcome = { kind: "failure", code, reason: "why", retryable: true, attempts: 1 };
    expect(judgeAnswer(initial, outcome)).toEqual({ trigger, sipStatus: null, reason: "why" });
  });
});
