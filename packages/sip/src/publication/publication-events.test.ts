import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { SipEndpoint } from "../user-agent/endpoint.ts";
import { RequestSender } from "../user-agent/request-sender.ts";
import type { PublicationTrigger } from "./publication.machine.ts";
import { Publication } from "./publication.ts";
import type { PublicationEvent, PublicationOptions } from "./publication-options.ts";
import { ALICE, PIDF } from "./testdata/publish.ts";

const A = { contentType: PIDF, body: Buffer.from("A") };
const B = { contentType: PIDF, body: Buffer.from("B") };

let clock: VirtualClock;
let endpoints: SipEndpoint[];
let publication: Publication;
let events: PublicationEvent[];
let requests: ServerTransaction[];
/** What the compositor does with a PUBLISH. */
let answer: (transaction: ServerTransaction) => void;

/** 200 with a tag of its own for each. */
function serve(transaction: ServerTransaction, expires = transaction.request.headers.get("Expires") ?? ""): void {
  const headers = [["SIP-ETag", `t${requests.length}`] as const, ["Expires", expires] as const];
  transaction.reply(200, { headers });
}

/** The first PUBLISH is served, others get `then`. */
function laterOn(then: (transaction: ServerTransaction) => void): void {
  answer = (transaction) => (requests.length === 1 ? serve(transaction) : then(transaction));
}

async function open(options: Partial<PublicationOptions> = {}): Promise<void> {
  const [endpoint] = endpoints as [SipEndpoint];
  publication = new Publication({
    endpoint,
    sender: new RequestSender({ endpoint }),
    requestUri: ALICE,
    event: "presence",
    ...A,
    expiresSeconds: 600,
    nextHop: parseUri("sip:192.0.2.2:5060") as SipUri,
    random: () => 1,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  publication.start();
  await clock.advance(10);
}

const refuse = (statusCode: number) => (transaction: ServerTransaction) => transaction.reply(statusCode);

interface Scenario {
  readonly run: () => Promise<void>;
  readonly state: string;
  /** Body, SIP-If-Match and Expires of each PUBLISH. */
  readonly sent: string;
  readonly told: string;
}

/** Each event of the machine, made to happen by what a compositor or the application does. */
const scenarios: Readonly<Record<PublicationTrigger, Scenario>> = {
  start: {
    run: async () => {
      answer = () => {};
      await open();
    },
    ...{ state: "publishing", sent: "A,-,600", told: "" },
  },
  accepted: { run: () => open(), ...{ state: "published", sent: "A,-,600", told: "published" } },
  superseded: {
    run: async () => {
      answer = (transaction) => {
        if (requests.length === 1) publication.modify(B);
        serve(transaction);
      };
      await open();
    },
    ...{ state: "published", sent: "A,-,600 B,t1,600", told: "published" },
  },
  conditionFailed: {
    run: async () => {
      answer = (transaction) =>
        transaction.request.headers.has("SIP-If-Match") ? transaction.reply(412) : serve(transaction);
      await open();
      await clock.advance(300_000);
    },
    ...{ state: "published", sent: "A,-,600 ,t1,600 A,-,600", told: "published published" },
  },
  tooBrief: {
    run: async () => {
      answer = (transaction) =>
        requests.length === 1 ? transaction.reply(423, { headers: [["Min-Expires", "900"]] }) : serve(transaction);
      await open();
    },
    ...{ state: "published", sent: "A,-,600 A,-,900", told: "published" },
  },
  bodyRefused: {
    run: async () => {
      answer = refuse(415);
      await open();
      await clock.advance(3_600_000);
    },
    ...{ state: "refused", sent: "A,-,600", told: "failed" },
  },
  unsupported: {
    run: async () => {
      answer = refuse(489);
      await open();
    },
    ...{ state: "ended", sent: "A,-,600", told: "failed ended" },
  },
  failed: {
    run: async () => {
      answer = refuse(503);
      await open();
    },
    ...{ state: "waiting", sent: "A,-,600", told: "failed" },
  },
  refreshDue: {
    run: async () => {
      await open();
      await clock.advance(300_000);
    },
    ...{ state: "published", sent: "A,-,600 ,t1,600", told: "published published" },
  },
  retryDue: {
    run: async () => {
      answer = (transaction) => (requests.length === 1 ? transaction.reply(503) : serve(transaction));
      await open();
      await clock.advance(2000);
    },
    ...{ state: "published", sent: "A,-,600 A,-,600", told: "failed published" },
  },
  modify: {
    run: async () => {
      await open();
      publication.modify(B);
      await clock.advance(10);
    },
    ...{ state: "published", sent: "A,-,600 B,t1,600", told: "published published" },
  },
  endpointClosed: {
    run: async () => {
      await open();
      await endpoints[0]?.close();
      await clock.advance(300_000);
    },
    ...{ state: "ended", sent: "A,-,600", told: "published ended" },
  },
  stop: {
    run: async () => {
      laterOn(() => {});
      await open();
      void publication.stop();
      await clock.advance(10);
    },
    ...{ state: "removing", sent: "A,-,600 ,t1,0", told: "published" },
  },
  removed: {
    run: async () => {
      laterOn(refuse(500));
      await open();
      await clock.until(publication.stop());
    },
    ...{ state: "ended", sent: "A,-,600 ,t1,0", told: "published ended" },
  },
};

beforeEach(async () => {
  clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, random: seededRandom(5) });
  [events, requests, answer] = [[], [], (transaction) => serve(transaction)];
  const onRequest = (transaction: ServerTransaction): void => {
    requests.push(transaction);
    answer(transaction);
  };
  const bind = (address: string) =>
    SipEndpoint.open({ listen: [{ transport: "UDP", address, port: 5060 }], onRequest, clock, open: network.open });
  endpoints = [await bind("192.0.2.1"), await bind("192.0.2.2")];
});

