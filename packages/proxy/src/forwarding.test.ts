import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Agent, ProxyBed, RawPeer } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;
let sender: Agent;

beforeEach(async () => {
  bed = await ProxyBed.open();
  sender = await bed.agent();
});

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const ALICE = "sip:alice@example.test";

describe("RFC 3261 §16.3, request validation", () => {
  test("(2) a scheme that nobody here can route is 416", async () => {
    const raw = await RawPeer.open(bed, 6500);
    expect((await raw.ask(raw.head("MESSAGE", "mailto:alice@example.test"))).statusCode).toBe(416);
  });

  test("(3) Max-Forwards: 0 is 483, and nothing is forwarded", async () => {
    const alice = await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    expect((await raw.ask(raw.head("MESSAGE", ALICE, [], "0"))).statusCode).toBe(483);
    expect(alice.received).toHaveLength(0);
  });

  test("(3) OPTIONS with Max-Forwards: 0 is answered here with what the proxy can do", async () => {
    await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    const response = await raw.ask(raw.head("OPTIONS", ALICE, [], "0"));
    expect([response.statusCode, response.headers.get("Supported")]).toEqual([200, "path, outbound"]);
    expect(response.headers.get("Allow")).toMatch(/\bMESSAGE\b.*\bSUBSCRIBE\b/);
  });

  test("(4) a request that comes back with nothing changed is 482", async () => {
    // First try: alice@example.test -> alice@127.0.0.1:5060, a spiral; the second one changes nothing.
    await sender.register("alice", "<sip:alice@127.0.0.1:5060>");
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(482);
  });

  test("(4) a request that comes back for another user is a spiral and passes", async () => {
    const alice = await bed.handset("alice");
    await sender.register("boss", "<sip:alice@127.0.0.1:5060>");
    expect((await sender.ask({ requestUri: "sip:boss@example.test" })).statusCode).toBe(200);
    expect(alice.received.map((request) => request.headers.count("Via"))).toEqual([3]);
  });

  test("(4) what is over cannot loop: the same request through a former hop is forwarded again", async () => {
    const alice = await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    const head = raw.head("MESSAGE", ALICE);
    await raw.send(head);
    const via = `Via: SIP/2.0/UDP 127.0.0.1:6500;branch=z9hG4bKnext;rport\nVia:`;
    expect((await raw.ask(head.replace("Via:", via))).statusCode).toBe(200);
    expect(alice.received).toHaveLength(2);
  });

  test("(4) the same request by two ways is no loop (RFC 5393 §4.2)", async () => {
    await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    const head = raw.head("MESSAGE", ALICE);
    const [a, b] = [head, head.replace(/branch=\w+/, "branch=z9hG4bKother")];
    await raw.send(a);
    await raw.send(b);
    expect(raw.received.map((each) => ("statusCode" in each ? each.statusCode : 0))).toEqual([200, 200]);
  });

  test("(5) Proxy-Require is 420 with the tags in Unsupported", async () => {
    const raw = await RawPeer.open(bed, 6500);
    const response = await raw.ask(raw.head("MESSAGE", ALICE, ["Proxy-Require: privacy, foo"]));
    expect([response.statusCode, response.headers.get("Unsupported")]).toEqual([420, "privacy, foo"]);
  });

  test("INVITE is 405 with Allow, CANCEL 481: their transactions are not there yet", async () => {
    const raw = await RawPeer.open(bed, 6500);
    const invite = await raw.ask(raw.head("INVITE", ALICE));
    expect([invite.statusCode, invite.headers.get("Allow")]).toEqual([405, expect.stringContaining("MESSAGE")]);
    expect((await raw.ask(raw.head("CANCEL", ALICE))).statusCode).toBe(481);
  });

  test("the ACK of a refused INVITE ends it; there is nothing to answer", async () => {
    const raw = await RawPeer.open(bed, 6500);
    const invite = raw.head("INVITE", ALICE);
    await raw.send(invite);
    await raw.send(invite.replace("INVITE sip:", "ACK sip:").replace("1 INVITE", "1 ACK"));
    expect(raw.received).toHaveLength(1);
  });

  test("caller preferences that cannot be read are 400, and no handset gets the push", async () => {
    const alice = await bed.handset("alice", { params: ";audio" });
    const response = await sender.ask({ requestUri: ALICE, headers: [["Accept-Contact", "audio;require"]] });
    expect([response.statusCode, response.reason]).toEqual([
      400,
      "Bad Request (Accept-Contact: does not begin with *)",
    ]);
    expect(alice.received).toHaveLength(0);
  });
});

