import { applyReginfo, decodeReginfo, emptyRegistrationView, REGINFO_TYPE, type Reginfo } from "@sip-push/bodies";
import { DigestClient } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import type { SipProxyOptions } from "../options.ts";
import { type Agent, ProxyBed } from "../testdata/proxy-bed.ts";
import { Watcher } from "../testdata/watcher.ts";
import { parseUsers } from "../users-file.ts";

const ALICE = "sip:alice@example.test";
const INSTANCE = "<urn:uuid:00000000-0000-4000-8000-000000000001>";
const users = parseUsers("alice:secret\nbob:hunter2");
const as = (username: string, password: string): { credentials: DigestClient } => ({
  credentials: new DigestClient({ accounts: [{ username, password }] }),
});

let bed: ProxyBed;

async function start(options: Partial<SipProxyOptions> = {}): Promise<void> {
  bed = await ProxyBed.open({ regEvent: { notifyIntervalMs: 0 }, ...options });
}

afterEach(() => bed.close());

const register = (agent: Agent, params = "", user = "alice") =>
  agent.register(user, `<${agent.contact(user)}>${params}`, { headers: [["Supported", "gruu, path, outbound"]] });

const documents = (watcher: Watcher): Reginfo[] => watcher.notifies.map(({ body }) => decodeReginfo(body));

/** version, state of the document, state of the registration, and state and event of each contact. */
function told(watcher: Watcher): string[] {
  return documents(watcher).map(({ version, state, registrations }) =>
    [
      version,
      state,
      ...registrations.flatMap((each) => [each.state, ...each.contacts.map((c) => `${c.state}/${c.event}`)]),
    ].join(" "),
  );
}

