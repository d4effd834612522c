import { DigestClient, type Params, paramValue, parseNameAddr, type SipRequest, type SipResponse } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

let bed: ProxyBed;
let sender: Agent;

beforeEach(async () => {
  bed = await ProxyBed.open();
  sender = await bed.agent();
});

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const ALICE = "sip:alice@example.test";
const supported = ["Supported", "path, outbound, gruu"] as const;
const URN = "urn:uuid:00000000-0000-1000-8000-000A95A0E128";
const OTHER = "urn:uuid:00000000-0000-1000-8000-000A95A0E129";
const PUBLIC = `${ALICE};gr=${URN}`;

const instance = (urn: string, regId?: number): string =>
  `;+sip.instance="<${urn}>"${regId === undefined ? "" : `;reg-id=${regId}`}`;

interface RegisterOptions {
  readonly urn?: string;
  readonly regId?: number;
  readonly callId?: string;
  readonly uri?: string;
  readonly to?: string;
  readonly requestUri?: string;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
}

function register(agent: Agent, options: RegisterOptions = {}): Promise<SipResponse> {
  const { urn = URN, regId, callId, uri = agent.contact("alice"), to, requestUri, headers = [supported] } = options;
  const names = { ...(to !== undefined && { to }), ...(requestUri !== undefined && { requestUri }) };
  const init = { ...(callId !== undefined && { callId }), ...names, headers };
  return agent.register("alice", `<${uri}>${instance(urn, regId)}`, init);
}

/** Parameters of each contact in a 200. */
const paramsOf = (response: SipResponse): Params[] =>
  response.headers.list("Contact").map((text) => parseNameAddr(text, "Contact").params);

function gruusOf(response: SipResponse, index = 0): { readonly pub: string; readonly temp: string } {
  const params = paramsOf(response)[index] ?? new Map<string, string | null>();
  return { pub: paramValue(params, "pub-gruu") ?? "", temp: paramValue(params, "temp-gruu") ?? "" };
}

const statusOf = async (requestUri: string): Promise<number> => (await sender.ask({ requestUri })).statusCode;
const counts = (...agents: Agent[]): number[] => agents.map(({ received }) => received.length);

