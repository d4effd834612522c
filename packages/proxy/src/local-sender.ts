import {
  RequestSender,
  type RequestSenderOptions,
  type SendOptions,
  type SendOutcome,
  SipParseError,
  type SipRequest,
  type Target,
} from "@sip-push/sip";
import type { Domains } from "./domains.ts";
import { needsFlow } from "./reach.ts";
import type { RecordRoutes } from "./record-route.ts";
import { preprocessRoute } from "./route-information.ts";

export interface LocalSenderOptions extends RequestSenderOptions {
  readonly domains: Domains;
  readonly recordRoutes: RecordRoutes;
}

/** No flow leads there, so that no Route of ours is taken for the sender's own side. */
const NOWHERE = { transport: "UDP", address: "", port: 0 } as const;

/**
 * Sends what the proxy itself is the user agent of: Routes that lead to itself are taken off and followed, as they would be
 * for any other sender, and what is for a user here, a GRUU for one, takes the way by the location service.
 */
export class LocalSender extends RequestSender {
  readonly #options: LocalSenderOptions;

  constructor(options: LocalSenderOptions) {
    super(options);
    this.#options = options;
  }

  override send(request: SipRequest, options: SendOptions = {}): Promise<SendOutcome> {
    const { domains, recordRoutes, endpoint } = this.#options;
    let target: Target | undefined;
    try {
      ({ target } = preprocessRoute(request, domains, recordRoutes, NOWHERE));
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      // What a peer named as its address, such as a `maddr` that is no host.
      const { message: reason } = error;
      return Promise.resolve({ kind: "failure", code: "SIP_UNRESOLVED", reason, retryable: false, attempts: 0 });
    }
    if (request.headers.has("Route")) return super.send(request, options);
    const flow = target && endpoint.existingFlow(target);
    if (flow?.open) return super.send(request, { ...options, flow });
    const { uri } = request;
    if (uri.scheme !== "other" && domains.isResponsibleFor(uri) && domains.aorOf(uri) !== undefined) {
      request.headers.prepend("Route", this.#toMyself(request));
      return super.send(request, options);
    }
    if (target !== undefined && (uri.scheme === "sip" || uri.scheme === "sips") && needsFlow(uri)) {
      const reason = "the connection of the subscriber is gone";
      return Promise.resolve({ kind: "failure", code: "SIP_TRANSPORT", reason, retryable: true, attempts: 0 });
    }
    return super.send(request, options);
  }

  /** A Route that we shall know again: the request is let in. */
  #toMyself({ callId }: SipRequest): string {
    const { endpoint, recordRoutes } = this.#options;
    const { transport, address } = endpoint.listening[0] ?? NOWHERE;
    const side = { transport, ipv6: address.includes(":"), flow: undefined };
    return recordRoutes.values(callId, false, side, side)[0] ?? "";
  }
}
