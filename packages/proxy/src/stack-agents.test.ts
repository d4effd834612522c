import {
  applyReginfo,
  decodePidf,
  decodeReginfo,
  emptyRegistrationView,
  encodePidf,
  PIDF_TYPE,
  REGINFO_TYPE,
} from "@sip-push/bodies";
import {
  DigestClient,
  Publication,
  parseListenAddress,
  type SubscriberOptions,
  Subscribers,
  type SubscriptionReport,
  staticResolver,
} from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import type { SipProxyOptions } from "./options.ts";
import { SipProxy } from "./sip-proxy.ts";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

const ALICE = "sip:alice@example.test";
/** As a ProxyBed has it. */
const LISTEN = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"];
const HOUR_MS = 3_600_000;
const asAlice = { credentials: new DigestClient({ accounts: [{ username: "alice", password: "secret" }] }) };

let bed: ProxyBed;
let again: SipProxy | undefined;
let subscribers: Subscribers;
let reports: SubscriptionReport[];
/** What each NOTIFY says, in a few words. */
let said: string[];

async function watch(
  transport: "UDP" | "TCP" | "WS",
  options: Pick<SubscriberOptions, "event"> & Partial<SubscriberOptions>,
): Promise<Agent> {
  const agent = await bed.agent(transport);
  reports = [];
  said = [];
  let view = emptyRegistrationView;
  subscribers = new Subscribers({ endpoint: agent.endpoint, sender: agent.sender, random: () => 1 });
  agent.answer = (transaction) => subscribers.handle(transaction);
  subscribers.subscribe({
    target: ALICE,
    from: ALICE,
    contact: agent.contact("alice"),
    nextHop: agent.proxy,
    accept: [options.event === "reg" ? REGINFO_TYPE : PIDF_TYPE],
    onReport: (report) => void reports.push(report),
    onNotify: ({ body }) => {
      if (options.event !== "reg")
        said.push(
          decodePidf(body)
            .tuples.map(({ basic }) => basic)
            .join(),
        );
      else {
        const applied = applyReginfo(view, decodeReginfo(body));
        view = applied.applied ? applied.view : view;
        const contacts = [...view.registrations.values()].flatMap((each) => each.contacts);
        said.push(`${contacts.filter(({ state }) => state === "active").length}${applied.needsRefresh ? " gap" : ""}`);
      }
    },
    ...options,
  });
  await bed.clock.advance(100);
  return agent;
}

/** The proxy ends without a word, and another starts in its place that knows nothing. */
async function restartProxy(options: Partial<SipProxyOptions> = {}): Promise<void> {
  await bed.clock.until(bed.proxy.close());
  again = await SipProxy.open({
    listen: LISTEN.map(parseListenAddress),
    domains: ["example.test"],
    clock: bed.clock,
    open: bed.network.open,
    resolver: staticResolver({}),
    ...options,
  });
}

afterEach(async () => {
  await bed.clock.until(subscribers.close());
  await bed.close();
  await again?.close();
  again = undefined;
});

describe("a subscriber and a publisher of the stack at the proxy", () => {
  it.each(["UDP", "TCP", "WS"] as const)("keep a subscription to reg over %s for a day", async (transport) => {
    bed = await ProxyBed.open();
    await watch(transport, { event: "reg", expiresSeconds: 3600 });
    const alice = await bed.handset("alice");
    await bed.clock.advance(24 * HOUR_MS);
    expect(new Set(reports.map(({ kind }) => kind))).toEqual(new Set(["active"]));
    expect(said.slice(0, 2)).toEqual(["0", "1"]);
    expect(said.at(-1)).toBe("0"); // it expired after an hour
    expect(said.some((each) => each.includes("gap"))).toBe(false);
    await alice.register("alice", `<${alice.contact("alice")}>`);
    await bed.clock.advance(10);
    expect(said.at(-1)).toBe("1");
  });

  it("prove who they are", async () => {
    bed = await ProxyBed.open({ users: parseUsers("alice:secret") });
    await watch("TCP", { event: "reg", ...asAlice });
    expect(said).toEqual(["0"]);
    expect(reports).toMatchObject([{ kind: "active" }]);
  });

  it("are told for good that they may not", async () => {
    bed = await ProxyBed.open({ users: parseUsers("alice:secret\nbob:hunter2") });
    const bob = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    await watch("UDP", { event: "reg", from: "sip:bob@example.test", credentials: bob });
    expect(said).toEqual([]);
    expect(reports).toMatchObject([{ kind: "ended", sipStatus: 403 }]);
  });

  it("come back after a restart of the proxy: what was published, and who watches", async () => {
    bed = await ProxyBed.open();
    const agent = await watch("UDP", { event: "presence", expiresSeconds: 600 });
    const publication = new Publication({
      ...{ endpoint: agent.endpoint, sender: agent.sender, nextHop: agent.proxy, expiresSeconds: 600 },
      ...{ requestUri: ALICE, event: "presence", contentType: PIDF_TYPE },
      body: encodePidf({ entity: ALICE, tuples: [{ id: "a", basic: "open" }] }),
    });
    publication.start();
    await bed.clock.advance(1000);
    expect(said).toEqual(["closed", "open"]);
    await restartProxy();
    await bed.clock.advance(HOUR_MS);
    expect(said.at(-1)).toBe("open");
    expect(reports.at(-1)?.kind).toBe("active");
    expect(publication.state).toBe("published");
    await bed.clock.until(publication.stop());
    await bed.clock.advance(6000);
    expect(said.at(-1)).toBe("closed");
  });
});
