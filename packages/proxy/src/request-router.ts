import {
  type Logger,
  Pending,
  parseCredentials,
  type ServerTransaction,
  type SipEndpoint,
  SipParseError,
  type SipRequest,
  type TrustDomain,
} from "@sip-push/sip";
import type { ServicePosition, ServiceRouting, ServiceStep } from "./application-servers/service-routing.ts";
import type { ThirdPartyRegister } from "./application-servers/third-party-register.ts";
import { ensureChargingVector, setServedUser } from "./application-servers/trust-headers.ts";
import type { AuthenticatedUser, Authenticator } from "./authentication.ts";
import type { BranchAnswer } from "./best-response.ts";
import { searchContacts } from "./contact-search.ts";
import type { Aor, Domains } from "./domains.ts";
import type { EventServices } from "./event-services.ts";
import type { ProxyEvents } from "./events.ts";
import { type ForwardPlan, planFor } from "./forward-plan.ts";
import { type Forwarder, type Passage, sideOf } from "./forwarder.ts";
import { type GruuMint, isGruu } from "./gruu.ts";
import { contactIsOfAnother } from "./gruu-contact.ts";
import { assertIdentity } from "./identity.ts";
import type { Binding, LocationStore } from "./location-store.ts";
import type { LoopMemory } from "./loop-memory.ts";
import { checkMaxBreadth, maxBreadthOf } from "./max-breadth.ts";
import type { ProxySettings } from "./options.ts";
import { isFirstHop, supports, wantsFlow } from "./outbound.ts";
import { answerOptions, METHODS_NOT_SERVED, redirection } from "./own-answers.ts";
import type { RecordRoutes } from "./record-route.ts";
import type { Registrar } from "./registrar.ts";
import {
  checkMaxForwards,
  checkProxyRequire,
  checkScheme,
  decrementMaxForwards,
  hopsLeft,
  type Refusal,
} from "./request-validation.ts";
import { OVERLOAD_RETRY_AFTER_SECONDS, ResponseContext } from "./response-context.ts";
import { preprocessRoute, type RouteInformation, setRoutes } from "./route-information.ts";
import type { UserDirectory } from "./users.ts";

export interface RequestRouterOptions {
  readonly endpoint: SipEndpoint;
  readonly domains: Domains;
  readonly store: LocationStore;
  readonly registrar: Registrar;
  readonly authenticator: Authenticator | undefined;
  readonly users: UserDirectory | undefined;
  readonly trusted: TrustDomain;
  readonly recordRoutes: RecordRoutes;
  readonly forwarder: Forwarder;
  readonly loops: LoopMemory;
  readonly settings: ProxySettings;
  readonly mint: GruuMint;
  readonly services: ServiceRouting;
  readonly thirdPartyRegister: ThirdPartyRegister;
  readonly eventServices: EventServices;
  readonly events: ProxyEvents;
  readonly logger: Logger;
  /** The flow of a contact is gone. */
  readonly flowFailed: (binding: Binding) => void;
}

/** All tries of one request together, as a multiple of what one contact is given: 28 s with the default, below Timer F. */
const WHOLE_SEARCH = 1.75;

/** One request while it is decided what becomes of it. */
interface Case {
  readonly transaction: ServerTransaction;
  /** As received. */
  readonly received: SipRequest;
  /** A copy that Routes of ours were taken off. */
  readonly request: SipRequest;
  readonly route: RouteInformation;
  readonly position: ServicePosition;
  readonly trusted: boolean;
  readonly startedMs: number;
}

/** Decides for each request what becomes of it. RFC 3261 §16.2 to §16.5. */
export class RequestRouter {
  readonly #options: RequestRouterOptions;
  readonly #running = new Pending();
  #stopped = false;

  constructor(options: RequestRouterOptions) {
    this.#options = options;
  }

  handle(transaction: ServerTransaction): void {
    const { maxRequestsUnderWay } = this.#options.settings;
    if (this.#running.size >= maxRequestsUnderWay) {
      this.#refuse(transaction, { statusCode: 503, headers: [["Retry-After", String(OVERLOAD_RETRY_AFTER_SECONDS)]] });
      return;
    }
    void this.#running.add(this.#route(transaction).catch((error: unknown) => this.#fail(transaction, error)));
  }

  /** From now on nothing is answered: the endpoint is about to close, and with it the requests under way end. */
  stop(): void {
    this.#stopped = true;
  }

  /** Waits until no request is under way. */
  ended(): Promise<void> {
    return this.#running.none();
  }

