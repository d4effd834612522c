import {
  createRequest,
  DigestClient,
  OutboundRegistration,
  parseListenAddress,
  parseUri,
  Registration,
  type RegistrationOptions,
  type SipUri,
  staticResolver,
  type Target,
} from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Domains } from "./domains.ts";
import type { SipProxyOptions } from "./options.ts";
import { RecordRoutes } from "./record-route.ts";
import { preprocessRoute } from "./route-information.ts";
import { SipProxy } from "./sip-proxy.ts";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

/** The home registrar at 127.0.0.1, and two edge proxies in front of it. */
let bed: ProxyBed;
let edges: SipProxy[];
let sender: Agent;

const ALICE = "sip:alice@example.test";
const instanceId = "urn:uuid:00000000-0000-4000-8000-000000000001";
const uri = (text: string): SipUri => parseUri(text) as SipUri;
const resolver = staticResolver({ "example.test": { addresses: ["127.0.0.1"] } });

async function openEdge(address: string, options: Partial<SipProxyOptions> = {}): Promise<SipProxy> {
  return SipProxy.open({
    listen: ["udp", "tcp", "ws"].map((name) => parseListenAddress(`${name}:${address}:${name === "ws" ? 8080 : 5060}`)),
    domains: [`edge${address.at(-1)}.test`],
    relay: true,
    clock: bed.clock,
    open: bed.network.open,
    resolver,
    ...options,
  });
}

beforeEach(async () => {
  bed = await ProxyBed.open();
  edges = [await openEdge("127.0.0.2"), await openEdge("127.0.0.3")];
  sender = await bed.agent();
});

