import type { SipResponse } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";

/** Longest times between pings where the registrar names none. RFC 5626 §4.4.1, §4.4.2. */
const STREAM_PING_MS = 120_000;
const UDP_PING_MS = 29_000;

/** How a flow is kept alive. */
export interface Pings {
  /** Upper bound; each ping comes at 80 to 100 % of it. */
  readonly intervalMs: number;
  /** Whether a ping that is not answered means that the flow has failed. */
  readonly expectPong: boolean;
}

/**
 * What a registrar's answer means for the flow that it came on. RFC 5626 §4.4.
 *
 * Every peer may be sent CRLFCRLF on a connection, but only one that said so has to answer: by Flow-Timer, by Require:
 * outbound, or by Supported: outbound when nobody stands between (no Path). Of others no pong is expected: their connection
 * is kept open, and that it is dead shows when TCP gives up or the next REGISTER is not answered. WebSocket peers must answer
 * (RFC 6455 §5.5.2); on UDP nothing is waited for.
 */
export function pingsFor({ headers }: SipResponse, { transport }: Flow): Pings {
  const timer = headers.get("Flow-Timer");
  const said = timer !== undefined && /^[0-9]{1,9}$/.test(timer) ? Number(timer) * 1000 : 0;
  const direct = headers.has("Path") ? [] : headers.list("Supported");
  const knows = [...headers.list("Require"), ...direct].some((tag) => tag.toLowerCase() === "outbound");
  const expectPong = said > 0 || knows || transport === "WS" || transport === "WSS";
  return { intervalMs: said > 0 ? said : transport === "UDP" ? UDP_PING_MS : STREAM_PING_MS, expectPong };
}

/** What the users of one flow want, counted, so that a thousand registrations on it cost no search. */
interface Sharing {
  readonly users: Map<object, Pings>;
  readonly intervals: Map<number, number>;
  expecting: number;
  /** What the flow was told last. */
  told: Pings | undefined;
}

const sharings = new WeakMap<Flow, Sharing>();

/** Pings `flow` for `user`. Of many users of one flow the shortest interval counts, and a pong is due when one expects it. */
export function ping(flow: Flow, user: object, pings: Pings): void {
  let sharing = sharings.get(flow);
  if (sharing === undefined) {
    sharing = { users: new Map(), intervals: new Map(), expecting: 0, told: undefined };
    sharings.set(flow, sharing);
  }
  const before = sharing.users.get(user);
  if (before !== undefined) count(sharing, before, -1);
  sharing.users.set(user, pings);
  count(sharing, pings, 1);
  tell(flow, sharing);
}

/** `user` needs no more pings; with the last one they stop. */
export function stopPings(flow: Flow, user: object): void {
  const sharing = sharings.get(flow);
  const pings = sharing?.users.get(user);
  if (sharing === undefined || pings === undefined) return;
  sharing.users.delete(user);
  count(sharing, pings, -1);
  tell(flow, sharing);
}

/** Whether somebody has it pinged. */
export function isPinged(flow: Flow): boolean {
  return (sharings.get(flow)?.users.size ?? 0) > 0;
}

function count(sharing: Sharing, { intervalMs, expectPong }: Pings, by: 1 | -1): void {
  const left = (sharing.intervals.get(intervalMs) ?? 0) + by;
  if (left === 0) sharing.intervals.delete(intervalMs);
  else sharing.intervals.set(intervalMs, left);
  if (expectPong) sharing.expecting += by;
}

/** Only when something changed: each call starts the interval anew, and a busy flow would never be pinged. */
function tell(flow: Flow, sharing: Sharing): void {
  const { intervals, expecting, told } = sharing;
  let intervalMs = 0;
  for (const wanted of intervals.keys()) if (intervalMs === 0 || wanted < intervalMs) intervalMs = wanted;
  const expectPong = expecting > 0;
  if (told?.intervalMs === intervalMs && told.expectPong === expectPong) return;
  sharing.told = { intervalMs, expectPong };
  if (intervalMs === 0) flow.keepAlive(0);
  else flow.keepAlive(intervalMs, expectPong);
}
