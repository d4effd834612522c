import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { paramValue, parseNameAddr, parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { TransportName } from "../transport/transport.ts";
import { SipEndpoint } from "./endpoint.ts";
import { Registration } from "./registration.ts";
import type { RegistrationEventReport, RegistrationOptions } from "./registration-options.ts";
import { RequestSender } from "./request-sender.ts";

const REGISTRAR = { address: "192.0.2.2", port: 5060 };
const instanceId = "urn:uuid:00000000-0000-4000-8000-000000000001";

let clock: VirtualClock;
let network: MemoryNetwork;
let registrar: SipEndpoint;
let handset: SipEndpoint;
let registration: Registration;
let events: RegistrationEventReport[];
let requests: ServerTransaction[];
/** What the registrar does with a REGISTER. */
let answer: (transaction: ServerTransaction) => void;

/** A 200 that lists the contact as asked for. */
function accept(transaction: ServerTransaction, headers: ReadonlyArray<readonly [string, string]> = []): void {
  const contact = transaction.request.headers.get("Contact") ?? "";
  transaction.reply(200, { headers: [["Contact", contact], ...headers] });
}

async function open(transport: TransportName, options: Partial<RegistrationOptions> = {}): Promise<void> {
  const onRequest = (transaction: ServerTransaction): void => {
    requests.push(transaction);
    answer(transaction);
  };
  registrar = await SipEndpoint.open({ listen: [{ transport, ...REGISTRAR }], onRequest, clock, open: network.open });
  handset = await SipEndpoint.open({
    listen: [{ transport, address: "192.0.2.1", port: 5060 }],
    onRequest: () => {},
    clock,
    open: network.open,
  });
  registration = new Registration({
    endpoint: handset,
    sender: new RequestSender({ endpoint: handset }),
    aor: "sip:alice@example.test",
    nextHop: parseUri(`sip:192.0.2.2:5060;transport=${transport.toLowerCase()}`) as SipUri,
    expiresSeconds: 600,
    random: () => 1,
    onEvent: (event) => void events.push(event),
    ...options,
  });
}

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(7) });
  events = [];
  requests = [];
  answer = accept;
});

afterEach(async () => {
  await clock.until(registration.stop());
  await handset.close();
  await registrar.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("registration (RFC 3261 §10.2)", () => {
  it("says registered only when the answer lists our contact", async () => {
    answer = (transaction) => transaction.reply(200, { headers: [["Contact", "<sip:other@192.0.2.9>;expires=60"]] });
    await open("UDP");
    registration.start();
    await clock.advance(10);
    expect(events).toEqual([
      {
        kind: "failed",
        aor: "sip:alice@example.test",
        sipStatus: 200,
        reason: "the registrar's answer does not list our contact",
        retryInMs: 2000,
      },
    ]);
  });

  it("keeps Call-ID and From tag and raises CSeq; refreshes at half the time that the registrar gave", async () => {
    answer = (transaction) => {
      const contact = parseNameAddr(transaction.request.headers.get("Contact") ?? "", "Contact");
      transaction.reply(200, { headers: [["Contact", `<${contact.uriText}>;expires=100`]] });
    };
    await open("UDP");
    registration.start();
    await clock.advance(49_999);
    expect(requests).toHaveLength(1);
    await clock.advance(2);
    expect(requests).toHaveLength(2);
    const [first, second] = requests.map(({ request }) => request);
    expect(second?.callId).toBe(first?.callId);
    expect(paramValue(second?.from.params ?? new Map(), "tag")).toBe(
      paramValue(first?.from.params ?? new Map(), "tag"),
    );
    expect([first?.cseq.seq, second?.cseq.seq]).toEqual([1, 2]);
    expect(first?.requestUri).toBe("sip:example.test");
    expect(events.map((event) => event.kind)).toEqual(["registered", "registered"]);
    expect(events[0]).toMatchObject({ expiresSeconds: 100 });
  });

  it("asks again with Min-Expires after 423 (§10.2.8)", async () => {
    answer = (transaction) => {
      const expires = Number(transaction.request.headers.get("Expires"));
      if (expires > 0 && expires < 1800) transaction.reply(423, { headers: [["Min-Expires", "1800"]] });
      else accept(transaction);
    };
    await open("UDP");
    registration.start();
    await clock.advance(10);
    expect(requests.map(({ request }) => request.headers.get("Expires"))).toEqual(["600", "1800"]);
    expect(events).toMatchObject([{ kind: "registered", expiresSeconds: 1800 }]);
  });

  it("does not loop on a 423 that asks for nothing longer", async () => {
    answer = (transaction) => transaction.reply(423, { headers: [["Min-Expires", "10"]] });
    await open("UDP");
    registration.start();
    await clock.advance(1000);
    expect(requests).toHaveLength(1);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 423 }]);
  });

  it("tries again after refusals with waits that double, and is registered when the registrar is back", async () => {
    answer = (transaction) => transaction.reply(500);
    await open("UDP");
    registration.start();
    await clock.advance(15_000);
    expect(events.map((event) => (event.kind === "failed" ? event.retryInMs : event.kind))).toEqual([
      2000, 4000, 8000, 16_000,
    ]);
    answer = accept;
    await clock.advance(16_000);
    expect(events.at(-1)?.kind).toBe("registered");
  });

  it("comes back by itself when the registrar was gone for minutes", async () => {
    await open("UDP");
    registration.start();
    await clock.advance(10);
    network.filter = (packet) => packet.to.address !== REGISTRAR.address;
    await clock.advance(600_000);
    expect(events.at(-1)).toMatchObject({ kind: "failed", sipStatus: null });
    network.filter = () => true;
    await clock.advance(600_000);
    expect(events.at(-1)?.kind).toBe("registered");
  });

  it("removes its binding with Expires 0 when stopped (§10.2.2)", async () => {
    await open("UDP");
    registration.start();
    await clock.advance(10);
    await clock.until(registration.stop());
    expect(requests.at(-1)?.request.headers.get("Expires")).toBe("0");
    expect(requests.at(-1)?.request.headers.get("Contact")).toMatch(/;expires=0$/);
    expect(events.at(-1)).toEqual({ kind: "ended", aor: "sip:alice@example.test" });
  });

  it("stops within its time limit when the registrar is silent", async () => {
    await open("UDP");
    registration.start();
    await clock.advance(10);
    network.filter = () => false;
    const start = clock.now();
    await clock.until(registration.stop(900));
    expect(clock.now() - start).toBeLessThanOrEqual(900);
  });
});

