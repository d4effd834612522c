import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticResolver } from "../locate/index.ts";
import { parseNameAddr, parseUri, type SipRequest, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { TransportName } from "../transport/transport.ts";
import { SipEndpoint } from "./endpoint.ts";
import { Registration } from "./registration.ts";
import type { RegistrationEventReport, RegistrationOptions } from "./registration-options.ts";
import { RequestSender } from "./request-sender.ts";

const REGISTRAR = { address: "192.0.2.2", port: 5060 };
const instanceId = "urn:uuid:00000000-0000-4000-8000-000000000001";
const PUBLIC = `sip:alice@example.test;gr=${instanceId}`;
const TEMPORARY = "sip:tgruu.7hs@example.test;gr";

let clock: VirtualClock;
let network: MemoryNetwork;
let registrar: SipEndpoint;
let handset: SipEndpoint;
let registration: Registration;
let events: RegistrationEventReport[];
let requests: ServerTransaction[];
let answer: (transaction: ServerTransaction) => void;

const contactOf = (request: SipRequest): string => request.headers.get("Contact") ?? "";

/** A 200 with our contact, more parameters behind it, and more fields. */
function accept(params = "", ...headers: Array<[string, string]>): (transaction: ServerTransaction) => void {
  return (transaction) =>
    transaction.reply(200, { headers: [["Contact", `${contactOf(transaction.request)}${params}`], ...headers] });
}

async function register(transport: TransportName, options: Partial<RegistrationOptions> = {}): Promise<void> {
  const onRequest = (transaction: ServerTransaction): void => {
    requests.push(transaction);
    answer(transaction);
  };
  const listen = [{ transport, ...REGISTRAR }];
  registrar = await SipEndpoint.open({ listen, onRequest, clock, open: network.open });
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
    instanceId,
    random: () => 1,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  registration.start();
  await clock.advance(10);
}

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(7) });
  events = [];
  requests = [];
  answer = accept();
});

