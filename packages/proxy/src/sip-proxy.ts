import {
  type Flow,
  type ListenAddress,
  type OpenTransport,
  openTransport,
  RequestSender,
  type ServerTransaction,
  SipEndpoint,
  serializeListenAddress,
  silentLogger,
  systemClock,
  systemResolver,
} from "@sip-push/sip";
import { AddressRanges } from "./address-ranges.ts";
import { Authenticator } from "./authentication.ts";
import { checkDomains, Domains } from "./domains.ts";
import { type ProxyEventMap, ProxyEvents } from "./events.ts";
import { Forwarder } from "./forwarder.ts";
import type { Binding, LocationStore, UnregisterReason } from "./location-store.ts";
import { logEvents } from "./log-events.ts";
import { LoopMemory } from "./loop-memory.ts";
import { loopbackOnly } from "./loopback-guard.ts";
import { MemoryLocationStore } from "./memory-location-store.ts";
import { type ProxySettings, type SipProxyOptions, settingsOf } from "./options.ts";
import { diesWithFlow } from "./reach.ts";
import { RecordRoutes } from "./record-route.ts";
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
      onExpired: (binding) => events.emit("unregistered", { binding, reason: "expired" }),
    });
    const authenticator = users && new Authenticator({ users, clock, domains, ...algorithmsOf(options) });
    const recordRoutes = new RecordRoutes(endpoint);
    const sender = new RequestSender({ endpoint, resolver, ...(options.window && { window: options.window }) });
    const { expires, maxContactsPerAor } = settings;
    const registrar = new Registrar({ domains, store, authenticator, expires, maxContactsPerAor, events, clock });
    this.#forwarder = new Forwarder({
      endpoint,
      sender,
      resolver,
      recordRoutes,
      trusted,
      loopbackOnly: settings.loopbackOnly,
    });
    this.#router = new RequestRouter({
      ...{ endpoint, domains, store, registrar, authenticator, users, trusted, recordRoutes, settings, events, logger },
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
    const open: OpenTransport =
      options.open ??
      ((listen, user) =>
        openTransport(listen, user, { ...transport, clock, logger, listen: listen.clientOnly !== true }));
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
    if (this.#store.remove(binding)) this.#events.emit("unregistered", { binding, reason });
  }
}

/** Options that were looked at before anything is bound. */
interface Checked {
  readonly settings: ProxySettings;
  readonly trusted: AddressRanges;
}

/** @throws {ProxyConfigError} */
function check(options: SipProxyOptions): Checked {
  checkDomains(options.domains ?? []);
  return { settings: settingsOf(options), trusted: new AddressRanges(options.trusted ?? []) };
}

function algorithmsOf({ digestAlgorithms }: SipProxyOptions): { algorithms?: readonly string[] } {
  return digestAlgorithms === undefined ? {} : { algorithms: digestAlgorithms };
}
