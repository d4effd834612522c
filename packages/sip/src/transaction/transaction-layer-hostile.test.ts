import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeMessage, type SipRequest, type SipResponse } from "../message/index.ts";
import { MemoryNetwork, seededRandom, type Told, TransactionRig, VirtualClock } from "../testing/index.ts";
import type { Flow, TransportName } from "../transport/transport.ts";
import { createRequest } from "../user-agent/request.ts";
import { TransactionLayer } from "./transaction-layer.ts";

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

describe("what must not bring the layer down", () => {
  const raw = (method: string): Uint8Array =>
    Buffer.from(
      `${method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKsame\r\nFrom: <sip:a@b>;tag=1\r\n` +
        `To: <sip:b@c>\r\nCall-ID: x\r\nCSeq: 1 ${method}\r\nContent-Length: 0\r\n\r\n`,
    );
  const answers = (): number => network.sent.filter((packet) => packet.from.address === SERVER.address).length;

  it("an ACK to an INVITE that was answered 405 gets no answer, which would bring the next ACK (§17.1.1.3)", async () => {
    await open("UDP");
    server.onRequest = (transaction) => transaction.reply(405);
    for (const method of ["INVITE", "ACK", "ACK"]) {
      network.carry({ transport: "UDP", from: CLIENT, to: SERVER, octets: raw(method) });
      await clock.advance(0);
    }
    expect([server.received.length, answers()]).toEqual([1, 1]);
  });

  it("a response whose user throws: the transaction ends like any other", async () => {
    const flow = await open("UDP");
    server.onRequest = (transaction) => transaction.reply(200);
    client.transactions.send(message(), flow, {
      response: () => {
        throw new Error("broken user");
      },
      failed: () => expect.fail("not expected"),
    });
    await clock.advance(6000);
    expect(client.transactions.active.clients).toBe(0);
    expect(client.transport.stats.handlerErrors).toBe(0);
  });

  it("requests that nobody answers: past the limit they are refused 503 without state (§21.5.4)", async () => {
    await open("UDP");
    const limited = new TransactionLayer({
      clock,
      transport: server.transport,
      onRequest: () => {},
      maxServerTransactions: 2,
    });
    const flow = server.transport.existingFlow({ transport: "UDP", ...CLIENT }) ?? expect.fail("no flow");
    for (const branch of ["a", "b", "c", "d"]) {
      const text = Buffer.from(raw("MESSAGE")).toString("latin1").replace("z9hG4bKsame", `z9hG4bK${branch}`);
      limited.receiveRequest(decodeMessage(Buffer.from(text, "latin1")) as SipRequest, flow);
    }
    expect([limited.active.servers, limited.stats.overloaded]).toEqual([2, 2]);
    const refusal = decodeMessage(network.sent.at(-1)?.octets ?? new Uint8Array()) as SipResponse;
    expect([refusal.statusCode, refusal.headers.get("Retry-After")]).toEqual([503, "5"]);
    limited.close();
    await clock.advance(0);
  });

  it("a provisional response other than 100 is not sent (RFC 4320 §4.1)", async () => {
    await open("UDP");
    server.onRequest = (transaction) => transaction.reply(180);
    network.carry({ transport: "UDP", from: CLIENT, to: SERVER, octets: raw("MESSAGE") });
    await clock.advance(0);
    expect(answers()).toBe(0);
  });

  it("what is sent after the end fails as SIP_CLOSED and leaves no timer", async () => {
    const flow = await open("TCP");
    client.transactions.close();
    const told = client.send(message(), flow);
    expect(told).toEqual([]);
    await clock.advance(0);
    expect(statuses(told)).toEqual(["SIP_CLOSED"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("the end of one connection fails its own requests only (§17.1.4)", async () => {
    const flow = await open("TCP");
    const other = await TransactionRig.open(network, { transport: "TCP", address: "192.0.2.3", port: 5060 });
    const otherFlow = await client.transport.flowTo({ transport: "TCP", address: "192.0.2.3", port: 5060 });
    const [lost, kept] = [client.send(message(), flow), client.send(message(), otherFlow)];
    await clock.advance(0);
    flow.close();
    await clock.advance(0);
    expect([statuses(lost), statuses(kept)]).toEqual([["SIP_TRANSPORT"], []]);
    other.received[0]?.reply(200);
    await clock.advance(0);
    expect(statuses(kept)).toEqual([200]);
    await other.close();
  });
});
