import {
  type Flow,
  type ListenAddress,
  type OpenTransport,
  openTransport,
  RequestSender,
  type Resolver,
  type ServerTransaction,
  SipEndpoint,
  serializeListenAddress,
  silentLogger,
  systemClock,
  systemResolver,
  TrustConfigError,
  TrustDomain,
} from "@sip-push/sip";
import { type DeregisterOptions, deregister, shorten } from "./administration.ts";
import { checkApplicationServers, serviceTarget } from "./application-servers/application-server.ts";
import { ServiceRouting } from "./application-servers/service-routing.ts";
import { ThirdPartyRegister } from "./application-servers/third-party-register.ts";
import { Authenticator } from "./authentication.ts";
import { tellContacts } from "./contact-changes.ts";
import { checkDomains, Domains } from "./domains.ts";
import { ProxyConfigError } from "./errors.ts";
import { EventServices } from "./event-services.ts";
import { type ProxyEventMap, ProxyEvents } from "./events.ts";
import { Forwarder } from "./forwarder.ts";
import { GruuMint } from "./gruu.ts";
import { LocalSender } from "./local-sender.ts";
import type { Binding, LocationStore, UnregisterReason } from "./location-store.ts";
import { logEvents } from "./log-events.ts";
import { LoopMemory } from "./loop-memory.ts";
import { loopbackOnly } from "./loopback-guard.ts";
import { MemoryLocationStore } from "./memory-location-store.ts";
import { type ProxySettings, type SipProxyOptions, settingsOf } from "./options.ts";
import { PresenceAgent, type PresenceAgentOptions } from "./presence/presence-agent.ts";
import { diesWithFlow } from "./reach.ts";
import { RecordRoutes } from "./record-route.ts";
import { RegNotifier, type RegNotifierOptions } from "./reg-event/reg-notifier.ts";
import { Registrar } from "./registrar.ts";
import { RequestRouter } from "./request-router.ts";

/**
 * A small local SIP/IP core: registrar and transaction-stateful proxy for everything but INVITE. RFC 3261 §10 and §16,
 * RFC 3327, RFC 3325, RFC 3841, RFC 5626.
 */
export class SipProxy {
  readonly #endpoint: SipEndpoint;
  readonly #store: LocationStore;
  readonly #events: ProxyEvents;
  readonly #router: RequestRouter;
  readonly #forwarder: Forwarder;
  readonly #domains: Domains;
  readonly #thirdPartyRegister: ThirdPartyRegister;
  readonly #eventServices: EventServices;
  #closed: Promise<void> | undefined;

