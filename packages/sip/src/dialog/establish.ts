import {
  encodeText,
  type NameAddr,
  paramValue,
  parseNameAddr,
  quote,
  SipParseError,
  type SipRequest,
  type SipResponse,
} from "../message/index.ts";
import { type Flow, transports } from "../transport/transport.ts";
import { contactOf } from "./contact.ts";
import { detached } from "./detached.ts";
import { Dialog } from "./dialog.ts";
import type { DialogState } from "./dialog-state.ts";

/** A dialog, or why the peer's message makes none: a request is answered 400 with `problem` as its reason. */
export type DialogResult =
  | { readonly dialog: Dialog; readonly problem?: undefined }
  | { readonly dialog?: undefined; readonly problem: string };

/** Proxies that may stand in one route set: more is an attempt to make our requests grow. */
const MAX_ROUTES = 30;
/** Octets of a dialog's texts: what is kept for days is none of those that fill a message. */
const MAX_OCTETS = 16_384;

/** A dialog from our request and its 2xx: the route set is reversed. RFC 3261 §12.1.2. */
export function dialogFromResponse(request: SipRequest, response: SipResponse, flow: Flow): DialogResult {
  return guarded(() => {
    const routeSet = routesOf(response).reverse();
    const contact = contactOf(response);
    const remoteTag = paramValue(response.to.params, "tag") ?? "";
    return {
      callId: request.callId,
      localTag: paramValue(request.from.params, "tag") ?? "",
      remoteTag,
      localUri: withoutTag(request.from),
      remoteUri: withoutTag(request.to),
      localSeq: request.cseq.seq,
      remoteSeq: null,
      routeSet,
      remoteTarget: contact,
      secure: isSecure(request, flow),
    };
  });
}

/**
 * A dialog from the peer's request and our tag: the To tag it has or that we answer with. RFC 3261 §12.1.1.
 *
 * @param localSeq the CSeq number of our last request to this peer: that of the SUBSCRIBE, for a NOTIFY that makes the
 *   subscriber's dialog (RFC 6665 §4.4.1). Default 0.
 */
export function dialogFromRequest(request: SipRequest, localTag: string, flow: Flow, localSeq = 0): DialogResult {
  return guarded(() => ({
    callId: request.callId,
    localTag,
    remoteTag: paramValue(request.from.params, "tag") ?? "",
    localUri: withoutTag(request.to),
    remoteUri: withoutTag(request.from),
    localSeq,
    remoteSeq: request.cseq.seq,
    routeSet: routesOf(request),
    remoteTarget: contactOf(request),
    secure: isSecure(request, flow),
  }));
}

/**
 * Header fields of a 2xx to a request that makes a dialog: Record-Route as it came, and our Contact. RFC 3261 §12.1.1.
 *
 * @param contact an octet string: a name-addr.
 */
export function dialogHeaders(request: SipRequest, contact: string): Array<readonly [name: string, value: string]> {
  const routes = request.headers.getAll("Record-Route");
  return [...routes.map((route) => ["Record-Route", route] as const), ["Contact", contact]];
}

function routesOf({ headers }: SipRequest | SipResponse): string[] {
  const routes = headers.list("Record-Route");
  if (routes.length > MAX_ROUTES) throw bad("Record-Route", `more than ${MAX_ROUTES}`);
  for (const route of routes) {
    const { scheme } = parseNameAddr(route, "Record-Route").uri;
    if (scheme !== "sip" && scheme !== "sips") throw bad("Record-Route", "not a sip or sips URI");
  }
  return routes;
}

/** §12.1.1: the request came over TLS, and its Request-URI is a sips URI. */
function isSecure(request: SipRequest, flow: Flow): boolean {
  return transports[flow.transport].secure && /^sips:/i.test(request.requestUri);
}

/** A From or To without its parameters, display name and URI as written. */
function withoutTag(address: NameAddr): string {
  const name = address.displayName === undefined ? "" : `${quote(encodeText(address.displayName))} `;
  return `${name}<${address.uriText}>`;
}

function guarded(make: () => DialogState): DialogResult {
  try {
    const state = make();
    if (octetsOf(state) > MAX_OCTETS) throw bad("dialog", `more than ${MAX_OCTETS} octets in its header fields`);
    return { dialog: new Dialog(detached(state)) };
  } catch (error) {
    if (error instanceof SipParseError) return { problem: error.message };
    throw error;
  }
}

function octetsOf(state: DialogState): number {
  let octets = 0;
  for (const value of Object.values(state).flat()) if (typeof value === "string") octets += value.length;
  return octets;
}

function bad(field: string, problem: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", field, problem);
}