describe("GRUUs in the answer to a REGISTER (RFC 5627 §5.1, §5.2)", () => {
  test("a contact with an instance gets a public one, made of the address-of-record, and a temporary one", async () => {
    const { pub, temp } = gruusOf(await register(sender));
    expect(pub).toBe(PUBLIC);
    expect(temp).toMatch(/^sip:tgruu\.[\w-]{35}@example\.test;gr$/);
    expect(temp).not.toContain("alice");
  });

  test("none without Supported: gruu, and none without an instance", async () => {
    for (const params of paramsOf(await register(sender, { headers: [["Supported", "path"]] }))) {
      expect([params.has("pub-gruu"), params.has("temp-gruu")]).toEqual([false, false]);
    }
    const bob = await bed.agent();
    const response = await bob.register("bob", `<${bob.contact("bob")}>`, { headers: [supported] });
    expect(paramsOf(response)[0]?.has("pub-gruu")).toBe(false);
  });

  test("they exist all the same for a user agent that did not ask", async () => {
    await register(sender, { headers: [] });
    expect(await statusOf(PUBLIC)).toBe(200);
  });

  test("gruu is not in Supported or Require of the answer, and may be required of us", async () => {
    const { statusCode, headers } = await register(sender, { headers: [supported, ["Require", "gruu"]] });
    expect([statusCode, headers.list("Supported"), headers.has("Require")]).toEqual([200, ["path", "outbound"], false]);
  });

  test("a user agent cannot say what its GRUUs are", async () => {
    const contact = `<${sender.contact("alice")}>${instance(URN)};pub-gruu="sip:x@y;gr";temp-gruu="sip:z@y;gr"`;
    const response = await sender.register("alice", contact, { headers: [supported] });
    expect(gruusOf(response).pub).toBe(PUBLIC);
    const silent = await sender.register("alice", contact);
    expect(paramsOf(silent)[0]?.has("pub-gruu")).toBe(false);
  });

  test("of a sips contact they are sips, of a sip one sip, whatever To says (RFC 5630 §5.2.1)", async () => {
    const to = "sips:alice@example.test";
    const agent = await bed.agent("TLS");
    const uri = agent.contact("alice").replace("sip:", "sips:");
    const { pub, temp } = gruusOf(await register(agent, { uri, to, requestUri: "sips:example.test" }));
    expect([pub, temp.slice(0, 11)]).toEqual([`sips:alice@example.test;gr=${URN}`, "sips:tgruu."]);
    expect(gruusOf(await register(await bed.agent("TLS"), { to, callId: "other", urn: OTHER }), 1).pub).toBe(
      `${ALICE};gr=${OTHER}`,
    );
  });

  test("an instance with characters that a URI may not hold is escaped, and found", async () => {
    const { pub } = gruusOf(await register(sender, { urn: "urn:x:a=b;c" }));
    expect(pub).toBe(`${ALICE};gr=urn:x:a%3Db%3Bc`);
    expect(await statusOf(pub)).toBe(200);
  });

  test.each([
    ["the address-of-record", "sip:alice@example.test"],
    ["it by another name", "sip:%61lice@127.0.0.1:5060;transport=tcp"],
    ["its public GRUU", PUBLIC],
  ])("a contact that is %s is 403", async (_, uri) => {
    expect((await register(sender, { uri })).statusCode).toBe(403);
  });

  test("so is its temporary GRUU, and with an instance what is no SIP URI", async () => {
    const { temp } = gruusOf(await register(sender));
    expect((await register(sender, { uri: temp })).statusCode).toBe(403);
    expect((await register(sender, { uri: "mailto:alice@example.test" })).statusCode).toBe(403);
  });
});

