import {
  createRequest,
  type DigestClient,
  type Registration,
  type RequestInit,
  type RequestSender,
  type SendOutcome,
  type SipUri,
  type UserRoute,
} from "@sip-push/sip";

/**
 * Where the receiver stands: `gm` on a terminal of an IMS, which says by P-Preferred-Identity which of its users asks (RFC 3325
 * §9.2, TS 24.229 §5.1.1A); `plain` in a network without that.
 */
export type ReceiverRole = "gm" | "plain";

export interface OwnRequestsOptions {
  readonly sender: RequestSender;
  readonly aor: string;
  readonly role: ReceiverRole;
  /** Undefined when the receiver does not register. */
  readonly registration: Pick<Registration, "route"> | undefined;
  readonly proxy: SipUri | undefined;
  readonly credentials: DigestClient | undefined;
}

/** Requests outside of dialogs that a receiver makes itself: in its user's name, the way that its registration says. */
export class OwnRequests {
  readonly #options: OwnRequestsOptions;

  constructor(options: OwnRequestsOptions) {
    this.#options = options;
  }

  /** How a request of the user is to leave now: Route, identity, and where to. RFC 3608 §5, RFC 5626 §4.3. */
  route(): UserRoute {
    const { aor, role, registration, proxy } = this.#options;
    const identity = role === "gm" ? aor : undefined;
    if (registration !== undefined) return registration.route(identity);
    const headers = identity === undefined ? [] : [["P-Preferred-Identity", `<${identity}>`] as const];
    return { headers, sending: proxy === undefined ? {} : { nextHop: proxy } };
  }

  /**
   * Sends a request of this user; the outcome says what came of it.
   *
   * @throws {SipParseError} for a header field that no message may have.
   */
  send(init: Omit<RequestInit, "from">, signal: AbortSignal): Promise<SendOutcome> {
    const { sender, aor, credentials } = this.#options;
    const { headers, sending } = this.route();
    const request = createRequest({ ...init, from: aor, headers: [...headers, ...(init.headers ?? [])] });
    return sender.send(request, { ...sending, signal, ...(credentials === undefined ? {} : { credentials }) });
  }
}
