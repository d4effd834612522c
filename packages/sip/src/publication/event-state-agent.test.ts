import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SipRequest, SipResponse } from "../message/index.ts";
import { VirtualClock } from "../testing/index.ts";
import type { EventStateChange } from "./event-state.ts";
import { EventStateAgent, type EventStateAgentOptions } from "./event-state-agent.ts";
import { ALICE, answerTo, PIDF, publish } from "./testdata/publish.ts";

let clock: VirtualClock;
let agent: EventStateAgent<string>;
let changes: Array<EventStateChange<string>>;

function open(options: Partial<EventStateAgentOptions<string>> = {}): void {
  agent = new EventStateAgent<string>({
    clock,
    packages: [{ name: "presence", accept: [PIDF], decode: (body) => new TextDecoder().decode(body) }],
    resourceOf: ({ requestUri }) => (requestUri.endsWith("@example.test") ? requestUri : undefined),
    onChange: (change) => void changes.push(change),
    ...options,
  });
}

const send = (request: SipRequest): SipResponse => answerTo(request, (transaction) => void agent.handle(transaction));
const tagOf = (response: SipResponse): string => response.headers.get("SIP-ETag") ?? expect.fail("no SIP-ETag");
const states = (resource = ALICE): string[] => agent.publications(resource, "presence").map(({ state }) => state);
const told = (): Array<readonly [string, string[]]> =>
  changes.map(({ cause, publications }) => [cause, publications.map(({ state }) => state)]);

beforeEach(() => {
  clock = new VirtualClock();
  changes = [];
  open();
});

