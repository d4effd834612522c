import { decodePidf, encodePidf, PIDF_TYPE, type Presence } from "@sip-push/bodies";
import { DigestClient, Publication, type SipResponse } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import type { SipProxyOptions } from "../options.ts";
import { type Agent, ProxyBed } from "../testdata/proxy-bed.ts";
import { Watcher } from "../testdata/watcher.ts";
import { UserDirectory } from "../users.ts";
import { parseUsers } from "../users-file.ts";

const ALICE = "sip:alice@example.test";
const users = parseUsers("alice:secret\nbob:hunter2");
const as = (username: string, password: string): { credentials: DigestClient } => ({
  credentials: new DigestClient({ accounts: [{ username, password }] }),
});
const asAlice = as("alice", "secret");
const asBob = as("bob", "hunter2");

let bed: ProxyBed;

async function start(options: Partial<SipProxyOptions> = {}): Promise<void> {
  bed = await ProxyBed.open(options);
}

afterEach(async () => {
  await bed.close();
});

const tuple = (id: string, basic: "open" | "closed" = "open") => ({ id, basic });
const document = (...tuples: Presence["tuples"]): Uint8Array =>
  encodePidf({ entity: "pres:alice@example.test", tuples });

/** A PUBLISH by `agent`, and its answer. */
function publish(
  agent: Agent,
  body: Uint8Array | undefined,
  headers: ReadonlyArray<readonly [string, string]> = [],
  { from = ALICE, to = ALICE, ...options }: { from?: string; to?: string; credentials?: DigestClient } = {},
): Promise<SipResponse> {
  return agent.ask(
    {
      method: "PUBLISH",
      requestUri: to,
      from,
      headers: [
        ["Event", "presence"],
        ...(body === undefined ? [] : [["Content-Type", PIDF_TYPE] as const]),
        ...headers,
      ],
      ...(body === undefined ? {} : { body }),
    },
    options,
  );
}

const tagOf = (response: SipResponse): string => response.headers.get("SIP-ETag") ?? expect.fail("no SIP-ETag");
const told = (watcher: Watcher): Array<Array<string | null>> =>
  watcher.notifies.map(({ body }) => decodePidf(body).tuples.map(({ id, basic }) => `${id} ${basic}`));

