import { type Flow, parseUri, SipHeaders, SipRequest, type SipUri } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { TrustedHops } from "./identity.ts";

const flowOf = (address: string, ...peerNames: string[]): Flow => ({
  transport: "TLS",
  local: { address: "192.0.2.1", port: 5061 },
  remote: { address, port: 5061 },
  open: true,
  peerNames,
  send: () => {},
  keepAlive: () => {},
  close: () => {},
});
const request = new SipRequest(
  "MESSAGE",
  "sip:bob@home.test",
  SipHeaders.of([["P-Asserted-Identity", "<sip:psi@home.test>"]]),
  new Uint8Array(0),
);
const believed = (hops: TrustedHops, flow: Flow): boolean => hops.assertedIdentities(request, flow).length > 0;

describe("hops whose P-Asserted-Identity is believed (RFC 3325 §5, §8)", () => {
  const proxy = parseUri("sip:Core.home.test;transport=tls") as SipUri;

  it("are those that prove a name given, or come from an address given", () => {
    const hops = new TrustedHops(["192.0.2.0/28", "core.home.test"], undefined, undefined);
    expect(believed(hops, flowOf("192.0.2.9"))).toBe(true);
    expect(believed(hops, flowOf("198.51.100.1", "core.home.test"))).toBe(true);
    expect(believed(hops, flowOf("198.51.100.1", "home.test"))).toBe(false);
  });

  it("are the proxy where none are given: by the name that it proves, without a registration", () => {
    const hops = new TrustedHops(undefined, proxy, undefined);
    expect(believed(hops, flowOf("198.51.100.1", "core.home.test"))).toBe(true);
    expect(believed(hops, flowOf("198.51.100.1"))).toBe(false);
  });

  it("are nobody with a proxy whose name no certificate has, or without one", () => {
    const local = new TrustedHops(undefined, parseUri("sip:localhost") as SipUri, undefined);
    expect(believed(local, flowOf("127.0.0.1", "localhost"))).toBe(false);
    expect(believed(new TrustedHops(undefined, undefined, undefined), flowOf("127.0.0.1"))).toBe(false);
  });

  it("are named in the error that a bad one gives", () => {
    expect(() => new TrustedHops(["192.0.2.1", "*.home.test"], undefined, undefined)).toThrow(
      expect.objectContaining({ code: "PUSH_BAD_OPTION", field: "trustedHops[1]" }),
    );
  });

  it("vouch for the identity that was subscribed to where they assert none, as within dialogs", () => {
    const hops = new TrustedHops(["192.0.2.1"], undefined, undefined);
    const bare = new SipRequest("NOTIFY", "sip:bob@home.test", SipHeaders.of([]), new Uint8Array(0));
    const of = (from: SipRequest, address: string): string[] =>
      hops.assertedIdentities(from, flowOf(address), "sip:ppg@home.test").map(({ text }) => text);
    expect(of(bare, "192.0.2.1")).toEqual(["sip:ppg@home.test"]);
    expect(of(request, "192.0.2.1")).toEqual(["sip:psi@home.test"]);
    expect(of(bare, "192.0.2.2")).toEqual([]);
  });

  it("are all that the receiver is registered with", () => {
    const registration = { openFlows: [flowOf("192.0.2.1"), flowOf("192.0.2.2")] };
    const hops = new TrustedHops(undefined, undefined, registration);
    expect(["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((each) => believed(hops, flowOf(each)))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
