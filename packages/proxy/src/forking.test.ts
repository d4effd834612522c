import { responseTo, type ServerTransaction, SipResponse } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SipProxyOptions } from "./options.ts";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;
let sender: Agent;

async function start(options: Partial<SipProxyOptions> = {}): Promise<void> {
  bed = await ProxyBed.open(options);
  sender = await bed.agent();
}

beforeEach(() => start());

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const ALICE = "sip:alice@example.test";
const silent = (): void => {};
const status =
  (statusCode: number, headers: ReadonlyArray<readonly [string, string]> = []) =>
  (transaction: ServerTransaction): void =>
    transaction.reply(statusCode, { headers });

/** Handsets of alice, each with its own answer. */
async function handsets(
  ...answers: Array<[params: string, answer: (transaction: ServerTransaction) => void]>
): Promise<Agent[]> {
  const agents: Agent[] = [];
  for (const [params, answer] of answers) {
    const agent = await bed.handset("alice", { params });
    agent.answer = answer;
    agents.push(agent);
    await bed.clock.advance(1);
  }
  return agents;
}

const counts = (agents: Agent[]): number[] => agents.map(({ received }) => received.length);

describe("RFC 3261 §16.6, §16.7: forking", () => {
  test("contacts of equal q get the request at the same time; the first 2xx goes back at once", async () => {
    const agents = await handsets(["", silent], ["", status(200)]);
    const started = bed.clock.now();
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(counts(agents)).toEqual([1, 1]);
    expect(bed.clock.now() - started).toBeLessThan(1000);
    await bed.clock.advance(20_000);
  });

  test("only one answer goes back, however many come", async () => {
    await handsets(["", status(200)], ["", status(200)], ["", status(603)]);
    const port = sender.listening.port;
    const before = bed.network.sent.filter(({ to }) => to.port === port).length;
    await sender.ask({ requestUri: ALICE });
    await bed.clock.advance(1000);
    expect(bed.network.sent.filter(({ to }) => to.port === port)).toHaveLength(before + 1);
  });

  test("lower q is tried only when higher q refused", async () => {
    const agents = await handsets([";q=0.1", status(200)], [";q=0.9", status(486)]);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(200);
    expect(counts(agents)).toEqual([1, 1]);
    const [, best] = agents;
    if (best !== undefined) best.answer = status(200);
    await sender.ask({ requestUri: ALICE });
    expect(counts(agents)).toEqual([1, 2]);
  });

  test("(5) a 6xx ends the search", async () => {
    const agents = await handsets([";q=0.1", status(200)], [";q=0.9", status(603)]);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(603);
    expect(counts(agents)).toEqual([0, 1]);
  });

  test("(6) the best of several refusals goes back, body and all", async () => {
    await handsets(["", status(486)], ["", status(415, [["Accept", "text/plain"]])], ["", status(500)]);
    const response = await sender.ask({ requestUri: ALICE });
    expect([response.statusCode, response.headers.get("Accept")]).toEqual([415, "text/plain"]);
  });

  test("(6) a 503 becomes a 500 that keeps Retry-After", async () => {
    await handsets(["", status(503, [["Retry-After", "120 (busy);duration=60"]])]);
    const response = await sender.ask({ requestUri: ALICE });
    expect([response.statusCode, response.headers.get("Retry-After")]).toEqual([500, "120 (busy);duration=60"]);
  });

  test("Retry-After of other answers stays", async () => {
    await handsets(["", status(486, [["Retry-After", "30"]])]);
    expect((await sender.ask({ requestUri: ALICE })).headers.get("Retry-After")).toBe("30");
  });

  test("(7) 401 and 407 of several branches go back as one with all challenges", async () => {
    await handsets(
      ["", status(401, [["WWW-Authenticate", 'Digest realm="a", nonce="1"']])],
      ["", status(401, [["WWW-Authenticate", 'Digest realm="b", nonce="2"']])],
    );
    const response = await sender.ask({ requestUri: ALICE });
    expect(
      response.headers
        .getAll("WWW-Authenticate")
        .map((each) => /realm="(.)"/.exec(each)?.[1])
        .sort((a = "", b = "") => a.localeCompare(b)),
    ).toEqual(["a", "b"]);
  });
});

test("§16.7 (3): a response that has no Via left goes no further; the sender hears 502", async () => {
  const [alice] = await handsets(["", status(200)]);
  if (alice === undefined) return;
  alice.answer = (transaction) => {
    const response = responseTo(transaction.request, 200);
    const [ours = ""] = response.headers.list("Via");
    transaction.respond(new SipResponse(200, "OK", response.headers.set("Via", ours)));
  };
  expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(502);
});

