import type { SipResponse } from "@sip-push/sip";
import { afterEach, describe, expect, test } from "vitest";
import type { ContactChange, ProxyEventMap } from "./events.ts";
import type { SipProxyOptions } from "./options.ts";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;

async function start(options: Partial<SipProxyOptions> = {}): Promise<void> {
  bed = await ProxyBed.open(options);
}

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const ALICE = "sip:alice@example.test";
const supported = { headers: [["Supported", "path, outbound"] as const] };
const outbound = (agent: Agent, regId = 1): Promise<SipResponse> =>
  agent.register("alice", `<${agent.contact("alice")};ob>;+sip.instance="<urn:uuid:1>";reg-id=${regId}`, supported);

describe("RFC 5626 §5.4, §6: Flow-Timer", () => {
  test.each(["TCP", "TLS", "WS"] as const)("goes with Require: outbound over %s", async (transport) => {
    await start();
    const { headers } = await outbound(await bed.agent(transport));
    expect([headers.get("Require"), headers.get("Flow-Timer")]).toEqual(["outbound", "120"]);
  });

  test("not over UDP, where a NAT forgets sooner", async () => {
    await start();
    const { headers } = await outbound(await bed.agent());
    expect([headers.get("Require"), headers.has("Flow-Timer")]).toEqual(["outbound", false]);
  });

  test("not without outbound, and not from behind an edge proxy, which has the flow", async () => {
    await start();
    const agent = await bed.agent("TCP");
    const plain = await agent.register("alice", `<${agent.contact("alice")}>`, supported);
    expect(plain.headers.has("Flow-Timer")).toBe(false);
    const behind = await agent.register("alice", `<sip:alice@10.0.0.1;ob>;+sip.instance="<urn:uuid:2>";reg-id=1`, {
      headers: [
        ...supported.headers,
        ["Via", "SIP/2.0/TCP ua.test;branch=z9hG4bKx"],
        ["Path", "<sip:token@edge.test;lr;ob>"],
      ],
    });
    expect([behind.headers.get("Require"), behind.headers.has("Flow-Timer")]).toEqual(["outbound", false]);
  });

  test("0 is none, and one that is not below the idle timeout is refused", async () => {
    await start({ flowTimerSeconds: 0 });
    expect((await outbound(await bed.agent("TCP"))).headers.has("Flow-Timer")).toBe(false);
    await expect(ProxyBed.open({ flowTimerSeconds: 60, idleTimeoutMs: 60_000 })).rejects.toThrow(/flowTimerSeconds/);
  });
});

describe("RFC 3608 §6.3: Service-Route", () => {
  test("none unless it is set", async () => {
    await start();
    const agent = await bed.agent();
    expect((await agent.register("alice", `<${agent.contact("alice")}>`)).headers.has("Service-Route")).toBe(false);
  });

  test.each([
    ["UDP", "<sip:127.0.0.1:5060;lr>"],
    ["TCP", "<sip:127.0.0.1:5060;transport=tcp;lr>"],
    ["TLS", "<sip:127.0.0.1:5061;transport=tls;lr>"],
  ] as const)("own, over %s: an address that requests may be sent by", async (transport, route) => {
    await start({ serviceRoute: "own" });
    const bob = await bed.handset("bob");
    const agent = await bed.agent(transport);
    const { headers } = await agent.register("alice", `<${agent.contact("alice")}>`);
    expect(headers.list("Service-Route")).toEqual([route]);
    const response = await agent.ask({ requestUri: "sip:bob@example.test", headers: [["Route", route]] });
    expect([response.statusCode, bob.received[0]?.headers.has("Route")]).toEqual([200, false]);
  });

  test("URIs as they are set, in their order", async () => {
    await start({ serviceRoute: ["sip:orig@s1.test;lr", "sip:s2.test;lr"] });
    const agent = await bed.agent();
    const { headers } = await agent.register("alice", `<${agent.contact("alice")}>`);
    expect(headers.list("Service-Route")).toEqual(["<sip:orig@s1.test;lr>", "<sip:s2.test;lr>"]);
  });

  test.each(["sip:s1.test", "tel:+1", "nonsense"])("%s is no route", async (uri) => {
    await start();
    await expect(ProxyBed.open({ serviceRoute: [uri] })).rejects.toThrow(/serviceRoute/);
  });
});

test("RFC 7315 §4.1: P-Associated-URI names the user", async () => {
  await start();
  const agent = await bed.agent();
  const { headers } = await agent.register("alice", `<${agent.contact("alice")}>`);
  expect(headers.list("P-Associated-URI")).toEqual([`<${ALICE}>`]);
});