describe("RFC 3261 §16.4, route information", () => {
  test("own Routes go, however many; the next one leads on", async () => {
    const next = await bed.agent("UDP");
    const { port } = next.listening;
    await bed.close();
    bed = await ProxyBed.open({ relay: true });
    const raw = await RawPeer.open(bed, 6500);
    const other = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.1", port });
    const routes = `Route: <sip:example.test;lr>, <sip:127.0.0.1:5060;lr>, <sip:127.0.0.1:${port};lr>`;
    expect((await raw.ask(raw.head("MESSAGE", ALICE, [routes]))).statusCode).toBe(200);
    expect(other.received[0]?.requestUri).toBe(ALICE);
    expect(other.received[0]?.headers.list("Route")).toEqual([`<sip:127.0.0.1:${port};lr>`]);
  });

  test("a maddr that leads here is taken off with its transport, and the user is looked up", async () => {
    const alice = await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    const uri = "sip:alice@example.test:5060;maddr=127.0.0.1;transport=udp";
    expect((await raw.ask(raw.head("MESSAGE", uri))).statusCode).toBe(200);
    expect(alice.received).toHaveLength(1);
  });

  test("a maddr that leads here goes before the request is relayed, with its transport", async () => {
    await bed.close();
    bed = await ProxyBed.open({ relay: true });
    sender = await bed.agent();
    const other = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.2", port: 5060 });
    await sender.ask({ requestUri: "sip:bob@127.0.0.2;maddr=127.0.0.1;transport=udp;x=1" });
    expect(other.received[0]?.requestUri).toBe("sip:bob@127.0.0.2;x=1");
  });

  test("a Request-URI with lr that we did not write stays what it is", async () => {
    const alice = await bed.handset("alice");
    const route = ["Route", "<sip:127.0.0.1:5060;lr>"] as const;
    expect((await sender.ask({ requestUri: `${ALICE};lr`, headers: [route] })).statusCode).toBe(200);
    expect(alice.received).toHaveLength(1);
  });

  test("a strict router put our Record-Route in the Request-URI: the last Route is the Request-URI again", async () => {
    const alice = await bed.handset("alice");
    await sender.ask({ method: "SUBSCRIBE", requestUri: ALICE, callId: "dialog", headers: [["Event", "oma-push"]] });
    const [ours = ""] = alice.received[0]?.headers.list("Record-Route") ?? [];
    const requestUri = ours.slice(1, -1);
    const response = await sender.ask({
      method: "SUBSCRIBE",
      requestUri,
      callId: "dialog",
      headers: [
        ["Event", "oma-push"],
        ["Route", `<${alice.contact("alice")}>`],
      ],
    });
    expect(response.statusCode).toBe(200);
    expect(alice.received[1]?.requestUri).toBe(alice.contact("alice"));
    expect(alice.received[1]?.headers.has("Route")).toBe(false);
  });
});

