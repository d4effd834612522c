import type { Flow, SipRequest } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Agent, ProxyBed, RawPeer } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;
let sender: Agent;
const events: string[] = [];

beforeEach(async () => {
  bed = await ProxyBed.open();
  sender = await bed.agent();
  events.length = 0;
  bed.proxy.on("unregistered", ({ binding, reason }) => events.push(`${binding.contact} ${reason}`));
});

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const ALICE = "sip:alice@example.test";
const PORTS = { UDP: 5060, TCP: 5060, TLS: 5061, WS: 8080 } as const;

function flowToProxy(agent: Agent): Flow {
  const transport = agent.listening.transport as keyof typeof PORTS;
  const flow = agent.endpoint.existingFlow({ transport, address: "127.0.0.1", port: PORTS[transport] });
  if (flow === undefined) throw new Error("not connected");
  return flow;
}

describe("across transports", () => {
  const names = ["UDP", "TCP", "TLS", "WS"] as const;
  test.each(names.flatMap((from) => names.map((to) => [from, to] as const)))(
    "a %s sender reaches a %s handset",
    async (from, to) => {
      const handset = await bed.handset("alice", { transport: to });
      const agent = await bed.agent(from);
      const body = Uint8Array.of(0, 0x80, 0xff);
      const response = await agent.ask({ requestUri: ALICE, body });
      expect(response.statusCode).toBe(200);
      expect(handset.received[0]?.body).toEqual(Buffer.from(body));
      expect(handset.received[0]?.via.transport).toBe(to);
      expect(response.headers.list("Via")).toHaveLength(1);
    },
  );
});

