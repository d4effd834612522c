import { describe, expect, it } from "vitest";
import { identityHeaders, initialHeaders } from "./identity-headers.ts";
import { toMessageRequest } from "./message-request.ts";

const binding = { role: "isc", from: "sip:psi@home.test" } as const;

describe("header fields of initial requests", () => {
  it("have no charging vector and no served user unless the sender is told", () => {
    expect(initialHeaders(binding)).toEqual([["P-Asserted-Identity", "<sip:psi@home.test>"]]);
  });

  it("name the user that is acted for, originating (RFC 5502 §6)", () => {
    expect(identityHeaders({ ...binding, servedUser: "sip:bob@home.test" })).toContainEqual([
      "P-Served-User",
      "<sip:bob@home.test>;sescase=orig",
    ]);
  });

  it("prefer an identity at Gm, and none in a plain network (RFC 3325 §9)", () => {
    expect(identityHeaders({ ...binding, role: "gm" })).toEqual([["P-Preferred-Identity", "<sip:psi@home.test>"]]);
    expect(identityHeaders({ ...binding, role: "plain" })).toEqual([]);
  });

  it("are in each MESSAGE, with another ICID", () => {
    const attempt = { requestUri: "sip:bob@home.test", callId: "1", fromTag: "1", cseq: 1 };
    const push = { applicationId: null, contentType: "text/plain", body: new Uint8Array() };
    const [first, second] = [1, 2].map(() =>
      toMessageRequest(push, { ...binding, chargingVector: {}, servedUser: "sip:bob@home.test" }, attempt),
    );
    expect(first?.headers.get("P-Charging-Vector")).toMatch(/^icid-value=/);
    expect(second?.headers.get("P-Charging-Vector")).not.toBe(first?.headers.get("P-Charging-Vector"));
    expect(first?.headers.get("P-Served-User")).toBe("<sip:bob@home.test>;sescase=orig");
  });
});