afterEach(async () => {
  await clock.until(registration.stop());
  await handset.close();
  await registrar.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("GRUUs of a registration (RFC 5627 §4)", () => {
  const gruus = `;pub-gruu="${PUBLIC}";temp-gruu="${TEMPORARY}"`;

  it("asks for them and takes them from our own contact, as they are (§4.1, §4.2)", async () => {
    answer = (transaction) => {
      const other = `<sip:x@192.0.2.9>;+sip.instance="<urn:uuid:2>";pub-gruu="sip:alice@example.test;gr=2";expires=9`;
      transaction.reply(200, { headers: [["Contact", `${other}, ${contactOf(transaction.request)}${gruus}`]] });
    };
    await register("TCP");
    expect(requests[0]?.request.headers.list("Supported")).toContain("gruu");
    expect([registration.gruu, registration.temporaryGruu]).toEqual([PUBLIC, TEMPORARY]);
  });

  it.each([
    ["only a public one", `;pub-gruu="${PUBLIC}"`, [PUBLIC, undefined]],
    ["only a temporary one", `;temp-gruu="${TEMPORARY}"`, [undefined, TEMPORARY]],
    ["what is no GRUU", `;pub-gruu="sip:alice@example.test";temp-gruu="nonsense"`, [undefined, undefined]],
  ])("is prepared for %s (§4.2)", async (_, params, expected) => {
    answer = accept(params);
    await register("TCP");
    expect([registration.gruu, registration.temporaryGruu]).toEqual(expected);
  });

  it("has none any more when the registration has lapsed or was removed (§4.4)", async () => {
    answer = accept(gruus);
    await register("UDP");
    answer = (transaction) => transaction.reply(500);
    await clock.advance(320_000);
    expect(events.at(-1)?.kind).toBe("failed");
    // §4.2: a refusal has no impact on GRUUs.
    expect(registration.gruu).toBe(PUBLIC);
    await clock.advance(300_000);
    expect(registration.gruu).toBeUndefined();
  });

  it("a new Call-ID ends the temporary ones, not the public one (§4.1)", async () => {
    answer = accept(gruus);
    await register("TCP");
    answer = () => {};
    registration.renew({ newCallId: true });
    await clock.advance(10);
    expect(requests[1]?.request.callId).not.toBe(requests[0]?.request.callId);
    expect([registration.gruu, registration.temporaryGruu]).toEqual([PUBLIC, undefined]);
    answer = accept();
  });

  it("the Call-ID is the same at a plain renewal, which asks at once", async () => {
    await register("TCP");
    registration.renew();
    await clock.advance(10);
    expect(requests.map(({ request }) => [request.callId, request.cseq.seq])).toEqual([
      [requests[0]?.request.callId, 1],
      [requests[0]?.request.callId, 2],
    ]);
  });
});

describe("outbound of one flow (RFC 5626 §4.2)", () => {
  it("takes Require: outbound for a yes, and its absence for a no (§4.2.1)", async () => {
    await register("TCP");
    expect([registration.registered, registration.outbound]).toEqual([true, false]);
    answer = accept("", ["Require", "outbound"]);
    registration.renew();
    await clock.advance(10);
    expect(registration.outbound).toBe(true);
  });

  it("after 439 registers once more without reg-id, ob and Supported: outbound, but with its instance (§4.2.1)", async () => {
    answer = (transaction) =>
      contactOf(transaction.request).includes("reg-id") ? transaction.reply(439) : accept()(transaction);
    await register("TCP");
    const [, second] = requests.map(({ request }) => request);
    expect(requests).toHaveLength(2);
    expect(contactOf(second as SipRequest)).toContain(`;transport=tcp>;+sip.instance="<${instanceId}>";expires=600`);
    expect(second?.headers.list("Supported")).toEqual(["path", "gruu"]);
    expect(registration.contact).not.toContain(";ob");
    expect(events.map(({ kind }) => kind)).toEqual(["registered"]);
  });

  it("a refresh after that goes without outbound at once; a new connection asks again", async () => {
    answer = (transaction) =>
      contactOf(transaction.request).includes("reg-id") ? transaction.reply(439) : accept()(transaction);
    await register("TCP");
    await clock.advance(300_000);
    expect(requests).toHaveLength(3);
    requests.at(-1)?.flow.close();
    await clock.advance(10);
    expect(requests.map(({ request }) => contactOf(request).includes("reg-id"))).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it("waits after 439 when the one who asks would rather try another proxy", async () => {
    answer = (transaction) => transaction.reply(439);
    await register("TCP", { mayDropOutbound: () => false });
    expect(requests).toHaveLength(1);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 439 }]);
    expect(registration.lastStatus).toBe(439);
  });

  it("refreshes on the flow it registered on, and when that is silent closes it and makes another (§4.2.2, §4.5)", async () => {
    answer = accept("", ["Require", "outbound"]);
    await register("TCP");
    const first = requests[0]?.flow;
    await clock.advance(300_000);
    expect(requests[1]?.flow).toBe(first);
    answer = (transaction) => (transaction.flow === first ? undefined : accept()(transaction));
    await clock.advance(300_000 + 32_100);
    expect(first?.open).toBe(false);
    expect(requests.at(-1)?.flow).not.toBe(first);
    expect(events.at(-1)?.kind).toBe("registered");
  });

  it("a connection that another registration uses is not closed for one silence", async () => {
    await register("TCP");
    const { sender, others } = { sender: new RequestSender({ endpoint: handset }), others: [] as string[] };
    const bob = new Registration({
      ...{ endpoint: handset, sender, aor: "sip:bob@example.test", expiresSeconds: 6000 },
      nextHop: parseUri("sip:192.0.2.2:5060;transport=tcp") as SipUri,
      onEvent: ({ kind }) => others.push(kind),
    });
    bob.start();
    await clock.advance(10);
    answer = () => {};
    // Twice Timer F: on the flow that it has, and on one that it asked for and that is the same.
    await clock.advance(300_000 + 64_500);
    expect(events.at(-1)).toMatchObject({ kind: "failed", sipStatus: null });
    expect([others, requests[0]?.flow.open]).toEqual([["registered"], true]);
    answer = accept();
    await clock.until(bob.stop());
  });

  it("two flows with one Contact URI are told apart by reg-id (§6)", async () => {
    answer = (transaction) => {
      const { uriText } = parseNameAddr(contactOf(transaction.request), "Contact");
      const binding = (regId: number, seconds: number): string =>
        `<${uriText}>;expires=${seconds};+sip.instance="<${instanceId}>";reg-id=${regId}`;
      transaction.reply(200, { headers: [["Contact", `${binding(1, 77)}, ${binding(2, 88)}`]] });
    };
    await register("TCP", { regId: 2 });
    expect(events).toMatchObject([{ kind: "registered", expiresSeconds: 88 }]);
  });

  it("somebody else's flow with our URI is not our binding", async () => {
    answer = (transaction) => {
      const { uriText } = parseNameAddr(contactOf(transaction.request), "Contact");
      const list = `<${uriText}>;expires=77;+sip.instance="<${instanceId}>";reg-id=7`;
      transaction.reply(200, { headers: [["Contact", list]] });
    };
    await register("TCP");
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 200 }]);
  });

  it("many registrations on one connection: each hears of its end once (no work for those on others)", async () => {
    await register("TCP", { expiresSeconds: 3000 });
    const heard: string[] = [];
    const sender = new RequestSender({ endpoint: handset });
    const nextHop = parseUri("sip:192.0.2.2:5060;transport=tcp") as SipUri;
    const users = Array.from({ length: 20 }, (_, i) => {
      const aor = `sip:user${i}@example.test`;
      return new Registration({ endpoint: handset, sender, aor, nextHop, onEvent: ({ kind }) => heard.push(kind) });
    });
    for (const user of users) user.start();
    await clock.advance(10);
    requests[0]?.flow.close();
    await clock.advance(10);
    expect(heard).toEqual(Array.from({ length: 40 }, () => "registered"));
    await clock.until(Promise.all(users.map((user) => user.stop())));
  });
});