describe("RFC 5626 §7, bindings and their flows", () => {
  test.each(["TCP", "TLS", "WS"] as const)(
    "a %s handset whose connection closed is off-line: 480, and the owner hears of it",
    async (transport) => {
      const alice = await bed.handset("alice", { transport });
      flowToProxy(alice).close();
      await bed.clock.advance(10);
      expect(events).toEqual([`${alice.contact("alice")} flow-closed`]);
      expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(480);
    },
  );

  test("a contact that listens elsewhere outlives the connection that registered it", async () => {
    const listener = await bed.agent("TCP");
    const alice = await bed.agent("TCP");
    await alice.register("alice", `<${listener.contact("alice")}>`);
    flowToProxy(alice).close();
    await bed.clock.advance(10);
    expect(events).toEqual([]);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(listener.received).toHaveLength(1);
  });

  test("a connection that closes before the answer is 480, and a contact that listens stays", async () => {
    const listener = await bed.agent("TCP");
    const alice = await bed.agent("TCP");
    await alice.register("alice", `<${listener.contact("alice")}>`);
    alice.answer = () => flowToProxy(alice).close();
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(480);
    expect([events, bed.proxy.registrations]).toEqual([[], 1]);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
  });

  test("while the connection is open, it is used", async () => {
    const alice = await bed.agent("TCP");
    await alice.register("alice", "<sip:alice@127.0.0.1:7999;transport=tcp>");
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(alice.received[0]?.requestUri).toBe("sip:alice@127.0.0.1:7999;transport=tcp");
  });

  test("a contact that cannot be reached at its address is 480, and stays", async () => {
    await sender.register("alice", "<sip:alice@127.0.0.1:7999;transport=tcp>");
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(480);
    expect(bed.proxy.registrations).toBe(1);
  });

  const outbound = (agent: Agent, regId: number): Promise<unknown> =>
    agent.register(
      "alice",
      `<${agent.contact("alice")};ob>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=${regId}`,
      { headers: [["Supported", "path, outbound"]] },
    );

  test("one instance gets the request on one flow only, the one heard of last", async () => {
    const [first, second] = [await bed.agent("TCP"), await bed.agent("WS")];
    await outbound(first, 1);
    await bed.clock.advance(1);
    await outbound(second, 2);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect([first.received.length, second.received.length]).toEqual([0, 1]);
  });

  test("when the flow is gone without a word, the next one of the instance gets it, and the binding goes", async () => {
    const [first, second] = [await bed.agent("TCP"), await bed.agent("WS")];
    await outbound(first, 1);
    await bed.clock.advance(1);
    await outbound(second, 2);
    const [, lost] = bed.proxy.bindings(ALICE);
    // As a broken connection does: what is sent fails.
    if (lost?.flow !== undefined) (lost.flow as { open: boolean }).open = false;
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(first.received).toHaveLength(1);
    expect(events).toEqual([`${second.contact("alice")};ob flow-failed`]);
  });

  test("an instance that answered does not get the request again on another flow", async () => {
    const [first, second] = [await bed.agent("TCP"), await bed.agent("WS")];
    await outbound(first, 1);
    await bed.clock.advance(1);
    await outbound(second, 2);
    second.answer = (transaction) => transaction.reply(486);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(486);
    expect(first.received).toHaveLength(0);
  });

  test("a 430 of an edge proxy takes the binding away, and the sender gets 480", async () => {
    const edge = await bed.agent();
    edge.answer = (transaction) => transaction.reply(430);
    await sender.register("alice", "<sip:alice@10.0.0.1>", {
      headers: [
        ["Path", `<sip:t@127.0.0.1:${edge.listening.port};lr;ob>`],
        ["Supported", "path"],
      ],
    });
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(480);
    expect(events).toEqual(["sip:alice@10.0.0.1 flow-failed"]);
  });

  test("over UDP with outbound, requests go to where the REGISTER came from", async () => {
    const alice = await bed.agent();
    await alice.register("alice", '<sip:alice@10.0.0.1:5060;ob>;+sip.instance="<urn:uuid:1>";reg-id=1', {
      headers: [["Supported", "path, outbound"]],
    });
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(alice.received[0]?.requestUri).toBe("sip:alice@10.0.0.1:5060;ob");
  });

  test("behind a NAT, too: the contact is the sent-by, and both are not where the REGISTER came from", async () => {
    const raw = await RawPeer.open(bed, 6500);
    const head = raw.head("REGISTER", "sip:example.test", ["Contact: <sip:alice@10.0.0.1:5060>"]);
    await raw.ask(head.replace("127.0.0.1:6500", "10.0.0.1:5060"));
    expect(bed.proxy.bindings(ALICE)[0]?.reach).toBe("flow-only");
    const outcome = sender.request({ requestUri: ALICE });
    await bed.clock.advance(10);
    expect(raw.received.at(-1)).toMatchObject({ method: "MESSAGE" });
    await outcome;
  });

  test("somebody else's contact is reached by its own address", async () => {
    await sender.register("alice", "<sip:alice@10.0.0.1:5060>");
    expect(bed.proxy.bindings(ALICE)[0]?.reach).toBe("address");
  });
});

