import { isIP, isIPv6 } from "node:net";
import { hostInUri } from "../message/index.ts";
import { type ListenAddress, SipTransportError, type TransportName, transports } from "./transport.ts";

const FORM = /^([^:]+):(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/;

/**
 * Reads `udp:127.0.0.1:5060`, `tcp:[::1]:0` or `wss:0.0.0.0`. Without a port it is the default one of the transport;
 * port 0 takes a free one; `localhost` is 127.0.0.1. Other host names are refused: sockets bind to addresses.
 *
 * @throws {SipTransportError} SIP_LISTEN_FAILED, naming what is wrong.
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = FORM.exec(text.trim());
  if (match === null) throw bad(text, "write transport:address:port, such as udp:127.0.0.1:5060 or tcp:[::1]:5060");
  const [, name = "", host = "", port] = match;
  const transport = transportNamed(name);
  if (transport === undefined) {
    throw bad(text, `"${name}" is no transport; use ${Object.keys(transports).join(", ").toLowerCase()}`);
  }
  return { transport, address: addressOf(host, text), port: portOf(port, transport, text) };
}

/** The other way round; IPv6 addresses get brackets. */
export function serializeListenAddress({ transport, address, port }: ListenAddress): string {
  return `${transport.toLowerCase()}:${hostInUri(address)}:${port}`;
}

function transportNamed(name: string): TransportName | undefined {
  const upper = name.toUpperCase();
  return Object.hasOwn(transports, upper) ? (upper as TransportName) : undefined;
}

function addressOf(host: string, text: string): string {
  const bracketed = host.startsWith("[");
  const address = bracketed ? host.slice(1, -1) : host;
  if (address.toLowerCase() === "localhost" && !bracketed) return "127.0.0.1";
  if (bracketed ? isIPv6(address) : isIP(address) === 4) return address;
  throw bad(
    text,
    host === ""
      ? "the address is missing (IPv6 goes in brackets)"
      : `"${host}" is no IP address (IPv6 goes in brackets)`,
  );
}

function portOf(port: string | undefined, transport: TransportName, text: string): number {
  if (port === undefined) return transports[transport].defaultPort;
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535) throw bad(text, `"${port}" is no port (0 to 65535)`);
  return Number(port);
}

function bad(text: string, problem: string): SipTransportError {
  return new SipTransportError("SIP_LISTEN_FAILED", `cannot listen on "${text}": ${problem}`);
}