describe("watching (RFC 3856)", () => {
  it("begins with what the registration says, and goes on with what is published", async () => {
    await start();
    await bed.handset("alice");
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    const accepted = await watcher.subscribe();
    expect([accepted.statusCode, accepted.headers.get("Expires")]).toEqual([200, "600"]);
    expect(watcher.last.headers.get("Event")).toBe("presence");
    expect(watcher.last.headers.get("Content-Type")).toBe(PIDF_TYPE);
    expect(watcher.last.headers.get("Subscription-State")).toMatch(/^active;expires=/);
    expect(decodePidf(watcher.last.body).entity).toBe(ALICE);

    const alice = await bed.agent();
    const tag = tagOf(await publish(alice, document(tuple("a"))));
    await bed.clock.advance(6000);
    const next = tagOf(await publish(alice, document(tuple("a", "closed")), [["SIP-If-Match", tag]]));
    await bed.clock.advance(6000);
    await publish(alice, undefined, [
      ["SIP-If-Match", next],
      ["Expires", "0"],
    ]);
    await bed.clock.advance(6000);
    expect(told(watcher)).toEqual([["registration open"], ["a open"], ["a closed"], ["registration open"]]);
  });

  it("tells nothing of a refresh, and of the end of a publication that nobody refreshed", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    await watcher.subscribe();
    const alice = await bed.agent();
    const tag = tagOf(await publish(alice, document(tuple("a")), [["Expires", "60"]]));
    await bed.clock.advance(30_000);
    await publish(alice, undefined, [
      ["SIP-If-Match", tag],
      ["Expires", "60"],
    ]);
    await bed.clock.advance(50_000);
    expect(told(watcher)).toEqual([["registration closed"], ["a open"]]);
    await bed.clock.advance(20_000);
    expect(told(watcher).at(-1)).toEqual(["registration closed"]);
  });

  it("tells when the registration begins and ends, while nothing is published", async () => {
    await start({ presence: { notifyIntervalMs: 0 } });
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    await watcher.subscribe();
    const alice = await bed.handset("alice");
    await alice.register("alice", `<${alice.contact("alice")}>`);
    await alice.register("alice", `<${alice.contact("alice")}>;expires=0`);
    await bed.clock.advance(100);
    expect(told(watcher)).toEqual([["registration closed"], ["registration open"], ["registration closed"]]);
  });

  it("is a fetch with Expires 0: one NOTIFY, terminated (RFC 6665 §4.4.3)", async () => {
    await start();
    await publish(await bed.agent(), document(tuple("a")));
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    expect((await watcher.subscribe(0)).statusCode).toBe(200);
    expect(told(watcher)).toEqual([["a open"]]);
    expect(watcher.last.headers.get("Subscription-State")).toMatch(/^terminated/);
  });

  it("is refreshed in its dialog, with the whole document again, and ended", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    await watcher.subscribe();
    expect((await watcher.subscribe(900)).headers.get("Expires")).toBe("900");
    expect(watcher.notifies).toHaveLength(2);
    expect((await watcher.subscribe(0)).statusCode).toBe(200);
    expect(watcher.last.headers.get("Subscription-State")).toMatch(/^terminated/);
    await publish(await bed.agent(), document(tuple("a")));
    await bed.clock.advance(6000);
    expect(watcher.notifies).toHaveLength(3);
  });

  it("tells no more than once in five seconds, and then how things stand (§6.10)", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    await watcher.subscribe();
    const alice = await bed.agent();
    let tag = tagOf(await publish(alice, document(tuple("a"))));
    for (const id of ["b", "c", "d"]) {
      tag = tagOf(await publish(alice, document(tuple(id)), [["SIP-If-Match", tag]]));
    }
    await bed.clock.advance(4000);
    expect(told(watcher)).toEqual([["registration closed"], ["a open"]]);
    await bed.clock.advance(2000);
    expect(told(watcher)).toEqual([["registration closed"], ["a open"], ["d open"]]);
  });

  it("is refused 406 when the watcher cannot read the document, and 420 what it requires", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    expect((await watcher.subscribe(600, [["Accept", "application/json"]])).statusCode).toBe(406);
    expect((await watcher.subscribe(600, [["Require", "eventlist"]])).headers.get("Unsupported")).toBe("eventlist");
    expect((await watcher.subscribe(600, [["Accept", `text/plain, ${PIDF_TYPE}`]])).statusCode).toBe(200);
  });

  it.each(["TCP", "WS"] as const)(
    "reaches a watcher on its own %s connection, and is refreshed over it",
    async (transport) => {
      await start();
      const watcher = new Watcher(await bed.agent(transport), "presence", ALICE);
      expect((await watcher.subscribe()).statusCode).toBe(200);
      expect((await watcher.subscribe()).statusCode).toBe(200);
      await publish(await bed.agent(), document(tuple("a")));
      await bed.clock.advance(6000);
      expect(told(watcher)).toEqual([["registration closed"], ["registration closed"], ["a open"]]);
    },
  );

  it.each(["UDP", "WS"] as const)(
    "reaches a watcher on %s by the GRUU that its Contact is (RFC 5627 §4.4)",
    async (transport) => {
      await start();
      const agent = await bed.agent(transport);
      const instance = "<urn:uuid:00000000-0000-4000-8000-000000000001>";
      await agent.register("bob", `<${agent.contact("bob")}>;+sip.instance="${instance}"`, {
        headers: [["Supported", "gruu"]],
      });
      const gruu = bed.proxy.bindings("sip:bob@example.test")[0]?.gruus?.publicGruu ?? expect.fail("no GRUU");
      const watcher = new Watcher(agent, "presence", ALICE, { contact: `<${gruu}>` });
      expect((await watcher.subscribe()).statusCode).toBe(200);
      expect(told(watcher)).toEqual([["registration closed"]]);
    },
  );

  it("ends with a watcher that is gone", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    await watcher.subscribe();
    watcher.agent.answer = (transaction) => transaction.reply(481);
    const alice = await bed.agent();
    await publish(alice, document(tuple("a")));
    await bed.clock.advance(6000);
    await publish(alice, document(tuple("b")));
    await bed.clock.advance(6000);
    expect(watcher.notifies).toHaveLength(2);
  });
});

describe("composition (RFC 3863, RFC 3903 §10.3)", () => {
  it("has the tuples of all publishers; of two with one id that which changed last", async () => {
    await start();
    const [one, two] = [await bed.agent(), await bed.agent()];
    const tag = tagOf(await publish(one, document(tuple("a"), tuple("x"))));
    await publish(two, document(tuple("x", "closed"), tuple("b")));
    const watcher = new Watcher(await bed.agent(), "presence", ALICE);
    await watcher.subscribe(0);
    await publish(one, document(tuple("a"), tuple("x")), [["SIP-If-Match", tag]]);
    const later = new Watcher(watcher.agent, "presence", ALICE);
    await later.subscribe(0);
    expect(told(watcher)).toEqual([["a open", "x closed", "b open"]]);
    expect(told(later)).toEqual([["x open", "b open", "a open"]]);
  });
});

