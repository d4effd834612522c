import type { SipResponse } from "@sip-push/sip";
import { afterEach, describe, expect, test } from "vitest";
import type { SipProxyOptions } from "./options.ts";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;
let agent: Agent;

async function start(options: Partial<SipProxyOptions> = {}): Promise<void> {
  bed = await ProxyBed.open(options);
  agent = await bed.agent();
}

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const A = "<sip:alice@127.0.0.1:7001>";
const B = "<sip:alice@127.0.0.1:7002>";
const contacts = (response: SipResponse): string[] => response.headers.list("Contact");

describe("RFC 3261 §10.3, the registrar's steps", () => {
  test("(2) an extension it does not know is refused with 420 that names it", async () => {
    await start();
    const response = await agent.register("alice", A, { headers: [["Require", "path, precondition"]] });
    expect([response.statusCode, response.headers.get("Unsupported")]).toEqual([420, "precondition"]);
    expect(bed.proxy.registrations).toBe(0);
  });

  test("(5) a To that names no user of the domain is 404", async () => {
    await start();
    for (const to of ["sip:alice@elsewhere.test", "sip:example.test"]) {
      expect((await agent.register("alice", A, { to })).statusCode).toBe(404);
    }
  });

  test("(5) a To that is no SIP URI is 400 (RFC 4475 §3.3.4)", async () => {
    await start();
    expect((await agent.register("alice", A, { to: "mailto:alice@example.test" })).statusCode).toBe(400);
  });

  test("(5) spellings of one address-of-record are one user", async () => {
    await start();
    await agent.register("alice", A, { to: "sip:al%69ce@EXAMPLE.test:5060;transport=tcp" });
    await agent.register("alice", B, { to: "sips:alice@127.0.0.1:5060", callId: "other" });
    expect(bed.proxy.bindings("sip:alice@example.test").map(({ contact }) => `<${contact}>`)).toEqual([A, B]);
  });

  test("(6) Contact: * with Expires: 0 removes all bindings", async () => {
    await start();
    await agent.register("alice", `${A}, ${B}`);
    const response = await agent.register("alice", "*", { headers: [["Expires", "0"]] });
    expect([response.statusCode, contacts(response)]).toEqual([200, []]);
  });

  test.each([
    ["*", "3600"],
    ["*", undefined],
    [`*, ${A}`, "0"],
  ])("(6) Contact: %s with Expires: %s is 400 and changes nothing", async (contact, expires) => {
    await start();
    await agent.register("alice", A);
    const headers = expires === undefined ? [] : [["Expires", expires] as const];
    expect((await agent.register("alice", contact, { headers })).statusCode).toBe(400);
    expect(bed.proxy.registrations).toBe(1);
  });

  test("(6) Contact: * of an older request fails and removes nothing", async () => {
    await start();
    await agent.register("alice", A, { cseq: 5 });
    const response = await agent.register("alice", "*", { cseq: 5, headers: [["Expires", "0"]] });
    expect([response.statusCode, bed.proxy.registrations]).toEqual([500, 1]);
  });

  test.each([
    ["the parameter", `${A};expires=120`, "900", 120],
    ["the header field", A, "900", 900],
    ["the default", A, undefined, 3600],
    ["an hour for what is malformed", `${A};expires=soon`, "900", 3600],
    ["at most the maximum", `${A};expires=999999999`, undefined, 86_400],
  ])("(7) the lifetime is that of %s", async (_, contact, expires, granted) => {
    await start();
    const headers = expires === undefined ? [] : [["Expires", expires] as const];
    const response = await agent.register("alice", contact, { headers });
    expect(contacts(response)).toEqual([`${A};expires=${granted}`]);
  });

  test("(7) a lifetime below the minimum is 423 with Min-Expires; zero is a removal all the same", async () => {
    await start({ expires: { minSeconds: 60 } });
    const brief = await agent.register("alice", `${A};expires=59`);
    expect([brief.statusCode, brief.headers.get("Min-Expires")]).toEqual([423, "60"]);
    await agent.register("alice", `${A};expires=60`);
    expect(contacts(await agent.register("alice", `${A};expires=0`))).toEqual([]);
  });

  test("(7) a request of the same Call-ID whose CSeq is not higher fails as a whole", async () => {
    await start();
    await agent.register("alice", A, { cseq: 7 });
    for (const cseq of [7, 6]) {
      const response = await agent.register("alice", `${B}, ${A};expires=0`, { cseq });
      expect(response.statusCode).toBe(500);
    }
    expect(bed.proxy.bindings("sip:alice@example.test").map(({ contact }) => contact)).toEqual([
      "sip:alice@127.0.0.1:7001",
    ]);
  });

  test("(7) another Call-ID may have any CSeq: the user agent was started anew", async () => {
    await start();
    await agent.register("alice", A, { cseq: 7 });
    const response = await agent.register("alice", A, { cseq: 1, callId: "after-restart" });
    expect(contacts(response)).toHaveLength(1);
  });

  test("(7) contacts compare as URIs: a refresh in another spelling makes no second binding", async () => {
    await start();
    await agent.register("alice", "<sip:alice@127.0.0.1:7001;foo=1>");
    const response = await agent.register("alice", "<sip:%61lice@127.0.0.1:7001>");
    expect(contacts(response)).toEqual(["<sip:%61lice@127.0.0.1:7001>;expires=3600"]);
  });

  test("(7) of two equal contacts in one request the last one counts", async () => {
    await start();
    const response = await agent.register("alice", `${A};q=0.1, ${A};q=0.2`);
    expect([response.statusCode, contacts(response)]).toEqual([200, [`${A};q=0.2;expires=3600`]]);
  });

  test("(8) the response lists all bindings with their parameters, what is left of their time, and the date", async () => {
    await start();
    await agent.register("alice", `${A};q=0.5;+g.oma.pusheventapp="push.syncml";expires=100`);
    await bed.clock.advance(40_000);
    const response = await agent.register("alice", B);
    expect(contacts(response)).toEqual([
      `${A};q=0.5;+g.oma.pusheventapp="push.syncml";expires=60`,
      `${B};expires=3600`,
    ]);
    expect(response.headers.get("Date")).toBe("Thu, 01 Jan 2026 00:00:40 GMT");
  });

  test("a REGISTER without Contact lists and changes nothing", async () => {
    await start();
    await agent.register("alice", A);
    expect(contacts(await agent.register("alice"))).toEqual([`${A};expires=3600`]);
  });

  test.each(["<mailto:alice@example.test>", `${A};q=2`, `${A};q=high`, `${A};+sip.instance="<urn:uuid:1>";reg-id=0`])(
    "a contact that means nothing here is 400: %s",
    async (contact) => {
      await start();
      expect((await agent.register("alice", contact)).statusCode).toBe(400);
    },
  );

  test("a REGISTER with more contacts than anybody has is 400", async () => {
    await start({ maxContactsPerAor: 1000 });
    const many = (count: number): string =>
      Array.from({ length: count }, (_, i) => `<sip:alice@127.0.0.1:${7000 + i}>`).join(", ");
    expect((await agent.register("alice", many(33))).statusCode).toBe(400);
    expect((await agent.register("alice", many(32))).statusCode).toBe(200);
  });

  test("more contacts than one user may have are refused, and the old ones stay", async () => {
    await start({ maxContactsPerAor: 1 });
    await agent.register("alice", A);
    expect((await agent.register("alice", B)).statusCode).toBe(403);
    expect((await agent.register("alice", A)).statusCode).toBe(200);
  });

  test("when no more users fit, 503 says when to come back", async () => {
    await start({ maxAors: 1 });
    await agent.register("alice", A);
    const response = await agent.register("bob", B);
    expect([response.statusCode, response.headers.get("Retry-After")]).toEqual([503, "60"]);
  });

  test("a binding that is not refreshed ends at its time, and the owner of the proxy hears of it", async () => {
    await start();
    const events: string[] = [];
    bed.proxy.on("registered", ({ binding, expiresSeconds }) => events.push(`+${binding.contact} ${expiresSeconds}`));
    bed.proxy.on("unregistered", ({ binding, reason }) => events.push(`-${binding.contact} ${reason}`));
    await agent.register("alice", `${A};expires=30, ${B};expires=60`);
    await bed.clock.advance(29_000);
    expect(bed.proxy.registrations).toBe(2);
    await bed.clock.advance(2000);
    expect(bed.proxy.registrations).toBe(1);
    await agent.register("alice", `${B};expires=0`);
    expect(events).toEqual([
      "+sip:alice@127.0.0.1:7001 30",
      "+sip:alice@127.0.0.1:7002 60",
      "-sip:alice@127.0.0.1:7001 expired",
      "-sip:alice@127.0.0.1:7002 removed",
    ]);
  });

  test("REGISTER for another domain is not relayed unless that is allowed", async () => {
    await start();
    expect((await agent.register("alice", A, { requestUri: "sip:elsewhere.test" })).statusCode).toBe(403);
  });
});