afterEach(() => {
  agent.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("the operations (RFC 3903 Table 1)", () => {
  it("Initial: a body and no SIP-If-Match is stored under a new tag", () => {
    const response = send(publish([["Expires", "600"]], "A"));
    expect(response.statusCode).toBe(200);
    expect(response.headers.get("Expires")).toBe("600");
    expect(tagOf(response)).toMatch(/^[0-9a-f]{32}$/);
    expect(states()).toEqual(["A"]);
    expect(told()).toEqual([["published", ["A"]]]);
  });

  it("Refresh: no body and SIP-If-Match prolongs the state, changes nothing and tells nobody", async () => {
    const first = tagOf(send(publish([["Expires", "100"]], "A")));
    await clock.advance(90_000);
    const refreshed = send(
      publish([
        ["SIP-If-Match", first],
        ["Expires", "100"],
      ]),
    );
    expect(refreshed.headers.get("Expires")).toBe("100");
    expect(tagOf(refreshed)).not.toBe(first);
    await clock.advance(90_000);
    expect(states()).toEqual(["A"]);
    expect(told()).toEqual([["published", ["A"]]]);
  });

  it("Modify: a body and SIP-If-Match replaces the state", () => {
    const first = tagOf(send(publish([], "A")));
    const second = send(publish([["SIP-If-Match", first]], "B"));
    expect(second.statusCode).toBe(200);
    expect(tagOf(second)).not.toBe(first);
    expect(told()).toEqual([
      ["published", ["A"]],
      ["modified", ["B"]],
    ]);
  });

  it("Remove: SIP-If-Match and Expires 0 removes it; the 200 has a tag and Expires 0", () => {
    const first = tagOf(send(publish([], "A")));
    const removed = send(
      publish([
        ["SIP-If-Match", first],
        ["Expires", "0"],
      ]),
    );
    expect(removed.statusCode).toBe(200);
    expect(removed.headers.get("Expires")).toBe("0");
    expect(tagOf(removed)).not.toBe(first);
    expect(told()).toEqual([
      ["published", ["A"]],
      ["removed", []],
    ]);
    expect(agent.stats).toMatchObject({ publications: 0, bytes: 0 });
  });

  it("removes with a body too, and without a tag stores nothing: Expires 0 decides (§6 step 5)", () => {
    const first = tagOf(send(publish([], "A")));
    expect(
      send(
        publish(
          [
            ["SIP-If-Match", first],
            ["Expires", "0"],
          ],
          "B",
        ),
      ).statusCode,
    ).toBe(200);
    expect(send(publish([["Expires", "0"]], "C")).statusCode).toBe(200);
    expect(states()).toEqual([]);
    expect(told().map(([cause]) => cause)).toEqual(["published", "removed"]);
  });

  it("neither a body nor SIP-If-Match is answered 400 (§6 step 5)", () => {
    expect(send(publish()).statusCode).toBe(400);
    expect(send(publish([["Expires", "0"]])).statusCode).toBe(400);
  });
});

describe("what is refused (RFC 3903 §6)", () => {
  it.each<readonly [string, SipRequest, number, Readonly<Record<string, string>>]>([
    ["an event of no package (step 2)", publish([["Event", "dialog"]], "A"), 489, { "Allow-Events": "presence" }],
    ["no Event (step 2)", publish([["Event", ""]], "A"), 489, { "Allow-Events": "presence" }],
    [
      "two Events",
      publish(
        [
          ["Event", "presence"],
          ["Event", "presence"],
        ],
        "A",
      ),
      400,
      {},
    ],
    ["a malformed Event", publish([["Event", "pre sence"]], "A"), 400, {}],
    ["two entity tags (step 3)", publish([["SIP-If-Match", "a, b"]]), 400, {}],
    [
      "two SIP-If-Match (step 3)",
      publish([
        ["SIP-If-Match", "a"],
        ["SIP-If-Match", "b"],
      ]),
      400,
      {},
    ],
    ["an empty SIP-If-Match (step 3)", publish([["SIP-If-Match", ""]]), 400, {}],
    ["an entity tag that is no token (step 3)", publish([["SIP-If-Match", '"a"']]), 400, {}],
    ["an unknown entity tag (step 3)", publish([["SIP-If-Match", "a"]]), 412, {}],
    ["an unknown entity tag with a body (step 3)", publish([["SIP-If-Match", "a"]], "A"), 412, {}],
    [
      "an unknown entity tag to remove (step 3)",
      publish([
        ["SIP-If-Match", "a"],
        ["Expires", "0"],
      ]),
      412,
      {},
    ],
    ["a malformed Expires", publish([["Expires", "soon"]], "A"), 400, {}],
    ["too short a time (step 4)", publish([["Expires", "59"]], "A"), 423, { "Min-Expires": "60" }],
    ["another media type (step 5)", publish([["Content-Type", "text/plain"]], "A"), 415, { Accept: PIDF }],
    ["a malformed media type", publish([["Content-Type", "pidf"]], "A"), 400, {}],
    [
      "an encoded body (RFC 3261 §8.2.3)",
      publish([["Content-Encoding", "gzip"]], "A"),
      415,
      { "Accept-Encoding": "identity" },
    ],
    ["a body past the limit", publish([], "A".repeat(65_537)), 413, {}],
  ])("refuses %s and stores nothing", (_, request, statusCode, headers) => {
    const response = send(request);
    expect(response.statusCode).toBe(statusCode);
    for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toBe(value);
    expect(response.headers.has("SIP-ETag")).toBe(false);
    expect(agent.stats.publications).toBe(0);
    expect(changes).toEqual([]);
  });

  it("answers 404 for a resource that is not here, before it looks at anything else (step 1)", () => {
    const request = publish([["Event", "dialog"]], "A");
    request.requestUri = "sip:alice@elsewhere.test";
    expect(send(request).statusCode).toBe(404);
  });

  it("answers as the authorization says (§14.1)", () => {
    agent.close();
    open({ authorize: (_, resource) => (resource === ALICE ? { statusCode: 403 } : undefined) });
    expect(send(publish([], "A")).statusCode).toBe(403);
    expect(agent.stats.publications).toBe(0);
  });

  it("answers 400 to a body that its package cannot read, and keeps what was there", () => {
    agent.close();
    const decode = (body: Uint8Array): string => {
      if (body[0] === 0x58) throw new Error("X");
      return new TextDecoder().decode(body);
    };
    open({ packages: [{ name: "presence", accept: [PIDF], decode }] });
    const tag = tagOf(send(publish([], "A")));
    expect(send(publish([["SIP-If-Match", tag]], "X")).statusCode).toBe(400);
    expect(states()).toEqual(["A"]);
    expect(send(publish([["SIP-If-Match", tag]], "B")).statusCode).toBe(200);
  });

  it("keeps the state and its tag when a modification is refused: all or nothing", () => {
    const tag = tagOf(send(publish([], "A")));
    expect(
      send(
        publish(
          [
            ["SIP-If-Match", tag],
            ["Content-Type", "text/plain"],
          ],
          "B",
        ),
      ).statusCode,
    ).toBe(415);
    expect(
      send(
        publish(
          [
            ["SIP-If-Match", tag],
            ["Expires", "5"],
          ],
          "B",
        ),
      ).statusCode,
    ).toBe(423);
    expect(states()).toEqual(["A"]);
    expect(send(publish([["SIP-If-Match", tag]])).statusCode).toBe(200);
  });
});

describe("time (RFC 3903 §6 step 4)", () => {
  it.each([
    ["the default when none is asked for", [], "3600"],
    ["what is asked for", [["Expires", "7200"]], "7200"],
    ["never more than the most", [["Expires", "4294967295"]], "86400"],
  ] as const)("gives %s", (_, fields, expires) => {
    expect(send(publish(fields, "A")).headers.get("Expires")).toBe(expires);
  });

  it("forgets a state when its time is over, and says so once", async () => {
    const tag = tagOf(send(publish([["Expires", "60"]], "A")));
    await clock.advance(59_000);
    expect(states()).toEqual(["A"]);
    await clock.advance(2000);
    expect(told()).toEqual([
      ["published", ["A"]],
      ["expired", []],
    ]);
    expect(send(publish([["SIP-If-Match", tag]])).statusCode).toBe(412);
    await clock.advance(100_000);
    expect(changes).toHaveLength(2);
  });
});

describe("several publications (RFC 3903 §4.1, §10.3)", () => {
  it("keeps those of several publishers side by side, the one that changed last at the end", () => {
    const first = tagOf(send(publish([], "A")));
    const second = tagOf(send(publish([], "B")));
    expect(states()).toEqual(["A", "B"]);
    send(publish([["SIP-If-Match", first]], "A2"));
    expect(states()).toEqual(["B", "A2"]);
    send(publish([["SIP-If-Match", second]])); // a refresh changes nothing
    expect(states()).toEqual(["B", "A2"]);
  });

  it("knows a tag for its own resource and package only (§6 step 3)", () => {
    agent.close();
    open({
      packages: [
        { name: "presence", accept: [PIDF] },
        { name: "dialog", accept: [PIDF] },
      ],
    });
    const tag = tagOf(send(publish([], "A")));
    expect(
      send(
        publish([
          ["SIP-If-Match", tag],
          ["Event", "dialog"],
        ]),
      ).statusCode,
    ).toBe(412);
    const bob = publish([["SIP-If-Match", tag]]);
    bob.requestUri = "sip:bob@example.test";
    expect(send(bob).statusCode).toBe(412);
    expect(send(publish([["SIP-If-Match", tag]])).statusCode).toBe(200);
  });

  it("knows a tag once: the one before the last is 412", () => {
    const first = tagOf(send(publish([], "A")));
    send(publish([["SIP-If-Match", first]], "B"));
    expect(send(publish([["SIP-If-Match", first]], "C")).statusCode).toBe(412);
    expect(states()).toEqual(["B"]);
  });
});

describe("limits (RFC 3903 §9, §14.2)", () => {
  it("refuses one publication too many of a resource until the first ends, and counts", () => {
    agent.close();
    open({ limits: { maxPerResource: 2 } });
    const tag = tagOf(send(publish([["Expires", "100"]], "A")));
    send(publish([["Expires", "200"]], "B"));
    const refused = send(publish([], "C"));
    expect([refused.statusCode, refused.headers.get("Retry-After")]).toEqual([500, "100"]);
    expect(send(publish([["SIP-If-Match", tag]], "A2")).statusCode).toBe(200);
    expect(states()).toEqual(["B", "A2"]);
    expect(agent.stats.refusedFull).toBe(1);
  });

  it("answers 503 with Retry-After when all places are taken", () => {
    agent.close();
    open({ limits: { maxPublications: 1 } });
    send(publish([], "A"));
    const refused = send(publish([], "B"));
    expect([refused.statusCode, refused.headers.get("Retry-After")]).toEqual([503, "60"]);
  });

  it("counts the octets of all bodies, and gives those of a replaced one back", () => {
    agent.close();
    open({ limits: { maxTotalBytes: 2500 } });
    const tag = tagOf(send(publish([], "A".repeat(1500))));
    expect(send(publish([], "B".repeat(1500))).statusCode).toBe(503);
    expect(send(publish([["SIP-If-Match", tag]], "C".repeat(1900))).statusCode).toBe(200);
    expect(send(publish([["Expires", "60"]], "D")).statusCode).toBe(503);
  });
});

it("stores and answers although its listener throws", () => {
  agent.close();
  open({
    onChange: () => {
      throw new Error("broken listener");
    },
  });
  expect(send(publish([], "A")).statusCode).toBe(200);
  expect(states()).toEqual(["A"]);
});

it("keeps its own octets: the datagram may be used again", () => {
  const request = publish([], "A");
  const datagram = new Uint8Array([0x41, 0x42, 0x43]);
  request.body = datagram.subarray(0, 1);
  send(request);
  datagram.fill(0);
  expect([...(agent.publications(ALICE, "presence")[0]?.body ?? [])]).toEqual([0x41]);
});