describe("dialogs through the proxy", () => {
  /** SUBSCRIBE from `watcher` to alice; what alice got, and the watcher's route set (RFC 3261 §12.1). */
  async function subscribe(watcher: Agent, alice: Agent): Promise<{ request: SipRequest; routes: string[] }> {
    alice.answer = (transaction) => {
      const routes = transaction.request.headers.getAll("Record-Route");
      transaction.reply(200, {
        headers: [
          ...routes.map((route) => ["Record-Route", route] as const),
          ["Contact", `<${alice.contact("alice")}>`],
        ],
      });
    };
    const response = await watcher.ask({
      method: "SUBSCRIBE",
      requestUri: ALICE,
      callId: "dialog",
      headers: [
        ["Contact", `<${watcher.contact("watcher")}>`],
        ["Event", "oma-push"],
      ],
    });
    expect(response.statusCode).toBe(200);
    const request = alice.received.at(-1);
    if (request === undefined) throw new Error("no SUBSCRIBE");
    return { request, routes: response.headers.list("Record-Route").reverse() };
  }

  const names = ["UDP", "TCP", "TLS", "WS"] as const;
  test.each(names.flatMap((from) => names.map((to) => [from, to] as const)))(
    "requests go both ways between %s and %s, although a WebSocket peer has no address (RFC 5658 §5)",
    async (from, to) => {
      const watcher = await bed.agent(from);
      const alice = await bed.handset("alice", { transport: to });
      const { request, routes } = await subscribe(watcher, alice);
      const recorded = request.headers.list("Record-Route");
      expect(recorded).toHaveLength(from === "UDP" && to === "UDP" ? 1 : 2);
      const back = await alice.ask({
        method: "NOTIFY",
        requestUri: watcher.contact("watcher"),
        from: ALICE,
        callId: "dialog",
        headers: recorded.map((route) => ["Route", route] as const),
      });
      expect(back.statusCode).toBe(200);
      expect(watcher.received.map((each) => [each.method, each.headers.has("Route")])).toEqual([["NOTIFY", false]]);
      const on = await watcher.ask({
        method: "SUBSCRIBE",
        requestUri: alice.contact("alice"),
        callId: "dialog",
        headers: routes.map((route) => ["Route", route] as const),
      });
      expect(on.statusCode).toBe(200);
      expect(alice.received).toHaveLength(2);
    },
  );

  test("ours goes in front of the Record-Routes of others", async () => {
    const alice = await bed.handset("alice", { transport: "TCP" });
    await sender.ask({ method: "SUBSCRIBE", requestUri: ALICE, headers: [["Record-Route", "<sip:other.test;lr>"]] });
    expect(alice.received[0]?.headers.list("Record-Route")).toEqual([
      expect.stringContaining(";transport=tcp;lr>"),
      expect.stringContaining("127.0.0.1:5060;lr>"),
      "<sip:other.test;lr>",
    ]);
  });

  /** How many Record-Routes a SUBSCRIBE gets on its way to a contact that is reached by its address. */
  async function recordRoutes(from: "UDP" | "TCP", headers: Array<readonly [string, string]>): Promise<number> {
    const alice = await bed.agent(from);
    await sender.register("alice", `<${alice.contact("alice")}>`);
    const watcher = await bed.agent(from);
    await watcher.ask({ method: "SUBSCRIBE", requestUri: ALICE, headers });
    return alice.received[0]?.headers.list("Record-Route").length ?? 0;
  }

  test("the flow of a connection is recorded for a user agent, not for a proxy, which has an address", async () => {
    expect(await recordRoutes("TCP", [])).toBe(2);
    await sender.register("alice", "*", { headers: [["Expires", "0"]] });
    expect(await recordRoutes("TCP", [["Via", "SIP/2.0/TCP ua.test;branch=z9hG4bKx"]])).toBe(1);
  });

  test("over UDP a flow is recorded for who asks for it with ob (RFC 5626 §5.3.2)", async () => {
    expect(await recordRoutes("UDP", [["Contact", "<sip:watcher@127.0.0.1:6001>"]])).toBe(1);
    await sender.register("alice", "*", { headers: [["Expires", "0"]] });
    expect(await recordRoutes("UDP", [["Contact", "<sip:watcher@127.0.0.1:6001;ob>"]])).toBe(2);
  });

  test("a Record-Route leads on for its own dialog only", async () => {
    const alice = await bed.handset("alice");
    const { routes } = await subscribe(sender, alice);
    const response = await sender.ask({
      requestUri: alice.contact("alice"),
      callId: "another",
      headers: routes.map((route) => ["Route", route] as const),
    });
    expect(response.statusCode).toBe(403);
  });

  test("a flow that is gone is 430 for a peer without an address (RFC 5626 §5.3.1)", async () => {
    const alice = await bed.handset("alice", { transport: "WS" });
    const { routes } = await subscribe(sender, alice);
    flowToProxy(alice).close();
    await bed.clock.advance(10);
    const response = await sender.ask({
      method: "SUBSCRIBE",
      requestUri: alice.contact("alice"),
      callId: "dialog",
      headers: routes.map((route) => ["Route", route] as const),
    });
    expect(response.statusCode).toBe(430);
  });

  test("for a peer that listens, a new connection is made", async () => {
    const alice = await bed.handset("alice", { transport: "TCP" });
    const { routes } = await subscribe(sender, alice);
    flowToProxy(alice).close();
    await bed.clock.advance(10);
    const response = await sender.ask({
      method: "SUBSCRIBE",
      requestUri: alice.contact("alice"),
      callId: "dialog",
      headers: routes.map((route) => ["Route", route] as const),
    });
    expect(response.statusCode).toBe(200);
  });
});

