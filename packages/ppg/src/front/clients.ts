import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { TLSSocket } from "node:tls";
import { AddressRanges, loopback } from "@sip-push/sip";

/** Who makes a request. */
export interface Client {
  /** IP address; "" when its connection is gone. */
  readonly address: string;
  /** Nobody on the way reads along: it came over TLS, up to a trusted proxy at least. */
  readonly secure: boolean;
  /** It is this machine itself, without a proxy in between. */
  readonly local: boolean;
}

export type ClientFinder = (request: Pick<IncomingMessage, "socket" | "headers">) => Client;

/** What one proxy says of whom it had the request from. */
interface Hop {
  /** Null: what is no address, such as `unknown`. */
  readonly address: string | null;
  /** Null: not said. */
  readonly proto: string | null;
}

/**
 * Finds out who makes a request. Of a connection from a trusted proxy that is who the proxies say: the rightmost address in
 * `X-Forwarded-For` or `Forwarded` (RFC 7239) that is none of theirs; what stands before it, anybody may have written. Whether it was
 * over TLS, the proxy says that has it from there (`X-Forwarded-Proto`, `proto`). Of other connections nothing is read.
 *
 * A proxy sets one of both and may hand on the other as it came: where they say different things, neither is believed.
 *
 * @param trusted addresses and ranges. @throws {TrustConfigError} naming those that are none.
 */
export function clientFinder(trusted: readonly string[]): ClientFinder {
  const proxies = trusted.length === 0 ? null : new AddressRanges(trusted);
  return ({ socket, headers }) => {
    const address = socket.remoteAddress ?? "";
    const secure = socket instanceof TLSSocket;
    if (proxies === null || !proxies.has(address)) return { address, secure, local: loopback.has(address) };
    const said = [xForwarded(headers), forwarded(headers["forwarded"])].flatMap((hops) =>
      hops.length === 0 ? [] : [clientOf(hops, proxies, address)],
    );
    const [first, second] = said;
    if (first === undefined) return { address, secure, local: loopback.has(address) };
    if (second !== undefined && second.address !== first.address) return { address, secure: false, local: false };
    const protos = said.flatMap(({ proto }) => proto ?? []);
    return {
      address: first.address,
      secure: protos.length === 0 ? secure : protos.every((proto) => proto === "https"),
      local: false,
    };
  };
}

/** @param peer who is connected: a proxy. */
function clientOf(
  hops: readonly Hop[],
  proxies: AddressRanges,
  peer: string,
): { address: string; proto: string | null } {
  let client: { address: string; proto: string | null } = { address: peer, proto: null };
  for (const { address, proto } of hops.toReversed()) {
    client = { address: address ?? client.address, proto };
    if (address === null || !proxies.has(address)) break;
  }
  return client;
}

/** De facto: addresses from the client on, and protocols beside them, or only that of the first leg. */
function xForwarded(headers: IncomingHttpHeaders): Hop[] {
  const addresses = listOf(headers["x-forwarded-for"]);
  const protos = listOf(headers["x-forwarded-proto"]);
  // A proxy that says only how: of whom it has the request it says nothing, so that is the proxy itself.
  if (addresses.length === 0) return protos.length === 0 ? [] : [{ address: null, proto: protoOf(protos.at(-1)) }];
  const shift = protos.length - addresses.length;
  return addresses.map((text, index) => ({
    address: addressOf(text),
    proto: protoOf(protos[Math.max(0, index + shift)]),
  }));
}

/** RFC 7239 §4. */
function forwarded(field: string | undefined): Hop[] {
  return splitOutsideQuotes(field ?? "", ",").map((element) => {
    const pairs = splitOutsideQuotes(element, ";").map((pair): [string, string] => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, Math.max(0, equals)).trim().toLowerCase(), unquoted(pair.slice(equals + 1).trim())];
    });
    const valueOf = (name: string): string | undefined => pairs.find(([each]) => each === name)?.[1];
    return { address: addressOf(valueOf("for") ?? ""), proto: protoOf(valueOf("proto")) };
  });
}

function listOf(field: string | string[] | undefined): string[] {
  const text = Array.isArray(field) ? field.join(",") : (field ?? "");
  return text.trim() === "" ? [] : text.split(",").map((each) => each.trim());
}

function splitOutsideQuotes(text: string, separator: "," | ";"): string[] {
  if (text.trim() === "") return [];
  if (!text.includes('"')) return text.split(separator);
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      pieces.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...pieces, text.slice(start)];
}

function unquoted(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, "$1") : value;
}

function protoOf(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text.toLowerCase();
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`. RFC 7239 §6. */
function addressOf(text: string): string | null {
  const bare =
    /^\[([^\]]*)\](?::[^:]*)?$/.exec(text)?.[1] ?? (/^[0-9.]+:[^:]*$/.test(text) ? text.split(":", 1)[0] : text);
  return bare !== undefined && isIP(bare) !== 0 && !bare.includes("%") ? bare : null;
}