  async #route(transaction: ServerTransaction): Promise<void> {
    const { domains, recordRoutes, trusted, endpoint, services } = this.#options;
    const received = transaction.request;
    const refusal = METHODS_NOT_SERVED[received.method] ?? checkScheme(received);
    if (refusal !== undefined) return this.#refuse(transaction, refusal);
    const { flow } = transaction;
    const request = received.clone();
    const route = preprocessRoute(request, domains, recordRoutes, { transport: flow.transport, ...flow.remote });
    const inside = trusted.has(flow);
    await this.#decide({
      transaction,
      received,
      request,
      route,
      position: services.position(route.ownRoutes, request.callId, inside),
      trusted: inside,
      startedMs: endpoint.clock.now(),
    });
  }

  async #decide(each: Case): Promise<void> {
    const { transaction, received, request } = each;
    const { domains, registrar, loops, eventServices, thirdPartyRegister } = this.#options;
    const { uri } = request;
    // RFC 5627 §6.1: within a dialog a GRUU of ours is resolved, although other routes follow.
    const isLastRoute = !request.headers.has("Route") || (each.route.inDialog && isGruu(uri));
    const ours = isLastRoute && domains.isResponsibleFor(uri) ? uri : undefined;
    const aor = ours === undefined ? undefined : domains.aorOf(ours);
    if (ours !== undefined && request.method === "REGISTER") {
      return thirdPartyRegister.during(received, () => registrar.handle(transaction));
    }
    // §16.3 (3): a request that may go no further is for us to answer, when it asks what we can do.
    const isLast = hopsLeft(request) === 0;
    if (request.method === "OPTIONS" && (isLast || (ours !== undefined && aor === undefined))) {
      return answerOptions(transaction, eventServices.packages);
    }
    const refusal =
      checkMaxForwards(request) ??
      checkMaxBreadth(request) ??
      (loops.hasLooped(received) ? { statusCode: 482 } : undefined) ??
      checkProxyRequire(request);
    if (refusal !== undefined) return this.#refuse(transaction, refusal);
    // RFC 5626 §5.3.1 has 403 for a token that was tampered with; after a restart we cannot tell, and 430 helps the registrar.
    if (each.route.unknownFlow) return this.#refuse(transaction, { statusCode: 430 });

    const user = this.#mustAuthenticate(each)
      ? await this.#options.authenticator?.authenticate(transaction, "proxy")
      : undefined;
    if (!transaction.open) return;
    if (user !== undefined && contactIsOfAnother(request, user, this.#options)) {
      return this.#refuse(transaction, { statusCode: 403, reason: "Forbidden (Contact is another user's GRUU)" });
    }
    if (ours === undefined) return this.#relay(each, user);
    if (aor !== undefined) return this.#toUser(each, aor, user);
    const service = eventServices.find(request, undefined);
    if (service === undefined) return this.#refuse(transaction, { statusCode: 404 });
    return service.handle({ transaction, aor, sender: { trusted: each.trusted, user } });
  }

  /**
   * §16.3 (6): who claims to be a user of ours proves it, unless the request belongs to a dialog that was let through. Without a
   * To tag it does not, whatever Call-ID and Route it has: its sender may have got them for a dialog of its own.
   */
  #mustAuthenticate({ request, route, trusted, position }: Case): boolean {
    const { authenticator, domains } = this.#options;
    const inDialog = route.inDialog && (route.onlyFlow || request.to.params.has("tag"));
    if (authenticator === undefined || trusted || inDialog || position.done !== undefined) return false;
    return domains.isResponsibleFor(request.from.uri);
  }

  /** A request that another element is responsible for: no open relay. */
  async #relay(each: Case, user: AuthenticatedUser | undefined): Promise<void> {
    const { forwarder, settings } = this.#options;
    const { transaction, request, route, trusted } = each;
    if (!settings.relay && !trusted && user === undefined && !route.inDialog) {
      return this.#refuse(transaction, { statusCode: 403, reason: "Forbidden (no relaying to other domains)" });
    }
    const passage = this.#passage(each, user);
    if (request.method === "REGISTER") this.#addPath(each, passage.request);
    await this.#inContext(each, [request.requestUri], async (context, timeLeftMs) => {
      context.add(await forwarder.onward(passage, route.target, timeLeftMs(), route.onlyFlow));
      context.finish();
    });
  }

  /** As edge proxy: later requests for this user agent have to come on its flow. RFC 3327 §5.2, RFC 5626 §5.1. */
  #addPath({ transaction, received }: Case, request: SipRequest): void {
    if (!isFirstHop(received) || !supports(received, "path")) return;
    const value = this.#options.recordRoutes.path(received.uri.scheme === "sips", transaction.flow);
    // In front of those that are there; but not in front of Via, where `prepend` would put the first.
    if (request.headers.has("Path")) request.headers.prepend("Path", value);
    else request.headers.add("Path", value);
  }

  /** §16.5: the location service names the targets. */
  async #toUser(each: Case, named: Aor, user: AuthenticatedUser | undefined): Promise<void> {
    const { store, users, mint, services, eventServices } = this.#options;
    const { transaction, request } = each;
    const gruu = isGruu(request.uri);
    const target = gruu ? mint.resolve(request.uri, named) : { aor: named, bindings: store.bindings(named.uri) };
    // RFC 5627 §6.1
    if (target === undefined) return this.#refuse(transaction, { statusCode: 404 });
    const { aor, bindings } = target;
    const known = gruu || bindings.length > 0 || store.wasRegistered(aor.uri) || users?.knows(aor) === true;
    const step = services.next(request, aor, each.position, transaction.flow, known);
    if (step !== undefined) return this.#toService(each, step, aor, user);
    // A GRUU means the user agent, not what we know about its user.
    const service = gruu ? undefined : eventServices.find(request, aor);
    // Without a list of users everybody may become one.
    const arrival = { transaction, aor, sender: { trusted: each.trusted, user } };
    if (service !== undefined && (known || users === undefined) && service.declines?.(arrival) !== true) {
      return service.handle(arrival);
    }
    if (!known) return this.#refuse(transaction, { statusCode: 404 });
    const plan = planFor(request, bindings);
    if (plan.groups.length === 0) return this.#refuse(transaction, { statusCode: 480 });
    if (plan.redirect) return this.#refuse(transaction, redirection(plan));
    return this.#fork(each, plan, this.#passage(each, user));
  }

  /** To an application server, which may send it back to us. TS 24.229 §5.4.3.3. */
  #toService(
    each: Case,
    { server, routes, servesUser }: ServiceStep,
    aor: Aor,
    user: AuthenticatedUser | undefined,
  ): Promise<void> {
    const { forwarder, store, trusted } = this.#options;
    const passage = this.#passage(each, user);
    const { headers } = passage.request;
    if (trusted.hasHop(server.uri)) {
      ensureChargingVector(headers);
      if (servesUser) setServedUser(headers, aor.uri, store.bindings(aor.uri).length > 0);
    }
    setRoutes(passage.request, [...routes, ...headers.list("Route")]);
    return this.#inContext(each, [passage.request.requestUri], async (context, timeLeftMs) => {
      context.add(await forwarder.onward(passage, undefined, timeLeftMs()));
      context.finish();
    });
  }

  #fork(each: Case, plan: ForwardPlan, passage: Passage): Promise<void> {
    const { forwarder, settings, flowFailed } = this.#options;
    const { contactTimeoutMs } = settings;
    const targets: string[] = [];
    const send = (binding: Binding, timeoutMs: number, maxBreadth: number): Promise<BranchAnswer> => {
      targets.push(binding.contact);
      return forwarder.toBinding(passage, binding, timeoutMs, maxBreadth);
    };
    const maxBreadth = maxBreadthOf(passage.request);
    return this.#inContext(each, targets, (context, timeLeftMs) =>
      searchContacts(plan, { context, send, flowFailed, contactTimeoutMs, timeLeftMs, maxBreadth }),
    );
  }

  /** Runs `forward` with a response context, and remembers the request for as long as a branch is under way. */
  async #inContext(
    { transaction, received, startedMs }: Case,
    targets: readonly string[],
    forward: (context: ResponseContext, timeLeftMs: () => number) => Promise<void>,
  ): Promise<void> {
    const { settings, loops, events, endpoint } = this.#options;
    const { method, requestUri, callId } = received;
    const elapsedMs = (): number => endpoint.clock.now() - startedMs;
    const context = new ResponseContext({
      transaction,
      answerTimeouts: settings.answerTimeouts,
      stopped: () => this.#stopped,
      answered: (statusCode) => {
        const event = { method, requestUri, callId, targets: [...targets], statusCode, elapsedMs: elapsedMs() };
        events.emit("forwarded", event);
      },
    });
    const forget = loops.remember(received);
    try {
      await forward(context, () => settings.contactTimeoutMs * WHOLE_SEARCH - elapsedMs());
    } finally {
      forget();
    }
  }

  /** What all copies have in common. §16.6 (1), (3). */
  #passage({ transaction, request, trusted }: Case, user: AuthenticatedUser | undefined): Passage {
    decrementMaxForwards(request);
    assertIdentity(request.headers, { trusted, user });
    if (user !== undefined) removeCredentials(request, user);
    const { flow } = transaction;
    return { request, incoming: sideOf(flow, wantsFlow(request, flow)), senderTrusted: trusted };
  }

  #refuse(transaction: ServerTransaction, refusal: Refusal): void {
    const { method, requestUri, callId } = transaction.request;
    const { statusCode, ...init } = refusal;
    transaction.reply(statusCode, init);
    this.#options.events.emit("refused", { method, requestUri, callId, statusCode, reason: init.reason ?? "" });
  }

  #fail(transaction: ServerTransaction, error: unknown): void {
    if (error instanceof SipParseError) {
      const problem = error.message.replace(/[^\x20-\x7e]/g, "?");
      this.#refuse(transaction, { statusCode: error.statusCode, reason: `Bad Request (${problem})` });
      return;
    }
    const { method, callId } = transaction.request;
    this.#options.logger.error({ err: error, method, callId }, "a request could not be handled");
    transaction.reply(500);
  }
}

/** RFC 3261 §22.3: credentials for this proxy go no further; those for others do. */
function removeCredentials(request: SipRequest, { realm }: AuthenticatedUser): void {
  const name = "Proxy-Authorization";
  const others = request.headers.getAll(name).filter((value) => !isFor(value, name, realm));
  request.headers.remove(name);
  for (const value of others) request.headers.add(name, value);
}

function isFor(value: string, name: string, realm: string): boolean {
  try {
    return parseCredentials(value, name).some((credentials) => credentials.realm === realm);
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
