import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DigestClient, DigestServer } from "../auth/index.ts";
import { parseUri, type SipRequest, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { SipEndpoint } from "../user-agent/endpoint.ts";
import { RequestSender } from "../user-agent/request-sender.ts";
import { EventStateAgent } from "./event-state-agent.ts";
import { Publication } from "./publication.ts";
import type { PublicationEvent, PublicationOptions } from "./publication-options.ts";
import { ALICE, PIDF } from "./testdata/publish.ts";

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array): string => new TextDecoder().decode(body);

let clock: VirtualClock;
let network: MemoryNetwork;
let server: SipEndpoint;
let handset: SipEndpoint;
let agent: EventStateAgent<string>;
let publication: Publication;
let events: PublicationEvent[];
let requests: ServerTransaction[];
/** What the compositor does with a PUBLISH. */
let answer: (transaction: ServerTransaction) => void;

function newAgent(): EventStateAgent<string> {
  return new EventStateAgent<string>({
    clock,
    packages: [{ name: "presence", accept: [PIDF], decode: text, maxExpiresSeconds: 600 }],
    resourceOf: ({ requestUri }) => requestUri,
  });
}

async function open(options: Partial<PublicationOptions> = {}): Promise<void> {
  publication = new Publication({
    endpoint: handset,
    sender: new RequestSender({ endpoint: handset }),
    requestUri: ALICE,
    event: "presence",
    contentType: PIDF,
    body: octets("A"),
    expiresSeconds: 600,
    nextHop: parseUri("sip:192.0.2.2:5060") as SipUri,
    random: () => 1,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  publication.start();
  await clock.advance(10);
}

/** Body, SIP-If-Match and Expires of a request: what tells the operations apart (Table 1). */
function shape({ request }: ServerTransaction): [body: string, tag: string | undefined, expires: string | undefined] {
  return [text(request.body), request.headers.get("SIP-If-Match"), request.headers.get("Expires")];
}

const states = (): string[] => agent.publications(ALICE, "presence").map(({ state }) => state);
const last = (): SipRequest => requests.at(-1)?.request ?? expect.fail("no PUBLISH");

beforeEach(async () => {
  clock = new VirtualClock();
  network = new MemoryNetwork({ clock, random: seededRandom(7) });
  events = [];
  requests = [];
  agent = newAgent();
  answer = (transaction) => void agent.handle(transaction);
  const onRequest = (transaction: ServerTransaction): void => {
    requests.push(transaction);
    answer(transaction);
  };
  const listen = (address: string) => [{ transport: "UDP" as const, address, port: 5060 }];
  server = await SipEndpoint.open({ listen: listen("192.0.2.2"), onRequest, clock, open: network.open });
  handset = await SipEndpoint.open({ listen: listen("192.0.2.1"), onRequest: () => {}, clock, open: network.open });
});

afterEach(async () => {
  await clock.until(publication.stop());
  agent.close();
  await handset.close();
  await server.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("the life of a publication (RFC 3903 §4)", () => {
  it("publishes, refreshes without a body in time, modifies with one, and removes (Table 1)", async () => {
    await open();
    const first = publication.entityTag;
    await clock.advance(300_000);
    const second = publication.entityTag;
    publication.modify({ contentType: PIDF, body: octets("B") });
    await clock.advance(10);
    const third = publication.entityTag;
    expect(states()).toEqual(["B"]);
    await clock.until(publication.stop());
    expect(requests.map(shape)).toEqual([
      ["A", undefined, "600"],
      ["", first, "600"],
      ["B", second, "600"],
      ["", third, "0"],
    ]);
    expect(events).toEqual([
      { kind: "published", operation: "initial", entityTag: first, expiresSeconds: 600 },
      { kind: "published", operation: "refresh", entityTag: second, expiresSeconds: 600 },
      { kind: "published", operation: "modify", entityTag: third, expiresSeconds: 600 },
      { kind: "ended" },
    ]);
    expect(states()).toEqual([]);
    expect(publication.entityTag).toBeUndefined();
  });

  it("follows the route of the moment, and goes on the flow of the moment", async () => {
    let route = ["<sip:192.0.2.2;lr>"];
    await open({
      route: () => route,
      flow: () => handset.existingFlow({ transport: "UDP", address: "192.0.2.2", port: 5060 }),
    });
    expect(last().headers.list("Route")).toEqual(["<sip:192.0.2.2;lr>"]);
    route = [];
    await clock.advance(300_000);
    expect(last().headers.has("Route")).toBe(false);
  });

  it("refreshes by the time that the compositor gave, not by what was asked for (§4.2)", async () => {
    await open({ expiresSeconds: 3600 });
    expect(events[0]).toMatchObject({ expiresSeconds: 600 });
    await clock.advance(299_000);
    expect(requests).toHaveLength(1);
    await clock.advance(1000);
    expect(requests).toHaveLength(2);
  });

  it("keeps the state published for a day with nothing lost between", async () => {
    await open();
    for (let hour = 0; hour < 24; hour++) {
      await clock.advance(3_600_000);
      expect(states()).toEqual(["A"]);
    }
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(["published"]));
  });

  it.each([
    [401, "uas", "WWW-Authenticate"],
    [407, "proxy", "Proxy-Authenticate"],
  ] as const)("answers %i, and goes on counting CSeq (§14.1)", async (statusCode, side, header) => {
    const digest = new DigestServer({ realm: "example.test", side, clock, users: () => ({ password: "secret" }) });
    answer = (transaction) => {
      void digest.verify(transaction.request).then(({ ok }) => {
        const headers = digest.challenge(transaction.request).map((value) => [header, value] as const);
        if (ok) agent.handle(transaction);
        else transaction.reply(statusCode, { headers });
      });
    };
    await open({ credentials: new DigestClient({ accounts: [{ username: "alice", password: "secret" }] }) });
    await clock.advance(300_010);
    expect(events.map(({ kind }) => kind)).toEqual(["published", "published"]);
    const numbers = requests.map((each) => each.request.cseq.seq);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });
});

describe("modifications while a PUBLISH is under way (RFC 3903 §4)", () => {
  it("sends no second PUBLISH before the answer to the first, and then only the last state", async () => {
    answer = () => {};
    await open();
    publication.modify({ contentType: PIDF, body: octets("B") });
    publication.modify({ contentType: PIDF, body: octets("C") });
    await clock.advance(100);
    expect(requests).toHaveLength(1);
    answer = (transaction) => void agent.handle(transaction);
    agent.handle(requests[0] ?? expect.fail("no PUBLISH"));
    await clock.advance(10);
    expect(requests.map((each) => text(each.request.body))).toEqual(["A", "C"]);
    expect(states()).toEqual(["C"]);
    expect(events).toMatchObject([{ kind: "published", operation: "modify" }]);
  });

  it("sends the newer state at once when the older was refused", async () => {
    answer = () => {};
    await open();
    publication.modify({ contentType: PIDF, body: octets("B") });
    answer = (transaction) => void agent.handle(transaction);
    requests[0]?.reply(415);
    await clock.advance(10);
    expect(states()).toEqual(["B"]);
    expect(events).toMatchObject([{ kind: "published", operation: "initial" }]);
  });

  it("rests after 403 until it is modified: the same request should not be repeated (RFC 3261 §21.4.4)", async () => {
    answer = (transaction) => transaction.reply(403);
    await open();
    await clock.advance(24 * 3_600_000);
    expect(requests).toHaveLength(1);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 403, retryInMs: null }]);
    answer = (transaction) => void agent.handle(transaction);
    publication.modify({ contentType: PIDF, body: octets("B") });
    await clock.advance(10);
    expect(states()).toEqual(["B"]);
  });

  it("waits with the removal for the answer under way", async () => {
    answer = () => {};
    await open();
    const stopped = publication.stop(5000);
    await clock.advance(100);
    expect(requests).toHaveLength(1);
    answer = (transaction) => void agent.handle(transaction);
    agent.handle(requests[0] ?? expect.fail("no PUBLISH"));
    await clock.until(stopped);
    expect(requests.map((each) => each.request.headers.get("Expires"))).toEqual(["600", "0"]);
    expect(states()).toEqual([]);
    expect(events.map(({ kind }) => kind)).toEqual(["ended"]);
  });
});

