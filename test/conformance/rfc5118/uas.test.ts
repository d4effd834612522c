import { parseVia, SipEndpoint, UasCore } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { onlyMessage, RawPeer, summaryOf } from "../rfc4475/wire.ts";
import { ipv6Messages, ipv6Octets } from "./messages.ts";

const target = { address: "2001:db8::10", port: 5060 };
const from = { address: "2001:db8::9:1", port: 5060 };

/** What a user agent server that takes MESSAGE answers over IPv6; 405: well-formed, but no method of its. */
const answers: Readonly<Record<string, number>> = {
  "ipv6-good": 405,
  "ipv6-bad": 400,
  "port-ambiguous": 405,
  "port-unambiguous": 405,
  "via-received-param-with-delim": 405,
  "via-received-param-no-delim": 200,
  "ipv6-in-sdp": 405,
  "mult-ip-in-header": 405,
  "mult-ip-in-sdp": 405,
  "ipv4-mapped-ipv6": 405,
  "ipv6-bug-abnf-3-colons": 200,
  "ipv6-correct-abnf-2-colons": 200,
};

describe("RFC 5118: what a user agent server answers over IPv6", () => {
  let peer: RawPeer;
  let server: SipEndpoint;

  beforeEach(async () => {
    peer = new RawPeer();
    const core = new UasCore({ methods: { MESSAGE: (transaction) => transaction.reply(200) } });
    server = await SipEndpoint.open({
      listen: [{ transport: "UDP", ...target }],
      onRequest: (transaction) => core.handle(transaction),
      clock: peer.clock,
      open: peer.network.open,
    });
  });

  afterEach(() => server.close());

  it("has a row for each message", () => {
    expect(Object.keys(answers)).toEqual(ipv6Messages.map(({ name }) => name));
  });

  it.each(ipv6Messages)("§$section $name", async ({ name }) => {
    const sent = await peer.exchange(ipv6Octets(name), target, { from });
    expect(summaryOf(sent)).toEqual([answers[name]]);
    // Back to where it came from, at the port of the topmost Via (RFC 3261 §18.2.2).
    const { port = 5060 } = onlyMessage(sent).via;
    expect(sent[0]?.to).toEqual({ address: from.address, port });
  });

  it("§4.5: received is set where it was sent from, whatever it said before, without brackets", async () => {
    const other = { address: "2001:db8::9:2", port: 5060 };
    const sent = await peer.exchange(ipv6Octets("via-received-param-with-delim"), target, { from: other });
    expect(onlyMessage(sent).headers.getAll("Via").map(parseVia)[0]?.params.get("received")).toBe("2001:db8::9:2");
  });
});
