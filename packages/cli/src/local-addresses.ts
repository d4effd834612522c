import { createServer } from "node:net";
import { type ListenAddress, SipTransportError, type SipUri, type TransportName } from "@sip-push/sip";

/**
 * Where an agent behind `proxy` listens when nobody says: a free port on each transport that the way there may need, on
 * loopback when the proxy is there. Where only the proxy is talked to, over a connection that we open, nothing listens: a
 * WebSocket client cannot (RFC 7118 §5), and TLS would need a certificate.
 */
export function localAddresses(proxy: SipUri): ListenAddress[] {
  const ipv6 = proxy.host.startsWith("[");
  const loopback = proxy.host === "localhost" || proxy.host.startsWith("127.") || proxy.host === "[::1]";
  const address = loopback ? (ipv6 ? "::1" : "127.0.0.1") : ipv6 ? "::" : "0.0.0.0";
  return transportsTo(proxy).map((transport) => {
    const listen = { transport, address, port: 0 };
    return clientOnly.has(transport) ? { ...listen, clientOnly: true } : listen;
  });
}

const clientOnly: ReadonlySet<TransportName> = new Set(["WS", "WSS", "TLS"]);

/** By the URI's transport parameter: RFC 3261 §19.1.1, §26.2.2, RFC 7118 §5.1. */
const byParameter: Readonly<Record<string, Readonly<Record<SipUri["scheme"], readonly TransportName[]>>>> = {
  tcp: { sip: ["TCP"], sips: ["TLS"] },
  tls: { sip: ["TLS"], sips: ["TLS"] },
  ws: { sip: ["WS"], sips: ["WSS"] },
  wss: { sip: ["WSS"], sips: ["WSS"] },
};

/** For any other, and none. UDP brings TCP along, for requests that are too large for it (RFC 3261 §18.1.1). */
const usual = { sip: ["UDP", "TCP"], sips: ["TLS"] } as const;

function transportsTo({ scheme, params }: SipUri): readonly TransportName[] {
  return (byParameter[params.get("transport")?.toLowerCase() ?? ""] ?? usual)[scheme];
}

/** How often another port is tried when somebody was faster. */
const ATTEMPTS = 10;

/**
 * Opens an agent with {@link localAddresses}, for several proxies of all of them; when these are UDP and TCP, both on one port
 * number, because a peer that has a large request for our UDP address sends it to the same port over TCP (RFC 3261 §18.1.1).
 *
 * Rejects as `open` does.
 */
export async function openBehind<Agent>(
  proxy: SipUri | readonly SipUri[],
  open: (listen: readonly ListenAddress[]) => Promise<Agent>,
): Promise<Agent> {
  const all = [proxy].flat().flatMap(localAddresses);
  const addresses = [...new Map(all.map((each) => [`${each.transport} ${each.address}`, each])).values()];
  const udp = addresses.find(({ transport }) => transport === "UDP");
  if (udp === undefined) return open(addresses);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(udp.address);
    try {
      return await open(addresses.map((each) => (each.clientOnly === true ? each : { ...each, port })));
    } catch (error) {
      const taken = error instanceof SipTransportError && error.code === "SIP_LISTEN_FAILED";
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A port that TCP had free a moment ago. */
function freePort(address: string): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === "object" && bound !== null ? bound.port : 0));
    });
  });
}
