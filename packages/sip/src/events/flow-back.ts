import type { Dialog } from "../dialog/index.ts";
import { parseUri, SipParseError } from "../message/index.ts";
import { type Flow, transports } from "../transport/transport.ts";

/**
 * The connection that brought a SUBSCRIBE, when nothing else leads to its subscriber: one that nobody can connect to, without
 * a proxy between (RFC 5626 §5.3, `ob`; RFC 7118 §5, `.invalid`). Undefined: the usual way.
 */
export function flowBack(flow: Flow | undefined, dialog: Dialog): Flow | undefined {
  if (flow === undefined || !flow.open || !transports[flow.transport].reliable) return undefined;
  return dialog.routeSet.length === 0 && needsFlow(dialog.remoteTarget) ? flow : undefined;
}

function needsFlow(remoteTarget: string): boolean {
  if (!/\.invalid|;ob/i.test(remoteTarget)) return false; // the usual case, without reading all of it
  try {
    const uri = parseUri(remoteTarget);
    if (uri.scheme !== "sip" && uri.scheme !== "sips") return false;
    return uri.host.endsWith(".invalid") || uri.params.has("ob");
  } catch (error) {
    // From a damaged store: it is refused where it is sent.
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
