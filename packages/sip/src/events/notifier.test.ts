import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { notifierHandler } from "./notifier-handler.ts";
import type { NotifierOptions, SubscribeDecision } from "./notifier-options.ts";
import { type Fields, NotifierBench, usual } from "./testdata/notifier-bench.ts";
import { EVENT, HANDSET, SERVER } from "./testdata/rig.ts";

let bench: NotifierBench;

const open: NotifierBench["open"] = (options) => bench.open(options);
const subscribe: NotifierBench["subscribe"] = (headers) => bench.subscribe(headers);
const again: NotifierBench["again"] = (made, cseq, headers, to) => bench.again(made, cseq, headers, to);
const states = (): Array<string | undefined> => bench.states;
const only = (): string => bench.only;
const reports = (): string[] => bench.reports;

beforeEach(() => {
  bench = new NotifierBench();
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
});

describe("a SUBSCRIBE (RFC 6665 §4.2.1.1)", () => {
  const contact = usual[1] as readonly [string, string];
  it.each<[string, Fields, number, string, string | undefined]>([
    ["without Event is 489 with Allow-Events (§4.2.3)", [contact], 489, "Allow-Events", EVENT],
    ["of another package is 489 with Allow-Events", [contact, ["Event", "presence"]], 489, "Allow-Events", EVENT],
    ["with two Events is 400", [contact, ["Event", EVENT], ["Event", EVENT]], 400, "Allow-Events", undefined],
    ["without Contact is 400", [["Event", EVENT]], 400, "Contact", undefined],
    [
      "with a tel Contact is 400",
      [
        ["Event", EVENT],
        ["Contact", "<tel:+1>"],
      ],
      400,
      "Contact",
      undefined,
    ],
    [
      "with Contact * is 400",
      [
        ["Event", EVENT],
        ["Contact", "*"],
      ],
      400,
      "Contact",
      undefined,
    ],
    ["too brief is 423 with Min-Expires", [...usual, ["Expires", "59"]], 423, "Min-Expires", "60"],
    ["of the least time is 200", [...usual, ["Expires", "60"]], 200, "Expires", "60"],
    ["without Expires gets the default", usual, 200, "Expires", "3600"],
    ["is shortened", [...usual, ["Expires", "999999"]], 200, "Expires", "86400"],
    ["for other content only is 406", [...usual, ["Accept", "image/png"]], 406, "Accept", "text/plain"],
    ["for content that we have is 200", [...usual, ["Accept", "image/png, text/*"]], 200, "Expires", "3600"],
    ["with a malformed Accept is 400", [...usual, ["Accept", "image"]], 400, "Accept", undefined],
    [
      "copies Record-Route",
      [...usual, ["Record-Route", "<sip:192.0.2.1;lr>"]],
      200,
      "Record-Route",
      "<sip:192.0.2.1;lr>",
    ],
    ["is answered with our Contact", usual, 200, "Contact", `<sip:push@${SERVER}>`],
  ])("%s", async (_, headers, statusCode, name, value) => {
    await open({ contentTypes: ["text/plain"] });
    const response = await subscribe(headers);
    expect([response.statusCode, response.headers.get(name)]).toEqual([statusCode, value]);
    await bench.rig.clock.advance(10);
    expect([bench.notifier.size, bench.handset.received.length]).toEqual(statusCode === 200 ? [1, 1] : [0, 0]);
  });

  it("is never too brief with an hour or more", async () => {
    await open({ minExpiresSeconds: 7200 });
    expect((await subscribe([...usual, ["Expires", "3600"]])).statusCode).toBe(200);
    expect((await subscribe([...usual, ["Expires", "3599"]])).statusCode).toBe(423);
  });

  it.each<[string, () => SubscribeDecision | Promise<SubscribeDecision>, number, number]>([
    ["refused 403", () => ({ verdict: "refuse", statusCode: 403 }), 403, 0],
    ["refused later", async () => ({ verdict: "refuse", statusCode: 603 }), 603, 0],
    ["accepted later", async () => ({ verdict: "accept" }), 200, 1],
    [
      "a throw",
      () => {
        throw new Error("broken");
      },
      500,
      0,
    ],
    ["a rejection", () => Promise.reject(new Error("broken")), 500, 0],
    ["a header that none is", () => ({ verdict: "accept", headers: [["X", "a\r\nb"]] }), 500, 0],
  ])("has the application's answer: %s", async (_, authorize, statusCode, size) => {
    await open({ authorize });
    expect((await subscribe()).statusCode).toBe(statusCode);
    await bench.rig.clock.advance(10);
    expect(bench.notifier.size).toBe(size);
  });

  it("keeps what the application says about it", async () => {
    const authorize = (): SubscribeDecision => ({
      verdict: "accept",
      subscriber: "alice",
      resource: "pushes",
      applicationData: { apps: ["a"] },
      expiresSeconds: 120,
    });
    await open({ authorize });
    expect((await subscribe()).headers.get("Expires")).toBe("120");
    const [one] = bench.notifier.subscriptions("pushes");
    expect(one).toMatchObject({ subscriber: "alice", applicationData: { apps: ["a"] }, state: "active" });
    expect([...bench.notifier.subscriptions("others")]).toEqual([]);
    expect(bench.notifier.update(one?.id ?? "", 7)).toBe(true);
    expect(bench.notifier.get(one?.id ?? "")?.applicationData).toBe(7);
  });

  it("is 503 past the limit, 486 past that of one subscriber, each with Retry-After", async () => {
    await open({ maxSubscriptions: 2, maxPerSubscriber: 1 });
    const answers = [await subscribe(), await subscribe()];
    expect(answers.map(({ statusCode, headers }) => [statusCode, headers.has("Retry-After")])).toEqual([
      [200, false],
      [486, true],
    ]);
    await bench.rig.clock.until(bench.notifier.close());
    bench.notifier = await bench.rig.notifier(bench.server, { maxSubscriptions: 0 });
    expect((await subscribe()).statusCode).toBe(503);
  });

  it("for several packages goes to the notifier of its package", async () => {
    await open();
    bench.server.handle = notifierHandler([bench.notifier]);
    expect((await subscribe()).statusCode).toBe(200);
    const other = await subscribe([...usual.slice(1), ["Event", "presence"]]);
    expect([other.statusCode, other.headers.get("Allow-Events")]).toEqual([489, EVENT]);
    expect((await subscribe([...usual.slice(1), ["Event", "a;;"]])).statusCode).toBe(400);
  });
});

