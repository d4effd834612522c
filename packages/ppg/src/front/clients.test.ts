import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { TrustConfigError } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientFinder } from "./clients.ts";

const PROXY = "10.0.0.1";
const find = clientFinder(["10.0.0.0/8", "2001:db8:1::/48"]);

const from = (remoteAddress: string, headers: IncomingMessage["headers"] = {}, tls = false) => {
  const socket = tls ? new TLSSocket(new Socket()) : new Socket();
  Object.defineProperty(socket, "remoteAddress", { value: remoteAddress });
  return { socket, headers };
};

describe("who makes a request", () => {
  it("is who is connected, whatever its fields say, when that is no trusted proxy", () => {
    const headers = {
      "x-forwarded-for": "192.0.2.9",
      "x-forwarded-proto": "https",
      forwarded: "for=192.0.2.9;proto=https",
    };
    expect(find(from("203.0.113.5", headers))).toEqual({ address: "203.0.113.5", secure: false, local: false });
    expect(clientFinder([])(from("127.0.0.1", headers))).toEqual({ address: "127.0.0.1", secure: false, local: true });
    expect(find(from("203.0.113.5", {}, true))).toEqual({ address: "203.0.113.5", secure: true, local: false });
  });

  it("is the proxy when it says nothing", () => {
    expect(find(from(PROXY))).toEqual({ address: PROXY, secure: false, local: false });
    expect(find(from(PROXY, { "x-forwarded-for": " " }, true))).toEqual({ address: PROXY, secure: true, local: false });
    expect(clientFinder(["127.0.0.1"])(from("::ffff:127.0.0.1"))).toMatchObject({ secure: false, local: true });
  });

  it.each([
    ["192.0.2.9", "192.0.2.9"],
    ["198.51.100.1, 192.0.2.9", "192.0.2.9"],
    ["127.0.0.1,192.0.2.9 , 10.1.2.3", "192.0.2.9"],
    ["192.0.2.9:4711", "192.0.2.9"],
    ["2001:db8::9", "2001:db8::9"],
    ["[2001:db8::9]:4711, 2001:db8:1::2", "2001:db8::9"],
    ["10.0.0.9, 10.0.0.8", "10.0.0.9"],
    ["192.0.2.9, unknown, 10.0.0.8", "10.0.0.8"],
    ["192.0.2.9, ", PROXY],
    ["evil", PROXY],
    ["fe80::1%eth0", PROXY],
  ])("is, with X-Forwarded-For: %s, %s", (field, address) => {
    expect(find(from(PROXY, { "x-forwarded-for": field }))).toEqual({ address, secure: false, local: false });
  });

  it.each([
    ["for=192.0.2.9;proto=https;by=10.0.0.1", "192.0.2.9", true],
    ['For="[2001:db8::9]:4711"; PROTO=HTTPS', "2001:db8::9", true],
    ["for=198.51.100.1;proto=https, for=192.0.2.9;proto=http", "192.0.2.9", false],
    ["for=192.0.2.9;proto=https, for=10.0.0.7;proto=http", "192.0.2.9", true],
    ["for=192.0.2.9;proto=http, for=10.0.0.7;proto=https", "192.0.2.9", false],
    ['for=198.51.100.1;x="a,for=192.0.2.1;\\",", for="192.0.2.9"', "192.0.2.9", false],
    ["for=unknown;proto=https", PROXY, true],
    ["for=_hidden, for=10.0.0.7", "10.0.0.7", false],
    ["proto=https", PROXY, true],
    [",,;;=", PROXY, false],
  ])("is, with Forwarded: %s (RFC 7239), %s, secure %s", (field, address, secure) => {
    expect(find(from(PROXY, { forwarded: field }))).toEqual({ address, secure, local: false });
  });

  it.each([
    ["https", "192.0.2.9", true],
    ["HTTPS", "192.0.2.9", true],
    ["http", "192.0.2.9", false],
    ["https, http", "192.0.2.9", false],
    ["https", "192.0.2.9, 10.0.0.7", true],
    ["https, http", "192.0.2.9, 10.0.0.7", true],
    ["http, https", "192.0.2.9, 10.0.0.7", false],
    ["https, http, http", "192.0.2.9, 10.0.0.7", false],
    ["https", undefined, true],
    ["https, http", undefined, false],
  ])("is secure, with X-Forwarded-Proto: %s and X-Forwarded-For: %s, %s", (proto, addresses, secure) => {
    const headers = { "x-forwarded-proto": proto, ...(addresses !== undefined && { "x-forwarded-for": addresses }) };
    expect(find(from(PROXY, headers)).secure).toBe(secure);
  });

  it("is not secure over TLS from a proxy that had it without", () => {
    expect(find(from(PROXY, { "x-forwarded-for": "192.0.2.9", "x-forwarded-proto": "http" }, true)).secure).toBe(false);
    expect(find(from(PROXY, { "x-forwarded-for": "192.0.2.9" }, true)).secure).toBe(true);
  });

  it("is never local through a proxy, whatever was written before it", () => {
    const here = clientFinder(["127.0.0.1"]);
    expect(here(from("127.0.0.1", { "x-forwarded-for": "127.0.0.1" })).local).toBe(false);
    expect(here(from("127.0.0.1", { "x-forwarded-for": "127.0.0.1, 127.0.0.1" })).local).toBe(false);
  });

  it("is the proxy, and not secure, when both fields say different things: one of them is not the proxy's", () => {
    const headers = {
      "x-forwarded-for": "192.0.2.9",
      "x-forwarded-proto": "http",
      forwarded: "for=198.51.100.1;proto=https",
    };
    expect(find(from(PROXY, headers))).toEqual({ address: PROXY, secure: false, local: false });
    const alike = { ...headers, forwarded: "for=192.0.2.9;proto=https" };
    expect(find(from(PROXY, alike))).toEqual({ address: "192.0.2.9", secure: false, local: false });
    expect(find(from(PROXY, { ...alike, "x-forwarded-proto": "https" })).secure).toBe(true);
  });

  it("is found whatever the fields hold, and never among what stands before a stranger's address", () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[ -~]*$/),
      fc.constantFrom("10.0.0.2", "127.0.0.1", "for=", '"'),
    );
    fc.assert(
      fc.property(fc.array(text), (before) => {
        const headers = { "x-forwarded-for": [...before, "192.0.2.9", "10.9.9.9"].join(",") };
        expect(find(from(PROXY, headers)).address).toBe("192.0.2.9");
        find(from(PROXY, { forwarded: before.join(","), "x-forwarded-proto": before.join(";") }));
      }),
    );
  });

  it("needs proxies that are addresses or ranges", () => {
    expect(() => clientFinder(["proxy.example.test"])).toThrow(TrustConfigError);
  });
});