describe("RFC 3261 §16.5, targets", () => {
  test("a user whom nobody knows is 404, one who was here before 480", async () => {
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(404);
    await sender.register("alice", "<sip:alice@127.0.0.1:7001>;expires=10");
    await bed.clock.advance(11_000);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(480);
  });

  test("the domain without a user is 404 for MESSAGE, and answers OPTIONS", async () => {
    expect((await sender.ask({ requestUri: "sip:example.test" })).statusCode).toBe(404);
    expect((await sender.ask({ method: "OPTIONS", requestUri: "sip:example.test" })).statusCode).toBe(200);
    expect((await sender.ask({ method: "OPTIONS", requestUri: "sip:127.0.0.1:5060" })).statusCode).toBe(200);
  });

  test("OPTIONS to the proxy that requires an extension is 420", async () => {
    const response = await sender.ask({
      method: "OPTIONS",
      requestUri: "sip:example.test",
      headers: [["Require", "foo"]],
    });
    expect([response.statusCode, response.headers.get("Unsupported")]).toEqual([420, "foo"]);
  });

  test("other domains are 403, by Request-URI and by Route: no open relay", async () => {
    const victim = await bed.agent();
    const uri = victim.contact("bob");
    expect((await sender.ask({ requestUri: uri })).statusCode).toBe(403);
    expect((await sender.ask({ requestUri: ALICE, headers: [["Route", `<${uri};lr>`]] })).statusCode).toBe(403);
    expect(victim.received).toHaveLength(0);
  });

  test("a Route that only looks like ours opens no way", async () => {
    const victim = await bed.agent();
    const route = `<sip:${Buffer.alloc(24).toString("base64url")}@127.0.0.1:5060;lr>`;
    const response = await sender.ask({ requestUri: victim.contact("bob"), headers: [["Route", route]] });
    expect([response.statusCode, victim.received.length]).toEqual([403, 0]);
  });

  test("tel: and user=phone find the user by the bare number", async () => {
    const alice = await bed.handset("+15551234");
    for (const requestUri of ["tel:+1-555-1234", "sip:+1.555.1234@example.test;user=phone"]) {
      expect((await sender.ask({ requestUri, to: "sip:x@example.test" })).statusCode).toBe(200);
    }
    expect(alice.received).toHaveLength(2);
  });

  test("sips goes to contacts that TLS leads to; there is none here, so 480 (RFC 5630 §5.3)", async () => {
    const alice = await bed.handset("alice");
    expect((await sender.ask({ requestUri: "sips:alice@example.test" })).statusCode).toBe(480);
    expect(alice.received).toHaveLength(0);
  });
});

