import { describe, expect, test } from "vitest";
import { parseUri, type SipUri } from "../message/index.ts";
import type { Target, TransportName } from "../transport/transport.ts";
import { type LocateOptions, locate, locateNow } from "./locate.ts";
import { type Resolver, type StaticRecords, staticResolver } from "./resolver.ts";

const ALL: readonly TransportName[] = ["UDP", "TCP", "TLS", "WS", "WSS"];

function sip(text: string): SipUri {
  const uri = parseUri(text);
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new Error(text);
  return uri;
}

/** A resolver that writes down what it is asked. */
function logged(records: Record<string, StaticRecords>): { resolver: Resolver; log: string[] } {
  const inner = staticResolver(records);
  const log: string[] = [];
  const ask = <T>(kind: string, name: string, answer: Promise<T>): Promise<T> => {
    log.push(`${kind} ${name}`);
    return answer;
  };
  const resolver: Resolver = {
    naptr: (name) => ask("NAPTR", name, inner.naptr(name)),
    srv: (name) => ask("SRV", name, inner.srv(name)),
    addresses: (name, family) => ask("A", name, inner.addresses(name, family)),
  };
  return { resolver, log };
}

function show({ transport, address, port }: Target): string {
  return `${transport} ${address} ${port}`;
}

async function all(uri: string | SipUri, resolver: Resolver, options: Partial<LocateOptions> = {}): Promise<string[]> {
  const found: string[] = [];
  const supported = options.supported ?? ALL;
  const parsed = typeof uri === "string" ? sip(uri) : uri;
  for await (const target of locate(parsed, { random: () => 0, ...options, resolver, supported }))
    found.push(show(target));
  return found;
}

const naptr = (order: number, service: string, replacement: string, more = {}) => ({
  order,
  preference: 50,
  flags: "s",
  service,
  regexp: "",
  replacement,
  ...more,
});
const srv = (priority: number, weight: number, port: number, target: string) => ({ priority, weight, port, target });

/** The zone of RFC 3263 §4.1, with addresses. */
const example: Record<string, StaticRecords> = {
  "example.com": {
    naptr: [
      naptr(100, "SIP+D2U", "_sip._udp.example.com."),
      naptr(50, "SIPS+D2T", "_sips._tcp.example.com."),
      naptr(90, "SIP+D2T", "_SIP._tcp.example.com."),
    ],
    addresses: ["192.0.2.99"],
  },
  "_sips._tcp.example.com": { srv: [srv(0, 1, 5061, "server1.example.com")] },
  "_sip._tcp.example.com": { srv: [srv(0, 1, 5060, "server1.example.com"), srv(0, 2, 5060, "server2.example.com.")] },
  "_sip._udp.example.com": { srv: [srv(0, 1, 5060, "server2.example.com")] },
  "server1.example.com": { addresses: ["2001:db8::1", "192.0.2.1"] },
  "server2.example.com": { addresses: ["192.0.2.2"] },
};