describe("refusals (RFC 3903 §5)", () => {
  it("starts again with the whole state after 412, without the tag", async () => {
    await open();
    agent.close();
    agent = newAgent(); // the compositor was restarted
    await clock.advance(300_000);
    const [, refresh, again] = requests.map(shape);
    expect(refresh?.[0]).toBe("");
    expect(again).toEqual(["A", undefined, "600"]);
    expect(states()).toEqual(["A"]);
    expect(events).toMatchObject([
      { kind: "published", operation: "initial" },
      { kind: "published", operation: "initial" },
    ]);
  });

  it("does not ask at once again when even an initial PUBLISH is answered 412", async () => {
    answer = (transaction) => transaction.reply(412);
    await open();
    await clock.advance(1000);
    expect(requests).toHaveLength(1);
    expect(events).toEqual([{ kind: "failed", sipStatus: 412, reason: "Conditional Request Failed", retryInMs: 2000 }]);
  });

  it("asks for Min-Expires after 423, and keeps to it", async () => {
    await open({ expiresSeconds: 5 });
    expect(requests.map((each) => each.request.headers.get("Expires"))).toEqual(["5", "60"]);
    expect(events).toMatchObject([{ kind: "published", expiresSeconds: 60 }]);
    await clock.advance(30_000);
    expect(last().headers.get("Expires")).toBe("60");
  });

  it("answers 423 once: a compositor may raise its least time for ever", async () => {
    answer = (transaction) => {
      const asked = Number(transaction.request.headers.get("Expires"));
      transaction.reply(423, { headers: [["Min-Expires", String(asked + 1)]] });
    };
    await open();
    await clock.advance(1000);
    expect(requests).toHaveLength(2);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 423, retryInMs: 2000 }]);
  });

  it.each([405, 489, 501])("ends at %i: there is no publishing here", async (statusCode) => {
    answer = (transaction) => transaction.reply(statusCode);
    await open();
    await clock.advance(10_000_000);
    expect(requests).toHaveLength(1);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: statusCode, retryInMs: null }, { kind: "ended" }]);
    expect(publication.state).toBe("ended");
  });

  it("rests after 415 until there is another state", async () => {
    await open({ contentType: "text/plain" });
    await clock.advance(10_000_000);
    expect(requests).toHaveLength(1);
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 415, retryInMs: null }]);
    publication.modify({ contentType: PIDF, body: octets("B") });
    await clock.advance(10);
    expect(states()).toEqual(["B"]);
  });

  it("is failed by a 200 without SIP-ETag: nothing could be done to that state any more", async () => {
    answer = (transaction) => transaction.reply(200, { headers: [["Expires", "600"]] });
    await open();
    expect(events).toEqual([{ kind: "failed", sipStatus: 200, reason: "the answer has no SIP-ETag", retryInMs: 2000 }]);
  });

  it("comes back without the tag after 500: some servers say so of one that they do not know", async () => {
    await open();
    answer = (transaction) => {
      if (transaction.request.headers.has("SIP-If-Match")) transaction.reply(500);
      else agent.handle(transaction);
    };
    await clock.advance(302_010);
    expect(requests.map(shape).at(-1)).toEqual(["A", undefined, "600"]);
    expect(events.map(({ kind }) => kind)).toEqual(["published", "failed", "published"]);
  });
});

