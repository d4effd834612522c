import { createSocket } from "node:dgram";
import { afterEach, describe, expect, test } from "vitest";
import { parseUri, type SipUri } from "../message/index.ts";
import { locate } from "./locate.ts";
import type { Resolver } from "./resolver.ts";
import { systemResolver } from "./system-resolver.ts";

const open: DnsServer[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function resolverOn(zone: Zone, timeoutMs = 2000): Promise<{ resolver: Resolver; queries: string[] }> {
  const server = await startDnsServer(zone);
  open.push(server);
  return { resolver: systemResolver({ servers: [server.address], timeoutMs, tries: 1 }), queries: server.queries };
}

const zone: Zone = {
  "push.example": [naptrRecord(50, 10, ["s", "SIP+D2T", ""], "_sip._tcp.push.example")],
  "_sip._tcp.push.example": [srvRecord(0, 5, 5070, "a.push.example"), srvRecord(1, 0, 5060, ".")],
  "a.push.example": [a("192.0.2.1"), aaaa([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])],
};

describe("systemResolver against a name server", () => {
  test("reads NAPTR, SRV, A and AAAA records off the wire", async () => {
    const { resolver } = await resolverOn(zone);
    expect(await resolver.naptr("push.example")).toEqual([
      { order: 50, preference: 10, flags: "s", service: "SIP+D2T", regexp: "", replacement: "_sip._tcp.push.example" },
    ]);
    const records = await resolver.srv("_sip._tcp.push.example");
    expect(records.find(({ priority }) => priority === 0)).toEqual({
      priority: 0,
      weight: 5,
      port: 5070,
      target: "a.push.example",
    });
    expect(["", "."]).toContain(records.find(({ priority }) => priority === 1)?.target);
    expect(await resolver.addresses("a.push.example")).toEqual(["2001:db8::1", "192.0.2.1"]);
    expect(await resolver.addresses("a.push.example", 4)).toEqual(["192.0.2.1"]);
    expect(await resolver.addresses("a.push.example", 6)).toEqual(["2001:db8::1"]);
  });

  test("carries locate from a URI to its targets (RFC 3263 §4)", async () => {
    const { resolver, queries } = await resolverOn(zone);
    const found: string[] = [];
    const uri = parseUri("sip:alice@push.example") as SipUri;
    for await (const target of locate(uri, { resolver, supported: ["UDP", "TCP"] })) {
      found.push(`${target.transport} ${target.address} ${target.port}`);
    }
    expect(found).toEqual(["TCP 2001:db8::1 5070", "TCP 192.0.2.1 5070"]);
    expect(queries.slice(0, 2)).toEqual(["NAPTR push.example", "SRV _sip._tcp.push.example"]);
  });

  test("a name or record that does not exist is an empty list", async () => {
    const { resolver } = await resolverOn(zone);
    expect(await resolver.naptr("nowhere.example")).toEqual([]);
    expect(await resolver.naptr("a.push.example")).toEqual([]);
    expect(await resolver.srv("_sip._udp.push.example")).toEqual([]);
  });

  test("a name that cannot be one is an empty list", async () => {
    const { resolver } = await resolverOn(zone);
    expect(await resolver.srv(`_sip._udp.${"x".repeat(64)}.example`)).toEqual([]);
    expect(await resolver.naptr("a..example")).toEqual([]);
  });

  test.each([
    ["SERVFAIL", 2],
    ["NOTIMP", 4],
    ["REFUSED", 5],
    ["no answer", "silent"],
  ] as Array<[string, number | "silent"]>)("%s is SIP_DNS_FAILED with its cause, and retryable", async (_, answer) => {
    const { resolver } = await resolverOn({ "bad.example": answer, "_sip._udp.bad.example": answer }, 50);
    for (const query of [resolver.naptr("bad.example"), resolver.srv("_sip._udp.bad.example")]) {
      await expect(query).rejects.toMatchObject({
        name: "SipLocateError",
        code: "SIP_DNS_FAILED",
        retryable: true,
        cause: expect.any(Error) as Error,
      });
    }
  });
});

describe("systemResolver and names outside of DNS", () => {
  test("localhost comes from this machine, and no name server is asked (RFC 6761 §6.3)", async () => {
    const { resolver, queries } = await resolverOn({ localhost: [a("192.0.2.66")] });
    const found = await resolver.addresses("localhost");
    expect(found.length).toBeGreaterThan(0);
    for (const address of found) expect(address).toMatch(/^(127\.|::1$)/);
    expect(await systemResolver().addresses("localhost", 4)).toEqual(["127.0.0.1"]);
    expect(await resolver.naptr("localhost")).toEqual([]);
    expect(await resolver.naptr("www.localhost")).toEqual([]);
    expect(await resolver.srv("_sip._udp.localhost")).toEqual([]);
    expect(queries).toEqual([]);
  });

  test("single labels are left to getaddrinfo, which knows containers", async () => {
    const { resolver, queries } = await resolverOn({ kamailio: [a("192.0.2.66")] });
    expect(await resolver.naptr("kamailio")).toEqual([]);
    expect(await resolver.srv("_sips._tcp.kamailio")).toEqual([]);
    expect(queries).toEqual([]);
  });

  test(".invalid, the name of WebSocket clients, exists nowhere (RFC 6761 §6.4, RFC 7118)", async () => {
    const { resolver, queries } = await resolverOn({ "df7jal23ls0d.invalid": [a("192.0.2.66")] });
    expect(await resolver.addresses("df7jal23ls0d.invalid")).toEqual([]);
    expect(await resolver.naptr("DF7JAL23LS0D.INVALID.")).toEqual([]);
    expect(queries).toEqual([]);
  });
});

/** One record as a test writes it: type, and its data in wire form. */
interface WireRecord {
  readonly type: "A" | "AAAA" | "SRV" | "NAPTR";
  readonly data: Buffer;
}

const TYPES: Readonly<Record<number, WireRecord["type"]>> = { 1: "A", 28: "AAAA", 33: "SRV", 35: "NAPTR" };
const NUMBERS: Readonly<Record<WireRecord["type"], number>> = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 };

