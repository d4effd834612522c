import { parseUri } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { type PushOrigin, type TrustedPpg, TrustList } from "./trust-policy.ts";

const PSI = "sip:push-psi@home.test";
const origin = (change: Partial<PushOrigin> = {}): PushOrigin => ({
  from: parseUri(PSI),
  assertedIdentities: [],
  sourceAddress: "192.0.2.1",
  peerNames: [],
  applicationId: "push.syncml",
  mediaType: "application/vnd.syncml.ds.notification",
  ...change,
});
const asserted = { assertedIdentities: [parseUri("tel:+1201"), parseUri("sip:push-psi@HOME.test")] };

describe("white list of PPGs (OMA Push MO, PushWL/TrustedPPG)", () => {
  it.each<[string, TrustedPpg, Partial<PushOrigin>, boolean]>([
    ["a URI is compared with the asserted identities, as RFC 3261 §19.1.4 says", { address: PSI }, asserted, true],
    ["a URI is not compared with From, which anybody can write", { address: PSI }, {}, false],
    ["but with From when the entry says so", { address: PSI, addressType: "from" }, {}, true],
    ["another URI", { address: "sip:other@home.test", addressType: "from" }, {}, false],
    ["a tel: URI", { address: "tel:+1-201" }, asserted, true],
    ["an address is the source of the request", { address: "192.0.2.1" }, {}, true],
    ["another address", { address: "192.0.2.2" }, {}, false],
    ["a range", { address: "192.0.2.0/24" }, {}, true],
    ["an IPv6 range", { address: "2001:db8::/32" }, { sourceAddress: "2001:db8::7" }, true],
    ["an IPv4 address mapped into IPv6", { address: "192.0.2.1" }, { sourceAddress: "::ffff:192.0.2.1" }, true],
    [
      "a name that the source proves",
      { address: "core.test", addressType: "source" },
      { peerNames: ["core.test"] },
      true,
    ],
    ["a name that it does not prove", { address: "core.test", addressType: "source" }, {}, false],
    [
      "its application",
      { address: "192.0.2.1", applications: [{ applicationId: "x-wap-application:push.syncml" }] },
      {},
      true,
    ],
    ["another application", { address: "192.0.2.1", applications: [{ applicationId: "7" }] }, {}, false],
    [
      "all applications",
      { address: "192.0.2.1", applications: [{ applicationId: "*" }] },
      { applicationId: null },
      true,
    ],
    [
      "no application, where only some are allowed",
      { address: "192.0.2.1", applications: [{ applicationId: "5" }] },
      { applicationId: null },
      false,
    ],
    [
      "its content type",
      { address: "192.0.2.1", applications: [{ applicationId: "5", contentTypes: ["Text/Plain"] }] },
      { mediaType: "text/plain" },
      true,
    ],
    [
      "another content type",
      { address: "192.0.2.1", applications: [{ applicationId: "5", contentTypes: ["text/plain"] }] },
      {},
      false,
    ],
  ])("%s", (_, ppg, change, admitted) => {
    expect(new TrustList([{ address: "sip:nobody@nowhere.test" }, ppg]).admits(origin(change))).toBe(admitted);
  });

  it("admits nobody when it is empty", () => {
    expect(new TrustList([]).admits(origin(asserted))).toBe(false);
  });

  it.each([
    [{ address: "home.test" }, "trustedPpgs[0].address"],
    [{ address: "10.0.0.0/33" }, "trustedPpgs[0].address"],
    [{ address: "sip:a@b", addressType: "source" as const }, "trustedPpgs[0].address"],
    [{ address: "10.0.0.1", applications: [{ applicationId: "99" }] }, "trustedPpgs[0].applications[0].applicationId"],
  ])("refuses %j naming %s", (ppg, field) => {
    expect(() => new TrustList([ppg])).toThrow(expect.objectContaining({ name: "PushInputError", field }));
  });
});