describe("locateNow: numeric hosts (RFC 3263 §4.1, §4.2)", () => {
  test.each([
    ["sip:192.0.2.4", "UDP 192.0.2.4 5060"],
    ["sip:bob@192.0.2.4:5070", "UDP 192.0.2.4 5070"],
    ["sip:192.0.2.4;transport=TCP", "TCP 192.0.2.4 5060"],
    ["sip:192.0.2.4;transport=tls", "TLS 192.0.2.4 5061"],
    ["sip:192.0.2.4;transport=ws", "WS 192.0.2.4 80"],
    ["sip:192.0.2.4;transport=wss", "WSS 192.0.2.4 443"],
    ["sips:192.0.2.4", "TLS 192.0.2.4 5061"],
    ["sips:192.0.2.4:5071;transport=tcp", "TLS 192.0.2.4 5071"],
    ["sips:192.0.2.4;transport=ws", "WSS 192.0.2.4 443"],
    ["sip:[2001:db8::10]:5070", "UDP 2001:db8::10 5070"],
    ["sip:[2001:db8::10]", "UDP 2001:db8::10 5060"],
    ["sip:example.com;maddr=192.0.2.7", "UDP 192.0.2.7 5060"],
    ["sip:example.com:5080;maddr=[2001:db8::7];transport=tcp", "TCP 2001:db8::7 5080"],
  ])("%s is %s, and locate says the same", async (text, expected) => {
    const target = locateNow(sip(text), ALL);
    expect(target === undefined ? undefined : show(target)).toBe(expected);
    const { resolver, log } = logged({});
    expect(await all(text, resolver)).toEqual([expected]);
    expect(log).toEqual([]);
  });

  test.each(["sip:example.com", "sip:example.com:5060", "sip:192.0.2.4;maddr=example.com", "sip:192.0.2.4:0"])(
    "leaves %s to locate",
    (text) => {
      expect(locateNow(sip(text), ALL)).toBeUndefined();
    },
  );

  test("takes the next best of the open transports when UDP is not among them", () => {
    const choose = (text: string, ...supported: TransportName[]): string | undefined =>
      locateNow(sip(text), supported)?.transport;
    expect(choose("sip:192.0.2.4", "WS", "TCP")).toBe("TCP");
    expect(choose("sip:192.0.2.4", "WSS")).toBe("WSS");
    expect(choose("sips:192.0.2.4", "UDP", "WSS")).toBe("WSS");
    expect(choose("sips:192.0.2.4", "UDP", "TCP", "WS")).toBeUndefined();
  });

  test("verifies the host of the URI, not what it led to (RFC 5922 §4)", async () => {
    expect(locateNow(sip("sips:example.com;maddr=192.0.2.7"), ALL)?.serverName).toBe("example.com");
    expect(locateNow(sip("sips:[2001:db8::1]"), ALL)?.serverName).toBe("2001:db8::1");
    const { resolver } = logged({
      "example.com": { naptr: [naptr(1, "SIPS+D2T", "_sips._tcp.other.example")] },
      "_sips._tcp.other.example": { srv: [srv(0, 0, 5061, "host.hosting.example")] },
      "host.hosting.example": { addresses: ["192.0.2.1"] },
    });
    for await (const target of locate(sip("sips:example.com"), { resolver, supported: ALL })) {
      expect(target).toEqual({ transport: "TLS", address: "192.0.2.1", port: 5061, serverName: "example.com" });
    }
    expect.assertions(3);
  });
});

describe("locate: explicit port (RFC 3263 §4.2)", () => {
  test("looks up addresses only, and tries each of them", async () => {
    const { resolver, log } = logged(example);
    expect(await all("sip:server1.example.com:5070", resolver)).toEqual(["UDP 2001:db8::1 5070", "UDP 192.0.2.1 5070"]);
    expect(await all("sips:server2.example.com:5070", resolver)).toEqual(["TLS 192.0.2.2 5070"]);
    expect(await all("sip:server2.example.com:5060;transport=tcp", resolver)).toEqual(["TCP 192.0.2.2 5060"]);
    expect(log).toEqual(["A server1.example.com", "A server2.example.com", "A server2.example.com"]);
  });

  test("gives one family only when asked to", async () => {
    const { resolver } = logged(example);
    expect(await all("sip:server1.example.com:5070", resolver, { family: 4 })).toEqual(["UDP 192.0.2.1 5070"]);
    expect(await all("sip:server1.example.com:5070", resolver, { family: 6 })).toEqual(["UDP 2001:db8::1 5070"]);
  });

  test("port 0 is no target", async () => {
    await expect(all("sip:server1.example.com:0", staticResolver(example))).rejects.toMatchObject({
      code: "SIP_HOST_NOT_FOUND",
    });
  });
});