describe("reg (RFC 3680)", () => {
  it("begins with the full state, then tells what changes, each document with the next version (§5.1, §5.2)", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    const accepted = await watcher.subscribe();
    expect(accepted.statusCode).toBe(200);
    expect(watcher.last.headers.get("Content-Type")).toBe(REGINFO_TYPE);
    const alice = await bed.agent();
    await register(alice, ";expires=60");
    await register(alice, ";expires=60");
    bed.proxy.shorten(ALICE, 30);
    await bed.clock.advance(10);
    await register(alice, ";expires=0");
    await register(alice, ";expires=60");
    await bed.clock.advance(61_000);
    expect(told(watcher)).toEqual([
      "0 full init",
      "1 partial active active/registered",
      "2 partial active active/refreshed",
      "3 partial active active/shortened",
      "4 partial terminated terminated/unregistered",
      "5 partial active active/registered",
      "6 partial terminated terminated/expired",
    ]);
  });

  it.each(["deactivated", "probation", "rejected"] as const)("tells of an end by the operator as %s", async (event) => {
    await start();
    await register(await bed.agent());
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    bed.proxy.deregister(ALICE, { event, retryAfterSeconds: 120 });
    await bed.clock.advance(10);
    expect(told(watcher)).toEqual(["0 full active active/registered", `1 partial terminated terminated/${event}`]);
    const [contact] = documents(watcher)[1]?.registrations[0]?.contacts ?? [];
    expect(contact?.retryAfterSeconds).toBe(event === "probation" ? 120 : undefined);
  });

  it("tells the full state instead of very many changes: the document does not grow with them (§5.1)", async () => {
    await start({ regEvent: { notifyIntervalMs: 5000 } });
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    const alice = await bed.agent();
    await register(alice);
    await bed.clock.advance(10);
    for (let port = 1; port < 60; port++) {
      const contact = `<sip:alice@127.0.0.1:${port}>`;
      await alice.register("alice", contact);
      await alice.register("alice", `${contact};expires=0`);
    }
    await bed.clock.advance(6000);
    await alice.register("alice", "<sip:alice@127.0.0.1:1>");
    await bed.clock.advance(6000);
    expect(told(watcher)).toEqual([
      "0 full init",
      "1 partial active active/registered",
      "2 full active active/registered",
      "3 partial active active/registered",
    ]);
  });

  it("begins anew with the full state, and the next version, after a refresh (§5.2)", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    await register(await bed.agent());
    await bed.clock.advance(10);
    await watcher.subscribe();
    await watcher.subscribe(0);
    expect(told(watcher)).toEqual([
      "0 full init",
      "1 partial active active/registered",
      "2 full active active/registered",
      "3 full active active/registered",
    ]);
  });

  it("tells of a connection that was lost as deactivated: register anew (§4.7.1)", async () => {
    await start();
    const alice = await bed.agent("WS");
    await register(alice);
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    await alice.endpoint.close();
    await bed.clock.advance(10);
    expect(told(watcher).at(-1)).toBe("1 partial terminated terminated/deactivated");
  });

  it("describes each contact: uri, parameters, times, Call-ID (§5.1)", async () => {
    await start();
    const alice = await bed.agent();
    const params = `;q=0.5;+g.oma.pusheventapp="push.syncml,syncml.dm";methods="MESSAGE";automata;+sip.instance="${INSTANCE}"`;
    await alice.register("alice", `"Alice \u00e9" <${alice.contact("alice")}>${params}`);
    const other = await bed.agent();
    await register(other);
    await bed.clock.advance(10_000);
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    const [registration] = documents(watcher)[0]?.registrations ?? [];
    expect(registration).toMatchObject({ aor: ALICE, state: "active" });
    expect(registration?.contacts).toHaveLength(2);
    const [first, second] = registration?.contacts ?? [];
    expect(first).toMatchObject({
      uri: alice.contact("alice"),
      q: 0.5,
      displayName: "Alice \u00e9",
      durationRegisteredSeconds: 10,
      expiresSeconds: 3590,
      callId: `register-alice-${alice.listening.port}`,
      cseq: 1,
      unknownParams: [
        ["+g.oma.pusheventapp", '"push.syncml,syncml.dm"'],
        ["methods", '"MESSAGE"'],
        ["automata", ""],
        ["+sip.instance", `"${INSTANCE}"`],
      ],
    });
    expect(second?.id).not.toBe(first?.id);
    expect(second?.unknownParams).toBeUndefined();
  });

  it("says only what changed, so that a subscriber who puts the documents together has it all (§5.2)", async () => {
    await start();
    const [one, two] = [await bed.agent(), await bed.agent()];
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    await register(one);
    await register(two);
    await register(one, ";expires=0");
    expect(documents(watcher).map(({ registrations }) => registrations[0]?.contacts.length)).toEqual([0, 1, 1, 1]);
    let view = emptyRegistrationView;
    for (const document of documents(watcher)) {
      const result = applyReginfo(view, document);
      expect(result.needsRefresh).toBe(false);
      view = result.view;
    }
    const live = [...view.registrations.values()].flatMap(({ contacts }) =>
      contacts.filter(({ state }) => state === "active"),
    );
    expect(live.map(({ uri }) => uri)).toEqual([two.contact("alice")]);
  });

  it("counts versions for each subscription, and tells all again when it is refreshed (§4.7.2)", async () => {
    await start();
    const agent = await bed.agent();
    const one = new Watcher(agent, "reg", ALICE);
    await one.subscribe();
    await register(await bed.agent());
    const two = new Watcher(agent, "reg", ALICE);
    await two.subscribe();
    await one.subscribe();
    expect(told(one)).toEqual(["0 full init", "1 partial active active/registered", "2 full active active/registered"]);
    expect(told(two)).toEqual(["0 full active active/registered"]);
    const ids = [...documents(one), ...documents(two)].map(({ registrations }) => registrations[0]?.id);
    expect(new Set(ids).size).toBe(1);
  });

  it("is a fetch with Expires 0", async () => {
    await start();
    await register(await bed.agent());
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe(0);
    expect(told(watcher)).toEqual(["0 full active active/registered"]);
    expect(watcher.last.headers.get("Subscription-State")).toMatch(/^terminated/);
  });

  it("tells no more than once in five seconds, and of each contact how it stands then (§4.10)", async () => {
    await start({ regEvent: {} });
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    await watcher.subscribe();
    const [one, two] = [await bed.agent(), await bed.agent()];
    await register(one);
    await register(two);
    await register(two);
    await register(one, ";expires=0");
    await bed.clock.advance(4000);
    expect(told(watcher)).toEqual(["0 full init", "1 partial active active/registered"]);
    await bed.clock.advance(2000);
    expect(told(watcher).at(-1)).toBe("2 partial active active/registered terminated/unregistered");
  });

  it("is refused 406 when the watcher cannot read the document", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    expect((await watcher.subscribe(600, [["Accept", "text/plain"]])).statusCode).toBe(406);
  });
});

describe("GRUUs (RFC 5628 §5)", () => {
  it.each([
    ["the user itself", ALICE, true],
    ["somebody else", "sip:watcher@other.test", false],
  ])("tells %s the public one; the temporary one: %s", async (_, from, temporary) => {
    await start();
    await register(await bed.agent(), `;+sip.instance="${INSTANCE}"`);
    const watcher = new Watcher(await bed.agent(), "reg", ALICE, { from });
    await watcher.subscribe();
    const [contact] = documents(watcher)[0]?.registrations[0]?.contacts ?? [];
    expect(contact?.publicGruu).toBe("sip:alice@example.test;gr=urn:uuid:00000000-0000-4000-8000-000000000001");
    expect(contact?.temporaryGruu?.firstCseq).toBe(temporary ? 1 : undefined);
  });
});