describe("requests to a GRUU (RFC 5627 §6.1)", () => {
  test("go to that instance alone, with its contact for the Request-URI", async () => {
    const other = await bed.agent();
    const { temp } = gruusOf(await register(sender));
    await register(other, { urn: OTHER });
    for (const gruu of [PUBLIC, PUBLIC.toLowerCase(), temp]) expect(await statusOf(gruu)).toBe(200);
    expect(counts(sender, other)).toEqual([3, 0]);
    expect(sender.received[0]?.requestUri).toBe(sender.contact("alice"));
  });

  test("404 for what was never issued", async () => {
    const { temp } = gruusOf(await register(sender));
    const tampered = temp.replace(/tgruu\.(.)/, (_, first) => `tgruu.${first === "A" ? "B" : "A"}`);
    const gruus = [`${ALICE};gr=${OTHER}`, `${ALICE};gr`, `sip:bob@example.test;gr=${URN}`, tampered];
    for (const gruu of [...gruus, "sip:tgruu.@example.test;gr", "sip:tgruu.x%00y@example.test;gr"]) {
      expect(await statusOf(gruu)).toBe(404);
    }
  });

  test("480 for a public one whose instance is off-line, although another is there", async () => {
    const other = await bed.agent();
    await register(other, { urn: OTHER });
    await register(sender);
    await sender.register("alice", `<${sender.contact("alice")}>${instance(URN)};expires=0`);
    expect(await statusOf(PUBLIC)).toBe(480);
    expect(counts(other)).toEqual([0]);
  });

  test("the public one is the same when the instance comes back, the temporary ones are not (§3.2, §5.3)", async () => {
    const first = gruusOf(await register(sender));
    await sender.register("alice", "*", { headers: [["Expires", "0"]] });
    expect([await statusOf(first.pub), await statusOf(first.temp)]).toEqual([480, 404]);
    const second = gruusOf(await register(sender));
    expect(second.pub).toBe(first.pub);
    expect([await statusOf(second.temp), await statusOf(first.temp)]).toEqual([200, 404]);
  });

  test("temporary ones accumulate over refreshes, and all end when the binding expires", async () => {
    const temps = [];
    for (let i = 0; i < 3; i++) temps.push(gruusOf(await register(sender)).temp);
    expect(new Set(temps).size).toBe(3);
    for (const temp of temps) expect(await statusOf(temp)).toBe(200);
    await bed.clock.advance(3_602_000);
    for (const temp of temps) expect(await statusOf(temp)).toBe(404);
  });

  test("another Call-ID ends those before it (§5.1)", async () => {
    const { temp } = gruusOf(await register(sender, { callId: "one" }));
    const next = gruusOf(await register(sender, { callId: "two" }));
    expect([await statusOf(temp), await statusOf(next.temp), await statusOf(PUBLIC)]).toEqual([404, 200, 200]);
  });

  test("with outbound the Call-ID counts for each flow: a second flow ends nothing, a flow anew ends all", async () => {
    const [one, two] = [await bed.agent("TCP"), await bed.agent("WS")];
    const first = gruusOf(await register(one, { regId: 1, callId: "one" })).temp;
    const response = await register(two, { regId: 2, callId: "two" });
    // All contacts of the instance have the one created last (§5.2).
    expect(gruusOf(response, 0).temp).toBe(gruusOf(response, 1).temp);
    expect([await statusOf(first), await statusOf(gruusOf(response).temp)]).toEqual([200, 200]);
    const anew = gruusOf(await register(one, { regId: 1, callId: "three" })).temp;
    expect([await statusOf(first), await statusOf(gruusOf(response).temp), await statusOf(anew)]).toEqual([
      404, 404, 200,
    ]);
  });

  test("one flow of an instance gets it, the next when that is gone (RFC 5626 §7)", async () => {
    const [one, two] = [await bed.agent("TCP"), await bed.agent("WS")];
    await register(one, { regId: 1 });
    await bed.clock.advance(1);
    await register(two, { regId: 2 });
    expect(await statusOf(PUBLIC)).toBe(200);
    expect(counts(one, two)).toEqual([0, 1]);
    const lost = bed.proxy.bindings(ALICE).find(({ regId }) => regId === 2);
    if (lost?.flow !== undefined) (lost.flow as { open: boolean }).open = false;
    expect(await statusOf(PUBLIC)).toBe(200);
    expect(counts(one, two)).toEqual([1, 1]);
  });

  test("without outbound the contact heard of last gets it whatever q says, and the next only after 408 or 430", async () => {
    const [old, young] = [await bed.agent(), await bed.agent()];
    await old.register("alice", `<${old.contact("alice")}>${instance(URN)};q=1`);
    await bed.clock.advance(1);
    await young.register("alice", `<${young.contact("alice")}>${instance(URN)};q=0.1`);
    young.answer = (transaction) => transaction.reply(486);
    expect([await statusOf(PUBLIC), ...counts(old, young)]).toEqual([486, 0, 1]);
    young.answer = (transaction) => transaction.reply(408);
    expect([await statusOf(PUBLIC), ...counts(old, young)]).toEqual([200, 1, 2]);
  });

  test("Request-Disposition: redirect has no effect", async () => {
    await register(sender);
    const headers = [["Request-Disposition", "redirect"] as const];
    expect((await sender.ask({ requestUri: PUBLIC, headers })).statusCode).toBe(200);
  });

  test("caller preferences count against the contacts of the instance", async () => {
    await sender.register("alice", `<${sender.contact("alice")}>${instance(URN)};+g.oma.pusheventapp="ulp.ua"`);
    const headers = [["Accept-Contact", '*;+g.oma.pusheventapp="mms.ua";require;explicit'] as const];
    expect((await sender.ask({ requestUri: PUBLIC, headers })).statusCode).toBe(480);
  });
});