describe("who may (RFC 3903 §14.1, RFC 3856 §6.6)", () => {
  it("lets a user publish for itself, after a challenge, and for nobody else", async () => {
    await start({ users });
    const agent = await bed.agent();
    expect((await publish(agent, document(tuple("a")))).statusCode).toBe(407);
    expect((await publish(agent, document(tuple("a")), [], asAlice)).statusCode).toBe(200);
    expect(
      (await publish(agent, document(tuple("a")), [], { from: "sip:bob@example.test", ...asBob })).statusCode,
    ).toBe(403);
    expect((await publish(agent, document(tuple("a")), [], { from: "sip:a@other.test" })).statusCode).toBe(403);
  });

  it("lets a trusted peer publish for anybody", async () => {
    await start({ users, trusted: ["127.0.0.1"] });
    const from = "sip:as@other.test";
    expect((await publish(await bed.agent(), document(tuple("a")), [], { from })).statusCode).toBe(200);
  });

  it.each([
    ["sip:alice@example.test", 200],
    ["sip:bob@example.test", 403],
    ["tel:+1555", 403],
    ["sip:service@example.test", 200],
    ["sip:as@other.test", 200],
  ])("gives a trusted peer that asserts %s the rights of that one: %i (TS 24.229 §5.4.2.1.1)", async (uri, status) => {
    const bob = { username: "bob", secret: { password: "x" }, identities: ["sip:+1555@example.test"] };
    const directory = new UserDirectory([bob, { username: "alice", secret: { password: "y" } }]);
    await start({ users: directory, trusted: ["127.0.0.1"] });
    const asserted = [["P-Asserted-Identity", `<${uri}>`] as const];
    const answer = await publish(await bed.agent(), document(tuple("a")), asserted, { from: ALICE });
    expect(answer.statusCode).toBe(status);
  });

  it("passes on what is published to another user who is registered: a push sender keeps it itself", async () => {
    await start({ users });
    const sender = await bed.agent();
    const bound = await sender.register("bob", `<${sender.contact("bob")}>`, {}, asBob);
    expect(bound.statusCode).toBe(200);
    sender.answer = (transaction) => transaction.reply(200, { headers: [["SIP-ETag", "his"]] });
    const agent = await bed.agent();
    const answer = await publish(agent, document(tuple("a")), [], { to: "sip:bob@example.test", ...asAlice });
    expect(tagOf(answer)).toBe("his");
    expect(sender.received.map(({ method }) => method)).toEqual(["PUBLISH"]);
  });

  it("goes by From where nobody has to prove anything", async () => {
    await start();
    const agent = await bed.agent();
    expect((await publish(agent, document(tuple("a")))).statusCode).toBe(200);
    expect((await publish(agent, document(tuple("a")), [], { from: "sip:bob@example.test" })).statusCode).toBe(403);
  });

  it("lets users watch, and strangers not", async () => {
    await start({ users });
    const agent = await bed.agent();
    const bob = new Watcher(agent, "presence", ALICE, { from: "sip:bob@example.test", ...asBob });
    expect((await bob.subscribe()).statusCode).toBe(200);
    expect((await bob.subscribe()).statusCode).toBe(200);
    expect((await new Watcher(agent, "presence", ALICE).subscribe()).statusCode).toBe(403);
  });

  it("knows the users of the domain only", async () => {
    await start({ users });
    const bob = { from: "sip:bob@example.test", ...asBob };
    const nobody = new Watcher(await bed.agent(), "presence", "sip:nobody@example.test", bob);
    expect((await nobody.subscribe()).statusCode).toBe(404);
  });
});

describe("a hostile peer", () => {
  it.each(["[", "a:b:c", "!!"])("that wants its NOTIFYs at maddr=%s gets none, and stops nothing", async (maddr) => {
    await start();
    const agent = await bed.agent();
    const contact = `<sip:watcher@127.0.0.1:6000;maddr=${maddr}>`;
    const hostile = new Watcher(agent, "presence", ALICE, { contact });
    expect((await hostile.subscribe()).statusCode).toBe(200);
    const other = new Watcher(agent, "presence", ALICE);
    await other.subscribe();
    await publish(agent, document(tuple("a")));
    await bed.clock.advance(6000);
    expect([hostile.notifies.length, other.notifies.length]).toEqual([0, 2]);
  });

  it("publishes no document of a thousand elements, of which each costs a hundred times its octets", async () => {
    await start();
    const text = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${ALICE}">${"<a/>".repeat(4000)}</presence>`;
    expect((await publish(await bed.agent(), new TextEncoder().encode(text))).statusCode).toBe(400);
  });
});