describe("RFC 3327, Path", () => {
  const path = ["Path", "<sip:p1.test;lr>, <sip:p2.test;lr>"] as const;

  test("§5.3: it is stored with the binding in its order, and copied into the 200", async () => {
    await start();
    const response = await agent.register("alice", A, { headers: [path, ["Supported", "path"]] });
    expect(response.headers.list("Path")).toEqual(["<sip:p1.test;lr>", "<sip:p2.test;lr>"]);
    expect(bed.proxy.bindings("sip:alice@example.test")[0]?.path).toEqual(["<sip:p1.test;lr>", "<sip:p2.test;lr>"]);
  });

  test("§5.3: without Supported: path it is 420", async () => {
    await start();
    const response = await agent.register("alice", A, { headers: [path] });
    expect([response.statusCode, response.headers.get("Unsupported")]).toEqual([420, "path"]);
  });

  test("a Path that is no address is 400", async () => {
    await start();
    for (const value of ["<tel:+1>", "<sip:a"]) {
      const response = await agent.register("alice", A, {
        headers: [
          ["Path", value],
          ["Supported", "path"],
        ],
      });
      expect(response.statusCode).toBe(400);
    }
  });
});

describe("RFC 5630 §5.2, sips contacts", () => {
  const SIPS = "<sips:alice@127.0.0.1:6000>";
  const path = (uri: string) => ["Path", `<${uri};lr>`] as const;

  test.each<[string, string, string, ReadonlyArray<readonly [string, string]>, number]>([
    ["a sips Request-URI and no Path", "sips:example.test", SIPS, [], 200],
    ["a sips Path", "sips:example.test", SIPS, [path("sips:edge.test")], 200],
    ["a sip Request-URI", "sip:example.test", SIPS, [], 400],
    ["a sip contact beside it", "sips:example.test", `${SIPS}, ${A}`, [], 400],
    ["a sip Path", "sips:example.test", SIPS, [path("sips:edge.test"), path("sip:edge.test")], 400],
    ["a sip Request-URI, when it is removed", "sip:example.test", `${SIPS};expires=0`, [], 200],
  ])("with %s", async (_, requestUri, contact, paths, statusCode) => {
    await start();
    const headers = [...paths, ["Supported", "path"] as const];
    expect((await agent.register("alice", contact, { requestUri, headers })).statusCode).toBe(statusCode);
  });
});