describe("registration over a connection (RFC 5626)", () => {
  it.each(["TCP", "WS"] as const)("registers again at once when its %s connection is lost", async (transport) => {
    await open(transport, { instanceId });
    registration.start();
    await clock.advance(10);
    const { flow } = requests[0] ?? expect.fail("no REGISTER");
    flow.close();
    await clock.advance(10);
    expect(requests).toHaveLength(2);
    expect(events.map((event) => event.kind)).toEqual(["registered", "registered"]);
  });

  it("sends +sip.instance and reg-id and finds its contact by the instance", async () => {
    answer = (transaction) => {
      const list = `<sip:x@192.0.2.9>;expires=9, <sip:rewritten@192.0.2.2>;expires=77;+sip.instance="<${instanceId}>";reg-id=1`;
      transaction.reply(200, { headers: [["Contact", list]] });
    };
    await open("TCP", { instanceId, contactParams: new Map([["+g.oma.pusheventapp", '"push.syncml,syncml.dm"']]) });
    registration.start();
    await clock.advance(10);
    const contact = requests[0]?.request.headers.get("Contact");
    expect(contact).toContain(`+sip.instance="<${instanceId}>";reg-id=1;+g.oma.pusheventapp="push.syncml,syncml.dm"`);
    expect(contact).toContain("sip:alice@192.0.2.1:5060;transport=tcp;ob");
    expect(requests[0]?.request.headers.get("Supported")).toContain("outbound");
    expect(events).toMatchObject([{ kind: "registered", expiresSeconds: 77 }]);
  });

  it("keeps the Service-Route of the last 200, and drops it when the next has none (RFC 3608 §5)", async () => {
    answer = (transaction) =>
      accept(transaction, [["Service-Route", "<sip:a.example.test;lr>, <sip:b.example.test;lr>"]]);
    await open("UDP");
    registration.start();
    await clock.advance(10);
    expect(registration.serviceRoute).toEqual(["<sip:a.example.test;lr>", "<sip:b.example.test;lr>"]);
    answer = accept;
    await clock.advance(300_000);
    expect(requests).toHaveLength(2);
    expect(registration.serviceRoute).toEqual([]);
  });
});