describe("what is refused and what is passed on", () => {
  it.each([
    ["a body that is no presence document", new TextEncoder().encode("<a/>"), [], 400],
    ["no XML", new TextEncoder().encode("presence"), [], 400],
    ["another media type", document(tuple("a")), [["Content-Type", "text/plain"]], 415],
    ["an unknown tag", document(tuple("a")), [["SIP-If-Match", "x"]], 412],
    ["too short a time", document(tuple("a")), [["Expires", "1"]], 423],
    ["an extension required", document(tuple("a")), [["Require", "x"]], 420],
  ] as const)("refuses %s", async (_, body, headers, statusCode) => {
    await start();
    const agent = await bed.agent();
    const fields = headers.some(([name]) => name === "Content-Type") ? [] : [["Content-Type", PIDF_TYPE] as const];
    const answer = await agent.ask({
      method: "PUBLISH",
      requestUri: ALICE,
      from: ALICE,
      headers: [["Event", "presence"], ...fields, ...headers],
      body,
    });
    expect(answer.statusCode).toBe(statusCode);
  });

  it.each([
    ["another package", { event: "oma-push" }, {}],
    ["presence, when it is off", { event: "presence" }, { presence: false }],
    ["reg, when it is off", { event: "reg" }, { regEvent: false }],
  ] as const)("passes %s on to the user, with Record-Route", async (_, { event }, options) => {
    await start(options);
    const alice = await bed.handset("alice");
    const headers = [["Event", event] as const, ["Contact", "<sip:w@127.0.0.1:6999>"] as const];
    const answer = await (await bed.agent()).ask({ method: "SUBSCRIBE", requestUri: ALICE, headers });
    expect(answer.statusCode).toBe(200);
    expect(alice.received[0]?.headers.has("Record-Route")).toBe(true);
  });

  it("passes a SUBSCRIBE to one instance on to that", async () => {
    await start();
    const alice = await bed.agent();
    const instance = "<urn:uuid:00000000-0000-4000-8000-000000000002>";
    await alice.register("alice", `<${alice.contact("alice")}>;+sip.instance="${instance}"`);
    const gruu = bed.proxy.bindings(ALICE)[0]?.gruus?.publicGruu ?? expect.fail("no GRUU");
    const headers = [["Event", "presence"] as const, ["Contact", "<sip:w@127.0.0.1:6999>"] as const];
    await (await bed.agent()).ask({ method: "SUBSCRIBE", requestUri: gruu, headers });
    expect(alice.received.map(({ method }) => method)).toEqual(["SUBSCRIBE"]);
  });

  it("answers 481 to a refresh of a subscription that it does not know (RFC 6665 §4.2.1.1)", async () => {
    await start();
    const agent = await bed.agent();
    const headers = [["Event", "presence"] as const, ["Contact", "<sip:w@127.0.0.1:6999>"] as const];
    const answer = await agent.ask({ method: "SUBSCRIBE", requestUri: "sip:127.0.0.1:5060", toTag: "x", headers });
    expect(answer.statusCode).toBe(481);
  });
});

it("keeps the state of a Publication of the stack, over TCP and with credentials", async () => {
  await start({ users });
  const agent = await bed.agent("TCP");
  const publication = new Publication({
    ...{ endpoint: agent.endpoint, sender: agent.sender, nextHop: agent.proxy, ...asAlice },
    ...{ requestUri: ALICE, event: "presence", contentType: PIDF_TYPE, body: document(tuple("a")) },
  });
  const watcher = new Watcher(await bed.agent(), "presence", ALICE, { from: "sip:bob@example.test", ...asBob });
  await watcher.subscribe();
  publication.start();
  await bed.clock.advance(6000);
  publication.modify({ contentType: PIDF_TYPE, body: document(tuple("a", "closed")) });
  await bed.clock.advance(6000);
  await bed.clock.until(publication.stop());
  await bed.clock.advance(6000);
  expect(told(watcher)).toEqual([["registration closed"], ["a open"], ["a closed"], ["registration closed"]]);
});
