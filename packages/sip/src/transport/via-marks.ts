import { bareHost, isNumericHost, type SipRequest, serializeVia, type Via } from "../message/index.ts";
import { type Flow, type Target, transports } from "./transport.ts";

/** Whether the topmost Via says where an answer may go. */
export function hasReadableVia(request: SipRequest): boolean {
  try {
    return request.via !== undefined;
  } catch {
    return false;
  }
}

/** `received` when the sent-by is not where it came from, `received` and `rport` when asked. RFC 3261 §18.2.1, RFC 3581 §4. */
export function markSource(request: SipRequest, flow: Flow): void {
  const via = request.via;
  const { address, port } = flow.remote;
  const wantsPort = via.params.has("rport");
  // A `received` that came along is not to be believed, whoever put it there.
  if (!wantsPort && bareHost(via.host) === address && !via.params.has("received")) return;
  const params = new Map(via.params).set("received", address);
  if (wantsPort) params.set("rport", String(port));
  request.headers.replaceFirst("Via", serializeVia({ ...via, params }));
}

/**
 * Where a response goes when not back on its flow: maddr (unreliable transports only), else the source address, at the
 * port of sent-by. A maddr that is a name is left aside: a response is not worth a look-up in DNS.
 */
export function responseTarget(via: Via, { transport, remote }: Flow): Target {
  const { reliable, defaultPort } = transports[transport];
  const port = via.port ?? defaultPort;
  const maddr = reliable ? undefined : via.params.get("maddr");
  const address = maddr != null && isNumericHost(maddr) ? bareHost(maddr) : remote.address;
  return { transport, address, port, serverName: bareHost(via.host) };
}