describe("RFC 3261 §16.6, forwarding", () => {
  test("(2), (3), (8) the Request-URI is the contact, Max-Forwards one less, one Via more", async () => {
    const alice = await bed.handset("alice");
    await sender.ask({ requestUri: ALICE });
    const [request] = alice.received;
    expect(request?.requestUri).toBe(alice.contact("alice"));
    expect(request?.headers.get("Max-Forwards")).toBe("69");
    expect(request?.headers.list("Via")).toEqual([
      expect.stringMatching(/^SIP\/2\.0\/UDP 127\.0\.0\.1:5060;branch=z9hG4bK\w{32,};.*rport/),
      expect.stringContaining(`127.0.0.1:${sender.listening.port}`),
    ]);
  });

  test("(2) what a Request-URI may not hold is left out of the contact", async () => {
    const alice = await bed.agent();
    await alice.register("alice", `<${alice.contact("alice")};method=INVITE;x=1?Subject=hi>`);
    await sender.ask({ requestUri: ALICE });
    expect(alice.received[0]?.requestUri).toBe(`${alice.contact("alice")};x=1`);
  });

  test("(3) a request without Max-Forwards gets 70", async () => {
    const alice = await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    await raw.ask(raw.head("MESSAGE", ALICE, [], ""));
    expect(alice.received[0]?.headers.get("Max-Forwards")).toBe("70");
  });

  test.each([
    ["SUBSCRIBE", 1],
    ["REFER", 1],
    ["NOTIFY", 1],
    ["MESSAGE", 0],
    ["PUBLISH", 0],
    ["OPTIONS", 0],
  ])("(4) %s gets %i Record-Route", async (method, count) => {
    const alice = await bed.handset("alice");
    await sender.ask({ method, requestUri: ALICE });
    expect(alice.received[0]?.headers.list("Record-Route")).toHaveLength(count);
  });

  test("(6) Path of the registration becomes the Route (RFC 3327 §5.4)", async () => {
    const edge = await bed.agent();
    const path = `<sip:token@127.0.0.1:${edge.listening.port};lr>`;
    await sender.register("alice", "<sip:alice@10.9.8.7>", {
      headers: [
        ["Path", `${path}, <sip:inner.test;lr>`],
        ["Supported", "path"],
      ],
    });
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(edge.received[0]?.headers.list("Route")).toEqual([path, "<sip:inner.test;lr>"]);
    expect(edge.received[0]?.requestUri).toBe("sip:alice@10.9.8.7");
  });

  test("(6) a strict router on the way becomes the Request-URI, and the contact the last Route", async () => {
    const edge = await bed.agent();
    const strict = `sip:127.0.0.1:${edge.listening.port}`;
    await sender.register("alice", "<sip:alice@10.9.8.7>", {
      headers: [
        ["Path", `<${strict}>, <sip:inner.test;lr>`],
        ["Supported", "path"],
      ],
    });
    await sender.ask({ requestUri: ALICE });
    expect(edge.received[0]?.requestUri).toBe(strict);
    expect(edge.received[0]?.headers.list("Route")).toEqual(["<sip:inner.test;lr>", "<sip:alice@10.9.8.7>"]);
  });

  test("a contact off this machine is not reached from a proxy that listens on loopback", async () => {
    await sender.register("alice", "<sip:alice@192.0.2.1>");
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(403);
    expect(bed.network.sent.filter(({ to }) => to.address === "192.0.2.1")).toEqual([]);
  });

  test("a Via that points off this machine gets no answer there either", async () => {
    const raw = await RawPeer.open(bed, 6500);
    await raw.send(raw.head("MESSAGE", ALICE).replace(/(branch=\w+);rport/, "$1;maddr=192.0.2.1"));
    expect(bed.network.sent.filter(({ to }) => to.address === "192.0.2.1")).toEqual([]);
  });

  test("more than maxRequestsUnderWay is 503 with Retry-After, and those under way go on", async () => {
    await bed.close();
    bed = await ProxyBed.open({ maxRequestsUnderWay: 1 });
    const alice = await bed.handset("alice");
    alice.answer = () => {};
    const raw = await RawPeer.open(bed, 6500);
    await raw.send(raw.head("MESSAGE", ALICE));
    const response = await raw.ask(raw.head("MESSAGE", ALICE));
    expect([response.statusCode, response.headers.get("Retry-After")]).toEqual([503, "5"]);
    alice.transactions[0]?.reply(200);
    await bed.clock.advance(100);
    expect(raw.received.at(-1)).toMatchObject({ statusCode: 200 });
  });

  test("Via stays on top of what is added", async () => {
    const alice = await bed.handset("alice");
    await sender.ask({ method: "SUBSCRIBE", requestUri: ALICE });
    expect([...(alice.received[0]?.headers ?? [])].map(([name]) => name).slice(0, 2)).toEqual(["Via", "Via"]);
  });

  test("a retransmission is answered by its transaction and not forwarded again", async () => {
    const alice = await bed.handset("alice");
    const raw = await RawPeer.open(bed, 6500);
    const head = raw.head("MESSAGE", ALICE);
    await raw.send(head);
    await raw.send(head);
    expect([raw.received.length, alice.received.length]).toEqual([2, 1]);
  });

  test("the owner of the proxy hears what became of each request", async () => {
    const alice = await bed.handset("alice");
    const events: unknown[] = [];
    bed.proxy.on("forwarded", ({ method, targets, statusCode }) => events.push([method, targets, statusCode]));
    bed.proxy.on("refused", ({ method, requestUri, statusCode }) => events.push([method, requestUri, statusCode]));
    await sender.ask({ requestUri: ALICE });
    await sender.ask({ requestUri: "sip:nobody@example.test" });
    expect(events).toEqual([
      ["MESSAGE", [alice.contact("alice")], 200],
      ["MESSAGE", "sip:nobody@example.test", 404],
    ]);
  });
});

describe("relaying", () => {
  test("relay: true passes requests to other domains on", async () => {
    await bed.close();
    bed = await ProxyBed.open({ relay: true });
    sender = await bed.agent();
    const other = await bed.agent();
    expect((await sender.ask({ requestUri: other.contact("bob") })).statusCode).toBe(200);
    expect(other.received[0]?.requestUri).toBe(other.contact("bob"));
  });

  test("a next hop that cannot be reached or found is 500: as if it had said 503 (RFC 3261 §16.9)", async () => {
    await bed.close();
    bed = await ProxyBed.open({ relay: true });
    sender = await bed.agent();
    for (const requestUri of ["sip:bob@127.0.0.1:7999;transport=tcp", "sip:bob@nowhere.test"]) {
      expect((await sender.ask({ requestUri })).statusCode).toBe(500);
    }
  });
});