describe("locate: NAPTR (RFC 3263 §4.1)", () => {
  test("a client of TCP and UDP takes TCP in the example, to both servers by weight", async () => {
    const { resolver, log } = logged(example);
    const supported = ["UDP", "TCP"] as const;
    const targets = locate(sip("sip:user@example.com"), { resolver, supported, random: () => 0 });
    expect(show((await targets.next()).value as Target)).toBe("TCP 2001:db8::1 5060");
    expect(log).toEqual(["NAPTR example.com", "SRV _sip._tcp.example.com", "A server1.example.com"]);
    await targets.return();
    const second = await all("sip:user@example.com", resolver, { supported, random: () => 0.99 });
    expect(second).toEqual(["TCP 192.0.2.2 5060", "TCP 2001:db8::1 5060", "TCP 192.0.2.1 5060", "UDP 192.0.2.2 5060"]);
  });

  test("a client that can do TLS is led to TLS, as the server prefers", async () => {
    const { resolver } = logged(example);
    expect((await all("sip:user@example.com", resolver))[0]).toBe("TLS 2001:db8::1 5061");
  });

  test("a sips URI discards all services but SIPS", async () => {
    const { resolver, log } = logged(example);
    expect(await all("sips:user@example.com", resolver)).toEqual(["TLS 2001:db8::1 5061", "TLS 192.0.2.1 5061"]);
    expect(log.filter((line) => line.startsWith("SRV"))).toEqual(["SRV _sips._tcp.example.com"]);
  });

  test("preference decides within one order, and service and flags are taken in any case", async () => {
    const { resolver } = logged({
      ...example,
      "pref.example": {
        naptr: [
          naptr(1, "sip+d2u", "_sip._udp.example.com", { preference: 20, flags: "S" }),
          naptr(1, "Sip+D2t", "_sip._tcp.example.com", { preference: 10 }),
        ],
      },
    });
    expect(await all("sip:pref.example", resolver)).toEqual([
      "TCP 2001:db8::1 5060",
      "TCP 192.0.2.1 5060",
      "TCP 192.0.2.2 5060",
      "UDP 192.0.2.2 5060",
    ]);
  });

  test("knows the WebSocket services (RFC 7118 §5.5)", async () => {
    const { resolver } = logged({
      "ws.example": {
        naptr: [naptr(1, "SIP+D2W", "_sip._ws.ws.example"), naptr(2, "SIPS+D2W", "_sips._ws.ws.example")],
      },
      "_sip._ws.ws.example": { srv: [srv(0, 0, 8080, "a.ws.example")] },
      "_sips._ws.ws.example": { srv: [srv(0, 0, 8443, "a.ws.example")] },
      "a.ws.example": { addresses: ["192.0.2.5"] },
    });
    expect(await all("sip:ws.example", resolver)).toEqual(["WS 192.0.2.5 8080", "WSS 192.0.2.5 8443"]);
    expect(await all("sips:ws.example", resolver)).toEqual(["WSS 192.0.2.5 8443"]);
  });

  test("malformed records, regular expressions, other flags and services are passed over", async () => {
    const { resolver, log } = logged({
      ...example,
      "odd.example": {
        naptr: [
          naptr(1, "SIP+D2T", "", {}),
          naptr(2, "SIP+D2T", "."),
          naptr(3, "SIP+D2T", "_sip._tcp.evil.example", { regexp: "!^.*$!sip:a@b!" }),
          naptr(4, "SIP+D2T", "_sip._tcp.evil.example", { flags: "u" }),
          naptr(5, "E2U+sip", "_sip._tcp.evil.example"),
          naptr(6, "SIP+D2S", "_sip._sctp.evil.example"),
          naptr(7, "SIPS+D2U", "_sips._udp.evil.example"),
          naptr(-1, "SIP+D2T", "_sip._tcp.evil.example"),
          naptr(Number.NaN, "SIP+D2T", "_sip._tcp.evil.example"),
          naptr(8, "SIP+D2U", "_sip._udp.example.com"),
        ],
      },
    });
    expect(await all("sip:odd.example", resolver)).toEqual(["UDP 192.0.2.2 5060"]);
    expect(log.join()).not.toContain("evil");
  });

  test("addresses of the domain serve when no SRV record stands behind NAPTR, with the transport of NAPTR", async () => {
    const { resolver } = logged({
      "half.example": { naptr: [naptr(1, "SIP+D2T", "_sip._tcp.half.example")], addresses: ["192.0.2.8"] },
    });
    expect(await all("sip:half.example", resolver)).toEqual(["TCP 192.0.2.8 5060"]);
  });

  test("a record without a flag leads to another name, and circles come to an end (RFC 3403 §4.1)", async () => {
    const onward = (name: string) => naptr(1, "", name, { flags: "" });
    const { resolver, log } = logged({
      ...example,
      "a.example": { naptr: [onward("b.example"), naptr(2, "SIP+D2U", "_sip._udp.example.com")] },
      "b.example": { naptr: [onward("A.example."), onward("b.example"), onward("c.example")] },
      "c.example": { naptr: [naptr(1, "SIP+D2T", "_sip._tcp.example.com")] },
    });
    expect(await all("sip:a.example", resolver)).toContain("UDP 192.0.2.2 5060");
    expect(log.filter((line) => line.startsWith("NAPTR"))).toEqual([
      "NAPTR a.example",
      "NAPTR b.example",
      "NAPTR c.example",
    ]);
  });

  test("a chain without end is given up after five queries", async () => {
    const { resolver, log } = logged({});
    const endless: Resolver = {
      ...resolver,
      naptr: (name) => resolver.naptr(name).then(() => [naptr(1, "", `x.${name}`, { flags: "" })]),
    };
    await expect(all("sip:a.example", endless)).rejects.toMatchObject({ code: "SIP_HOST_NOT_FOUND" });
    expect(log.filter((line) => line.startsWith("NAPTR"))).toHaveLength(5);
  });
});