afterEach(async () => {
  await clock.until(publication.stop());
  for (const endpoint of endpoints) await endpoint.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("each event of a publication, through its shell (RFC 3903 §4, §5)", () => {
  it.each(Object.entries(scenarios))("%s", async (_, { run, state, sent, told }) => {
    await run();
    const shapes = requests.map(({ request: { headers, body } }) =>
      [Buffer.from(body), headers.get("SIP-If-Match") ?? "-", headers.get("Expires")].join(),
    );
    expect(shapes.join(" ")).toBe(sent);
    expect([publication.state, events.map(({ kind }) => kind).join(" ")]).toEqual([state, told]);
  });
});

it("a compositor that answers with more time than was asked for is not believed (RFC 3903 §4.2)", async () => {
  answer = (transaction) => serve(transaction, "4294967295");
  await open();
  expect(events).toMatchObject([{ kind: "published", expiresSeconds: 600 }]);
  await clock.advance(300_000);
  expect(requests).toHaveLength(2);
});

describe("what an application does in a report", () => {
  it.each([
    ["published", (transaction: ServerTransaction) => serve(transaction)],
    ["failed", refuse(503)],
    ["failed for good", refuse(415)],
  ])("stop() when it %s leaves no timer", async (_, first) => {
    answer = (transaction) => (requests.length === 1 ? first(transaction) : serve(transaction));
    await open({
      onEvent: (event) => {
        events.push(event);
        if (event.kind !== "ended") void publication.stop();
      },
    });
    expect(publication.state).toBe("ended");
    expect(events).toHaveLength(2);
    await clock.advance(40_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("modify() when it was published is sent at once, and refreshed in time", async () => {
    await open({
      onEvent: (event) => {
        events.push(event);
        if (events.length === 1) publication.modify(B);
      },
    });
    expect(requests.map(({ request }) => Buffer.from(request.body).toString())).toEqual(["A", "B"]);
    await clock.advance(299_000);
    expect(requests).toHaveLength(2);
    await clock.advance(2000);
    expect(requests).toHaveLength(3);
  });
});
