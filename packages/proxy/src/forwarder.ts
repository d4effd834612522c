import {
  bareHost,
  type Flow,
  isNumericHost,
  locate,
  locateNow,
  loopback,
  type RequestSender,
  type Resolver,
  type SendFailureCode,
  type SendOutcome,
  type SipEndpoint,
  SipLocateError,
  type SipRequest,
  type SipUri,
  serializeUri,
  type Target,
  TimerWheel,
  type TrustDomain,
  transports,
} from "@sip-push/sip";
import type { BranchAnswer } from "./best-response.ts";
import { isGruu } from "./gruu.ts";
import { assertIdentity, keepPrivate } from "./identity.ts";
import type { Binding } from "./location-store.ts";
import { maxBreadthOf, setMaxBreadth } from "./max-breadth.ts";
import { needsFlow } from "./reach.ts";
import { formsDialog, type RecordRoutes, type RouteSide } from "./record-route.ts";
import { applyNextRoute, setRoutes } from "./route-information.ts";

/** A request on its way through, after RFC 3261 §16.3 to §16.5. */
export interface Passage {
  /** What all branches begin with; not to be changed. */
  readonly request: SipRequest;
  /** The side that it came in on, for Record-Route. */
  readonly incoming: RouteSide;
  readonly senderTrusted: boolean;
}

export interface ForwarderOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly resolver: Resolver;
  readonly recordRoutes: RecordRoutes;
  readonly trusted: TrustDomain;
  /** Refuse to send off this machine. */
  readonly loopbackOnly: boolean;
}

/** What a failure to get an answer counts as; `flow` on a flow, `contact` towards a contact's address, `hop` elsewhere. */
const FAILURES: Readonly<
  Record<SendFailureCode, { readonly flow: number; readonly contact: number; readonly hop: number }>
> = {
  SIP_TIMEOUT: { flow: 408, contact: 408, hop: 408 },
  SIP_ABORTED: { flow: 408, contact: 408, hop: 408 },
  // RFC 5626 §5.3.1 for a flow; RFC 3261 §16.9: a transport error counts as a 503, which goes back as 500.
  SIP_TRANSPORT: { flow: 430, contact: 480, hop: 500 },
  SIP_UNRESOLVED: { flow: 430, contact: 480, hop: 500 },
  SIP_OVERLOADED: { flow: 503, contact: 503, hop: 503 },
  SIP_CLOSED: { flow: 503, contact: 503, hop: 503 },
};

