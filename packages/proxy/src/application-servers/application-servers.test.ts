import { DigestClient, parseNameAddr, parseUri, type SipRequest, type SipUri } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import type { SipProxyOptions } from "../options.ts";
import { type Agent, ProxyBed } from "../testdata/proxy-bed.ts";
import { parseUsers } from "../users-file.ts";
import type { ApplicationServer } from "./application-server.ts";

const AS_PORT = 7000;
const AS_URI = `sip:127.0.0.1:${AS_PORT}`;

let bed: ProxyBed;
let server: Agent;

/** A proxy with one application server that answers 200, trusted by its address unless told otherwise. */
async function start(
  criteria: Omit<ApplicationServer, "uri">,
  options: Partial<SipProxyOptions> = { trusted: ["127.0.0.1"] },
): Promise<void> {
  bed = await ProxyBed.open({ applicationServers: [{ uri: AS_URI, ...criteria }], ...options });
  server = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.1", port: AS_PORT });
}

afterEach(() => bed.close());

const message = (to = "sip:alice@example.test", headers: Array<readonly [string, string]> = []) => ({
  requestUri: to,
  from: "sip:push@other.test",
  headers: [["Content-Type", "text/plain"] as const, ...headers],
  body: new TextEncoder().encode("hi"),
});
const onlyRequest = (agent: Agent, method: string): SipRequest => {
  const found = agent.received.filter((request) => request.method === method);
  expect(found).toHaveLength(1);
  return found[0] as SipRequest;
};
/** Sends a request on by its Route, as an application server in record-routing mode does. TS 24.229 §5.7.4. */
async function sendOn(agent: Agent): Promise<number> {
  const copy = (agent.received.at(-1) ?? expect.fail("nothing came")).clone();
  copy.headers.remove("Route");
  const [, ...rest] = (agent.received.at(-1) as SipRequest).headers.list("Route");
  for (const route of rest) copy.headers.add("Route", route);
  copy.headers.set("Max-Forwards", "60");
  const outcome = await agent.sender.send(copy, { nextHop: agent.proxy });
  return outcome.kind === "response" ? outcome.response.statusCode : 0;
}

describe("public service identities", () => {
  it("sends requests to one to its server, with the identity as Request-URI and the server as Route", async () => {
    await start({ serviceIdentities: ["sip:push@example.test"] });
    const sender = await bed.agent();
    expect((await sender.ask(message("sip:push@example.test"))).statusCode).toBe(200);
    const request = onlyRequest(server, "MESSAGE");
    expect(request.requestUri).toBe("sip:push@example.test");
    expect(request.headers.list("Route")).toEqual([`<${AS_URI};lr>`]);
    expect(request.headers.get("P-Charging-Vector")).toMatch(/^icid-value=[0-9a-f]{32}$/);
    expect(request.headers.has("P-Served-User")).toBe(false);
  });

  it.each(["SUBSCRIBE", "PUBLISH", "REFER", "OPTIONS"])("sends %s there as well", async (method) => {
    await start({ serviceIdentities: ["sip:push@example.test"] });
    const sender = await bed.agent();
    const headers = [["Event", "oma-push"] as const, ["Contact", "<sip:a@127.0.0.1:6000>"] as const];
    const answer = await sender.ask({ method, requestUri: "sip:push@example.test", headers });
    expect(answer.statusCode).toBe(200);
    expect(onlyRequest(server, method).headers.has("Record-Route")).toBe(method === "SUBSCRIBE" || method === "REFER");
  });

  it("answers for the server when that is not there", async () => {
    await start({ serviceIdentities: ["sip:push@example.test"] });
    server.answer = (transaction) => transaction.reply(480);
    const sender = await bed.agent();
    expect((await sender.ask(message("sip:push@example.test"))).statusCode).toBe(480);
  });
});