/** Records by name, a response code (2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED), or "silent". */
type Zone = Readonly<Record<string, readonly WireRecord[] | number | "silent">>;

interface DnsServer {
  /** For `systemResolver({ servers })`. */
  readonly address: string;
  /** `TYPE name` of every query. */
  readonly queries: string[];
  close(): Promise<void>;
}

/** A name server on loopback that answers from `records`: NXDOMAIN for other names. RFC 1035 §4. */
async function startDnsServer(records: Zone): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const queries: string[] = [];
  socket.on("message", (query, peer) => {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    queries.push(`${TYPES[type] ?? type} ${name}`);
    const entry = Object.hasOwn(records, name) ? (records[name] ?? 3) : 3;
    if (entry === "silent") return;
    const found = typeof entry === "number" ? [] : entry.filter((record) => NUMBERS[record.type] === type);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8580 | (typeof entry === "number" ? entry : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    const answers = found.map(({ type: kind, data }) => {
      const head = Buffer.alloc(12);
      head.writeUInt16BE(0xc00c, 0);
      head.writeUInt16BE(NUMBERS[kind], 2);
      head.writeUInt16BE(1, 4);
      head.writeUInt32BE(60, 6);
      head.writeUInt16BE(data.length, 10);
      return Buffer.concat([head, data]);
    });
    socket.send(Buffer.concat([header, query.subarray(12, end + 4), ...answers]), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  return {
    address: `127.0.0.1:${port}`,
    queries,
    close: () => new Promise((resolve) => void socket.close(() => resolve())),
  };
}

function a(address: string): WireRecord {
  return { type: "A", data: Buffer.from(address.split(".").map(Number)) };
}

/** @param groups the eight groups in full. */
function aaaa(groups: readonly number[]): WireRecord {
  const data = Buffer.alloc(16);
  groups.forEach((group, i) => data.writeUInt16BE(group, 2 * i));
  return { type: "AAAA", data };
}

function srvRecord(priority: number, weight: number, port: number, target: string): WireRecord {
  return { type: "SRV", data: Buffer.concat([u16(priority, weight, port), nameOf(target)]) };
}

function naptrRecord(
  order: number,
  preference: number,
  texts: readonly [flags: string, service: string, regexp: string],
  replacement: string,
): WireRecord {
  const strings = texts.map((text) => Buffer.from(`${String.fromCharCode(text.length)}${text}`, "latin1"));
  return { type: "NAPTR", data: Buffer.concat([u16(order, preference), ...strings, nameOf(replacement)]) };
}

function u16(...values: number[]): Buffer {
  const octets = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => octets.writeUInt16BE(value, 2 * i));
  return octets;
}

function nameOf(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.from(`${labels.map((label) => String.fromCharCode(label.length) + label).join("")}\0`, "latin1");
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}