/** Sends one copy of a request to one target. RFC 3261 §16.6. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #wheel: TimerWheel;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#wheel = new TimerWheel(options.endpoint.clock);
  }

  /** To a registered contact: by its path, on its flow, or to its address. */
  async toBinding(passage: Passage, binding: Binding, timeoutMs: number, maxBreadth: number): Promise<BranchAnswer> {
    const request = passage.request.clone();
    const secure = request.uri.scheme === "sips";
    // RFC 5627 §6.1: a request to a GRUU that knows the way after us, as those in dialogs do, does not take the path.
    const knowsWay = isGruu(request.uri) && request.headers.has("Route");
    request.requestUri = contactAsRequestUri(binding);
    setMaxBreadth(request, maxBreadth);
    if (knowsWay) return this.#toHop(request, passage, timeoutMs, "contact");
    if (binding.path.length > 0) {
      setRoutes(request, [...binding.path, ...request.headers.list("Route")]);
      return this.#toHop(request, passage, timeoutMs, "contact");
    }
    const { flow, reach } = binding;
    if (reach === "address" || flow === undefined) return this.#toHop(request, passage, timeoutMs, "contact");
    if (flow.open) return this.#onFlow(request, passage, flow, { timeoutMs, trusted: false });
    // RFC 5630 §5.3: TLS on that flow did for a sip contact; its address does not.
    const lost = reach === "flow-only" || (secure && binding.uri.scheme !== "sips");
    return lost ? local(430) : this.#toHop(request, passage, timeoutMs, "contact");
  }

  /**
   * To the next Route or the Request-URI; on the flow that a Route of ours named, when there is one.
   *
   * @param onlyFlow not to the address of the Request-URI when that flow is gone (RFC 5626 §5.3.1).
   */
  async onward(
    passage: Passage,
    target: Target | undefined,
    timeoutMs: number,
    onlyFlow = false,
  ): Promise<BranchAnswer> {
    const request = passage.request.clone();
    setMaxBreadth(request, maxBreadthOf(request));
    if (target === undefined || request.headers.has("Route")) return this.#toHop(request, passage, timeoutMs, "hop");
    const flow = this.#options.endpoint.existingFlow(target);
    if (flow?.open) {
      const trusted = this.#options.trusted.has(flow);
      return this.#onFlow(request, passage, flow, { timeoutMs, trusted });
    }
    const { uri } = request;
    const lost = onlyFlow || ((uri.scheme === "sip" || uri.scheme === "sips") && needsFlow(uri));
    return lost ? local(430) : this.#toHop(request, passage, timeoutMs, "hop");
  }

  /** Stops its timers. */
  close(): void {
    this.#wheel.close();
  }

  async #onFlow(
    request: SipRequest,
    passage: Passage,
    flow: Flow,
    { timeoutMs, trusted }: { readonly timeoutMs: number; readonly trusted: boolean },
  ): Promise<BranchAnswer> {
    keepPrivate(request.headers, trusted);
    this.#recordRoute(request, passage, sideOf(flow, true));
    const outcome = await this.#within(timeoutMs, (signal) => this.#options.sender.send(request, { flow, signal }));
    return this.#answerOf(outcome, "flow", passage);
  }

  async #toHop(
    request: SipRequest,
    passage: Passage,
    timeoutMs: number,
    kind: "contact" | "hop",
  ): Promise<BranchAnswer> {
    const secure = request.uri.scheme === "sips";
    const hop = applyNextRoute(request);
    if (hop === undefined) return local(416);
    if (secure && !this.#isSecure(hop)) return local(480);
    const { loopbackOnly, trusted } = this.#options;
    const numeric = isNumericHost(hop.host);
    if (loopbackOnly && numeric && !loopback.has(bareHost(hop.host))) return local(403);
    // A handset is a user of the trust domain, not a part of it.
    keepPrivate(request.headers, kind === "hop" && trusted.hasHop(hop));
    const outcome = await this.#within(timeoutMs, async (signal) => {
      if (formsDialog(request.method)) {
        this.#recordRoute(request, passage, await this.#sideTowards(hop, passage.incoming, signal));
      }
      return this.#options.sender.send(request, { nextHop: hop, signal });
    });
    return this.#answerOf(outcome, kind, passage);
  }

  /** RFC 5630 §4: what is for a sips URI must not leave on an open link, whatever Route or Path say. */
  #isSecure(hop: SipUri): boolean {
    const now = locateNow(hop, this.#options.endpoint.transportNames);
    if (now !== undefined) return transports[now.transport].secure;
    return hop.scheme === "sips" || /^(?:tls|wss)$/i.test(hop.params.get("transport") ?? "");
  }

  #recordRoute(request: SipRequest, { incoming }: Passage, outgoing: RouteSide): void {
    if (!formsDialog(request.method)) return;
    const secure = request.uri.scheme === "sips";
    const values = this.#options.recordRoutes.values(request.callId, secure, incoming, outgoing);
    const { headers } = request;
    // In front of those that are there; but not in front of Via, where `prepend` would put the first.
    if (!headers.has("Record-Route")) for (const value of values) headers.add("Record-Route", value);
    else for (const value of values.reverse()) headers.prepend("Record-Route", value);
  }

  /** The transport that the first target of `hop` will take; what cannot be found will fail on its own. */
  async #sideTowards(hop: SipUri, fallback: RouteSide, signal: AbortSignal): Promise<RouteSide> {
    const { endpoint, resolver } = this.#options;
    const supported = endpoint.transportNames;
    const now = locateNow(hop, supported);
    if (now !== undefined) return targetSide(now);
    try {
      for await (const target of locate(hop, { resolver, supported, signal })) return targetSide(target);
    } catch (error) {
      if (!(error instanceof SipLocateError)) throw error;
    }
    return { ...fallback, flow: undefined };
  }

  /** Gives `send` a signal that fires after `timeoutMs`: a silent contact must not cost the sender its whole Timer F. */
  async #within(timeoutMs: number, send: (signal: AbortSignal) => Promise<SendOutcome>): Promise<SendOutcome> {
    const abort = new AbortController();
    const timer = this.#wheel.timer(() => abort.abort());
    this.#wheel.start(timer, timeoutMs);
    try {
      return await send(abort.signal);
    } finally {
      this.#wheel.stop(timer);
    }
  }

  #answerOf(outcome: SendOutcome, kind: "flow" | "contact" | "hop", { senderTrusted }: Passage): BranchAnswer {
    if (outcome.kind === "failure") return local(FAILURES[outcome.code][kind]);
    const { response, flow } = outcome;
    const { headers, statusCode } = response;
    headers.shift("Via");
    // RFC 3261 §16.7 (3): without a further Via it was not meant to be passed on.
    if (!headers.has("Via")) return local(502);
    assertIdentity(headers, { trusted: this.#options.trusted.has(flow), user: undefined });
    keepPrivate(headers, senderTrusted);
    return { statusCode, response, reached: true };
  }
}

/** RFC 3261 §16.6 (2), §19.1.1 table 1: what a Request-URI may not hold is left out. */
function contactAsRequestUri({ uri, contact }: Binding): string {
  if (uri.headers.length === 0 && !uri.params.has("method")) return contact;
  const params = new Map(uri.params);
  params.delete("method");
  return serializeUri({ ...uri, headers: [], params });
}

function targetSide({ transport, address }: Target): RouteSide {
  return { transport, ipv6: address.includes(":"), flow: undefined };
}

/** The side of the proxy that a flow is on; `bound` when later requests have to take the same flow. */
export function sideOf(flow: Flow, bound: boolean): RouteSide {
  return { transport: flow.transport, ipv6: flow.local.address.includes(":"), flow: bound ? flow : undefined };
}

/** Made here; 408 is the only one that a request which left can end with. */
function local(statusCode: number): BranchAnswer {
  return { statusCode, response: undefined, reached: statusCode === 408 };
}
