import {
  type NameAddr,
  parseNameAddr,
  parseUri,
  type SipRequest,
  type SipUri,
  serializeUri,
  type Target,
} from "@sip-push/sip";
import type { Domains } from "./domains.ts";
import { hasOb } from "./outbound.ts";
import type { RecordRoutes } from "./record-route.ts";

/** What was learnt while own routes were taken off. */
export interface RouteInformation {
  /**
   * A Route of ours was there, made for this dialog: the request may leave here wherever it goes. Or it was a Path of ours, and
   * the request goes to nobody but the user agent on that flow.
   */
  readonly inDialog: boolean;
  /** The flow that leads on, when that Route named one. */
  readonly target: Target | undefined;
  /** That Route was a Path of ours: the request goes on that flow or not at all. RFC 5626 §5.3.1. */
  readonly onlyFlow: boolean;
  /** A Route said that it names a flow, and we do not know it: from before a restart, or tampered with. */
  readonly unknownFlow: boolean;
  /** All Routes of ours that were taken off, topmost first. */
  readonly ownRoutes: readonly SipUri[];
}

/**
 * Route information preprocessing, on a copy that will be forwarded. RFC 3261 §16.4.
 *
 * @param cameFrom where the request came from: a flow of that address is the sender's own side.
 */
export function preprocessRoute(
  request: SipRequest,
  domains: Domains,
  recordRoutes: RecordRoutes,
  cameFrom: Target,
): RouteInformation {
  restoreRequestUri(request, domains, recordRoutes);
  removeOwnMaddr(request, domains);
  let inDialog = false;
  let target: Target | undefined;
  let onlyFlow = false;
  let unknownFlow = false;
  const ownRoutes: SipUri[] = [];
  for (let route = firstRoute(request); route !== undefined; route = firstRoute(request)) {
    const { uri } = route;
    if ((uri.scheme !== "sip" && uri.scheme !== "sips") || !domains.isHere(uri)) break;
    request.headers.shift("Route");
    ownRoutes.push(uri);
    const own = recordRoutes.read(uri, request.callId);
    const outgoing = own.target !== undefined && isSame(own.target, cameFrom);
    inDialog ||= own.signed && !own.path;
    unknownFlow ||= hasOb(uri) && !own.signed;
    if (own.target === undefined || outgoing) continue;
    target = own.target;
    onlyFlow = own.path;
  }
  // A Path is good for all Call-IDs, so it is a pass to its flow alone: neither to further Routes nor to users looked up here.
  onlyFlow &&= firstRoute(request) === undefined && !domains.isResponsibleFor(request.uri);
  inDialog ||= onlyFlow;
  return { inDialog, target, onlyFlow, unknownFlow, ownRoutes };
}

/** The topmost Route. */
function firstRoute(request: SipRequest): NameAddr | undefined {
  const [first] = request.headers.list("Route");
  return first === undefined || first === "" ? undefined : parseNameAddr(first, "Route");
}

/** A strict router put our own Record-Route in the Request-URI, and the Request-URI last in Route. */
function restoreRequestUri(request: SipRequest, domains: Domains, recordRoutes: RecordRoutes): void {
  const { uri } = request;
  if ((uri.scheme !== "sip" && uri.scheme !== "sips") || !uri.params.has("lr") || !domains.isHere(uri)) return;
  if (!recordRoutes.read(uri, request.callId).signed) return;
  const routes = request.headers.list("Route");
  const last = routes.pop();
  if (last === undefined) return;
  // What we wrote stays the first Route, so that what it says about the flow is not lost.
  setRoutes(request, [`<${request.requestUri}>`, ...routes]);
  request.requestUri = parseNameAddr(last, "Route").uriText;
}

/** `maddr` that leads here has done its work; what is left names the user. */
function removeOwnMaddr(request: SipRequest, domains: Domains): void {
  const { uri } = request;
  if (uri.scheme !== "sip" && uri.scheme !== "sips") return;
  const maddr = uri.params.get("maddr");
  if (maddr == null) return;
  const here: SipUri = { ...parseUriWithHost(maddr), ...(uri.port !== undefined && { port: uri.port }) };
  if (!domains.isHere(here)) return;
  const params = new Map(uri.params);
  params.delete("maddr");
  params.delete("transport");
  const { port: _, ...rest } = uri;
  request.requestUri = serializeUri({ ...rest, params });
}

function parseUriWithHost(host: string): SipUri {
  return parseUri(`sip:${host}`, "maddr") as SipUri;
}

/** Writes all Route values anew. */
export function setRoutes(request: SipRequest, routes: readonly string[]): void {
  request.headers.remove("Route");
  for (const route of routes) request.headers.add("Route", route);
}

function isSame(a: Target, b: Target): boolean {
  return a.transport === b.transport && a.address === b.address && a.port === b.port;
}

/**
 * Makes the first Route fit the element that it names. RFC 3261 §16.6 (6): a strict router, one without `lr`, wants to be
 * the Request-URI. Returns the URI to send to: the first Route, the strict router, or the Request-URI.
 */
export function applyNextRoute(request: SipRequest): SipUri | undefined {
  const route = firstRoute(request);
  const hop = route?.uri ?? request.uri;
  if (hop.scheme !== "sip" && hop.scheme !== "sips") return undefined;
  if (route !== undefined && !hop.params.has("lr")) {
    setRoutes(request, [...request.headers.list("Route").slice(1), `<${request.requestUri}>`]);
    request.requestUri = route.uriText;
  }
  return hop;
}
