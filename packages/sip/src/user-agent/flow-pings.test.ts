import { describe, expect, it } from "vitest";
import { SipHeaders, SipResponse } from "../message/index.ts";
import type { Flow, TransportName } from "../transport/transport.ts";
import { isPinged, ping, pingsFor, stopPings } from "./flow-pings.ts";

function answer(...headers: Array<[string, string]>): SipResponse {
  return new SipResponse(200, "OK", SipHeaders.of(headers), new Uint8Array(0));
}

/** A flow that keeps what it was told. */
function flowOf(transport: TransportName): { flow: Flow; told: unknown[][] } {
  const told: unknown[][] = [];
  const flow = { transport, keepAlive: (...args: unknown[]) => void told.push(args) } as unknown as Flow;
  return { flow, told };
}

describe("how a registered flow is kept alive (RFC 5626 §4.4)", () => {
  it.each<[string, TransportName, Array<[string, string]>, number, boolean]>([
    ["Flow-Timer is honoured", "TCP", [["Flow-Timer", "40"]], 40_000, true],
    ["Flow-Timer is honoured on UDP", "UDP", [["Flow-Timer", "20"]], 20_000, true],
    ["Require: outbound means pongs", "TLS", [["Require", "Outbound"]], 120_000, true],
    ["Supported: outbound of the first hop does, too", "TCP", [["Supported", "path, outbound"]], 120_000, true],
    [
      "Supported: outbound behind an edge says nothing of the edge",
      "TCP",
      [
        ["Supported", "outbound"],
        ["Path", "<sip:edge.test;lr>"],
      ],
      120_000,
      false,
    ],
    ["a registrar without outbound owes no pong", "TCP", [], 120_000, false],
    ["a WebSocket peer answers pings in any case (RFC 6455 §5.5.2)", "WS", [], 120_000, true],
    ["a NAT forgets UDP after 30 s", "UDP", [], 29_000, false],
    ["a Flow-Timer that is no number is left aside", "TCP", [["Flow-Timer", "soon"]], 120_000, false],
    ["a Flow-Timer of 0 is none", "TCP", [["Flow-Timer", "0"]], 120_000, false],
  ])("%s", (_, transport, headers, intervalMs, expectPong) => {
    expect(pingsFor(answer(...headers), flowOf(transport).flow)).toEqual({ intervalMs, expectPong });
  });
});

describe("pings of one flow for many registrations", () => {
  it("takes the shortest interval and expects a pong when one of them does", () => {
    const { flow, told } = flowOf("TCP");
    const [a, b] = [{}, {}];
    ping(flow, a, { intervalMs: 100, expectPong: false });
    ping(flow, b, { intervalMs: 50, expectPong: true });
    stopPings(flow, b);
    expect(told).toEqual([
      [100, false],
      [50, true],
      [100, false],
    ]);
    expect(isPinged(flow)).toBe(true);
    stopPings(flow, a);
    expect(told.at(-1)).toEqual([0]);
    expect(isPinged(flow)).toBe(false);
  });

  it("does not start the interval anew with each refresh: a busy flow would never be pinged", () => {
    const { flow, told } = flowOf("TCP");
    const users = Array.from({ length: 100 }, () => ({}));
    for (const user of [...users, ...users]) ping(flow, user, { intervalMs: 100, expectPong: true });
    expect(told).toEqual([[100, true]]);
  });

  it("begins again after all have left", () => {
    const { flow, told } = flowOf("TCP");
    const user = {};
    for (let round = 0; round < 2; round++) {
      ping(flow, user, { intervalMs: 100, expectPong: true });
      stopPings(flow, user);
      stopPings(flow, user);
    }
    expect(told).toEqual([[100, true], [0], [100, true], [0]]);
  });
});