describe("RFC 3680 §4.7: news of contacts", () => {
  type Change = ProxyEventMap["contacts-changed"];
  let news: Change[];
  const words = (): string[][] =>
    news.map(({ changes }) => changes.map(({ binding, event }: ContactChange) => `${event} ${binding.uri.port}`));

  async function watch(options: Partial<SipProxyOptions> = {}): Promise<Agent> {
    await start(options);
    news = [];
    bed.proxy.on("contacts-changed", (change) => news.push(change));
    return bed.agent();
  }

  const A = "<sip:alice@127.0.0.1:7001>";
  const B = "<sip:alice@127.0.0.1:7002>";

  test("all of one REGISTER together, with what is left after it", async () => {
    const agent = await watch();
    await agent.register("alice", `"Alice" ${A}, ${B}`);
    await agent.register("alice", `${A};expires=0, ${B}`);
    await agent.register("alice");
    expect(words()).toEqual([
      ["created 7001", "created 7002"],
      ["unregistered 7001", "refreshed 7002"],
    ]);
    expect(news.map(({ aor, bindings }) => [aor, bindings.length])).toEqual([
      [ALICE, 2],
      [ALICE, 1],
    ]);
    expect(news[0]?.changes[0]?.binding.displayName).toBe("Alice");
  });

  test("a contact keeps its id over refreshes, and the time of its first registration; a new one has another", async () => {
    const agent = await watch();
    await agent.register("alice", `${A};expires=60`);
    await bed.clock.advance(30_000);
    await agent.register("alice", `${A};expires=60`);
    await bed.clock.advance(62_000);
    await agent.register("alice", A);
    const [first, second, , fourth] = news.map(({ changes }) => changes[0]?.binding);
    expect([second?.id, second?.registeredAtMs]).toEqual([first?.id, first?.registeredAtMs]);
    expect(fourth?.id).not.toBe(first?.id);
    expect(words()).toEqual([["created 7001"], ["refreshed 7001"], ["expired 7001"], ["created 7001"]]);
    expect(news[2]?.bindings).toEqual([]);
  });

  test("the contact of a flow that was replaced by another ends, and the new one is created", async () => {
    const agent = await watch();
    const flow = (contact: string): string => `${contact};+sip.instance="<urn:uuid:1>";reg-id=1`;
    await agent.register("alice", flow(A), supported);
    await agent.register("alice", flow(B), { ...supported, callId: "anew" });
    expect(words()).toEqual([["created 7001"], ["unregistered 7001", "created 7002"]]);
  });

  test("a lost connection deactivates: the user agent should register anew", async () => {
    await watch();
    const alice = await bed.handset("alice", { transport: "TCP" });
    alice.endpoint.existingFlow({ transport: "TCP", address: "127.0.0.1", port: 5060 })?.close();
    await bed.clock.advance(10);
    expect(words().at(-1)).toEqual([`deactivated ${alice.listening.port}`]);
  });

  test("a refused REGISTER is no news", async () => {
    const agent = await watch({ maxContactsPerAor: 1 });
    await agent.register("alice", `${A}, ${B}`);
    expect(news).toEqual([]);
  });

  test.each([
    ["deactivated", undefined],
    ["probation", 60],
    ["rejected", undefined],
  ] as const)("deregister by the network: %s", async (event, retryAfterSeconds) => {
    const agent = await watch();
    await agent.register("alice", `${A}, ${B}`);
    const options = retryAfterSeconds === undefined ? { event } : { event, retryAfterSeconds };
    expect(bed.proxy.deregister(ALICE, options)).toBe(2);
    expect(words().at(-1)).toEqual([`${event} 7001`, `${event} 7002`]);
    expect(news.at(-1)?.changes[0]?.retryAfterSeconds).toBe(retryAfterSeconds);
    expect([bed.proxy.registrations, bed.proxy.deregister(ALICE)]).toEqual([0, 0]);
    expect(news).toHaveLength(2);
  });

  test("shorten: what would live longer ends sooner, once told", async () => {
    const agent = await watch();
    await agent.register("alice", `${A};expires=30, ${B};expires=3600`);
    expect([bed.proxy.shorten(ALICE, 60), bed.proxy.shorten(ALICE, 60)]).toEqual([1, 0]);
    expect(words().at(-1)).toEqual(["shortened 7002"]);
    await bed.clock.advance(62_000);
    expect(words().slice(-2)).toEqual([["expired 7001"], ["expired 7002"]]);
  });
});
