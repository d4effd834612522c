import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryNetwork, VirtualClock } from "../testing/index.ts";
import type { Flow, TransportName } from "../transport/transport.ts";
import { SipEndpoint } from "./endpoint.ts";
import { createRequest } from "./request.ts";
import { RequestSender } from "./request-sender.ts";

const clock = new VirtualClock();
const endpoints: SipEndpoint[] = [];
let network: MemoryNetwork;

beforeEach(() => {
  network = new MemoryNetwork({ clock });
});

afterEach(async () => {
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()));
});

async function open(address: string, transport: TransportName = "TCP"): Promise<SipEndpoint> {
  const listen = [{ transport, address, port: 5060 }];
  const endpoint = await SipEndpoint.open({ listen, clock, open: network.open, onRequest: () => {} });
  endpoints.push(endpoint);
  return endpoint;
}

async function flowsBetween(count: number): Promise<{ endpoint: SipEndpoint; flows: Flow[] }> {
  const endpoint = await open("192.0.2.1");
  const flows: Flow[] = [];
  for (let i = 0; i < count; i++) {
    await open(`192.0.2.${10 + i}`);
    flows.push(await endpoint.flowTo({ transport: "TCP", address: `192.0.2.${10 + i}`, port: 5060 }));
  }
  return { endpoint, flows };
}

describe("watching flows (RFC 5626 §4.5)", () => {
  it("tells those who watch a flow of its end, once, and nobody else", async () => {
    const { endpoint, flows } = await flowsBetween(3);
    const heard: number[] = [];
    flows.forEach((flow, i) => endpoint.watchFlow(flow, () => heard.push(i)));
    endpoint.watchFlow(flows[1] as Flow, () => heard.push(100));
    const all = vi.fn<() => void>();
    endpoint.watchFlows(all);
    flows[1]?.close();
    flows[1]?.close();
    expect(heard).toEqual([1, 100]);
    expect(all).toHaveBeenCalledTimes(1);
    expect(all).toHaveBeenCalledWith(flows[1], undefined);
  });

  it("stops for each on its own, also when one function watches twice", async () => {
    const { endpoint, flows } = await flowsBetween(1);
    const listener = vi.fn<() => void>();
    const stop = endpoint.watchFlow(flows[0] as Flow, listener);
    endpoint.watchFlow(flows[0] as Flow, listener);
    stop();
    stop();
    flows[0]?.close();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("goes on when a listener throws", async () => {
    const { endpoint, flows } = await flowsBetween(1);
    const listener = vi.fn<() => void>();
    endpoint.watchFlow(flows[0] as Flow, () => {
      throw new Error("broken listener");
    });
    endpoint.watchFlow(flows[0] as Flow, listener);
    flows[0]?.close();
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

describe("one AbortSignal for many requests", () => {
  it("gets one event listener, and ends all that are under way and all that wait", async () => {
    const endpoint = await open("192.0.2.1", "UDP");
    const sender = new RequestSender({ endpoint, window: { maxInFlight: 100, maxWaiting: 10_000 } });
    const abort = new AbortController();
    const added = vi.spyOn(abort.signal, "addEventListener");
    const requestUri = "sip:silent@192.0.2.9";
    const outcomes = Array.from({ length: 2000 }, () =>
      sender.send(createRequest({ method: "MESSAGE", requestUri, from: "sip:me@192.0.2.1" }), { signal: abort.signal }),
    );
    await clock.advance(10);
    abort.abort();
    const codes = new Set((await Promise.all(outcomes)).map((outcome) => outcome.kind === "failure" && outcome.code));
    expect([...codes]).toEqual(["SIP_ABORTED"]);
    expect(added).toHaveBeenCalledTimes(1);
  });
});