describe("how a request of the user leaves (RFC 3608, RFC 7315, RFC 3325)", () => {
  const routes: [string, string] = ["Service-Route", "<sip:s1.test;lr>, <sip:s2.test;lr>"];
  const uris: [string, string] = ["P-Associated-URI", "<sip:alice@example.test>, <tel:+4930123>"];

  it("takes Service-Route in its order, the connection of an outbound registration, and the user's own identity", async () => {
    answer = accept("", routes, uris, ["Require", "outbound"]);
    await register("TCP");
    expect(registration.associatedUris).toEqual(["sip:alice@example.test", "tel:+4930123"]);
    expect(registration.route("tel:+49-30-123")).toEqual({
      headers: [
        ["Route", "<sip:s1.test;lr>, <sip:s2.test;lr>"],
        ["P-Preferred-Identity", "<tel:+4930123>"],
      ],
      sending: { flow: registration.flow },
    });
    expect(registration.route("sip:mallory@example.test").headers).toHaveLength(1);
  });

  it("goes to the outbound proxy by its URI without outbound, and over UDP, where a large request changes to TCP", async () => {
    answer = accept("", ["Require", "outbound"]);
    await register("UDP");
    expect(registration.route().sending).toEqual({ nextHop: expect.objectContaining({ host: "192.0.2.2" }) });
  });

  it("forgets the Service-Route when a refresh is refused (RFC 3608 §6.1)", async () => {
    answer = accept("", routes);
    await register("UDP");
    expect(registration.serviceRoute).toHaveLength(2);
    answer = (transaction) => transaction.reply(403);
    registration.renew();
    await clock.advance(10);
    expect(registration.serviceRoute).toEqual([]);
  });

  const accessNetworkInfo = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2345678";

  it.each<[string, TransportName, boolean, boolean]>([
    ["over TLS", "TLS", false, true],
    ["on a way that is secured by other means", "UDP", true, true],
    ["on an open way: not", "TCP", false, false],
  ])("tells P-Access-Network-Info %s (RFC 7315 §6.4)", async (_, transport, trustedAccess, told) => {
    await register(transport, { accessNetworkInfo, trustedAccess });
    const value = told ? accessNetworkInfo : undefined;
    expect(requests[0]?.request.headers.get("P-Access-Network-Info")).toBe(value);
    const { headers } = registration.route();
    expect(headers).toEqual(told ? [["P-Access-Network-Info", accessNetworkInfo]] : []);
  });

  it.each([
    ["an open Service-Route", [["Service-Route", "<sip:s1.test;transport=udp;lr>"]]],
    ["wherever the Request-URI leads", []],
  ] as Array<[string, Array<[string, string]>]>)(
    "does not tell it to %s, although the REGISTER went over TLS",
    async (_, headers) => {
      answer = accept();
      await register("TLS");
      answer = accept("", ...headers);
      const sender = new RequestSender({ endpoint: handset });
      const other = new Registration({
        ...{ endpoint: handset, sender, aor: "sips:bob@192.0.2.2:5060", accessNetworkInfo },
      });
      other.start();
      await clock.advance(10);
      expect(requests.at(-1)?.request.headers.get("P-Access-Network-Info")).toBe(accessNetworkInfo);
      expect(other.route().headers.map(([name]) => name)).toEqual(headers.length > 0 ? ["Route"] : []);
      await clock.until(other.stop());
    },
  );

  it("does not tell it in a REGISTER when DNS may choose an open way (RFC 3263 §4.1)", async () => {
    const sent: SipRequest[] = [];
    await register("TLS");
    const endpoint = await SipEndpoint.open({
      listen: (["TLS", "TCP"] as const).map((transport) => ({ transport, address: "192.0.2.7", port: 5060 })),
      onRequest: () => {},
      clock,
      open: network.open,
    });
    const proxy = await SipEndpoint.open({
      listen: [{ transport: "TCP", address: "192.0.2.8", port: 5060 }],
      onRequest: (transaction) => {
        sent.push(transaction.request);
        transaction.reply(403);
      },
      clock,
      open: network.open,
    });
    const resolver = staticResolver({
      "proxy.test": { addresses: ["192.0.2.8"] },
      "_sip._tcp.proxy.test": { srv: [{ priority: 1, weight: 1, port: 5060, target: "proxy.test" }] },
    });
    const sender = new RequestSender({ endpoint, resolver });
    const nextHop = parseUri("sip:proxy.test") as SipUri;
    const other = new Registration({ endpoint, sender, aor: "sip:bob@example.test", nextHop, accessNetworkInfo });
    other.start();
    await clock.advance(10);
    expect(sent.map(({ headers }) => headers.has("P-Access-Network-Info"))).toEqual([false]);
    await clock.until(other.stop());
    await endpoint.close();
    await proxy.close();
  });

  it("values that are no addresses are left aside", async () => {
    answer = accept("", ["Service-Route", "<tel:+49301>, <sip:ok.test;lr>, <broken"], ["P-Associated-URI", "<x"]);
    await register("UDP");
    expect([registration.serviceRoute, registration.associatedUris]).toEqual([["<sip:ok.test;lr>"], []]);
  });
});

describe("push parameters of the Contact URI (RFC 8599 §4.1)", () => {
  it("stand in the URI, not behind it", async () => {
    const contactUriParams = new Map([
      ["pn-provider", "webpush"],
      ["pn-prid", "ZTY4ZDJlMzODE1NmUgKi0K"],
    ]);
    await register("TCP", { contactUriParams });
    const { uri } = parseNameAddr(contactOf(requests[0]?.request as SipRequest), "Contact");
    expect((uri as SipUri).params.get("pn-prid")).toBe("ZTY4ZDJlMzODE1NmUgKi0K");
    expect(events).toMatchObject([{ kind: "registered", contact: expect.stringContaining(";pn-provider=webpush") }]);
  });

  it("that are none are refused when the registration is made", async () => {
    await register("TCP");
    const sender = new RequestSender({ endpoint: handset });
    const contactUriParams = new Map([["pn-prid", "a b"]]);
    const make = (): Registration =>
      new Registration({ endpoint: handset, sender, aor: "sip:alice@example.test", contactUriParams });
    expect(make).toThrow(/Contact/);
  });
});
