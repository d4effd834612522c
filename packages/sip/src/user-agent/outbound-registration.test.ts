import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticResolver } from "../locate/index.ts";
import { paramValue, parseNameAddr, parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { SipEndpoint } from "./endpoint.ts";
import { OutboundRegistration, type OutboundRegistrationOptions } from "./outbound-registration.ts";
import type { RegistrationEventReport } from "./registration-options.ts";
import { createRequest } from "./request.ts";
import { RequestSender } from "./request-sender.ts";

const instanceId = "urn:uuid:00000000-0000-4000-8000-000000000001";
const uri = (text: string): SipUri => parseUri(text) as SipUri;
const P1 = uri("sip:192.0.2.2:5060;transport=tcp");
const P2 = uri("sip:192.0.2.3:5060;transport=tcp");

type Answer = (transaction: ServerTransaction) => void;

/** An edge proxy and the registrar behind it, as far as a user agent sees them. */
interface Proxy {
  readonly endpoint: SipEndpoint;
  readonly requests: ServerTransaction[];
  answer: Answer;
}

let clock: VirtualClock;
let network: MemoryNetwork;
let handset: SipEndpoint;
let proxies: Proxy[];
let registration: OutboundRegistration;
/** Of all flows together. */
let events: string[];
/** `kind` and reg-id. */
let flowEvents: Array<[string, number]>;
let waits: number[];

const accept =
  (...headers: Array<readonly [string, string]>): Answer =>
  (transaction) => {
    const contact = transaction.request.headers.get("Contact");
    transaction.reply(200, {
      headers: [...(contact === undefined ? [] : [["Contact", contact] as const]), ...headers],
    });
  };
const outbound = accept(["Require", "outbound"]);
const refuse =
  (statusCode: number): Answer =>
  (transaction) =>
    transaction.reply(statusCode);
const silent: Answer = () => {};

async function openProxy(address: string): Promise<Proxy> {
  const requests: ServerTransaction[] = [];
  const endpoint = await SipEndpoint.open({
    listen: (["TCP", "UDP"] as const).map((transport) => ({ transport, address, port: 5060 })),
    onRequest: (transaction) => {
      requests.push(transaction);
      proxy.answer(transaction);
    },
    clock,
    open: network.open,
  });
  const proxy: Proxy = { endpoint, requests, answer: outbound };
  return proxy;
}

function start(options: Partial<OutboundRegistrationOptions> = {}): void {
  registration = new OutboundRegistration({
    endpoint: handset,
    sender: new RequestSender({ endpoint: handset, resolver: staticResolver({}) }),
    aor: "sip:alice@example.test",
    expiresSeconds: 3000,
    instanceId,
    proxies: [P1, P2],
    resolver: staticResolver({}),
    random: () => 1,
    onEvent: ({ kind }) => events.push(kind),
    onFlowEvent: (event: RegistrationEventReport, regId) => {
      flowEvents.push([event.kind, regId]);
      if (event.kind === "failed") waits.push(event.retryInMs);
    },
    ...options,
  });
  registration.start();
}

const [one, two] = [0, 1].map((index) => () => proxies[index] as Proxy) as [() => Proxy, () => Proxy];
const regIds = ({ requests }: Proxy): Array<string | undefined> =>
  requests.map(({ request }) =>
    paramValue(parseNameAddr(request.headers.get("Contact") ?? "", "Contact").params, "reg-id"),
  );
const message = () =>
  createRequest({ method: "MESSAGE", requestUri: "sip:bob@example.test", from: "sip:alice@example.test" });

beforeEach(async () => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(7) });
  [events, flowEvents, waits] = [[], [], []];
  proxies = [await openProxy("192.0.2.2"), await openProxy("192.0.2.3")];
  handset = await SipEndpoint.open({
    listen: (["TCP", "UDP"] as const).map((transport) => ({ transport, address: "192.0.2.1", port: 5060 })),
    onRequest: () => {},
    clock,
    open: network.open,
  });
});