describe("loss of the compositor", () => {
  it("tries again with waits that double, and with what is wanted by then", async () => {
    answer = (transaction) => transaction.reply(504);
    await open();
    await clock.advance(13_000);
    expect(events.map((event) => (event.kind === "failed" ? event.retryInMs : event.kind))).toEqual([2000, 4000, 8000]);
    publication.modify({ contentType: PIDF, body: octets("B") });
    answer = (transaction) => void agent.handle(transaction);
    await clock.advance(2000);
    expect(states()).toEqual(["B"]);
    answer = (transaction) => transaction.reply(504);
    await clock.advance(300_000);
    expect(events.at(-1)).toMatchObject({ kind: "failed", retryInMs: 2000 }); // a success forgets the failures
  });

  it("waits as long as Retry-After asks (§9)", async () => {
    answer = (transaction) => transaction.reply(503, { headers: [["Retry-After", "120"]] });
    await open();
    expect(events).toMatchObject([{ kind: "failed", sipStatus: 503, retryInMs: 120_000 }]);
  });

  it("starts anew, without a condition that could only fail, when it was gone for longer than the state lives", async () => {
    await open();
    network.filter = (packet) => packet.to.address !== "192.0.2.2";
    await clock.advance(700_000);
    expect(events.at(-1)).toMatchObject({ kind: "failed", sipStatus: null });
    network.filter = () => true;
    const before = requests.length;
    await clock.advance(700_000);
    expect(shape(requests[before] ?? expect.fail("no PUBLISH"))).toEqual(["A", undefined, "600"]);
    expect(states()).toEqual(["A"]);
  });

  it("keeps its condition when it comes back in time", async () => {
    await open();
    const tag = publication.entityTag;
    answer = (transaction) => transaction.reply(503);
    await clock.advance(300_000);
    answer = (transaction) => void agent.handle(transaction);
    await clock.advance(40_000);
    expect(last().headers.get("SIP-If-Match")).toBe(tag);
    expect(states()).toEqual(["A"]);
  });

  it("ends by itself when its endpoint is closed", async () => {
    await open();
    await handset.close();
    publication.modify({ contentType: PIDF, body: octets("B") });
    await clock.advance(10);
    expect(events.map(({ kind }) => kind)).toEqual(["published", "ended"]);
  });
});

