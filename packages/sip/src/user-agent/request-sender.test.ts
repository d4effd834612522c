import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DigestClient, DigestServer } from "../auth/index.ts";
import { staticResolver } from "../locate/index.ts";
import { decodeMessage, parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, type Packet, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { ListenAddress, TransportName } from "../transport/transport.ts";
import { SipEndpoint } from "./endpoint.ts";
import { createRequest, type RequestInit } from "./request.ts";
import { RequestSender, type RequestSenderOptions } from "./request-sender.ts";

let clock: VirtualClock;
let network: MemoryNetwork;
let open: SipEndpoint[];

async function endpoint(
  listen: readonly ListenAddress[],
  onRequest: (transaction: ServerTransaction) => void = () => {},
): Promise<SipEndpoint> {
  const opened = await SipEndpoint.open({ listen, onRequest, clock, open: network.open });
  open.push(opened);
  return opened;
}

const at = (transport: TransportName, address: string, port = 5060): ListenAddress => ({ transport, address, port });

async function senderOn(
  transports: readonly TransportName[],
  options: Partial<RequestSenderOptions> = {},
): Promise<RequestSender> {
  const from = await endpoint(transports.map((name) => at(name, "192.0.2.1")));
  return new RequestSender({ endpoint: from, random: () => 0, ...options });
}

function message(init: Partial<RequestInit> = {}) {
  return createRequest({ method: "MESSAGE", requestUri: "sip:bob@192.0.2.2", from: "sip:alice@192.0.2.1", ...init });
}

const requestsTo = (address: string): Packet[] =>
  network.sent.filter((packet) => packet.to.address === address && decodeMessage(packet.octets).kind === "request");

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(3) });
  open = [];
});

