import {
  type Logger,
  parseCredentials,
  type ServerTransaction,
  type SipEndpoint,
  SipParseError,
  type SipRequest,
} from "@sip-push/sip";
import type { AddressRanges } from "./address-ranges.ts";
import type { AuthenticatedUser, Authenticator } from "./authentication.ts";
import type { BranchAnswer } from "./best-response.ts";
import { searchContacts } from "./contact-search.ts";
import type { Aor, Domains } from "./domains.ts";
import type { ProxyEvents } from "./events.ts";
import { type ForwardPlan, planFor } from "./forward-plan.ts";
import { type Forwarder, type Passage, sideOf } from "./forwarder.ts";
import { assertIdentity } from "./identity.ts";
import type { Binding, LocationStore } from "./location-store.ts";
import type { LoopMemory } from "./loop-memory.ts";
import type { ProxySettings } from "./options.ts";
import { wantsFlow } from "./outbound.ts";
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
import { preprocessRoute, type RouteInformation } from "./route-information.ts";
import type { UserDirectory } from "./users.ts";

export interface RequestRouterOptions {
  readonly endpoint: SipEndpoint;
  readonly domains: Domains;
  readonly store: LocationStore;
  readonly registrar: Registrar;
  readonly authenticator: Authenticator | undefined;
  readonly users: UserDirectory | undefined;
  readonly trusted: AddressRanges;
  readonly recordRoutes: RecordRoutes;
  readonly forwarder: Forwarder;
  readonly loops: LoopMemory;
  readonly settings: ProxySettings;
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
  readonly trusted: boolean;
  readonly startedMs: number;
}

/** Decides for each request what becomes of it. RFC 3261 §16.2 to §16.5. */
export class RequestRouter {
  readonly #options: RequestRouterOptions;
  readonly #running = new Set<Promise<void>>();
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
    const run = this.#route(transaction)
      .catch((error: unknown) => this.#fail(transaction, error))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** From now on nothing is answered: the endpoint is about to close, and with it the requests under way end. */
  stop(): void {
    this.#stopped = true;
  }

  /** Waits until no request is under way. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #route(transaction: ServerTransaction): Promise<void> {
    const { domains, recordRoutes, trusted, endpoint } = this.#options;
    const received = transaction.request;
    const refusal = METHODS_NOT_SERVED[received.method] ?? checkScheme(received);
    if (refusal !== undefined) return this.#refuse(transaction, refusal);
    const { flow } = transaction;
    const request = received.clone();
    const route = preprocessRoute(request, domains, recordRoutes, { transport: flow.transport, ...flow.remote });
    await this.#decide({
      transaction,
      received,
      request,
      route,
      trusted: trusted.has(flow.remote.address),
      startedMs: endpoint.clock.now(),
    });
  }

  async #decide(each: Case): Promise<void> {
    const { transaction, received, request } = each;
    const { domains, registrar, loops } = this.#options;
    const { uri } = request;
    const ours = !request.headers.has("Route") && domains.isResponsibleFor(uri) ? uri : undefined;
    const aor = ours === undefined ? undefined : domains.aorOf(ours);
    if (ours !== undefined && request.method === "REGISTER") return registrar.handle(transaction);
    // §16.3 (3): a request that may go no further is for us to answer, when it asks what we can do.
    const isLast = hopsLeft(request) === 0;
    if (request.method === "OPTIONS" && (isLast || (ours !== undefined && aor === undefined))) {
      return answerOptions(transaction);
    }
    const refusal =
      checkMaxForwards(request) ??
      (loops.hasLooped(received) ? { statusCode: 482 } : undefined) ??
      checkProxyRequire(request);
    if (refusal !== undefined) return this.#refuse(transaction, refusal);

    const user = this.#mustAuthenticate(each)
      ? await this.#options.authenticator?.authenticate(transaction, "proxy")
      : undefined;
    if (!transaction.open) return;
    if (ours === undefined) return this.#relay(each, user);
    if (aor === undefined) return this.#refuse(transaction, { statusCode: 404 });
    return this.#toUser(each, aor, user);
  }

  /** §16.3 (6): who claims to be a user of ours proves it, unless the request belongs to a dialog that was let through. */
  #mustAuthenticate({ request, route, trusted }: Case): boolean {
    const { authenticator, domains } = this.#options;
    if (authenticator === undefined || trusted || route.inDialog) return false;
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
    await this.#inContext(each, [request.requestUri], async (context, timeLeftMs) => {
      context.add(await forwarder.onward(passage, route.target, timeLeftMs()));
      context.finish();
    });
  }

  /** §16.5: the location service names the targets. */
  async #toUser(each: Case, aor: Aor, user: AuthenticatedUser | undefined): Promise<void> {
    const { store, users } = this.#options;
    const { transaction, request } = each;
    const bindings = store.bindings(aor.uri);
    const known = bindings.length > 0 || store.wasRegistered(aor.uri) || users?.knows(aor) === true;
    if (!known) return this.#refuse(transaction, { statusCode: 404 });
    const plan = planFor(request, bindings);
    if (plan.groups.length === 0) return this.#refuse(transaction, { statusCode: 480 });
    if (plan.redirect) return this.#refuse(transaction, redirection(plan));
    return this.#fork(each, plan, this.#passage(each, user));
  }

  #fork(each: Case, plan: ForwardPlan, passage: Passage): Promise<void> {
    const { forwarder, settings, flowFailed } = this.#options;
    const { contactTimeoutMs } = settings;
    const targets: string[] = [];
    const send = (binding: Binding, timeoutMs: number): Promise<BranchAnswer> => {
      targets.push(binding.contact);
      return forwarder.toBinding(passage, binding, timeoutMs);
    };
    return this.#inContext(each, targets, (context, timeLeftMs) =>
      searchContacts(plan, { context, send, flowFailed, contactTimeoutMs, timeLeftMs }),
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
