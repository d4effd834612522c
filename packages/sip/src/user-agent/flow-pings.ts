import type { SipResponse } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";

/** Longest times between pings where the registrar names none. RFC 5626 §4.4.1, §4.4.2. */
const STREAM_PING_MS = 120_000;
const UDP_PING_MS = 29_000;

/**
 * How often to ping, 0 for never: on a TCP or TLS connection a registrar that knows nothing of RFC 5626 gives no pong, and
 * the flow would be taken for dead. WebSocket peers must answer (RFC 6455 §5.5.2), and on UDP no answer is waited for.
 */
export function keepAliveMs({ headers }: SipResponse, { transport }: Flow): number {
  const said = Number(headers.get("Flow-Timer"));
  if (said > 0) return said * 1000;
  if (transport === "UDP") return UDP_PING_MS;
  const answers = [...headers.list("Require"), ...headers.list("Supported")].includes("outbound");
  return answers || transport === "WS" || transport === "WSS" ? STREAM_PING_MS : 0;
}

const users = new WeakMap<Flow, Set<object>>();

/** Pings `flow` for `user`: many registrations may share one flow; the interval that was set last counts. */
export function ping(flow: Flow, user: object, intervalMs: number): void {
  const set = users.get(flow) ?? new Set();
  users.set(flow, set.add(user));
  flow.keepAlive(intervalMs);
}

/** `user` needs no more pings; with the last one they stop. */
export function stopPings(flow: Flow, user: object): void {
  const set = users.get(flow);
  if (set?.delete(user) === true && set.size === 0) flow.keepAlive(0);
}
