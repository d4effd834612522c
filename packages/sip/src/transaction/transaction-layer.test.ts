import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeMessage, SipRequest, SipResponse } from "../message/index.ts";
import { MemoryNetwork, type Packet, seededRandom, type Told, TransactionRig, VirtualClock } from "../testing/index.ts";
import type { Flow, TransportName } from "../transport/transport.ts";
import { createRequest } from "../user-agent/request.ts";

const CLIENT = { address: "192.0.2.1", port: 5060 };
const SERVER = { address: "192.0.2.2", port: 5060 };

let clock: VirtualClock;
let network: MemoryNetwork;
let client: TransactionRig;
let server: TransactionRig;

async function open(transport: TransportName): Promise<Flow> {
  client = await TransactionRig.open(network, { transport, ...CLIENT });
  server = await TransactionRig.open(network, { transport, ...SERVER });
  return client.transport.flowTo({ transport, ...SERVER });
}

function message(): SipRequest {
  return createRequest({ method: "MESSAGE", requestUri: "sip:bob@192.0.2.2", from: "sip:alice@192.0.2.1" });
}

/** When the requests (or responses) left, in ms since the start. */
function watchTimes(kind: "request" | "response"): number[] {
  const times: number[] = [];
  const before = network.filter;
  network.filter = (packet) => {
    if (decodeMessage(packet.octets).kind === kind) times.push(clock.now());
    return before(packet);
  };
  return times;
}

function statuses(told: readonly Told[]): Array<number | string> {
  return told.map((each) => ("response" in each ? each.response.statusCode : each.failed.code));
}

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(1) });
});