describe("RFC 3841 §9.1, Request-Disposition", () => {
  const disposition = (value: string) => ({ requestUri: ALICE, headers: [["Request-Disposition", value] as const] });

  test("no-fork: one contact only, the best, even when it refuses", async () => {
    const agents = await handsets(["", status(200)], [";q=0.5", status(200)], ["", status(486)]);
    expect((await sender.ask(disposition("no-fork"))).statusCode).toBe(486);
    expect(counts(agents)).toEqual([0, 0, 1]);
  });

  test("no-fork: a contact that the request could not be sent to is no contact", async () => {
    const agents = await handsets([";q=0.5", status(200)]);
    await sender.register("alice", "<sip:alice@127.0.0.1:7999;transport=tcp>");
    expect((await sender.ask(disposition("no-fork"))).statusCode).toBe(200);
    expect(counts(agents)).toEqual([1]);
  });

  test("sequential: one after the other, although q is equal", async () => {
    const agents = await handsets(["", status(200)], ["", status(486)]);
    expect((await sender.ask(disposition("sequential"))).statusCode).toBe(200);
    expect(counts(agents)).toEqual([1, 1]);
    const [first, second] = agents.map(({ received }) => received[0]?.headers.list("Via")[0]);
    expect(first).not.toBe(second);
  });

  test("redirect: 302 with the contacts in their order, without feature parameters (§7.2.4)", async () => {
    const agents = await handsets([";q=0.2;audio", status(200)], [";q=0.8;video", status(200)]);
    const response = await sender.ask(disposition("redirect"));
    expect([response.statusCode, counts(agents)]).toEqual([302, [0, 0]]);
    const uris = agents.map((agent) => agent.contact("alice"));
    expect(response.headers.list("Contact")).toEqual([`<${uris[1]}>;q=1.000`, `<${uris[0]}>;q=0.900`]);
  });

  test("Accept-Contact keeps a push away from handsets without the application; nobody left is 480", async () => {
    const agents = await handsets(
      [';+g.oma.pusheventapp="push.syncml"', status(200)],
      [';+g.oma.pusheventapp="ulp.ua"', status(200)],
    );
    const accept = (app: string) => ({
      requestUri: ALICE,
      headers: [["Accept-Contact", `*;+g.oma.pusheventapp="${app}";require;explicit`] as const],
    });
    expect((await sender.ask(accept("push.syncml"))).statusCode).toBe(200);
    expect((await sender.ask(accept("mms.ua"))).statusCode).toBe(480);
    expect(counts(agents)).toEqual([1, 0]);
  });
});

describe("silent handsets", () => {
  test("408 after contactTimeoutMs, while the sender still waits", async () => {
    await handsets(["", silent]);
    const started = bed.clock.now();
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(408);
    expect(bed.clock.now() - started).toBeGreaterThanOrEqual(16_000);
    expect(bed.clock.now() - started).toBeLessThan(17_000);
  });

  test("a refusal that came goes before the silence of another", async () => {
    await handsets(["", silent], ["", status(486)]);
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(486);
  });

  test("several silent ones in a row end before the sender's Timer F", async () => {
    const agents = await handsets([";q=0.1", silent], [";q=0.2", silent], [";q=0.3", silent]);
    const started = bed.clock.now();
    expect((await sender.ask({ requestUri: ALICE })).statusCode).toBe(408);
    expect(bed.clock.now() - started).toBeLessThan(29_000);
    expect(counts(agents)).toEqual([0, 1, 1]);
  });

  test("an answer that comes after the 408 goes nowhere", async () => {
    const [alice] = await handsets(["", silent]);
    const port = sender.listening.port;
    await sender.ask({ requestUri: ALICE });
    const before = bed.network.sent.filter(({ to }) => to.port === port).length;
    alice?.transactions[0]?.reply(200);
    await bed.clock.advance(1000);
    expect(bed.network.sent.filter(({ to }) => to.port === port)).toHaveLength(before);
  });

  test("an answer that comes when the sender has given up is none", async () => {
    await bed.close();
    await start({ contactTimeoutMs: 40_000 });
    const outcomes: unknown[] = [];
    bed.proxy.on("forwarded", ({ statusCode }) => outcomes.push(statusCode));
    await handsets(["", silent]);
    await sender.request({ requestUri: ALICE });
    await bed.clock.advance(10_000);
    expect(outcomes).toEqual([undefined]);
  });

  test("answerTimeouts: false says nothing, as RFC 4320 §4.2 wants", async () => {
    await bed.close();
    await start({ answerTimeouts: false });
    const outcomes: unknown[] = [];
    bed.proxy.on("forwarded", ({ statusCode }) => outcomes.push(statusCode));
    await handsets(["", silent]);
    const outcome = await sender.request({ requestUri: ALICE });
    expect(outcome).toMatchObject({ kind: "failure", code: "SIP_TIMEOUT" });
    expect(outcomes).toEqual([undefined]);
  });
});
