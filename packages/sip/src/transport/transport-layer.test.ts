import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeMessage, responseTo, SipRequest } from "../message/index.ts";
import { MemoryNetwork, type Packet, VirtualClock } from "../testing/index.ts";
import type { Address, Flow, SipTransportError, Target } from "./transport.ts";
import { type LocateSentBy, TransportLayer } from "./transport-layer.ts";

const SERVER = { address: "192.0.2.2", port: 5060 };
const SOURCE = { address: "192.0.2.77", port: 40_404 };

let clock: VirtualClock;
let network: MemoryNetwork;
let layer: TransportLayer;
let received: Array<readonly [SipRequest, Flow]>;
let onResponse: () => void;

function octets(via: string, { callId = "Call-ID: x\r\n" } = {}): Uint8Array {
  return Buffer.from(
    `MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\nVia: ${via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\n` +
      `${callId}CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`,
  );
}

function request(via: string, options?: { callId: string }): SipRequest {
  return decodeMessage(octets(via, options)) as SipRequest;
}

function newLayer(locateSentBy?: LocateSentBy): TransportLayer {
  const user = {
    request: (message: SipRequest, flow: Flow): void => void received.push([message, flow]),
    response: (): void => onResponse(),
    flowClosed: (): void => {},
  };
  return new TransportLayer(network.open, user, undefined, locateSentBy);
}

/** Answers the request that came last. */
async function answer(): Promise<void> {
  const [message, flow] = received.at(-1) ?? expect.fail("no request");
  layer.sendResponse(responseTo(message, 200).encode(), message, flow);
  await clock.advance(10);
}

const sentFrom = ({ address, port }: Address): Packet[] =>
  network.sent.filter(({ from }) => from.address === address && from.port === port);

/** A flow that is gone when it is written to, and says so later. */
function brokenFlow(transport: "UDP" | "TCP"): Flow {
  return {
    transport,
    local: SERVER,
    remote: SOURCE,
    peerNames: [],
    open: false,
    send: (_, failed) => queueMicrotask(() => failed?.({ message: "gone" } as SipTransportError)),
    keepAlive: () => {},
    close: () => {},
  };
}

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock });
  received = [];
  onResponse = () => {};
  layer = newLayer();
});

afterEach(() => layer.close());

describe("responses over UDP", () => {
  it("go to maddr although there is an rport (RFC 3581 §4)", async () => {
    await layer.listen({ transport: "UDP", ...SERVER });
    const via = "SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKa;rport;maddr=192.0.2.55";
    network.carry({ transport: "UDP", from: SOURCE, to: SERVER, octets: octets(via) });
    await clock.advance(0);
    await answer();
    expect(sentFrom(SERVER).map(({ to }) => to)).toEqual([{ address: "192.0.2.55", port: 5070 }]);
  });

  it("follow the source, not a received that the request brought along", async () => {
    await layer.listen({ transport: "UDP", ...SERVER });
    const via = "SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKa;received=192.0.2.55";
    network.carry({ transport: "UDP", from: SOURCE, to: SERVER, octets: octets(via) });
    await clock.advance(0);
    expect(received[0]?.[0].via.params.get("received")).toBe(SOURCE.address);
    await answer();
    expect(sentFrom(SERVER).map(({ to }) => to)).toEqual([{ address: SOURCE.address, port: 5070 }]);
  });

  it("leave from the socket that brought the request, rport or not", async () => {
    const second = { ...SERVER, port: 5062 };
    await layer.listen({ transport: "UDP", ...SERVER });
    await layer.listen({ transport: "UDP", ...second });
    for (const via of [
      "SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKa",
      "SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKb;rport",
    ]) {
      network.carry({ transport: "UDP", from: SOURCE, to: second, octets: octets(via) });
      await clock.advance(0);
      await answer();
    }
    expect(sentFrom(second)).toHaveLength(2);
    expect(sentFrom(SERVER)).toHaveLength(0);
  });

  it("to what lacks a Call-ID and cannot be reached are lost and counted, nothing else", async () => {
    layer.message(request("SIP/2.0/UDP 192.0.2.77:0;branch=z9hG4bKa", { callId: "" }), brokenFlow("UDP"));
    await clock.advance(0);
    expect(layer.stats).toMatchObject({ rejected: 1, responsesLost: 1, handlerErrors: 0 });
  });
});

describe("responses whose connection is gone (RFC 3261 §18.2.2, RFC 3263 §5)", () => {
  const via = "SIP/2.0/TCP client.example.test:5070;branch=z9hG4bKa";

  async function listener(address: Address): Promise<void> {
    await network.open({ transport: "TCP", ...address }, { message: () => {}, malformed: () => {}, closed: () => {} });
  }

  async function answerOnBrokenFlow(): Promise<void> {
    await layer.listen({ transport: "TCP", ...SERVER });
    const message = request(via);
    layer.message(message, brokenFlow("TCP"));
    await answer();
  }

  it("go on a new connection to where the request came from, at the sent-by port", async () => {
    await listener({ address: SOURCE.address, port: 5070 });
    await answerOnBrokenFlow();
    expect(sentFrom(SERVER).map(({ to }) => to)).toEqual([{ address: SOURCE.address, port: 5070 }]);
  });

  it("go to the servers of sent-by when nobody listens there", async () => {
    const other: Target = { transport: "TCP", address: "192.0.2.88", port: 5070 };
    layer = newLayer(async function* (each) {
      expect(each.host).toBe("client.example.test");
      yield { ...other, address: "192.0.2.87" };
      yield other;
    });
    await listener(other);
    await answerOnBrokenFlow();
    expect(sentFrom(SERVER).map(({ to }) => to.address)).toEqual(["192.0.2.88"]);
    expect(layer.stats.responsesLost).toBe(0);
  });

  it.each([
    ["nobody can be reached", via],
    ["it was a WebSocket client's (RFC 7118 §5.2)", "SIP/2.0/TCP df7jal23ls0d.invalid;branch=z9hG4bKa"],
  ])("are lost and counted when %s", async (_, each) => {
    await layer.listen({ transport: "TCP", ...SERVER });
    layer.message(request(each), brokenFlow("TCP"));
    await answer();
    expect(layer.stats.responsesLost).toBe(1);
    expect(sentFrom(SERVER)).toEqual([]);
  });
});

describe("sent-by (RFC 3261 §18.1.1)", () => {
  it("is that of the listener which the flow belongs to, among several of one transport", async () => {
    await layer.listen({ transport: "UDP", ...SERVER });
    await layer.listen({ transport: "UDP", ...SERVER, port: 5062 });
    await layer.listen({ transport: "UDP", address: "2001:db8::2", port: 5060 });
    const sentBy = (address: string, port: number): string =>
      layer.sentBy({ transport: "UDP", local: { address, port } });
    expect(sentBy("192.0.2.2", 5062)).toBe("192.0.2.2:5062");
    expect(sentBy("2001:db8::2", 5060)).toBe("[2001:db8::2]:5060");
    expect(sentBy("2001:db8::9", 40_000)).toBe("[2001:db8::2]:5060");
    expect(layer.sentBy({ transport: "UDP" })).toBe("192.0.2.2:5060");
  });
});

describe("a user that throws", () => {
  it("is counted, and the next message is handed up all the same", async () => {
    const response = responseTo(request("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa"), 200);
    let heard = 0;
    onResponse = () => {
      heard++;
      throw new Error("broken user");
    };
    for (let i = 0; i < 2; i++) layer.message(response, brokenFlow("UDP"));
    expect(heard).toBe(2);
    expect(layer.stats.handlerErrors).toBe(2);
  });
});
