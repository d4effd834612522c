import type { SipUri } from "../message/index.ts";
import { type TransportName, transports } from "../transport/transport.ts";

/** How each transport is looked up. RFC 3263 §4.1, §4.2; RFC 7118 §5.5 for WebSocket. */
export const transportRecords: Readonly<
  Record<TransportName, { readonly naptrService: string; readonly srvPrefix: string }>
> = {
  UDP: { naptrService: "SIP+D2U", srvPrefix: "_sip._udp." },
  TCP: { naptrService: "SIP+D2T", srvPrefix: "_sip._tcp." },
  TLS: { naptrService: "SIPS+D2T", srvPrefix: "_sips._tcp." },
  WS: { naptrService: "SIP+D2W", srvPrefix: "_sip._ws." },
  WSS: { naptrService: "SIPS+D2W", srvPrefix: "_sips._ws." },
};

/** Meaning of `transport=`, which names no TLS of its own: `sips` does. RFC 3261 §26.2.2, RFC 7118 §5.2. */
const BY_PARAM: Readonly<Record<string, { readonly sip: TransportName; readonly sips?: TransportName }>> = {
  udp: { sip: "UDP" },
  tcp: { sip: "TCP", sips: "TLS" },
  // Deprecated by RFC 3261 §26.2.2, and written by many all the same.
  tls: { sip: "TLS", sips: "TLS" },
  ws: { sip: "WS", sips: "WSS" },
  wss: { sip: "WSS", sips: "WSS" },
};

/** What to use where nothing is said, best first: UDP for `sip`, TLS over TCP for `sips`. RFC 3263 §4.1. */
const BY_DEFAULT: Readonly<Record<SipUri["scheme"], readonly TransportName[]>> = {
  sip: ["UDP", "TCP", "WS", "TLS", "WSS"],
  sips: ["TLS", "WSS"],
};

/** What `transport=` asks for: a transport, "unsupported", or undefined when the URI has no such parameter. */
export function transportByParam(
  uri: SipUri,
  supported: readonly TransportName[],
): TransportName | "unsupported" | undefined {
  const value = uri.params.get("transport");
  if (value === undefined) return undefined;
  const name = value?.toLowerCase() ?? "";
  const row = Object.hasOwn(BY_PARAM, name) ? BY_PARAM[name] : undefined;
  const transport = row?.[uri.scheme];
  return transport !== undefined && supported.includes(transport) ? transport : "unsupported";
}

/** The transport where neither the URI nor DNS says one; undefined when none that fits the scheme is supported. */
export function defaultTransport(uri: SipUri, supported: readonly TransportName[]): TransportName | undefined {
  return BY_DEFAULT[uri.scheme].find((transport) => supported.includes(transport));
}

/** The supported transports that `_sip` or `_sips` SRV queries are made for, in order of preference. RFC 3263 §4.1. */
export function srvTransports(uri: SipUri, supported: readonly TransportName[]): TransportName[] {
  const secure = supported.filter((transport) => transports[transport].secure);
  if (uri.scheme === "sips") return secure;
  const plain = supported.filter((transport) => !transports[transport].secure);
  // RFC 3263 §4.2: a client that wishes to use TLS for a sip URI asks for `_sips`.
  return plain.length > 0 ? plain : secure;
}