describe("RFC 5626 §6, outbound", () => {
  const flow = (contact: string, regId: number): string => `${contact};+sip.instance="<urn:uuid:1>";reg-id=${regId}`;
  const supported = { headers: [["Supported", "path, outbound"] as const] };

  test("a binding is known by instance and reg-id: another contact replaces it, another reg-id does not", async () => {
    await start();
    await agent.register("alice", flow(A, 1), supported);
    await agent.register("alice", flow(B, 1), { ...supported, callId: "second" });
    const response = await agent.register("alice", flow(B, 2), { ...supported, callId: "third" });
    expect(bed.proxy.bindings("sip:alice@example.test").map(({ contact, regId }) => [contact, regId])).toEqual([
      ["sip:alice@127.0.0.1:7002", 1],
      ["sip:alice@127.0.0.1:7002", 2],
    ]);
    expect(response.headers.get("Require")).toBe("outbound");
  });

  test("the same contact without reg-id is a binding of its own", async () => {
    await start();
    await agent.register("alice", flow(A, 1), supported);
    expect(contacts(await agent.register("alice", A))).toHaveLength(2);
  });

  test("the 200 has Require: outbound only for who supports it", async () => {
    await start();
    expect((await agent.register("alice", flow(A, 1))).headers.has("Require")).toBe(false);
  });

  test("reg-id without an instance is ignored", async () => {
    await start();
    const response = await agent.register("alice", `${A};reg-id=1`, supported);
    expect([response.statusCode, response.headers.has("Require")]).toEqual([200, false]);
    expect(bed.proxy.bindings("sip:alice@example.test")[0]?.regId).toBeUndefined();
  });

  test("reg-id beside a second contact that is to stay is 400; one that goes may be there", async () => {
    await start();
    expect((await agent.register("alice", `${flow(A, 1)}, ${B}`, supported)).statusCode).toBe(400);
    expect((await agent.register("alice", `${flow(A, 1)}, ${B};expires=0`, supported)).statusCode).toBe(200);
  });

  const via = ["Via", "SIP/2.0/UDP ua.test;branch=z9hG4bKx"] as const;

  test("from behind a proxy that did not add ob, it is 439", async () => {
    await start();
    const response = await agent.register("alice", flow(A, 1), {
      headers: [via, ["Path", "<sip:edge.test;lr>"], ["Supported", "path, outbound"]],
    });
    expect(response.statusCode).toBe(439);
  });

  test("from behind an edge proxy that did, it counts", async () => {
    await start();
    const response = await agent.register("alice", flow(A, 1), {
      headers: [via, ["Path", "<sip:token@edge.test;lr;ob>"], ["Supported", "path, outbound"]],
    });
    expect(response.headers.get("Require")).toBe("outbound");
    expect(bed.proxy.bindings("sip:alice@example.test")[0]?.flow).toBeUndefined();
  });

  test("from behind a proxy without ob and without Supported: outbound, reg-id is ignored", async () => {
    await start();
    const response = await agent.register("alice", flow(A, 1), { headers: [via] });
    expect(response.statusCode).toBe(200);
    expect(bed.proxy.bindings("sip:alice@example.test")[0]?.regId).toBeUndefined();
  });
});