describe("requests to users (TS 24.229 §5.4.3.3)", () => {
  it("go through the server, which sends them back by the second Route, and then to the user", async () => {
    await start({ methods: ["MESSAGE"] });
    const alice = await bed.handset("alice");
    server.answer = (transaction) =>
      void sendOn(server).then((statusCode) => transaction.reply(statusCode, { reason: "by way of the server" }));
    const sender = await bed.agent();
    const answer = await sender.ask(message());
    expect([answer.statusCode, answer.reason]).toEqual([200, "by way of the server"]);
    const request = onlyRequest(server, "MESSAGE");
    expect(request.headers.list("Route")).toHaveLength(2);
    expect(request.headers.get("P-Served-User")).toBe("<sip:alice@example.test>;sescase=term;regstate=reg");
    expect(onlyRequest(alice, "MESSAGE").headers.has("Route")).toBe(false);
  });

  it("say what the trust domain knows inside it only (RFC 5502 §6, RFC 7315 §5)", async () => {
    await start({ methods: ["MESSAGE"] }, { trusted: ["127.0.0.1"] });
    const alice = await bed.handset("alice");
    server.answer = (transaction) => void sendOn(server).then((statusCode) => transaction.reply(statusCode));
    const sender = await bed.agent();
    await sender.ask(message(undefined, [["P-Charging-Vector", "icid-value=1"]]));
    expect(onlyRequest(server, "MESSAGE").headers.get("P-Charging-Vector")).toBe("icid-value=1");
    const arrived = onlyRequest(alice, "MESSAGE");
    expect(arrived.headers.has("P-Charging-Vector")).toBe(false);
    expect(arrived.headers.has("P-Served-User")).toBe(false);
  });

  it("say where a user is to the trust domain alone (RFC 7315 §6.4)", async () => {
    await start({ methods: ["MESSAGE"] }, { trusted: ["127.0.0.1"] });
    const alice = await bed.handset("alice");
    const access = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=1";
    alice.answer = (transaction) => transaction.reply(200, { headers: [["P-Access-Network-Info", access]] });
    server.answer = (transaction) => void sendOn(server).then((statusCode) => transaction.reply(statusCode));
    const stranger = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.2", port: 6900 });
    const forged = "IEEE-802.11;network-provided";
    const said = [["P-Access-Network-Info", `${access}, ${forged}`] as const];
    await stranger.ask(message(undefined, [...said]));
    expect(onlyRequest(server, "MESSAGE").headers.get("P-Access-Network-Info")).toBe(access);
    expect(onlyRequest(alice, "MESSAGE").headers.has("P-Access-Network-Info")).toBe(false);
    const answer = await stranger.ask({ ...message(), method: "OPTIONS" });
    expect([answer.statusCode, answer.headers.has("P-Access-Network-Info")]).toEqual([200, false]);
  });

  it("tell a server outside the trust domain nothing, and take nothing from outside", async () => {
    await start({ methods: ["MESSAGE"] }, {});
    await bed.handset("alice");
    const sender = await bed.agent();
    await sender.ask(
      message(undefined, [
        ["P-Charging-Vector", "icid-value=1"],
        ["P-Served-User", "<sip:king@castle.test>"],
      ]),
    );
    const request = onlyRequest(server, "MESSAGE");
    expect(request.headers.has("P-Charging-Vector")).toBe(false);
    expect(request.headers.has("P-Served-User")).toBe(false);
  });

  it("believe nothing that comes from outside, and say it anew", async () => {
    await start({ methods: ["MESSAGE"] }, { trusted: ["127.0.0.1"] });
    await bed.handset("alice");
    const stranger = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.2", port: 6900 });
    const forged = [
      ["P-Charging-Vector", "icid-value=1"] as const,
      ["P-Served-User", "<sip:king@castle.test>"] as const,
    ];
    await stranger.ask(message(undefined, [...forged]));
    const { headers } = onlyRequest(server, "MESSAGE");
    expect(headers.get("P-Charging-Vector")).toMatch(/^icid-value=[0-9a-f]{32}$/);
    expect(headers.getAll("P-Served-User")).toEqual(["<sip:alice@example.test>;sescase=term;regstate=reg"]);
  });

  it("are not challenged again when a server outside the trust domain sends them back", async () => {
    await start({ methods: ["MESSAGE"] }, { users: parseUsers("alice:secret\nbob:hunter2") });
    server.answer = (transaction) => void sendOn(server).then((statusCode) => transaction.reply(statusCode));
    const credentials = new DigestClient({ accounts: [{ username: "bob", password: "hunter2" }] });
    const sender = await bed.agent();
    const answer = await sender.ask({ ...message(), from: "sip:bob@example.test" }, { credentials });
    expect(answer.statusCode).toBe(480); // alice is not registered; 407 would be the challenge
    expect(server.received).toHaveLength(1);
  });

  it("go straight to the user when they belong to a dialog: its route set says the way", async () => {
    await start({ methods: ["NOTIFY"] });
    const alice = await bed.handset("alice");
    const headers = [["Event", "x"] as const, ["Subscription-State", "active"] as const];
    await (await bed.agent()).ask({ method: "NOTIFY", requestUri: "sip:alice@example.test", toTag: "t", headers });
    expect(alice.received).toHaveLength(1);
    expect(server.received).toHaveLength(0);
  });

  it("name the user as not registered when that is so", async () => {
    await start({ methods: ["MESSAGE"] }, { trusted: ["127.0.0.1"], users: parseUsers("alice:secret") });
    const sender = await bed.agent();
    expect((await sender.ask(message())).statusCode).toBe(200);
    expect(onlyRequest(server, "MESSAGE").headers.get("P-Served-User")).toContain("regstate=unreg");
  });

  it.each([
    ["another method", { methods: ["SUBSCRIBE"] }, []],
    ["another event package", { eventPackages: ["presence"] }, [["Event", "oma-push"]]],
    ["a server without criteria", {}, []],
  ] as const)("go straight to the user with %s", async (_, criteria, headers) => {
    await start(criteria);
    const alice = await bed.handset("alice");
    const sender = await bed.agent();
    expect((await sender.ask(message(undefined, [...headers]))).statusCode).toBe(200);
    expect(alice.received).toHaveLength(1);
    expect(server.received).toHaveLength(0);
  });

  it("go by Event when packages are named", async () => {
    await start({ eventPackages: ["oma-push"] });
    await bed.handset("alice");
    const sender = await bed.agent();
    const headers = [["Event", 'oma-push;event-app-id="x"'] as const, ["Contact", "<sip:a@127.0.0.1:6000>"] as const];
    await sender.ask({ method: "SUBSCRIBE", requestUri: "sip:alice@example.test", headers });
    expect(server.received).toHaveLength(1);
  });

  it("are 404 for nobody, without asking the server", async () => {
    await start({ methods: ["MESSAGE"] });
    const sender = await bed.agent();
    expect((await sender.ask(message("sip:nobody@example.test"))).statusCode).toBe(404);
    expect(server.received).toHaveLength(0);
  });

  it("go through each server in its turn, once", async () => {
    const uris = [7000, 7001].map((port) => `sip:127.0.0.1:${port}`);
    bed = await ProxyBed.open({
      applicationServers: uris.map((uri) => ({ uri, methods: ["MESSAGE"] })),
      trusted: ["127.0.0.1"],
    });
    const alice = await bed.handset("alice");
    const servers = [];
    for (const port of [7000, 7001]) {
      const each = await bed.agent("UDP", { transport: "UDP", address: "127.0.0.1", port });
      each.answer = (transaction) => void sendOn(each).then((statusCode) => transaction.reply(statusCode));
      servers.push(each);
    }
    const sender = await bed.agent();
    expect((await sender.ask(message())).statusCode).toBe(200);
    expect(servers.map((each) => each.received.length)).toEqual([1, 1]);
    expect(alice.received).toHaveLength(1);
  });

  it("are sent through all servers again when the Route back was forged or is another request's", async () => {
    await start({ methods: ["MESSAGE"] });
    const alice = await bed.handset("alice");
    const sender = await bed.agent();
    await sender.ask(message());
    const back = server.received[0]?.headers.list("Route")[1] ?? expect.fail("no Route back");
    await sender.ask(message(undefined, [["Route", back]]));
    await sender.ask(message(undefined, [["Route", back.replace(/:[^@]+@/, ":AAAAAAAAAAAAAAAAMQ@")]]));
    expect(server.received).toHaveLength(3);
    expect(alice.received).toHaveLength(0);
  });
});