afterEach(async () => {
  await bed.close();
  for (const edge of edges) await edge.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

function registrationOf(agent: Agent, options: Partial<RegistrationOptions> = {}): Registration {
  const { endpoint, sender: requestSender } = agent;
  const nextHop = agent.proxy;
  return new Registration({ endpoint, sender: requestSender, aor: ALICE, nextHop, instanceId, ...options });
}

const stopped = (registration: { stop(): Promise<void> }): Promise<void> => bed.clock.until(registration.stop());

describe("Registration and SipProxy", () => {
  test.each(["TCP", "TLS", "WS"] as const)("outbound, GRUU and Service-Route over %s", async (transport) => {
    await bed.close();
    bed = await ProxyBed.open({ serviceRoute: "own" });
    sender = await bed.agent();
    const agent = await bed.agent(transport);
    const registration = registrationOf(agent, { accessNetworkInfo: "IEEE-802.11" });
    registration.start();
    await bed.clock.advance(10);
    expect([registration.registered, registration.outbound]).toEqual([true, true]);
    expect(registration.gruu).toBe(`${ALICE};gr=${instanceId}`);
    expect(registration.associatedUris).toEqual([ALICE]);
    for (const gruu of [registration.gruu, registration.temporaryGruu]) {
      expect((await sender.ask({ requestUri: gruu ?? "" })).statusCode).toBe(200);
    }
    expect(agent.received).toHaveLength(2);
    // A request of the user: by the Service-Route, on the registered connection.
    const { headers, sending } = registration.route(ALICE);
    expect(headers.map(([name]) => name)).toEqual([
      "Route",
      ...(transport === "TLS" ? ["P-Access-Network-Info"] : []),
      "P-Preferred-Identity",
    ]);
    const bob = await bed.handset("bob");
    const response = await agent.ask({ requestUri: "sip:bob@example.test", from: ALICE, headers }, sending);
    expect([response.statusCode, bob.received.length]).toEqual([200, 1]);
    await stopped(registration);
    expect(bed.proxy.bindings(ALICE)).toEqual([]);
  });

  test("over UDP, too", async () => {
    const agent = await bed.agent();
    const registration = registrationOf(agent);
    registration.start();
    await bed.clock.advance(10);
    expect([registration.outbound, bed.proxy.bindings(ALICE)[0]?.reach]).toEqual([true, "flow-only"]);
    await stopped(registration);
  });

  test("a lost connection is replaced: the same reg-id, one binding, and pushes arrive", async () => {
    const agent = await bed.agent("TCP");
    const registration = registrationOf(agent);
    registration.start();
    await bed.clock.advance(10);
    registration.flow?.close();
    await bed.clock.advance(10);
    expect(bed.proxy.bindings(ALICE)).toHaveLength(1);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    await stopped(registration);
  });

  test("with credentials, the identities of the user come back", async () => {
    await bed.close();
    bed = await ProxyBed.open({ users: parseUsers("alice:secret") });
    const agent = await bed.agent("TLS");
    const credentials = new DigestClient({ accounts: [{ username: "alice", password: "secret" }] });
    const registration = registrationOf(agent, { credentials });
    registration.start();
    await bed.clock.advance(10);
    expect([registration.registered, registration.associatedUris]).toEqual([true, [ALICE]]);
    await stopped(registration);
    expect(bed.proxy.registrations).toBe(0);
  });

  test("of a sips address-of-record, over TLS: sips GRUUs that work", async () => {
    const agent = await bed.agent("TLS");
    const registration = registrationOf(agent, { aor: "sips:alice@example.test" });
    registration.start();
    await bed.clock.advance(10);
    expect(registration.gruu).toBe(`sips:alice@example.test;gr=${instanceId}`);
    const watcher = await bed.agent("TLS");
    expect((await watcher.ask({ requestUri: registration.gruu ?? "" })).statusCode).toBe(200);
    await stopped(registration);
  });

  test("parameters of RFC 8599 are in the contact that the registrar keeps", async () => {
    const agent = await bed.agent("TCP");
    const contactUriParams = new Map([["pn-provider", "webpush"]]);
    const registration = registrationOf(agent, { contactUriParams });
    registration.start();
    await bed.clock.advance(10);
    expect(bed.proxy.bindings(ALICE)[0]?.uri.params.get("pn-provider")).toBe("webpush");
    await stopped(registration);
  });
});

describe("an edge proxy in front of the registrar (RFC 5626 §5)", () => {
  test.each(["TCP", "WS", "UDP"] as const)(
    "adds itself to Path, and requests come on the %s flow",
    async (transport) => {
      const agent = await bed.agent(transport);
      const port = transport === "WS" ? 8080 : 5060;
      const nextHop = uri(`sip:127.0.0.2:${port};transport=${transport.toLowerCase()}`);
      const registration = registrationOf(agent, { nextHop });
      registration.start();
      await bed.clock.advance(10);
      expect(registration.outbound).toBe(true);
      const [binding] = bed.proxy.bindings(ALICE);
      expect(binding?.path).toEqual([
        expect.stringMatching(/^<sip:[\w-]+@127\.0\.0\.2:\d+(?:;transport=\w+)?;lr;ob>$/),
      ]);
      expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
      expect(agent.received[0]?.via.transport).toBe(transport);
      expect(agent.received[0]?.headers.has("Route")).toBe(false);
      await stopped(registration);
    },
  );

  test("a flow that is gone is 430, and the binding goes with it; the sender hears 480", async () => {
    const agent = await bed.agent("TCP");
    const registration = registrationOf(agent, { nextHop: uri("sip:127.0.0.2;transport=tcp") });
    registration.start();
    await bed.clock.advance(10);
    const lost: string[] = [];
    bed.proxy.on("unregistered", ({ reason }) => lost.push(reason));
    await stopped(registration).then(() => agent.endpoint.close());
    // As it is when the end of a connection is not noticed at the registrar: a binding with a path that leads nowhere.
    const again = await bed.agent("TCP");
    const second = registrationOf(again, { nextHop: uri("sip:127.0.0.2;transport=tcp") });
    second.start();
    await bed.clock.advance(10);
    await again.endpoint.close();
    await bed.clock.advance(10);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(480);
    expect(lost).toEqual(["removed", "flow-failed"]);
  });

  test("a path of an edge that was started anew is 430 as well", async () => {
    const agent = await bed.agent("TCP");
    const registration = registrationOf(agent, { nextHop: uri("sip:127.0.0.2;transport=tcp") });
    registration.start();
    await bed.clock.advance(10);
    await edges[0]?.close();
    // The handset comes back by itself; until then its old path is in the registrar.
    const [binding] = bed.proxy.bindings(ALICE);
    edges[0] = await openEdge("127.0.0.2");
    const route = binding?.path[0] ?? "";
    const init = { requestUri: agent.contact("alice"), headers: [["Route", route] as const] };
    expect((await sender.ask(init, { nextHop: uri("sip:127.0.0.2") })).statusCode).toBe(430);
    await stopped(registration);
  });

  test("a Path leads others to the user agent, and the user agent itself nowhere", async () => {
    const agent = await bed.agent("TCP");
    await agent.register("alice", `<${agent.contact("alice")}>`);
    const [flow] = bed.proxy.bindings(ALICE).map((binding) => binding.flow);
    if (flow === undefined) throw new Error("no flow");
    const recordRoutes = new RecordRoutes(agent.endpoint);
    const domains = new Domains(["127.0.0.1"], agent.endpoint.listening);
    const requestUri = "sip:bob@elsewhere.test";
    const read = (path: string, cameFrom: Target) => {
      const headers = [["Route", path] as const];
      const request = createRequest({ method: "MESSAGE", requestUri, from: ALICE, headers });
      return preprocessRoute(request, domains, recordRoutes, cameFrom);
    };
    const path = recordRoutes.path(false, flow);
    const remote = { transport: flow.transport, ...flow.remote };
    const registrar = { transport: "UDP", address: "127.0.0.9", port: 5060 } as const;
    expect(read(path, registrar)).toMatchObject({ inDialog: true, onlyFlow: true, target: remote, unknownFlow: false });
    expect(read(path, remote)).toMatchObject({ inDialog: false, onlyFlow: false, target: undefined });
    const forged = path.replace(/sip:(.)/, (_, first) => `sip:${first === "A" ? "B" : "A"}`);
    expect(read(forged, registrar)).toMatchObject({ inDialog: false, target: undefined, unknownFlow: true });
  });

  test.each([
    ["a user of its own, as somebody it serves", "sip:bob@edge2.test", []],
    ["another domain by a further Route", "sip:bob@elsewhere.test", ["<sip:127.0.0.77;lr>"]],
  ])("the Path of a flow is no pass to %s", async (_, requestUri, routes) => {
    await edges[0]?.close();
    const users = parseUsers("bob:secret");
    edges[0] = await openEdge("127.0.0.2", { relay: false, trusted: ["127.0.0.1"], users });
    const agent = await bed.agent("TCP");
    const registration = registrationOf(agent, { nextHop: uri("sip:127.0.0.2;transport=tcp") });
    registration.start();
    await bed.clock.advance(10);
    const path = bed.proxy.bindings(ALICE)[0]?.path[0] ?? expect.unreachable("no path");
    const mallory = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.66", port: 5060 });
    await bed.agent("UDP", { transport: "UDP", address: "127.0.0.77", port: 5060 });
    const headers = [path, ...routes].map((route) => ["Route", route] as const);
    const init = { requestUri, from: "sip:carol@edge2.test", headers };
    expect((await mallory.ask(init, { nextHop: uri("sip:127.0.0.2") })).statusCode).toBe(407);
    // It still leads to the user agent.
    const pushed = { requestUri: agent.contact("alice"), headers: [["Route", path] as const] };
    expect((await mallory.ask(pushed, { nextHop: uri("sip:127.0.0.2") })).statusCode).toBe(200);
    await stopped(registration);
  });

  test("without Supported: path none is added, and a registrar that is asked for outbound says 439", async () => {
    const agent = await bed.agent("TCP");
    const contact = `<${agent.contact("alice")}>;+sip.instance="<urn:uuid:1>";reg-id=1`;
    const nextHop = uri("sip:127.0.0.2;transport=tcp");
    const response = await agent.register("alice", contact, { headers: [["Supported", "outbound"]] }, { nextHop });
    expect(response.statusCode).toBe(439);
  });
});

describe("two flows through two edge proxies (RFC 5626 §4, §7)", () => {
  async function open(): Promise<{ agent: Agent; registration: OutboundRegistration }> {
    const agent = await bed.agent("TCP");
    const registration = new OutboundRegistration({
      endpoint: agent.endpoint,
      sender: agent.sender,
      aor: ALICE,
      instanceId,
      proxies: [uri("sip:127.0.0.2;transport=tcp"), uri("sip:127.0.0.3;transport=tcp")],
      resolver: staticResolver({}),
    });
    registration.start();
    await bed.clock.advance(20);
    return { agent, registration };
  }

  test("two bindings of one instance, one GRUU; each request arrives once", async () => {
    const { agent, registration } = await open();
    expect(bed.proxy.bindings(ALICE).map(({ regId }) => regId)).toEqual([1, 2]);
    expect(registration.gruu).toBe(`${ALICE};gr=${instanceId}`);
    for (const to of [ALICE, registration.gruu ?? "", registration.temporaryGruu ?? ""]) {
      expect((await sender.ask({ requestUri: to })).statusCode).toBe(200);
    }
    expect(agent.received).toHaveLength(3);
    await stopped(registration);
    expect(bed.proxy.registrations).toBe(0);
  });

  test("when an edge dies, requests reach the user by the other, temporary GRUUs stay, and the user sends by the other", async () => {
    const { agent, registration } = await open();
    const temporary = registration.temporaryGruu ?? "";
    await edges[1]?.close();
    await bed.clock.advance(10);
    expect(registration.registered).toBe(true);
    for (const to of [ALICE, temporary]) expect((await sender.ask({ requestUri: to })).statusCode).toBe(200);
    expect(agent.received).toHaveLength(2);
    await bed.handset("bob");

    const request = createRequest({ method: "MESSAGE", requestUri: "sip:bob@example.test", from: ALICE });
    const outcome = await bed.clock.until(registration.send(request));
    expect(outcome).toMatchObject({ kind: "response", response: { statusCode: 200 } });
    await stopped(registration);
  });
});