describe("registration in bad times", () => {
  it("waits for the answer under way before it removes the binding (§10.2: one REGISTER at a time)", async () => {
    answer = () => {};
    await open("UDP");
    registration.start();
    await clock.advance(10);
    const stopped = registration.stop(5000);
    await clock.advance(100);
    expect(requests).toHaveLength(1);
    answer = accept;
    accept(requests[0] ?? expect.fail("no REGISTER"));
    await clock.until(stopped);
    expect(requests.map(({ request }) => [request.cseq.seq, request.headers.get("Expires")])).toEqual([
      [1, "600"],
      [2, "0"],
    ]);
    expect(events.map(({ kind }) => kind)).toEqual(["ended"]);
  });

  it("answers 423 once, and then waits as after any refusal: a registrar may raise its least time for ever", async () => {
    answer = (transaction) => {
      const asked = Number(transaction.request.headers.get("Expires"));
      transaction.reply(423, { headers: [["Min-Expires", String(asked + 1)]] });
    };
    await open("UDP");
    registration.start();
    await clock.advance(1000);
    expect(requests).toHaveLength(2);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 423 }]);
  });

  it.each(["4294967295", "99999999999999999999"])(
    "refreshes ten minutes before the end when the time given is %s s",
    async (expires) => {
      answer = (transaction) => {
        const contact = parseNameAddr(transaction.request.headers.get("Contact") ?? "", "Contact");
        transaction.reply(200, { headers: [["Contact", `<${contact.uriText}>;expires=${expires}`]] });
      };
      const delays: number[] = [];
      const schedule = clock.schedule.bind(clock);
      clock.schedule = (delayMs, fire) => {
        delays.push(delayMs);
        return schedule(delayMs, fire);
      };
      await open("UDP");
      registration.start();
      await clock.advance(10);
      expect(events).toMatchObject([{ kind: "registered", expiresSeconds: 4_294_967_295 }]);
      expect(Math.max(...delays)).toBe((4_294_967_295 - 600) * 1000);
    },
  );

  it("waits as long as Retry-After asks (§20.33)", async () => {
    answer = (transaction) => transaction.reply(503, { headers: [["Retry-After", "120"]] });
    await open("UDP");
    registration.start();
    await clock.advance(10);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 503, retryInMs: 120_000 }]);
  });

  it("goes on refreshing although a listener throws", async () => {
    await open("UDP", {
      onEvent: () => {
        throw new Error("broken listener");
      },
    });
    registration.start();
    await clock.advance(301_000);
    expect(requests).toHaveLength(2);
  });

  it("waits when a connection is lost again soon after it was made (RFC 5626 §4.5)", async () => {
    await open("TCP", { instanceId });
    registration.start();
    await clock.advance(10);
    for (const kinds of [
      ["registered", "registered"],
      ["registered", "registered", "failed"],
    ]) {
      requests.at(-1)?.flow.close();
      await clock.advance(10);
      expect(events.map(({ kind }) => kind)).toEqual(kinds);
    }
    await clock.advance(2000);
    expect(events.at(-1)?.kind).toBe("registered");
  });

  it("comes back at once when a connection is lost that lasted, however often", async () => {
    await open("TCP", { instanceId, expiresSeconds: 60 });
    registration.start();
    for (let count = 1; count <= 3; count++) {
      await clock.advance(200_000);
      const before = requests.length;
      requests.at(-1)?.flow.close();
      await clock.advance(10);
      expect(requests).toHaveLength(before + 1);
    }
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(["registered"]));
  });

  it("finds the binding of its own reg-id among those of one instance (RFC 5626 §6)", async () => {
    answer = (transaction) => {
      const binding = (regId: number, seconds: number): string =>
        `<sip:x@192.0.2.9>;expires=${seconds};+sip.instance="<${instanceId}>";reg-id=${regId}`;
      transaction.reply(200, { headers: [["Contact", `${binding(1, 77)}, ${binding(2, 88)}`]] });
    };
    await open("TCP", { instanceId, regId: 2 });
    registration.start();
    await clock.advance(10);
    expect(events).toMatchObject([{ kind: "registered", expiresSeconds: 88 }]);
  });

  it("stops its pings with the binding, and has no flow then", async () => {
    await open("UDP");
    registration.start();
    await clock.advance(10);
    const flow = registration.flow ?? expect.fail("no flow");
    const pings = vi.spyOn(flow, "keepAlive");
    await clock.until(registration.stop());
    expect(pings.mock.calls).toEqual([[0]]);
    expect(registration.flow).toBeUndefined();
  });

  it("ends by itself when its endpoint is closed", async () => {
    await open("TCP");
    registration.start();
    await clock.advance(10);
    await handset.close();
    await clock.advance(10);
    expect(events.map(({ kind }) => kind)).toEqual(["registered", "ended"]);
  });

  it.each([
    ["alice", "no scheme"],
    ["tel:+491234", "not a sip or sips URI"],
    ["sip:", "bad host"],
  ])("refuses the AoR %s when it is made", async (aor, problem) => {
    await open("UDP");
    const sender = new RequestSender({ endpoint: handset });
    expect(() => new Registration({ endpoint: handset, sender, aor })).toThrow(problem);
  });
});

describe("the Contact of a WebSocket client (RFC 7118 §5.2)", () => {
  it.each(["WS", "WSS"] as const)(
    "says transport=ws and a host that nobody can connect to, over %s",
    async (transport) => {
      // Opens no socket before it sends, so it needs no network of the tests.
      const listen = [{ transport, address: "127.0.0.1", port: 0, clientOnly: true }];
      handset = await SipEndpoint.open({ listen, onRequest: () => {} });
      registrar = handset; // none is needed; what follows each test closes it
      const sender = new RequestSender({ endpoint: handset });
      const nextHop = parseUri(`sip:127.0.0.1;transport=${transport.toLowerCase()}`) as SipUri;
      registration = new Registration({
        endpoint: handset,
        sender,
        aor: "sip:alice@example.test",
        nextHop,
        instanceId,
      });
      expect(registration.contact).toMatch(/^sip:alice@[0-9a-f-]+\.invalid;transport=ws;ob$/);
    },
  );
});