describe("the NOTIFYs behind a SUBSCRIBE (RFC 6665 §4.2.1.2)", () => {
  it("are one without a body when the package has none", async () => {
    await open();
    await subscribe();
    await bench.rig.clock.advance(10);
    const [notify] = bench.handset.received.map(({ request }) => request);
    expect([notify?.headers.get("Event"), notify?.body.length, states()]).toEqual([EVENT, 0, ["active;expires=600"]]);
    expect(notify?.requestUri).toBe(`sip:alice@${HANDSET}`);
  });

  it("are several when the package says so, in order, each with its own Event", async () => {
    const apps = ["a", "b", "c"];
    await open({
      initialNotifications: async () =>
        apps.map((app) => ({ event: `oma-push;event-app-id="${app}"`, contentType: "x/y", body: new Uint8Array([1]) })),
    });
    await subscribe();
    await bench.rig.clock.advance(10);
    expect(bench.handset.received.map(({ request }) => request.headers.get("Event"))).toEqual(
      apps.map((app) => `oma-push;event-app-id="${app}"`),
    );
    expect(bench.handset.received.map(({ request }) => request.cseq.seq)).toEqual([1, 2, 3]);
  });

  it("echo the id of Event (§4.5.2)", async () => {
    await open({ initialNotifications: () => [{}, { event: "oma-push;x=1" }] });
    await subscribe([...usual.slice(1), ["Event", "oma-push;x=2;id=7"]]);
    await bench.rig.clock.advance(10);
    expect(bench.handset.received.map(({ request }) => request.headers.get("Event"))).toEqual([
      "oma-push;id=7",
      "oma-push;x=1;id=7",
    ]);
  });

  it.each<[string, NotifierOptions["initialNotifications"]]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["never answers", () => new Promise(() => {})],
  ])("are one without a body when the package %s", async (_, initialNotifications) => {
    await open({ initialNotifications: initialNotifications as NonNullable<typeof initialNotifications> });
    await subscribe();
    await bench.rig.clock.advance(11_100);
    expect(states()).toHaveLength(1);
  });

  it("of a fetch end with terminated;reason=timeout (§4.4.3)", async () => {
    await open({ initialNotifications: () => [{}, {}] });
    const response = await subscribe([...usual, ["Expires", "0"]]);
    await bench.rig.clock.advance(10);
    expect(response.headers.get("Expires")).toBe("0");
    expect(states()).toEqual(["active;expires=0", "terminated;reason=timeout"]);
    expect([bench.notifier.size, reports()]).toEqual([0, ["created", "ended"]]);
  });

  it("say pending until permission is granted, then active", async () => {
    await open({ authorize: () => ({ verdict: "pending" }) });
    await subscribe();
    await bench.rig.clock.advance(10);
    expect(bench.notifier.permit(only())).toBe(true);
    expect(bench.notifier.permit(only())).toBe(false);
    await bench.rig.clock.advance(10);
    expect(states()).toEqual(["pending;expires=600", "active;expires=599"]);
    expect(reports()).toEqual(["created", "granted"]);
  });
});