describe("stopping", () => {
  it("takes no longer than its time limit when the compositor is silent", async () => {
    await open();
    network.filter = () => false;
    const start = clock.now();
    await clock.until(publication.stop(900));
    expect(clock.now() - start).toBeLessThanOrEqual(900);
    expect(events.at(-1)).toEqual({ kind: "ended" });
  });

  it("sends nothing when there is nothing to remove", async () => {
    answer = (transaction) => transaction.reply(415);
    await open();
    await clock.until(publication.stop());
    expect(requests).toHaveLength(1);
    expect(events.at(-1)).toEqual({ kind: "ended" });
  });

  it("removes what was published before a refusal, while that lives", async () => {
    await open();
    answer = (transaction) => transaction.reply(504);
    publication.modify({ contentType: PIDF, body: octets("B") });
    await clock.advance(10);
    answer = (transaction) => void agent.handle(transaction);
    await clock.until(publication.stop());
    expect(states()).toEqual([]);
  });

  it("may be asked for twice, before the start and after the end", async () => {
    await open();
    await clock.until(Promise.all([publication.stop(), publication.stop()]));
    await clock.until(publication.stop());
    publication.start();
    publication.modify({ contentType: PIDF, body: octets("B") });
    await clock.advance(10);
    expect(requests).toHaveLength(2);
    expect(events.map(({ kind }) => kind)).toEqual(["published", "ended"]);
  });
});

it("goes on refreshing although a listener throws", async () => {
  await open({
    onEvent: () => {
      throw new Error("broken listener");
    },
  });
  await clock.advance(301_000);
  expect(requests).toHaveLength(2);
});

it("tries again when its headers cannot be sent", async () => {
  let broken = true;
  await open({ headers: () => (broken ? [["X-Bad", "a\r\nb"]] : []) });
  expect(events).toMatchObject([{ kind: "failed", sipStatus: null, retryInMs: 2000 }]);
  broken = false;
  await clock.advance(2000);
  expect(states()).toEqual(["A"]);
});