describe("requests from the server", () => {
  const orig = [["Route", "<sip:127.0.0.1:5060;lr;orig>"] as const];

  it("are originating with `orig` on our Route: no service of the called user (TS 24.229 §5.4.3.2)", async () => {
    await start({ methods: ["MESSAGE"] });
    const alice = await bed.handset("alice");
    expect((await server.ask(message(undefined, [...orig]))).statusCode).toBe(200);
    expect(alice.received).toHaveLength(1);
    expect(server.received).toHaveLength(0);
  });

  it("are like any other without `orig`, and from outside the trust domain with it", async () => {
    await start({ methods: ["MESSAGE"] }, { trusted: [] });
    const alice = await bed.handset("alice");
    const sender = await bed.agent();
    await sender.ask(message(undefined, [...orig]));
    expect(server.received).toHaveLength(1);
    expect(alice.received).toHaveLength(0);
  });
});

describe("third-party REGISTER (TS 24.229 §5.4.1.7)", () => {
  const registers = (): SipRequest[] => server.received.filter(({ method }) => method === "REGISTER");

  it("tells of registration, refresh and end", async () => {
    await start({ thirdPartyRegister: true });
    const alice = await bed.handset("alice");
    await bed.clock.advance(100);
    await alice.register("alice", `<${alice.contact("alice")}>;expires=600`);
    await bed.clock.advance(100);
    await alice.register("alice", `<${alice.contact("alice")}>;expires=0`);
    await bed.clock.advance(100);
    expect(registers().map(({ headers }) => headers.get("Expires"))).toEqual(["3600", "600", "0"]);
    for (const request of registers()) {
      expect(request.requestUri).toBe(AS_URI);
      expect(request.to.uriText).toBe("sip:alice@example.test");
      expect(request.from.uriText).toBe("sip:127.0.0.1:5060");
      const contact = parseNameAddr(request.headers.get("Contact") ?? "", "Contact").uri as SipUri;
      expect(contact).toMatchObject(parseUri("sip:127.0.0.1:5060"));
      expect(request.headers.get("P-Charging-Vector")).toMatch(/^icid-value=/);
      expect(request.body).toHaveLength(0);
    }
    const [first, second, third] = registers().map(({ cseq, callId }) => ({ seq: cseq.seq, callId }));
    expect(second?.callId).toBe(first?.callId);
    expect([first?.seq, second?.seq, third?.seq]).toEqual([1, 2, 3]);
  });

  it("tells of an end that nobody asked for", async () => {
    await start({ thirdPartyRegister: true });
    await bed.handset("alice");
    await bed.clock.advance(3_601_000);
    expect(registers().map(({ headers }) => headers.get("Expires"))).toEqual(["3600", "0"]);
  });

  it("takes the user's REGISTER along as message/sip, without its credentials", async () => {
    await start({ thirdPartyRegister: { includeRequest: true } });
    const alice = await bed.agent();
    const contact = `<${alice.contact("alice")}>;+g.oma.pusheventapp="push.syncml"`;
    await alice.register("alice", contact, { headers: [["Authorization", 'Digest username="alice"']] });
    await bed.clock.advance(100);
    const request = registers()[0] ?? expect.fail("no REGISTER");
    expect(request.headers.get("Content-Type")).toBe("message/sip");
    const body = Buffer.from(request.body).toString("latin1");
    expect(body).toContain("REGISTER sip:example.test SIP/2.0\r\n");
    expect(body).toContain('+g.oma.pusheventapp="push.syncml"');
    expect(body).not.toContain("Authorization");
  });

  it.each([
    ["inside the trust domain with", ["127.0.0.1"], true],
    ["outside without", [], false],
  ])("takes it along %s what only that may know", async (_, trusted, told) => {
    await start({ thirdPartyRegister: { includeRequest: true } }, { trusted });
    const alice = await bed.agent();
    const access = ["P-Access-Network-Info", "IEEE-802.11"] as const;
    await alice.register("alice", `<${alice.contact("alice")}>`, { headers: [access] });
    await bed.clock.advance(100);
    const body = Buffer.from(registers()[0]?.body ?? []).toString("latin1");
    expect([body.includes("REGISTER sip:example.test"), body.includes("P-Access-Network-Info")]).toEqual([true, told]);
  });

  it("sends one at a time per user, and of the news that come meanwhile the last", async () => {
    await start({ thirdPartyRegister: true });
    const open: Array<() => void> = [];
    server.answer = (transaction) => void open.push(() => transaction.reply(200));
    const alice = await bed.handset("alice");
    for (const expires of [500, 400, 300]) {
      await alice.register("alice", `<${alice.contact("alice")}>;expires=${expires}`);
    }
    expect(registers()).toHaveLength(1);
    open[0]?.();
    await bed.clock.advance(100);
    expect(registers().map(({ headers }) => headers.get("Expires"))).toEqual(["3600", "300"]);
    open[1]?.();
    await bed.clock.advance(100);
    expect(registers()).toHaveLength(2);
  });

  it("says how long it is registered from when it is sent, not from when it had to wait", async () => {
    await start({ thirdPartyRegister: true });
    const open: Array<() => void> = [];
    server.answer = (transaction) => void open.push(() => transaction.reply(200));
    const alice = await bed.handset("alice");
    await alice.register("alice", `<${alice.contact("alice")}>;expires=500`);
    await bed.clock.advance(20_000);
    open[0]?.();
    await bed.clock.advance(100);
    expect(registers().map(({ headers }) => headers.get("Expires"))).toEqual(["3600", "480"]);
    open[1]?.();
    await bed.clock.advance(100);
  });

  it("does not keep a registration from standing, nor the proxy from closing", async () => {
    await start({ thirdPartyRegister: true });
    server.answer = () => {};
    const alice = await bed.handset("alice");
    expect(alice.received).toHaveLength(0);
    expect(bed.proxy.registrations).toBe(1);
    await bed.clock.until(bed.proxy.close());
  });

  it("is for those only who want it", async () => {
    await start({ methods: ["MESSAGE"] });
    await bed.handset("alice");
    await bed.clock.advance(100);
    expect(registers()).toHaveLength(0);
  });
});

it("names everything that is wrong with the option", async () => {
  await start({});
  const wrong = ProxyBed.open({
    applicationServers: [
      { uri: "tel:+1" },
      { uri: AS_URI, serviceIdentities: ["sip:example.test"], methods: ["A B"], eventPackages: [""] },
    ],
  });
  await expect(wrong).rejects.toMatchObject({
    code: "PROXY_BAD_OPTION",
    problems: [
      "applicationServers[0].uri: no sip or sips URI",
      "applicationServers[1].serviceIdentities: not all are sip URIs with a user",
      "applicationServers[1].methods: not all are method names",
      "applicationServers[1].eventPackages: not all are event packages",
    ],
  });
});