describe("a SUBSCRIBE within the dialog (RFC 6665 §4.2.1.4)", () => {
  it("refreshes: 200, a NOTIFY, another target", async () => {
    await open();
    const made = await subscribe();
    await bench.rig.clock.advance(500_000);
    const contact = ["Contact", `<sip:alice2@${HANDSET}>`] as const;
    const response = await again(made, 2, [["Event", EVENT], contact, ["Expires", "300"]]);
    await bench.rig.clock.advance(10);
    expect([response.statusCode, response.headers.get("Expires")]).toEqual([200, "300"]);
    expect(bench.handset.received.at(-1)?.request.requestUri).toBe(`sip:alice2@${HANDSET}`);
    expect(states().at(-1)).toMatch(/^active;expires=(?:300|299)$/);
    await bench.rig.clock.advance(290_000);
    expect(bench.notifier.size).toBe(1);
    expect(reports()).toEqual(["created", "refreshed"]);
  });

  it("with Expires 0 ends it with a last NOTIFY", async () => {
    await open();
    const made = await subscribe();
    const response = await again(made, 2, [...usual, ["Expires", "0"]]);
    await bench.rig.clock.advance(10);
    expect([response.statusCode, states().at(-1), bench.notifier.size]).toEqual([200, "terminated;reason=timeout", 0]);
    expect((await again(made, 3, usual)).statusCode).toBe(481);
  });

  it.each<[string, number, Fields, number]>([
    ["with an older CSeq is 500 (RFC 3261 §12.2.2)", 0, usual, 500],
    ["of another event id is 403 (§4.5.2)", 2, [...usual.slice(1), ["Event", "oma-push;id=1"]], 403],
    [
      "with a malformed Contact is 400",
      2,
      [
        ["Event", EVENT],
        ["Contact", "<tel:1>"],
      ],
      400,
    ],
    ["without Contact is 200", 2, [["Event", EVENT]], 200],
    ["that is too brief is 423", 2, [...usual, ["Expires", "5"]], 423],
  ])("%s, and the subscription stays", async (_, cseq, headers, statusCode) => {
    await open();
    const made = await subscribe();
    expect((await again(made, cseq, headers)).statusCode).toBe(statusCode);
    expect(bench.notifier.size).toBe(1);
  });

  it("of an unknown dialog is 481", async () => {
    await open();
    const made = await subscribe();
    expect((await again(made, 2, usual, "<sip:x@y>;tag=nobody")).statusCode).toBe(481);
  });

  it("that is refused leaves the subscription until it runs out", async () => {
    let verdict: SubscribeDecision = { verdict: "accept" };
    await open({ authorize: () => verdict });
    const made = await subscribe();
    verdict = { verdict: "refuse", statusCode: 403 };
    expect((await again(made, 2, usual)).statusCode).toBe(403);
    expect(bench.notifier.size).toBe(1);
  });
});
