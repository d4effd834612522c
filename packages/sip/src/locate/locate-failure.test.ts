import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseUri, parseVia, type SipUri } from "../message/index.ts";
import type { Target, TransportName } from "../transport/transport.ts";
import { SipLocateError } from "./errors.ts";
import { type LocateOptions, locate, sentByUri } from "./locate.ts";
import { type Resolver, type StaticRecords, staticResolver } from "./resolver.ts";

const ALL: readonly TransportName[] = ["UDP", "TCP", "TLS", "WS", "WSS"];

function sip(text: string): SipUri {
  const uri = parseUri(text);
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new Error(text);
  return uri;
}

/** A resolver that writes down what it is asked. `broken` names give SIP_DNS_FAILED. */
function logged(
  records: Record<string, StaticRecords>,
  broken: readonly string[] = [],
): { resolver: Resolver; log: string[] } {
  const inner = staticResolver(records);
  const log: string[] = [];
  const ask = <T>(kind: string, name: string, answer: Promise<T>): Promise<T> => {
    log.push(`${kind} ${name}`);
    const fails = broken.includes(`${kind} ${name}`);
    return fails ? Promise.reject(new SipLocateError("SIP_DNS_FAILED", `no answer for ${kind} ${name}`)) : answer;
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

const srv = (priority: number, weight: number, port: number, target: string) => ({ priority, weight, port, target });

const example: Record<string, StaticRecords> = { "example.com": { addresses: ["192.0.2.99"] } };

describe("locate: when it cannot", () => {
  test.each([
    ["sip:example.com;transport=sctp", ALL],
    ["sip:example.com;transport", ALL],
    ["sip:example.com;transport=constructor", ALL],
    ["sips:example.com;transport=udp", ALL],
    ["sips:192.0.2.1", ["UDP", "TCP", "WS"]],
    ["sip:192.0.2.1;transport=tcp", ["UDP"]],
    ["sip:example.com", []],
  ] as Array<[string, TransportName[]]>)("%s with %j open is SIP_TRANSPORT_UNSUPPORTED", async (uri, supported) => {
    const { resolver, log } = logged(example);
    const failure = all(uri, resolver, { supported });
    await expect(failure).rejects.toMatchObject({ code: "SIP_TRANSPORT_UNSUPPORTED", retryable: false });
    expect(log).toEqual([]);
  });

  test("a name that does not exist is SIP_HOST_NOT_FOUND", async () => {
    const failure = all("sip:nowhere.example", staticResolver({}));
    await expect(failure).rejects.toMatchObject({ code: "SIP_HOST_NOT_FOUND", retryable: false });
  });

  test("a name server that fails for everything is SIP_DNS_FAILED, after three queries and not one per transport", async () => {
    const { resolver, log } = logged({}, ["NAPTR x.example", "SRV _sip._udp.x.example", "A x.example"]);
    await expect(all("sip:x.example", resolver)).rejects.toMatchObject({ code: "SIP_DNS_FAILED", retryable: true });
    expect(log).toEqual(["NAPTR x.example", "SRV _sip._udp.x.example", "A x.example"]);
  });

  test("a name server that fails for NAPTR or SRV does not keep us from the addresses", async () => {
    const { resolver } = logged(example, ["NAPTR example.com", "SRV _sip._udp.example.com"]);
    expect(await all("sip:example.com", resolver)).toEqual(["UDP 192.0.2.99 5060"]);
  });

  test("a failure after a target was given ends the list quietly", async () => {
    const { resolver } = logged(
      {
        "_sip._udp.p.example": { srv: [srv(1, 0, 5060, "a.p.example"), srv(2, 0, 5060, "b.p.example")] },
        "a.p.example": { addresses: ["192.0.2.1"] },
      },
      ["A b.p.example"],
    );
    expect(await all("sip:p.example;transport=udp", resolver)).toEqual(["UDP 192.0.2.1 5060"]);
  });

  test("an abort stops waiting for DNS, and nothing is asked after it", async () => {
    const controller = new AbortController();
    const never: Resolver = { naptr: () => new Promise(() => {}), srv: async () => [], addresses: async () => [] };
    const waiting = all("sip:x.example", never, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "SIP_ABORTED", retryable: false });
    const { resolver, log } = logged(example);
    await expect(all("sip:x.example", resolver, { signal: controller.signal })).rejects.toMatchObject({
      code: "SIP_ABORTED",
    });
    expect(log).toEqual([]);
  });

  test("an error of the resolver's own is not taken for an answer", async () => {
    const { resolver } = logged({});
    const buggy: Resolver = { ...resolver, naptr: () => Promise.reject(new TypeError("bug")) };
    await expect(all("sip:x.example", buggy)).rejects.toThrow(TypeError);
  });
});

describe("sentByUri (RFC 3263 §5)", () => {
  const zone: Record<string, StaticRecords> = {
    "_sips._tcp.client.example": { srv: [srv(0, 0, 5071, "h.client.example")] },
    "_sip._tcp.client.example": { srv: [srv(0, 0, 5070, "h.client.example")] },
    "h.client.example": { addresses: ["192.0.2.1"] },
    "client.example": { addresses: ["192.0.2.2"] },
  };

  test.each([
    ["SIP/2.0/TCP 192.0.2.9;branch=x", "TCP 192.0.2.9 5060"],
    ["SIP/2.0/UDP [2001:db8::9]:5090;branch=x", "UDP 2001:db8::9 5090"],
    ["SIP/2.0/TCP client.example:5080;branch=x", "TCP 192.0.2.2 5080"],
    ["SIP/2.0/TCP client.example;branch=x", "TCP 192.0.2.1 5070"],
    ["SIP/2.0/TLS client.example;branch=x", "TLS 192.0.2.1 5071"],
    ["SIP/2.0/UDP client.example;branch=x", "UDP 192.0.2.2 5060"],
  ])("%s leads to %s", async (via, expected) => {
    expect(await all(sentByUri(parseVia(via)), staticResolver(zone))).toEqual([expected]);
  });
});

describe("properties of locate", () => {
  const name = fc.constantFrom(
    "a.example",
    "b.example",
    "c.example",
    "_sip._udp.a.example",
    "_sip._tcp.a.example",
    "",
    ".",
  );
  const number = fc.oneof(fc.nat(3), fc.integer({ min: -1, max: 70_000 }));
  const records = fc.record({
    naptr: fc.array(
      fc.record({
        order: number,
        preference: number,
        flags: fc.constantFrom("s", "S", "", "u", "a"),
        service: fc.constantFrom("SIP+D2U", "SIP+D2T", "SIPS+D2T", "SIP+D2W", "", "x"),
        regexp: fc.constantFrom("", "", "", "!a!b!"),
        replacement: name,
      }),
      { maxLength: 4 },
    ),
    srv: fc.array(fc.record({ priority: number, weight: number, port: number, target: name }), { maxLength: 4 }),
    addresses: fc.array(fc.constantFrom("192.0.2.1", "192.0.2.2", "2001:db8::1", "junk"), { maxLength: 3 }),
  });
  const zone = fc.dictionary(name, records);
  const uri = fc.constantFrom(
    "sip:a.example",
    "sips:a.example",
    "sip:a.example;transport=tcp",
    "sip:b.example:5070",
    "sip:192.0.2.7",
  );

  test("any zone gives distinct targets that can be reached, or SipLocateError; sips never leaves TLS", async () => {
    const property = fc.asyncProperty(
      zone,
      uri,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      async (z, text, r) => {
        const seen = new Set<string>();
        try {
          for await (const target of locate(sip(text), {
            resolver: staticResolver(z),
            supported: ALL,
            random: () => r,
          })) {
            expect(seen.has(show(target))).toBe(false);
            seen.add(show(target));
            expect(target.port).toBeGreaterThan(0);
            expect(target.port).toBeLessThan(65_536);
            expect(target.address).toMatch(/^[0-9.]+$|:/);
            if (text.startsWith("sips:")) expect(["TLS", "WSS"]).toContain(target.transport);
          }
          expect(seen.size).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof SipLocateError)) throw error;
          expect(seen.size).toBe(0);
        }
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });
});