  private constructor(endpoint: SipEndpoint, options: SipProxyOptions, { settings, trusted }: Checked) {
    const { clock, logger } = endpoint;
    const { users, resolver = systemResolver() } = options;
    const events = new ProxyEvents(logger);
    logEvents(events, logger);
    const domains = new Domains(options.domains ?? [], endpoint.listening);
    const store = new MemoryLocationStore({
      clock,
      maxAors: settings.maxAors,
      onExpired: (binding) => tellContacts(events, store, binding.aor, { ended: [{ binding, reason: "expired" }] }),
    });
    const mint = new GruuMint(store, domains);
    const authenticator = users && new Authenticator({ users, clock, domains, ...algorithmsOf(options) });
    const recordRoutes = new RecordRoutes(endpoint);
    const sender = new RequestSender({ endpoint, resolver, ...(options.window && { window: options.window }) });
    const { expires, maxContactsPerAor, flowTimerSeconds } = settings;
    const serviceRoute = (flow: Flow): readonly string[] => serviceRoutes(settings, endpoint, flow);
    const grants = { flowTimerSeconds, serviceRoute };
    const registrar = new Registrar({
      ...{ domains, store, authenticator, expires, maxContactsPerAor, mint, grants, events, clock },
    });
    this.#forwarder = new Forwarder({
      endpoint,
      sender,
      resolver,
      recordRoutes,
      trusted,
      loopbackOnly: settings.loopbackOnly,
    });
    const servers = (options.applicationServers ?? []).map((server) => serviceTarget(server, domains));
    this.#thirdPartyRegister = new ThirdPartyRegister({ endpoint, sender, servers, trusted, events, logger });
    const authenticates = authenticator !== undefined;
    this.#eventServices = eventServices(options, {
      endpoint,
      domains,
      store,
      recordRoutes,
      resolver,
      events,
      authenticates,
      isUser: (aor) =>
        users?.knows(aor) === true && !servers.some(({ serviceIdentities }) => serviceIdentities.has(aor.uri)),
      watchers: servers.flatMap(({ serviceIdentities }) => [...serviceIdentities]),
    });
    this.#router = new RequestRouter({
      ...{ endpoint, domains, store, registrar, authenticator, users, trusted, recordRoutes, settings, events, logger },
      mint,
      services: new ServiceRouting(servers, endpoint),
      thirdPartyRegister: this.#thirdPartyRegister,
      eventServices: this.#eventServices,
      forwarder: this.#forwarder,
      loops: new LoopMemory(),
      flowFailed: (binding) => this.#onFlowFailed(binding),
    });
    this.#endpoint = endpoint;
    this.#store = store;
    this.#events = events;
    this.#domains = domains;
    endpoint.watchFlows((flow) => this.#onFlowClosed(flow));
  }

  /**
   * Binds all addresses and starts to serve.
   *
   * @throws {ProxyConfigError} for options that make no sense, before anything is bound.
   * @throws {SipTransportError} SIP_LISTEN_FAILED; what was bound before is closed again.
   */
  static async open(options: SipProxyOptions): Promise<SipProxy> {
    const checked = check(options);
    const { clock = systemClock, logger = silentLogger, listen: _, ...transport } = options;
    // Peers that are trusted by name have to be asked for it; who has none may still come. RFC 5922 §7.4.
    const tls = { ...(checked.trusted.hasNames && { askClientCertificate: true }), ...options.tls };
    const open: OpenTransport =
      options.open ??
      ((listen, user) =>
        openTransport(listen, user, { ...transport, tls, clock, logger, listen: listen.clientOnly !== true }));
    const late: { proxy?: SipProxy } = {};
    const endpoint = await SipEndpoint.open({
      ...options,
      clock,
      logger,
      open: checked.settings.loopbackOnly ? loopbackOnly(open) : open,
      onRequest: (transaction: ServerTransaction) => {
        // Only a request that comes while other addresses are still being bound finds no proxy.
        if (late.proxy === undefined) transaction.reply(503, { headers: [["Retry-After", "1"]] });
        else late.proxy.#router.handle(transaction);
      },
    });
    const proxy = new SipProxy(endpoint, options, checked);
    await proxy.#eventServices.open();
    late.proxy = proxy;
    const listening = proxy.listening.map(serializeListenAddress);
    logger.info({ listening, domain: proxy.domain }, `listening on ${listening.join(" ")}`);
    return proxy;
  }

  /** What it is bound to, with real ports, in the order of `listen`; empty once closed. */
  get listening(): readonly ListenAddress[] {
    return this.#endpoint.listening;
  }

  /** The main domain served. */
  get domain(): string {
    return this.#domains.primary;
  }

  /** How many contacts are registered. */
  get registrations(): number {
    return this.#store.size;
  }

  /** Live contacts of an address-of-record such as `sip:alice@example.test`. */
  bindings(aor: string): readonly Binding[] {
    return this.#store.bindings(aor);
  }

  /** Ends all bindings of an address-of-record from the network's side; returns how many. RFC 3680 §3.1. */
  deregister(aor: string, options: DeregisterOptions = {}): number {
    return deregister(this.#store, this.#events, aor, options);
  }

  /**
   * Cuts what is left of all bindings of an address-of-record to `expiresSeconds` (more than that has no effect), so that the
   * user agents have to register again and prove who they are; returns how many. RFC 3680 §3.1.
   */
  shorten(aor: string, expiresSeconds: number): number {
    return shorten(this.#store, this.#events, aor, this.#endpoint.clock.now() + expiresSeconds * 1000);
  }

  /** Calls `listener` for each event of that name; returns how to stop that. */
  on<E extends keyof ProxyEventMap>(event: E, listener: (event: ProxyEventMap[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Stops serving and closes all sockets. Idempotent; nothing stays open, registrations are forgotten. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#store.close();
    this.#router.stop();
    await this.#eventServices.close();
    await this.#thirdPartyRegister.close();
    await this.#endpoint.close();
    await this.#router.ended();
    this.#forwarder.close();
  }

  /** RFC 5626 §7: contacts that only a closed connection led to are no contacts any more. */
  #onFlowClosed(flow: Flow): void {
    for (const binding of this.#store.overFlow(flow)) {
      if (diesWithFlow(binding.uri, binding.reach, flow)) this.#drop(binding, "flow-closed");
    }
  }

  /** RFC 5626 §7; a contact that listens may still be there when its connection is not. */
  #onFlowFailed(binding: Binding): void {
    const { uri, reach, flow, path } = binding;
    if (path.length > 0 || flow === undefined || diesWithFlow(uri, reach, flow)) this.#drop(binding, "flow-failed");
  }

  #drop(binding: Binding, reason: UnregisterReason): void {
    const gone = this.#store.remove(binding);
    if (gone) tellContacts(this.#events, this.#store, binding.aor, { ended: [{ binding, reason }] });
  }
}

/** RFC 3608 §6.3; our own address is that of the transport which the user agent came over. */
function serviceRoutes({ serviceRoute }: ProxySettings, endpoint: SipEndpoint, { transport }: Flow): readonly string[] {
  if (serviceRoute !== "own") return serviceRoute.map((uri) => `<${uri}>`);
  const param = transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
  return [`<sip:${endpoint.sentBy(transport)}${param};lr>`];
}

/** The event packages served here. */
function eventServices(
  { presence = {}, regEvent = {}, window }: SipProxyOptions,
  parts: Omit<PresenceAgentOptions & RegNotifierOptions, "sender" | "allowEvents"> & { readonly resolver: Resolver },
): EventServices {
  const sender = new LocalSender({ ...parts, ...(window && { window }) });
  const host = { ...parts, sender, allowEvents: () => services.packages };
  const services: EventServices = new EventServices([
    ...(presence === false ? [] : [new PresenceAgent({ ...host, ...presence })]),
    ...(regEvent === false ? [] : [new RegNotifier({ ...host, ...regEvent })]),
  ]);
  return services;
}

/** Options that were looked at before anything is bound. */
interface Checked {
  readonly settings: ProxySettings;
  readonly trusted: TrustDomain;
}

/** @throws {ProxyConfigError} */
function check(options: SipProxyOptions): Checked {
  checkDomains(options.domains ?? []);
  checkApplicationServers(options.applicationServers ?? []);
  return { settings: settingsOf(options), trusted: trustDomainOf(options) };
}

/** @throws {ProxyConfigError} PROXY_BAD_PEER naming every entry that is none. */
function trustDomainOf({ trusted }: SipProxyOptions): TrustDomain {
  try {
    return new TrustDomain(trusted);
  } catch (error) {
    if (!(error instanceof TrustConfigError)) throw error;
    const problems = error.problems.map(({ problem }) => problem);
    throw new ProxyConfigError("PROXY_BAD_PEER", problems, { cause: error });
  }
}

function algorithmsOf({ digestAlgorithms }: SipProxyOptions): { algorithms?: readonly string[] } {
  return digestAlgorithms === undefined ? {} : { algorithms: digestAlgorithms };
}