describe("who may", () => {
  it("is the user itself, after a challenge, and a trusted peer; another user may not", async () => {
    await start({ users });
    const agent = await bed.agent();
    const alice = new Watcher(agent, "reg", ALICE, { from: ALICE, ...as("alice", "secret") });
    expect((await alice.subscribe()).statusCode).toBe(200);
    const bob = new Watcher(agent, "reg", ALICE, { from: "sip:bob@example.test", ...as("bob", "hunter2") });
    expect((await bob.subscribe()).statusCode).toBe(403);
    expect((await new Watcher(agent, "reg", ALICE).subscribe()).statusCode).toBe(403);
  });

  it("is a trusted peer, whoever it speaks for", async () => {
    await start({ users, trusted: ["127.0.0.1"] });
    const watcher = new Watcher(await bed.agent(), "reg", ALICE);
    const asserted = [["P-Asserted-Identity", "<sip:push@other.test>"] as const];
    expect((await watcher.subscribe(600, asserted)).statusCode).toBe(200);
  });

  it.each([
    ["sip:alice@example.test", [], 200],
    ["sip:bob@example.test", [], 403],
    ["sip:bob@example.test", ["sip:bob@example.test"], 200],
  ])(
    "is not another user, %s, by way of a trusted peer, unless it is a service: %j, %i",
    async (uri, services, status) => {
      const applicationServers = [{ uri: "sip:127.0.0.1:7000", serviceIdentities: services }];
      await start({ users, trusted: ["127.0.0.1"], applicationServers });
      const watcher = new Watcher(await bed.agent(), "reg", ALICE, { from: ALICE });
      expect((await watcher.subscribe(600, [["P-Asserted-Identity", `<${uri}>`]])).statusCode).toBe(status);
    },
  );

  describe.each([
    ["watchers names", { regEvent: { watchers: ["sip:bob@example.test"] } }],
    [
      "is the service of an application server",
      { applicationServers: [{ uri: "sip:127.0.0.1:7000", serviceIdentities: ["sip:bob@example.test"] }] },
    ],
  ] as const)("is a user whom %s", (_, options) => {
    it("once that is proved by digest, and is not told what only the user itself may know", async () => {
      await start({ users, ...options });
      const handset = await bed.agent();
      const supported = { headers: [["Supported", "gruu, path, outbound"]] as const };
      const contact = `<${handset.contact("alice")}>;+sip.instance="${INSTANCE}"`;
      await handset.register("alice", contact, supported, as("alice", "secret"));
      const watcher = new Watcher(await bed.agent(), "reg", ALICE, {
        from: "sip:bob@example.test",
        ...as("bob", "hunter2"),
      });
      expect((await watcher.subscribe()).statusCode).toBe(200);
      expect(told(watcher)).toEqual(["0 full active active/registered"]);
      const [seen] = documents(watcher)[0]?.registrations[0]?.contacts ?? [];
      expect([seen?.publicGruu !== undefined, seen?.temporaryGruu]).toEqual([true, undefined]);
    });

    it.each([
      ["without credentials", {}, 407],
      ["with a wrong password", as("bob", "wrong"), 407],
      ["with the credentials of another", as("carol", "secret"), 403],
    ])("not by From alone: %s", async (__, credentials, status) => {
      await start({ users: parseUsers("alice:secret\nbob:hunter2\ncarol:secret"), ...options });
      const watcher = new Watcher(await bed.agent(), "reg", ALICE, { from: "sip:bob@example.test", ...credentials });
      expect((await watcher.subscribe()).statusCode).toBe(status);
    });

    it("not by an identity that somebody outside the trust domain asserts", async () => {
      await start({ users, ...options });
      const asserted = [["P-Asserted-Identity", "<sip:bob@example.test>"] as const];
      const stranger = new Watcher(await bed.agent(), "reg", ALICE);
      expect((await stranger.subscribe(600, asserted)).statusCode).toBe(403);
    });
  });

  it("is a user whom watchers names, as a trusted peer asserts; its other users may not", async () => {
    await start({ users, trusted: ["127.0.0.1"], regEvent: { watchers: ["sip:bob@example.test"] } });
    const agent = await bed.agent();
    const statuses: number[] = [];
    for (const uri of ["sip:bob@example.test", "sip:alice@example.test"]) {
      const asserted = [["P-Asserted-Identity", `<${uri}>`] as const];
      statuses.push((await new Watcher(agent, "reg", "sip:bob@example.test").subscribe(600, asserted)).statusCode);
    }
    expect(statuses).toEqual([200, 403]);
  });

  it("is everybody where nobody has to prove anything, for users that nobody heard of as well", async () => {
    await start();
    const watcher = new Watcher(await bed.agent(), "reg", "sip:new@example.test");
    expect((await watcher.subscribe()).statusCode).toBe(200);
    expect(told(watcher)).toEqual(["0 full init"]);
  });
});