afterEach(async () => {
  await client?.close();
  await server?.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("non-INVITE client transaction (RFC 3261 §17.1.2.2, figure 6)", () => {
  it("retransmits at T1, 2*T1 … up to T2 over UDP and times out at 64*T1", async () => {
    const flow = await open("UDP");
    network.filter = () => false;
    const times = watchTimes("request");
    const told = client.send(message(), flow);
    await clock.advance(31_999);
    expect(times).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(statuses(told)).toEqual(["SIP_TIMEOUT"]);
    await clock.advance(60_000);
    expect(times).toHaveLength(11);
    expect(client.transactions.active.clients).toBe(0);
  });

  it("sends once over TCP and still times out at 64*T1", async () => {
    const flow = await open("TCP");
    const times = watchTimes("request");
    network.filter = (
      (before) => (packet: Packet) =>
        before(packet) && false
    )(network.filter);
    const told = client.send(message(), flow);
    await clock.advance(32_000);
    expect(times).toEqual([0]);
    expect(statuses(told)).toEqual(["SIP_TIMEOUT"]);
  });

  it("goes on at T2 after a provisional response (Proceeding)", async () => {
    const flow = await open("UDP");
    const times = watchTimes("request");
    server.onRequest = ({ request }) => answerRaw(request, "100 Trying");
    const told = client.send(message(), flow);
    await clock.advance(32_000);
    // The first 500 ms run already when the 100 arrives; after that it is T2.
    expect(times).toEqual([0, 500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500]);
    expect(statuses(told).filter((status) => status !== 100)).toEqual(["SIP_TIMEOUT"]);
  });

  it("passes each provisional and one final response up, and absorbs the final's repetitions until Timer K", async () => {
    const flow = await open("UDP");
    network.conditions = { ...network.conditions, duplicate: 1 };
    server.onRequest = (transaction) => {
      answerRaw(transaction.request, "100 Trying");
      transaction.reply(200);
    };
    const told = client.send(message(), flow);
    await clock.advance(100);
    expect(statuses(told).filter((status) => status === 200)).toEqual([200]);
    const again = network.sent.findLast((packet) => packet.from.address === SERVER.address) ?? expect.fail("no answer");
    await clock.advance(4800);
    network.carry(again);
    await clock.advance(0);
    expect(client.transactions.stats.strayResponses).toBe(0);
    expect(client.transactions.stats.responsesAbsorbed).toBeGreaterThan(2);
    expect(client.transactions.active.clients).toBe(0);
    await clock.advance(10_000);
    network.carry(again);
    await clock.advance(0);
    expect(client.transactions.stats.strayResponses).toBeGreaterThan(0);
  });

  it("ends at once after the final response on a reliable transport (Timer K = 0)", async () => {
    const flow = await open("TCP");
    server.onRequest = (transaction) => transaction.reply(200);
    const told = client.send(message(), flow);
    await clock.advance(0);
    expect(statuses(told)).toEqual([200]);
    expect(client.transactions.active.clients).toBe(0);
  });

  it.each(["trying", "proceeding"])("fails on a transport error in %s", async (state) => {
    const flow = await open("TCP");
    if (state === "proceeding") server.onRequest = (transaction) => transaction.reply(100);
    const told = client.send(message(), flow);
    await clock.advance(1);
    flow.close();
    await clock.advance(0);
    expect(statuses(told).at(-1)).toBe("SIP_TRANSPORT");
    expect(client.transactions.active.clients).toBe(0);
  });

  it("ignores a response with our branch but another sent-by or method (§17.1.3, §18.1.2)", async () => {
    const flow = await open("UDP");
    const told = client.send(message(), flow);
    await clock.advance(0);
    const { request } = server.received[0] ?? expect.fail("no request");
    const good = rawAnswer(request, "200 OK").toString("latin1");
    for (const [from, to] of [
      ["192.0.2.1:5060", "192.0.2.9:5060"],
      ["1 MESSAGE", "1 OPTIONS"],
    ] as const) {
      const wrong = good.replace(from, to);
      network.carry({ transport: "UDP", from: SERVER, to: CLIENT, octets: Buffer.from(wrong, "latin1") });
    }
    await clock.advance(0);
    expect(told).toEqual([]);
    expect(client.transactions.stats.strayResponses).toBe(2);
  });
});

function rawAnswer(request: SipRequest, status: string): Buffer {
  const fields = ["Via", "From", "To", "Call-ID", "CSeq"].map((name) => `${name}: ${request.headers.get(name)}\r\n`);
  return Buffer.from(`SIP/2.0 ${status}\r\n${fields.join("")}Content-Length: 0\r\n\r\n`, "latin1");
}

/** An answer that our server transaction would not give: an early 100, say. */
function answerRaw(request: SipRequest, status: string): void {
  network.carry({ transport: "UDP", from: SERVER, to: CLIENT, octets: rawAnswer(request, status) });
}

describe("non-INVITE server transaction (RFC 3261 §17.2.2, figure 8; RFC 4320)", () => {
  it("hands a request up once and discards its retransmissions while Trying", async () => {
    const flow = await open("UDP");
    client.send(message(), flow);
    await clock.advance(3000);
    expect(server.received).toHaveLength(1);
    expect(server.transactions.stats.retransmissionsAbsorbed).toBe(2);
  });

  it("repeats the provisional response to a retransmission in Proceeding", async () => {
    const flow = await open("UDP");
    const responses = watchTimes("response");
    client.send(message(), flow);
    await clock.advance(8000);
    // By itself when Timer E has reached T2, then to the retransmission that comes T2 later.
    expect(new Set(responses)).toEqual(new Set([3500, 7500]));
  });

  it("repeats the same octets of the final response for 64*T1 (Timer J), and takes the request as new after that", async () => {
    const flow = await open("UDP");
    server.onRequest = (transaction) => transaction.reply(200);
    client.send(message(), flow);
    await clock.advance(0);
    const request = network.sent.find((packet) => packet.to === SERVER || packet.to.address === SERVER.address);
    const first = network.sent.find((packet) => packet.to.address === CLIENT.address);
    if (request === undefined || first === undefined) expect.fail("nothing was sent");
    await clock.advance(31_999);
    network.carry(request);
    await clock.advance(0);
    expect(Buffer.from(network.sent.at(-1)?.octets ?? []).equals(first.octets)).toBe(true);
    expect(server.received).toHaveLength(1);
    await clock.advance(1);
    network.carry(request);
    await clock.advance(0);
    expect(server.received).toHaveLength(2);
  });

  it("keeps nothing after the final response on a reliable transport (Timer J = 0)", async () => {
    const flow = await open("TCP");
    server.onRequest = (transaction) => transaction.reply(200);
    client.send(message(), flow);
    await clock.advance(0);
    expect(server.transactions.active.servers).toBe(0);
  });

  it("does not send 100 over UDP before that time, nor any other provisional response (RFC 4320 §4.1)", async () => {
    const flow = await open("UDP");
    const responses = watchTimes("response");
    server.onRequest = (transaction) => {
      transaction.reply(100);
      transaction.reply(183);
    };
    client.send(message(), flow);
    await clock.advance(3499);
    expect(responses).toEqual([]);
  });

  it("sends 100 by itself when Timer E of the client has reached T2, not before (RFC 4320 §4.1)", async () => {
    const flow = await open("UDP");
    const responses = watchTimes("response");
    client.send(message(), flow);
    await clock.advance(3499);
    expect(responses).toEqual([]);
    await clock.advance(1);
    expect(responses.slice(0, 1)).toEqual([3500]);
  });

  it("gives up a request that its user never answered when the client has timed out", async () => {
    const flow = await open("UDP");
    network.filter = (packet) => packet.from.address === CLIENT.address;
    client.send(message(), flow);
    await clock.advance(32_000);
    expect(server.transactions.stats.abandoned).toBe(1);
    const [transaction] = server.received;
    transaction?.reply(200);
    expect(network.sent.filter((packet) => packet.from.address === SERVER.address).length).toBeGreaterThan(0);
    expect(transaction?.open).toBe(false);
  });

  it("discards a second final response (§17.2.2 Completed)", async () => {
    const flow = await open("UDP");
    server.onRequest = (transaction) => {
      transaction.reply(200);
      transaction.reply(500);
    };
    const told = client.send(message(), flow);
    await clock.advance(10);
    expect(statuses(told)).toEqual([200]);
  });

  it("answers 500 when its user throws, and goes on", async () => {
    const flow = await open("UDP");
    server.onRequest = () => {
      throw new Error("broken handler");
    };
    const first = client.send(message(), flow);
    await clock.advance(10);
    server.onRequest = (transaction) => transaction.reply(200);
    const second = client.send(message(), flow);
    await clock.advance(10);
    expect([statuses(first), statuses(second)]).toEqual([[500], [200]]);
  });

  it("matches by branch, sent-by and method: the same branch from elsewhere is another request (§17.2.3)", async () => {
    await open("UDP");
    const octets = (sentBy: string, method: string): Uint8Array =>
      Buffer.from(
        `${method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP ${sentBy};branch=z9hG4bKsame\r\nFrom: <sip:a@b>;tag=1\r\n` +
          `To: <sip:b@c>\r\nCall-ID: x\r\nCSeq: 1 ${method}\r\nContent-Length: 0\r\n\r\n`,
      );
    for (const [sentBy, method] of [
      ["192.0.2.1:5060", "MESSAGE"],
      ["192.0.2.1:5062", "MESSAGE"],
      ["192.0.2.1:5060", "OPTIONS"],
      ["192.0.2.1:5060", "MESSAGE"],
    ] as const) {
      network.carry({ transport: "UDP", from: CLIENT, to: SERVER, octets: octets(sentBy, method) });
    }
    await clock.advance(0);
    expect(server.received).toHaveLength(3);
  });

  it("matches a request of RFC 2543 (no magic cookie) by its URI, tags, Call-ID, CSeq and Via (§17.2.3)", async () => {
    await open("UDP");
    const octets = (callId: string): Uint8Array =>
      Buffer.from(
        `MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=1\r\nFrom: <sip:a@b>;tag=1\r\n` +
          `To: <sip:b@c>\r\nCall-ID: ${callId}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`,
      );
    for (const callId of ["x", "y", "x"]) {
      network.carry({ transport: "UDP", from: CLIENT, to: SERVER, octets: octets(callId) });
    }
    await clock.advance(0);
    expect(server.received.map(({ request }) => request.callId)).toEqual(["x", "y"]);
  });
});

describe("responses find their way back (RFC 3261 §18.2, RFC 3581)", () => {
  const raw = (via: string): Uint8Array =>
    Buffer.from(
      `MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\nVia: ${via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\n` +
        "Call-ID: x\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
    );
  const source = { address: "192.0.2.77", port: 40_404 };

  it.each([
    ["rport: to the source port", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;rport", "192.0.2.77:40404"],
    [
      "no rport: to the source address at the sent-by port",
      "SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKb",
      "192.0.2.77:5099",
    ],
    ["no port: 5060", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKc", "192.0.2.77:5060"],
    ["maddr wins over received", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKd;maddr=192.0.2.55", "192.0.2.55:5060"],
  ])("%s", async (_, via, expected) => {
    await open("UDP");
    server.onRequest = (transaction) => transaction.reply(200);
    network.carry({ transport: "UDP", from: source, to: SERVER, octets: raw(via) });
    await clock.advance(0);
    const { to } = network.sent.at(-1) ?? expect.fail("no answer");
    expect(`${to.address}:${to.port}`).toBe(expected);
  });

  it("adds received when the sent-by differs, and received with rport always", async () => {
    await open("UDP");
    for (const via of ["SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKb;rport"]) {
      network.carry({ transport: "UDP", from: source, to: SERVER, octets: raw(via) });
    }
    network.carry({
      transport: "UDP",
      from: source,
      to: SERVER,
      octets: raw("SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKc"),
    });
    await clock.advance(0);
    expect(server.received.map(({ request }) => request.headers.get("Via"))).toEqual([
      "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=192.0.2.77",
      "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKb;rport=40404;received=192.0.2.77",
      "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKc",
    ]);
  });

  it("answers a malformed request 400 naming the field, without handing it up, and never an ACK", async () => {
    await open("UDP");
    const bad = Buffer.from(raw("SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKa;rport")).toString("latin1");
    for (const text of [
      bad.replace("CSeq: 1 MESSAGE", "CSeq: one MESSAGE"),
      bad.replace(/MESSAGE/g, "ACK").replace("CSeq: 1 ACK", "CSeq: one ACK"),
    ]) {
      network.carry({ transport: "UDP", from: source, to: SERVER, octets: Buffer.from(text, "latin1") });
    }
    await clock.advance(0);
    const answers = network.sent.filter((packet) => packet.from.address === SERVER.address);
    const [answer] = answers.map((packet) => decodeMessage(packet.octets));
    expect(answers).toHaveLength(1);
    expect(answer).toBeInstanceOf(SipResponse);
    expect((answer as SipResponse).statusCode).toBe(400);
    expect((answer as SipResponse).reason).toContain("CSeq");
    expect(server.received).toEqual([]);
  });

  it("opens a connection to the sent-by when the one that brought the request is gone (§18.2.2)", async () => {
    const flow = await open("TCP");
    let transaction: unknown;
    server.onRequest = (each) => {
      transaction = each;
    };
    const told = client.send(message(), flow);
    await clock.advance(0);
    expect(transaction).toBeDefined();
    server.received[0]?.flow.close();
    await clock.advance(0);
    expect(statuses(told)).toEqual(["SIP_TRANSPORT"]);
    server.received[0]?.reply(200);
    await clock.advance(0);
    expect(network.sent.filter((packet) => packet.to.address === CLIENT.address)).toHaveLength(1);
  });
});

describe("two ends over a link that loses, repeats, reorders and delays", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "hands each of 50 requests up exactly once and settles each (seed %i)",
    async (seed) => {
      network = new MemoryNetwork({
        clock,
        random: seededRandom(seed),
        conditions: { loss: 0.3, duplicate: 0.3, minDelayMs: 5, maxDelayMs: 900 },
      });
      const flow = await open("UDP");
      server.onRequest = (transaction) => transaction.reply(200);
      const all = Array.from({ length: 50 }, () => client.send(message(), flow));
      await clock.advance(33_000);
      expect(all.map((told) => told.length)).toEqual(Array(50).fill(1));
      const callIds = server.received.map(({ request }) => request.callId);
      expect(new Set(callIds).size).toBe(callIds.length);
      expect(callIds.length).toBeGreaterThanOrEqual(all.filter((told) => statuses(told)[0] === 200).length);
      await clock.advance(60_000);
      expect(client.transactions.active).toEqual({ clients: 0, servers: 0 });
      expect(server.transactions.active).toEqual({ clients: 0, servers: 0 });
    },
  );
});
