import {
  createRequest,
  type DigestClient,
  type Flow,
  type OutboundRegistration,
  parseUri,
  type RequestInit,
  type RequestSender,
  type SendOutcome,
  SipParseError,
  type SipUri,
  type UserRegistration,
  type UserRoute,
  urisEqual,
} from "@sip-push/sip";

/**
 * Where the receiver stands: `gm` on a terminal of an IMS, which says by P-Preferred-Identity which of its users asks (RFC 3325
 * §9.2, TS 24.229 §5.1.1A); `plain` in a network without that.
 */
export type ReceiverRole = "gm" | "plain";

/** What tells the way of a request; a registration over several flows sends by itself, over another when one fails. */
export type WaySource = Pick<UserRegistration, "route"> &
  Partial<Pick<UserRegistration, "associatedUris"> & Pick<OutboundRegistration, "send">>;

/** {@link UserRoute} in the pieces that subscriptions and publications ask for. */
export interface OwnWay {
  readonly routeSet: readonly string[];
  /** All but Route. */
  readonly headers: UserRoute["headers"];
  readonly flow: Flow | undefined;
  readonly nextHop: SipUri | undefined;
}

export interface OwnRequestsOptions {
  readonly sender: RequestSender;
  readonly aor: string;
  readonly role: ReceiverRole;
  /** Undefined when the receiver does not register. */
  readonly registration: WaySource | undefined;
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
    const { registration, proxy } = this.#options;
    const identity = this.#identity();
    if (registration !== undefined) return registration.route(identity);
    const headers = identity === undefined ? [] : [["P-Preferred-Identity", `<${identity}>`] as const];
    return { headers, sending: proxy === undefined ? {} : { nextHop: proxy } };
  }

  /** The same, in pieces. */
  way(): OwnWay {
    const { headers, sending } = this.route();
    return {
      routeSet: headers.flatMap(([name, value]) => (name === "Route" ? [value] : [])),
      headers: headers.filter(([name]) => name !== "Route"),
      flow: sending.flow,
      nextHop: sending.nextHop,
    };
  }

  /**
   * Sends a request of this user; the outcome says what came of it.
   *
   * @throws {SipParseError} for a header field that no message may have.
   */
  send(init: Omit<RequestInit, "from">, signal: AbortSignal): Promise<SendOutcome> {
    const { sender, aor, registration, credentials } = this.#options;
    const options = { signal, ...(credentials === undefined ? {} : { credentials }) };
    if (registration?.send !== undefined) {
      return registration.send(createRequest({ ...init, from: aor }), options, this.#identity());
    }
    const { headers, sending } = this.route();
    const request = createRequest({ ...init, from: aor, headers: [...headers, ...(init.headers ?? [])] });
    return sender.send(request, { ...sending, ...options });
  }

  /** TS 24.229 §5.1.2A: the user's own address if it was registered with, else the default one of those that were. */
  #identity(): string | undefined {
    const { aor, role, registration } = this.#options;
    if (role !== "gm") return undefined;
    const associated = registration?.associatedUris ?? [];
    return associated.some((uri) => isSame(uri, aor)) ? aor : (associated[0] ?? aor);
  }
}

function isSame(a: string, b: string): boolean {
  try {
    return urisEqual(parseUri(a), parseUri(b));
  } catch (error) {
    // What the registrar listed is no URI.
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