describe("GRUUs as Contact of a dialog (RFC 5627 §4.4, §6)", () => {
  /** SUBSCRIBE of alice to bob with a GRUU for Contact; what bob got. */
  async function subscribe(alice: Agent, bob: Agent, gruu: string): Promise<SipRequest> {
    const response = await alice.ask({
      method: "SUBSCRIBE",
      requestUri: "sip:bob@example.test",
      callId: "dialog",
      headers: [
        ["Contact", `<${gruu}>`],
        ["Event", "oma-push"],
      ],
    });
    expect(response.statusCode).toBe(200);
    return bob.received.at(-1) as SipRequest;
  }

  test("requests in the dialog reach the instance on the connection that it has by then", async () => {
    const bob = await bed.handset("bob");
    const alice = await bed.agent("TCP");
    const { temp } = gruusOf(await register(alice, { regId: 1, callId: "alice" }));
    for (const gruu of [PUBLIC, temp]) {
      const request = await subscribe(alice, bob, gruu);
      alice.endpoint.existingFlow({ transport: "TCP", address: "127.0.0.1", port: 5060 })?.close();
      await bed.clock.advance(10);
      await register(alice, { regId: 1, callId: "alice" });
      const before = alice.received.length;
      const routes = request.headers.list("Record-Route").map((route) => ["Route", route] as const);
      const init = { method: "NOTIFY", requestUri: gruu, from: "sip:bob@example.test", callId: "dialog" };
      const response = await bob.ask({ ...init, headers: routes });
      // The temporary one ended with the binding: its registration lapsed when the connection did (§5.3).
      expect(response.statusCode).toBe(gruu === PUBLIC ? 200 : 404);
      expect(alice.received.length - before).toBe(gruu === PUBLIC ? 1 : 0);
    }
  });

  test("routes behind ours are taken instead of the path of the registration", async () => {
    const edge = await bed.agent();
    edge.answer = (transaction) => transaction.reply(299);
    const path = ["Path", `<sip:elsewhere@127.0.0.1:7999;lr;ob>`] as const;
    await register(sender, { regId: 1, headers: [supported, path] });
    const bob = await bed.handset("bob");
    const request = await subscribe(sender, bob, PUBLIC);
    const ours = request.headers.list("Record-Route").map((route) => ["Route", route] as const);
    const response = await bob.ask({
      ...{ method: "NOTIFY", requestUri: PUBLIC, from: "sip:bob@example.test", callId: "dialog" },
      headers: [...ours, ["Route", `<sip:127.0.0.1:${edge.listening.port};lr>`]],
    });
    expect(response.statusCode).toBe(299);
    expect(edge.received[0]?.requestUri).toBe(sender.contact("alice"));
    expect(edge.received[0]?.headers.list("Route")).toEqual([`<sip:127.0.0.1:${edge.listening.port};lr>`]);
  });

  test("a Contact that is another user's GRUU is 403 (§6.2)", async () => {
    await bed.close();
    bed = await ProxyBed.open({ users: parseUsers("alice:a\nbob:b") });
    sender = await bed.agent();
    const credentialsOf = (username: string, password: string) => ({
      credentials: new DigestClient({ accounts: [{ username, password }] }),
    });
    const contact = `<${sender.contact("alice")}>${instance(URN)}`;
    const registered = await sender.register("alice", contact, {}, credentialsOf("alice", "a"));
    expect(registered.statusCode).toBe(200);
    const ask = async (user: string, password: string): Promise<number> => {
      const headers = [["Contact", `<${PUBLIC}>`] as const];
      const init = { method: "SUBSCRIBE", requestUri: ALICE, from: `sip:${user}@example.test`, headers };
      return (await sender.ask(init, credentialsOf(user, password))).statusCode;
    };
    expect([await ask("alice", "a"), await ask("bob", "b")]).toEqual([200, 403]);
  });
});
