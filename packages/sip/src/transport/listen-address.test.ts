import { describe, expect, it } from "vitest";
import { parseListenAddress, serializeListenAddress } from "./listen-address.ts";

describe("parseListenAddress", () => {
  const rows = [
    ["udp:127.0.0.1:5060", { transport: "UDP", address: "127.0.0.1", port: 5060 }],
    ["TCP:[::1]:0", { transport: "TCP", address: "::1", port: 0 }],
    ["tls:0.0.0.0", { transport: "TLS", address: "0.0.0.0", port: 5061 }],
    ["udp:[::]", { transport: "UDP", address: "::", port: 5060 }],
    ["ws:localhost:8080", { transport: "WS", address: "127.0.0.1", port: 8080 }],
    [" wss:192.0.2.1:65535 ", { transport: "WSS", address: "192.0.2.1", port: 65_535 }],
  ] as const;

  it.each(rows)("reads %s", (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(parseListenAddress(serializeListenAddress(address))).toEqual(address);
  });

  const bad = [
    ["", "write transport:address:port"],
    ["5060", "write transport:address:port"],
    ["127.0.0.1:5060", '"127.0.0.1" is no transport'],
    ["sctp:127.0.0.1:5060", '"sctp" is no transport; use udp, tcp, tls, ws, wss'],
    ["toString:127.0.0.1", '"toString" is no transport'],
    ["udp::5060", "the address is missing"],
    ["udp:example.test:5060", '"example.test" is no IP address'],
    ["udp:::1:5060", "IPv6 goes in brackets"],
    ["udp:[127.0.0.1]:5060", '"[127.0.0.1]" is no IP address'],
    ["udp:256.0.0.1:5060", '"256.0.0.1" is no IP address'],
    ["udp:127.0.0.1:65536", '"65536" is no port'],
    ["udp:127.0.0.1:", '"" is no port'],
    ["udp:127.0.0.1:-1", '"-1" is no port'],
    ["udp:127.0.0.1:5060:1", '"5060:1" is no port'],
  ] as const;

  it.each(bad)("refuses %j and says why", (text, problem) => {
    expect(() => parseListenAddress(text)).toThrow(problem);
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: "SIP_LISTEN_FAILED" }));
  });
});