afterEach(async () => {
  await clock.until(registration.stop());
  await handset.close();
  for (const { endpoint } of proxies) await endpoint.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("several flows of one user agent (RFC 5626 §4.2)", () => {
  it("registers one instance on a flow to each proxy, with reg-id 1, 2 and Call-IDs of their own", async () => {
    start();
    await clock.advance(10);
    expect([regIds(one()), regIds(two())]).toEqual([["1"], ["2"]]);
    const callIds = [one(), two()].map(({ requests }) => requests[0]?.request.callId);
    expect(new Set(callIds).size).toBe(2);
    expect([events, registration.registered]).toEqual([["registered", "registered"], true]);
    expect(registration.openFlows.map(({ remote }) => remote.address)).toEqual(["192.0.2.2", "192.0.2.3"]);
  });

  it("takes another address of one proxy for each flow, and keeps to as many as there are", async () => {
    const resolver = staticResolver({
      "edge.test": { addresses: ["192.0.2.2", "192.0.2.3"] },
    });
    start({ proxies: [uri("sip:edge.test:5060;transport=tcp")], resolver, flows: 3 });
    await clock.advance(10);
    expect([one().requests.length, two().requests.length]).toEqual([1, 1]);
    expect(flowEvents).toContainEqual(["failed", 3]);
    expect(events).not.toContain("failed");
  });

  it("removes all bindings when stopped, each on its flow, and says ended once", async () => {
    start();
    await clock.advance(10);
    await clock.until(registration.stop());
    for (const { requests } of proxies) {
      expect(requests.at(-1)?.request.headers.get("Expires")).toBe("0");
      expect(requests.at(-1)?.flow).toBe(requests[0]?.flow);
    }
    expect(events.filter((kind) => kind === "ended")).toHaveLength(1);
  });

  it("the second flow does not wait for a silent proxy longer than 2 s", async () => {
    one().answer = silent;
    start();
    await clock.advance(1900);
    expect(two().requests).toHaveLength(0);
    await clock.advance(200);
    expect(events).toEqual(["registered"]);
  });

  it("ends by itself when its endpoint is closed", async () => {
    start();
    await clock.advance(10);
    await handset.close();
    await clock.advance(10);
    expect(registration.flows.map(({ state }) => state)).toEqual(["ended", "ended"]);
    expect(events.filter((kind) => kind === "ended")).toHaveLength(1);
    expect([registration.registered, registration.openFlows]).toEqual([false, []]);
  });

  it.each([
    ["no proxy", { proxies: [] }],
    ["more than 8 flows", { flows: 9 }],
  ])("refuses %s", (_, options) => {
    start();
    const sender = new RequestSender({ endpoint: handset });
    const base = { endpoint: handset, sender, aor: "sip:alice@example.test", instanceId, proxies: [P1] };
    expect(() => new OutboundRegistration({ ...base, ...options })).toThrow(TypeError);
  });
});

describe("flow recovery (RFC 5626 §4.5)", () => {
  it("while one flow lives, the loss of another is no news, and it is made again at once", async () => {
    start();
    await clock.advance(10);
    one().requests[0]?.flow.close();
    await clock.advance(10);
    expect(regIds(one())).toEqual(["1", "1"]);
    expect(events).toEqual(["registered", "registered", "registered"]);
  });

  it("waits longer while others live than when all have failed, and doubles", async () => {
    one().answer = refuse(500);
    start();
    await clock.advance(20_000);
    // The first failure came before anything was registered: 2 s. After that the other flow lives: 6 s base, doubled.
    expect(waits).toEqual([2000, 12_000, 24_000]);
    expect(events).toEqual(["failed", "registered"]);
  });

  it("all failed: says so for each, and comes back when a proxy is back", async () => {
    one().answer = refuse(500);
    two().answer = refuse(500);
    start();
    await clock.advance(10);
    expect([events, waits]).toEqual([
      ["failed", "failed"],
      [2000, 2000],
    ]);
    two().answer = outbound;
    await clock.advance(2000);
    expect(events.at(-1)).toBe("registered");
    expect(registration.flow?.remote.address).toBe("192.0.2.3");
  });

  it("a proxy that cannot be connected to leaves the other flow alone", async () => {
    await one().endpoint.close();
    start();
    await clock.advance(10);
    expect(events).toEqual(["failed", "registered"]);
  });

  it("a flow whose refresh was refused keeps its address: another does not move in with it (§4.2.1)", async () => {
    const resolver = staticResolver({ "edge.test": { addresses: ["192.0.2.2", "192.0.2.3"] } });
    start({ proxies: [uri("sip:edge.test:5060;transport=tcp")], resolver, expiresSeconds: 600 });
    await clock.advance(10);
    one().answer = refuse(500);
    await clock.advance(300_000);
    expect(flowEvents).toContainEqual(["failed", 1]);
    await two().endpoint.close();
    await clock.advance(1000);
    expect(flowEvents.at(-1)).toEqual(["failed", 2]);
    expect(regIds(one())).not.toContain("2");
  });

  it("over UDP a silent proxy costs its flow, and requests take the other", async () => {
    start({ proxies: [uri("sip:192.0.2.2:5060"), uri("sip:192.0.2.3:5060")], expiresSeconds: 600 });
    await clock.advance(10);
    one().answer = silent;
    await clock.advance(300_000 + 33_000);
    expect(flowEvents.at(-1)).toEqual(["failed", 1]);
    expect(registration.route().sending).toMatchObject({ nextHop: { host: "192.0.2.3" } });
  });
});

describe("proxies without outbound (RFC 5626 §4.2.1)", () => {
  const plainOnly: Answer = (transaction) =>
    (transaction.request.headers.get("Contact") ?? "").includes("reg-id")
      ? transaction.reply(439)
      : accept()(transaction);

  it("a proxy that answers 439 is left alone while another takes outbound", async () => {
    one().answer = refuse(439);
    start();
    await clock.advance(10);
    expect([regIds(one()), regIds(two())]).toEqual([["1"], ["2"]]);
    expect(registration.flow?.remote.address).toBe("192.0.2.3");
  });

  it("when all answer 439, the last registers without, and there is one binding only", async () => {
    one().answer = plainOnly;
    two().answer = plainOnly;
    start();
    await clock.advance(60_000);
    expect([regIds(one()), regIds(two())]).toEqual([["1"], ["2", undefined]]);
    expect(registration.contact).not.toContain(";ob");
    expect(events).toEqual(["failed", "registered"]);
  });

  it("a registrar that knows no outbound gets one binding, and another flow takes over when that is lost", async () => {
    one().answer = accept();
    two().answer = accept();
    start();
    await clock.advance(60_000);
    expect([one().requests.length, two().requests.length]).toEqual([1, 0]);
    await one().endpoint.close();
    await clock.advance(100);
    expect(two().requests).toHaveLength(1);
    expect(events).toEqual(["registered", "failed", "registered"]);
    expect(registration.flow?.remote.address).toBe("192.0.2.3");
  });
});

describe("the one binding at a registrar without outbound", () => {
  it("is tried again when its refresh is refused once, while the other flow waits for its end", async () => {
    one().answer = accept();
    two().answer = accept();
    start({ expiresSeconds: 600 });
    await clock.advance(10);
    one().answer = refuse(500);
    await clock.advance(300_000);
    expect(flowEvents.at(-1)).toEqual(["failed", 1]);
    one().answer = accept();
    await clock.advance(20_000);
    expect(flowEvents.at(-1)).toEqual(["registered", 1]);
    expect(two().requests).toHaveLength(0);
  });

  it("is another flow's when it is refused until it lapses", async () => {
    one().answer = accept();
    two().answer = accept();
    start({ expiresSeconds: 600 });
    await clock.advance(10);
    one().answer = refuse(500);
    await clock.advance(1_200_000);
    expect(flowEvents).toContainEqual(["registered", 2]);
    expect(registration.flow?.remote.address).toBe("192.0.2.3");
  });
});

describe("requests of the user (RFC 5626 §4.3)", () => {
  const send = () => clock.until(registration.send(message()));

  /** MESSAGEs that a proxy got. */
  const messages = ({ requests }: Proxy): number =>
    requests.filter(({ request }) => request.method === "MESSAGE").length;
  const toMessage =
    (answer: Answer): Answer =>
    (transaction) =>
      (transaction.request.method === "MESSAGE" ? answer : outbound)(transaction);

  it("take the first flow that lives, with the Service-Route of that", async () => {
    one().answer = accept(["Require", "outbound"], ["Service-Route", "<sip:s1.test;lr>"]);
    start();
    await clock.advance(10);
    const outcome = await send();
    expect(outcome).toMatchObject({ kind: "response", attempts: 1, flow: registration.flow });
    const last = one().requests.at(-1);
    expect(last?.request.headers.list("Route")).toEqual(["<sip:s1.test;lr>"]);
    expect(last?.flow).toBe(one().requests[0]?.flow);
  });

  it("a request with a route set of its own keeps that", async () => {
    one().answer = accept(["Require", "outbound"], ["Service-Route", "<sip:s1.test;lr>"]);
    start();
    await clock.advance(10);
    const request = message();
    request.headers.add("Route", "<sip:dialog.test;lr>");
    await clock.until(registration.send(request));
    expect(one().requests.at(-1)?.request.headers.list("Route")).toEqual(["<sip:dialog.test;lr>"]);
  });

  it.each([
    [430, 2],
    [503, 1],
  ])("a %i sends them by the other flow; the first is registered again after 430", async (statusCode, registers) => {
    start();
    await clock.advance(10);
    one().answer = toMessage(refuse(statusCode));
    const outcome = await send();
    expect(outcome).toMatchObject({ kind: "response", response: { statusCode: 200 }, attempts: 2 });
    await clock.advance(10);
    expect([messages(one()), messages(two())]).toEqual([1, 1]);
    expect(one().requests.filter(({ request }) => request.method === "REGISTER")).toHaveLength(registers);
    const [first, second] = [one(), two()].map(({ requests }) =>
      requests.find((each) => each.request.method === "MESSAGE"),
    );
    expect(second?.request.callId).toBe(first?.request.callId);
    expect(second?.request.headers.list("Via")).toHaveLength(1);
  });

  it("silence sends them by the other flow after Timer F", async () => {
    start();
    await clock.advance(10);
    one().answer = silent;
    expect(await send()).toMatchObject({ kind: "response", response: { statusCode: 200 }, attempts: 2 });
  });

  it("any other refusal is the outcome: the request has arrived", async () => {
    start();
    await clock.advance(10);
    one().answer = toMessage(refuse(486));
    expect(await send()).toMatchObject({ kind: "response", response: { statusCode: 486 }, attempts: 1 });
    expect(messages(two())).toBe(0);
  });

  it("when all flows refuse, the last answer is the outcome", async () => {
    start();
    await clock.advance(10);
    for (const proxy of proxies) proxy.answer = toMessage(refuse(430));
    expect(await send()).toMatchObject({ kind: "response", response: { statusCode: 430 }, attempts: 2 });
  });

  it("before anything is registered they go to the first proxy", async () => {
    for (const proxy of proxies) proxy.answer = toMessage(refuse(480));
    start();
    for (const proxy of proxies) proxy.answer = refuse(480);
    expect(await send()).toMatchObject({ kind: "response", response: { statusCode: 480 } });
    expect(messages(one())).toBe(1);
  });

  it("an aborted one is not tried elsewhere", async () => {
    start();
    await clock.advance(10);
    one().answer = silent;
    const abort = new AbortController();
    const outcome = registration.send(message(), { signal: abort.signal });
    await clock.advance(100);
    abort.abort();
    expect(await clock.until(outcome)).toMatchObject({ kind: "failure", code: "SIP_ABORTED" });
    expect(messages(two())).toBe(0);
    one().answer = outbound;
  });
});