describe("RFC 5626 §4.1, instances", () => {
  test("are URNs: another spelling of one is the same flow of the same instance", async () => {
    const alice = await bed.agent("TCP");
    const urn = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    for (const name of [urn, urn.toUpperCase()]) {
      await alice.register("alice", `<${alice.contact("alice")}>;+sip.instance="<${name}>";reg-id=1`);
    }
    expect(bed.proxy.bindings(ALICE)).toHaveLength(1);
    await alice.register("alice", `<${alice.contact("alice")}>;+sip.instance="<${urn}>";reg-id=2`);
    await sender.ask({ requestUri: ALICE });
    expect(alice.received).toHaveLength(1);
  });
});

describe("RFC 5630, sips", () => {
  test("a sips request goes to handsets on TLS only, with sips in Record-Route", async () => {
    const plain = await bed.handset("alice", { transport: "TCP" });
    const secure = await bed.handset("alice", { transport: "TLS" });
    const watcher = await bed.agent("TLS");
    const response = await watcher.ask({ method: "SUBSCRIBE", requestUri: "sips:alice@example.test" });
    expect([response.statusCode, plain.received.length, secure.received.length]).toEqual([200, 0, 1]);
    const contact = await bed.agent("TLS");
    await contact.register("bob", `<sips:bob@127.0.0.1:${contact.listening.port}>`, {
      requestUri: "sips:example.test",
    });
    await watcher.ask({ method: "SUBSCRIBE", requestUri: "sips:bob@example.test" });
    const routes = contact.received[0]?.headers.list("Record-Route") ?? [];
    expect(routes).toEqual([0, 1].map(() => expect.stringMatching(/^<sips:[\w-]+@127\.0\.0\.1:5061;lr>$/)));
  });

  test.each<[string, (agent: Agent) => string, Array<[string, string]>]>([
    ["whose contact is another machine's", () => "sip:alice@127.0.0.9:7000", []],
    [
      "behind a path",
      (agent) => agent.contact("alice"),
      [
        ["Path", "<sip:127.0.0.9;lr>"],
        ["Supported", "path"],
      ],
    ],
  ])(
    "a sips request does not leave over UDP for a sip contact %s that was registered over TLS",
    async (_, of, headers) => {
      const open = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.9", port: 7000 });
      const edge = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.9", port: 5060 });
      const registrant = await bed.agent("TLS");
      await registrant.register("alice", `<${of(registrant)}>`, { headers });
      const watcher = await bed.agent("TLS");
      const response = await watcher.ask({ requestUri: "sips:alice@example.test" });
      expect([response.statusCode, open.received.length + edge.received.length]).toEqual([480, 0]);
    },
  );

  test("a sips request does not leave in the clear when the TLS connection of a sip contact is gone", async () => {
    const registrant = await bed.agent("TLS");
    const { address } = registrant.listening;
    const open = await bed.agent("UDP", { transport: "UDP", address, port: 7000 });
    await registrant.register("alice", "<sip:alice@127.0.0.1:7000>");
    flowToProxy(registrant).close();
    await bed.clock.advance(10);
    const watcher = await bed.agent("TLS");
    const response = await watcher.ask({ requestUri: "sips:alice@example.test" });
    expect([response.statusCode, open.received.length]).toEqual([480, 0]);
  });
});