describe("locate: SRV (RFC 3263 §4.2, RFC 2782)", () => {
  const zone: Record<string, StaticRecords> = {
    ...example,
    "example.com": { addresses: ["192.0.2.99"] },
  };

  test("without NAPTR the supported transports are asked for in our order, and the first that exists is used", async () => {
    const { resolver, log } = logged({ ...zone, "_sip._udp.example.com": {} });
    const targets = locate(sip("sip:example.com"), { resolver, supported: ["UDP", "TCP", "TLS"], random: () => 0 });
    expect(show((await targets.next()).value as Target)).toBe("TCP 2001:db8::1 5060");
    await targets.return();
    expect(log).toEqual([
      "NAPTR example.com",
      "SRV _sip._udp.example.com",
      "SRV _sip._tcp.example.com",
      "A server1.example.com",
    ]);
  });

  test("sip asks for _sip and sips for _sips; a client with nothing but TLS asks for _sips either way", async () => {
    const queries = async (uri: string, supported: readonly TransportName[]): Promise<string[]> => {
      const { resolver, log } = logged({ "example.com": zone["example.com"] as StaticRecords });
      await all(uri, resolver, { supported });
      return log.filter((line) => line.startsWith("SRV")).map((line) => line.slice(4, -12));
    };
    expect(await queries("sip:example.com", ALL)).toEqual(["_sip._udp", "_sip._tcp", "_sip._ws"]);
    expect(await queries("sips:example.com", ALL)).toEqual(["_sips._tcp", "_sips._ws"]);
    expect(await queries("sip:example.com", ["TLS"])).toEqual(["_sips._tcp"]);
  });

  test("a transport parameter skips NAPTR and is asked for alone", async () => {
    const { resolver, log } = logged(example);
    expect(await all("sip:example.com;transport=udp", resolver)).toEqual(["UDP 192.0.2.2 5060"]);
    expect(log).toEqual(["SRV _sip._udp.example.com", "A server2.example.com"]);
    log.length = 0;
    expect((await all("sips:example.com;transport=tcp", resolver))[0]).toBe("TLS 2001:db8::1 5061");
    expect(log[0]).toBe("SRV _sips._tcp.example.com");
  });

  test.each([
    ["sip:example.com", "UDP 192.0.2.99 5060"],
    ["sips:example.com", "TLS 192.0.2.99 5061"],
    ["sip:example.com;transport=tcp", "TCP 192.0.2.99 5060"],
    ["sip:example.com;transport=ws", "WS 192.0.2.99 80"],
    ["sips:example.com;transport=ws", "WSS 192.0.2.99 443"],
    ["sip:other.example;maddr=example.com", "UDP 192.0.2.99 5060"],
  ])("%s falls back to %s without SRV records", async (uri, expected) => {
    const { resolver } = logged({ "example.com": { addresses: ["192.0.2.99"] } });
    expect(await all(uri, resolver)).toEqual([expected]);
  });

  test("lower priorities come first and a second server is looked up only when the first is used up", async () => {
    const { resolver, log } = logged({
      "_sip._udp.p.example": { srv: [srv(20, 0, 5060, "backup.p.example"), srv(10, 0, 5062, "main.p.example")] },
      "main.p.example": { addresses: ["192.0.2.1", "192.0.2.2"] },
      "backup.p.example": { addresses: ["192.0.2.3"] },
    });
    const targets = locate(sip("sip:p.example;transport=udp"), { resolver, supported: ALL });
    expect(show((await targets.next()).value as Target)).toBe("UDP 192.0.2.1 5062");
    expect(show((await targets.next()).value as Target)).toBe("UDP 192.0.2.2 5062");
    expect(log).not.toContain("A backup.p.example");
    expect(show((await targets.next()).value as Target)).toBe("UDP 192.0.2.3 5060");
    expect(await targets.next()).toEqual({ done: true, value: undefined });
  });

  test('a target of "." says that the service is not offered, so addresses are not asked for (RFC 2782)', async () => {
    for (const root of [".", ""]) {
      const { resolver, log } = logged({
        "no.example": { addresses: ["192.0.2.1"] },
        "_sip._udp.no.example": { srv: [srv(0, 0, 0, root)] },
      });
      const failure = all("sip:no.example;transport=udp", resolver);
      await expect(failure).rejects.toMatchObject({ code: "SIP_HOST_NOT_FOUND", retryable: false });
      expect(log).toEqual(["SRV _sip._udp.no.example"]);
    }
  });

  test("records that cannot be right, targets that do not exist and repeated targets are passed over", async () => {
    const { resolver } = logged({
      "_sip._udp.m.example": {
        srv: [
          srv(0, 0, 0, "a.m.example"),
          srv(1, 0, 65_536, "a.m.example"),
          srv(2, -1, 5060, "a.m.example"),
          srv(3, 0, 5060, "gone.m.example"),
          srv(4, 0, 5060, "junk.m.example"),
          srv(5, 0, 5060, "a.m.example"),
          srv(6, 0, 5060, "b.m.example"),
          srv(7, 0, 5061, "192.0.2.6"),
        ],
      },
      "junk.m.example": { addresses: ["", "not an address", "300.1.1.1"] },
      "a.m.example": { addresses: ["192.0.2.1"] },
      "b.m.example": { addresses: ["192.0.2.1"] },
    });
    expect(await all("sip:m.example;transport=udp", resolver)).toEqual(["UDP 192.0.2.1 5060", "UDP 192.0.2.6 5061"]);
  });

  test("gives no more targets than asked for, 32 by default", async () => {
    const addresses = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const { resolver } = logged({ "many.example": { addresses } });
    expect(await all("sip:many.example:5060", resolver)).toHaveLength(32);
    expect(await all("sip:many.example:5060", resolver, { maxTargets: 3 })).toHaveLength(3);
  });
});