afterEach(async () => {
  for (const each of open) await each.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("failover (RFC 3263 §4.3)", () => {
  const twoServers = staticResolver({
    "_sip._udp.example.test": {
      srv: [
        { priority: 1, weight: 0, port: 5060, target: "one.example.test" },
        { priority: 2, weight: 0, port: 5060, target: "two.example.test" },
      ],
    },
    "one.example.test": { addresses: ["192.0.2.11"] },
    "two.example.test": { addresses: ["192.0.2.12"] },
  });

  it("tries the next server after 503, with the same Call-ID and CSeq and a new branch", async () => {
    await endpoint([at("UDP", "192.0.2.11")], (transaction) =>
      transaction.reply(503, { headers: [["Retry-After", "60"]] }),
    );
    await endpoint([at("UDP", "192.0.2.12")], (transaction) => transaction.reply(200));
    const sender = await senderOn(["UDP"], { resolver: twoServers });
    const outcome = await clock.until(sender.send(message({ requestUri: "sip:bob@example.test" })));
    expect(outcome).toMatchObject({ kind: "response", attempts: 2, response: { statusCode: 200 } });
    const [first, second] = ["192.0.2.11", "192.0.2.12"].map((address) =>
      decodeMessage(requestsTo(address)[0]?.octets ?? new Uint8Array()),
    );
    expect(second?.callId).toBe(first?.callId);
    expect(second?.cseq).toEqual(first?.cseq);
    expect(second?.headers.getAll("Via")).toHaveLength(1);
    expect(second?.via.params.get("branch")).not.toBe(first?.via.params.get("branch"));
  });

  it("tries a server that said 503 last until its Retry-After is over", async () => {
    await endpoint([at("UDP", "192.0.2.11")], (transaction) =>
      transaction.reply(503, { headers: [["Retry-After", "60"]] }),
    );
    await endpoint([at("UDP", "192.0.2.12")], (transaction) => transaction.reply(200));
    const sender = await senderOn(["UDP"], { resolver: twoServers });
    const send = () => clock.until(sender.send(message({ requestUri: "sip:bob@example.test" })));
    await send();
    await send();
    expect(requestsTo("192.0.2.11")).toHaveLength(1);
    await clock.advance(60_000);
    await send();
    expect(requestsTo("192.0.2.11")).toHaveLength(2);
  });

  it("tries the next server after a timeout, and says timeout when all are silent", async () => {
    const sender = await senderOn(["UDP"], { resolver: twoServers });
    const outcome = await clock.until(sender.send(message({ requestUri: "sip:bob@example.test" })));
    expect(outcome).toMatchObject({ kind: "failure", code: "SIP_TIMEOUT", retryable: true, attempts: 2 });
    expect(clock.now()).toBe(64_000);
  });

  it("gives the last 503 when there is no other server", async () => {
    await endpoint([at("UDP", "192.0.2.2")], (transaction) => transaction.reply(503));
    const sender = await senderOn(["UDP"]);
    expect(await clock.until(sender.send(message()))).toMatchObject({
      kind: "response",
      response: { statusCode: 503 },
    });
  });

  it("does not try another server after a refusal", async () => {
    await endpoint([at("UDP", "192.0.2.11")], (transaction) => transaction.reply(404));
    const sender = await senderOn(["UDP"], { resolver: twoServers });
    const outcome = await clock.until(sender.send(message({ requestUri: "sip:bob@example.test" })));
    expect(outcome).toMatchObject({ kind: "response", response: { statusCode: 404 }, attempts: 1 });
  });

  it("says unresolved for a name without an address", async () => {
    const sender = await senderOn(["UDP"], { resolver: staticResolver({}) });
    const outcome = await clock.until(sender.send(message({ requestUri: "sip:bob@nowhere.test" })));
    expect(outcome).toMatchObject({ kind: "failure", code: "SIP_UNRESOLVED" });
  });
});

describe("the topmost Route leads (RFC 3261 §8.1.2)", () => {
  it.each([
    ["Route", { headers: [["Route", "<sip:192.0.2.3;lr>"]] as const }, {}],
    ["nextHop", {}, { nextHop: parseUri("sip:192.0.2.3") as SipUri }],
  ])("%s before the Request-URI", async (_, init, options) => {
    await endpoint([at("UDP", "192.0.2.3")], (transaction) => transaction.reply(200));
    const sender = await senderOn(["UDP"]);
    expect((await clock.until(sender.send(message(init), options))).kind).toBe("response");
  });
});

describe("requests too large for UDP (RFC 3261 §18.1.1)", () => {
  const large = { body: new Uint8Array(1300).fill(0x80) };

  it("go on TCP, say so in Via, and small ones stay on UDP", async () => {
    await endpoint([at("UDP", "192.0.2.2"), at("TCP", "192.0.2.2")], (transaction) => transaction.reply(200));
    const sender = await senderOn(["UDP", "TCP"]);
    await clock.until(sender.send(message(large)));
    await clock.until(sender.send(message()));
    expect(requestsTo("192.0.2.2").map((packet) => packet.transport)).toEqual(["TCP", "UDP"]);
    expect(decodeMessage(requestsTo("192.0.2.2")[0]?.octets ?? new Uint8Array()).via.transport).toBe("TCP");
  });

  it("fall back to UDP when TCP is refused", async () => {
    await endpoint([at("UDP", "192.0.2.2")], (transaction) => transaction.reply(200));
    const sender = await senderOn(["UDP", "TCP"]);
    expect(await clock.until(sender.send(message(large)))).toMatchObject({ kind: "response" });
    expect(requestsTo("192.0.2.2").map((packet) => packet.transport)).toEqual(["UDP"]);
  });

  it.each([
    ["above 1300 octets", {}, 1300],
    ["within 200 octets of a known path MTU", { pathMtuBytes: 1400 }, 1200],
  ])("switch %s as they leave", async (_, options, maxBytes) => {
    await endpoint([at("UDP", "192.0.2.2"), at("TCP", "192.0.2.2")], (transaction) => transaction.reply(200));
    const sender = await senderOn(["UDP", "TCP"], options);
    for (let size = 700; size <= 1300; size += 25) {
      await clock.until(sender.send(message({ body: new Uint8Array(size) })));
    }
    for (const packet of requestsTo("192.0.2.2")) {
      if (packet.transport === "UDP") expect(packet.octets.length).toBeLessThanOrEqual(maxBytes);
      else expect(packet.octets.length).toBeGreaterThan(maxBytes - 100);
    }
    expect(new Set(requestsTo("192.0.2.2").map((packet) => packet.transport))).toEqual(new Set(["UDP", "TCP"]));
  });
});

describe("authentication (RFC 3261 §22)", () => {
  it.each([401, 407] as const)(
    "answers %i once with credentials, and reuses them for the next request",
    async (status) => {
      const side = status === 401 ? "uas" : "proxy";
      const server = new DigestServer({
        realm: "example.test",
        side,
        clock,
        users: (username) => (username === "alice" ? { password: "secret" } : undefined),
      });
      await endpoint([at("UDP", "192.0.2.2")], (transaction) => {
        void server.verify(transaction.request).then((verdict) => {
          const header = status === 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
          if (verdict.ok) transaction.reply(200);
          else {
            const headers = server.challenge(transaction.request).map((value) => [header, value] as const);
            transaction.reply(status, { headers });
          }
        });
      });
      const sender = await senderOn(["UDP"]);
      const credentials = new DigestClient({ accounts: [{ username: "alice", password: "secret" }] });
      const first = await clock.until(sender.send(message(), { credentials }));
      expect(first).toMatchObject({ kind: "response", response: { statusCode: 200 }, attempts: 2 });
      const second = await clock.until(sender.send(message(), { credentials }));
      expect(second).toMatchObject({ kind: "response", response: { statusCode: 200 }, attempts: 1 });
    },
  );

  it("gives the 401 back when the password is wrong, after one try", async () => {
    await endpoint([at("UDP", "192.0.2.2")], (transaction) =>
      transaction.reply(401, {
        headers: [["WWW-Authenticate", 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"']],
      }),
    );
    const sender = await senderOn(["UDP"]);
    const credentials = new DigestClient({ accounts: [{ username: "alice", password: "wrong" }] });
    const outcome = await clock.until(sender.send(message(), { credentials }));
    expect(outcome).toMatchObject({ kind: "response", response: { statusCode: 401 }, attempts: 2 });
  });
});

describe("giving up", () => {
  it("stops at once when aborted, and sends nothing after", async () => {
    const sender = await senderOn(["UDP"]);
    const abort = new AbortController();
    const outcome = sender.send(message(), { signal: abort.signal });
    await clock.advance(600);
    abort.abort();
    expect(await outcome).toMatchObject({ kind: "failure", code: "SIP_ABORTED" });
    const before = network.sent.length;
    await clock.advance(40_000);
    expect(network.sent).toHaveLength(before);
  });

  it("refuses when a destination's window and queue are full, and counts", async () => {
    const sender = await senderOn(["UDP"], { window: { maxInFlight: 1, maxWaiting: 1 } });
    const all = [1, 2, 3].map(() => sender.send(message()));
    expect(await all[2]).toMatchObject({ kind: "failure", code: "SIP_OVERLOADED", retryable: true, attempts: 0 });
    expect(sender.refused).toBe(1);
    await clock.advance(64_000);
    expect((await Promise.all(all)).map((outcome) => outcome.kind)).toEqual(["failure", "failure", "failure"]);
  });
});

describe("a send always settles", () => {
  const lanes = { window: { maxInFlight: 1, maxWaiting: 10 } };
  const silent = { naptr: hang, srv: hang, addresses: hang };
  function hang(): Promise<never> {
    return new Promise(() => {});
  }

  it.each([
    ["an address", "sip:bob@192.0.2.2", "MES SAGE"],
    ["a name", "sip:bob@one.example.test", "MES SAGE"],
  ])(
    "when the request to %s cannot be encoded, without trying others, and gives its place back",
    async (_, requestUri, method) => {
      const resolver = staticResolver({ "one.example.test": { addresses: ["192.0.2.2", "192.0.2.3"] } });
      await endpoint([at("UDP", "192.0.2.2")], (transaction) => transaction.reply(200));
      const sender = await senderOn(["UDP"], { ...lanes, resolver });
      for (let i = 0; i < 2; i++) {
        const outcome = await clock.until(sender.send(message({ requestUri, method })));
        expect(outcome).toMatchObject({ kind: "failure", code: "SIP_UNRESOLVED", retryable: false, attempts: 0 });
      }
      expect((await clock.until(sender.send(message()))).kind).toBe("response");
    },
  );

  it("when it is aborted while DNS is silent", async () => {
    const sender = await senderOn(["UDP"], { resolver: silent });
    const abort = new AbortController();
    const outcome = sender.send(message({ requestUri: "sip:bob@example.test" }), { signal: abort.signal });
    await clock.advance(10);
    abort.abort();
    expect(await outcome).toMatchObject({ kind: "failure", code: "SIP_ABORTED" });
  });

  it("when it is aborted while it waits for a place in the window", async () => {
    const sender = await senderOn(["UDP"], lanes);
    const first = sender.send(message());
    const abort = new AbortController();
    const second = sender.send(message(), { signal: abort.signal });
    await clock.advance(10);
    abort.abort();
    expect(await second).toMatchObject({ kind: "failure", code: "SIP_ABORTED", attempts: 0 });
    expect(await clock.until(first)).toMatchObject({ code: "SIP_TIMEOUT" });
  });

  it.each(["UDP", "TCP"] as const)(
    "as SIP_CLOSED when the endpoint is closed, those that wait over %s too",
    async (transport) => {
      await endpoint([at(transport, "192.0.2.2")]);
      const sender = await senderOn([transport], lanes);
      const requestUri = `sip:bob@192.0.2.2;transport=${transport.toLowerCase()}`;
      const all = [1, 2, 3].map(() => sender.send(message({ requestUri })));
      await clock.advance(10);
      const before = network.sent.length;
      await open[1]?.close();
      const late = sender.send(message({ requestUri }));
      const outcomes = await Promise.all([...all, late]);
      expect(outcomes).toEqual(
        outcomes.map(() => expect.objectContaining({ kind: "failure", code: "SIP_CLOSED", retryable: false })),
      );
      expect(network.sent).toHaveLength(before);
    },
  );

  it("on a new connection when its own ended while it waited for a place", async () => {
    const flows: ServerTransaction[] = [];
    await endpoint([at("TCP", "192.0.2.2")], (transaction) => {
      if (flows.push(transaction) > 1) transaction.reply(200);
    });
    const sender = await senderOn(["TCP"], lanes);
    const requestUri = "sip:bob@192.0.2.2;transport=tcp";
    const all = Promise.all([1, 2].map(() => sender.send(message({ requestUri }))));
    await clock.advance(10);
    flows[0]?.flow.close();
    const outcomes = await clock.until(all);
    expect(outcomes.map(({ kind, attempts }) => `${kind} ${attempts}`).sort()).toEqual(["failure 1", "response 1"]);
  });
});
