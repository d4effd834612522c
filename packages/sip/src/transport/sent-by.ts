import { randomUUID } from "node:crypto";
import { networkInterfaces } from "node:os";
import { hostInUri } from "../message/index.ts";
import type { Address, Transport } from "./transport.ts";

/** `host:port` by which others reach a transport, or a name under `.invalid` when they cannot. RFC 3261 §18.1.1. */
export function sentByOfTransport(transport: Transport): string {
  const { address, port } = transport.local;
  // RFC 7118 §5.2: a WebSocket client has no address that others could reach.
  if (port === 0) return `${randomUUID().slice(0, 13)}.invalid`;
  const host = address === "0.0.0.0" || address === "::" ? reachableAddress(address) : address;
  return `${hostInUri(host)}:${port}`;
}

/** The listener a flow belongs to: bound to its very address and port, to its address, or to "any" of its family. */
export function nearest<T extends { readonly local: Address }>(all: readonly T[], local: Address): T {
  const ipv6 = local.address.includes(":");
  const found =
    all.find((each) => sameAddress(each.local, local)) ??
    all.find((each) => each.local.address === local.address) ??
    all.find((each) => each.local.address.includes(":") === ipv6) ??
    all[0];
  return found as T;
}

/** Whether two addresses are one. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.address === b.address;
}

/** Bound to all addresses: the first that others can reach, or the loopback one. `rport` mends the rest. */
function reachableAddress(any: string): string {
  const family = any === "::" ? "IPv6" : "IPv4";
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((entry) => entry.family === family && !entry.internal && !entry.address.startsWith("fe80"));
  return found?.address ?? (any === "::" ? "::1" : "127.0.0.1");
}
