import {
  type Clock,
  type ListenAddress,
  type Logger,
  serializeListenAddress,
  silentLogger,
  systemClock,
} from "@sip-push/sip";
import type { PpgConfig } from "./config/types.ts";
import { consoleRoutes } from "./console/console-routes.ts";
import { EventBus } from "./console/event-bus.ts";
import { tellTakenBack } from "./dispatch/dispatch-events.ts";
import { Places } from "./dispatch/places.ts";
import type { PromptSubmissions } from "./dispatch/prompt-submissions.ts";
import type { PpgObserver } from "./events.ts";
import { clientFinder } from "./front/clients.ts";
import { PpgFront } from "./front/front.ts";
import { type DeliverySide, LocalDeliverySide, type RegistrationEvent } from "./gateway/delivery-side.ts";
import { DeliveryThread } from "./gateway/delivery-thread.ts";
import { GatewayError, gatewayErrorOf } from "./gateway/gateway-error.ts";
import { loggerFrom } from "./gateway/log-lines.ts";
import { openStore } from "./gateway/open-store.ts";
import { Initiators, openIntake, openNotifier, openSubmissions, ownerOf, type Shared } from "./gateway/parts.ts";
import type { Intake } from "./intake/intake.ts";
import type { PapService } from "./intake/types.ts";
import type { GaugeSources } from "./operation/gauges.ts";
import { Health, Housekeeping, PpgMetrics, PpgTraces } from "./operation/index.ts";
import { outcomeLog } from "./operation/outcome-log.ts";
import type { ResultNotifier } from "./results/notifier.ts";
import { SqliteStore } from "./store/sqlite-store.ts";
import type { PpgStore } from "./store/store.ts";
import type { PushSelector } from "./store/types.ts";

export interface GatewayOptions {
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /**
   * Delivers in a thread of its own, by the machine's clock, where the store is SQLite: more pushes, which are answered sooner. Default
   * false.
   */
  readonly deliveryThread?: boolean;
  /** Is told what the configuration's `log` lets through. Default: silent. */
  readonly logger?: Logger;
  /** Folder of the built console page. Without it a configured console answers 503. */
  readonly consoleDirectory?: string;
  /** Hears of everything that happens; must be quick. */
  readonly observe?: PpgObserver;
  /** Gives up opening: waiting for a database, for instance. */
  readonly signal?: AbortSignal;
}

/** Results get at least so long when deliveries have used up the time of a stop. */
const MIN_RESULTS_MS = 1_000;

/**
 * A Push Proxy Gateway: PAP in over HTTP, a durable store, delivery over SIP, results out. Opened from the store up, so that nothing
 * is taken before it can be kept, and closed from the front down.
 */
export class Gateway {
  readonly health: Health;
  readonly metrics: PpgMetrics;
  readonly #config: PpgConfig;
  readonly #store: PpgStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #bus: EventBus;
  readonly #initiators: Initiators;
  #front: PpgFront | undefined;
  #deliveries: DeliverySide | undefined;
  #submissions: PromptSubmissions | undefined;
  #notifier: ResultNotifier | undefined;
  #housekeeping: Housekeeping | undefined;
  #closed: Promise<void> | undefined;

  private constructor(config: PpgConfig, store: PpgStore, options: GatewayOptions) {
    const { clock = systemClock, logger = silentLogger, observe } = options;
    this.#config = config;
    this.#initiators = new Initiators(config);
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#bus = new EventBus(logger);
    this.health = new Health({ store, clock, register: config.sip.register });
    this.metrics = new PpgMetrics({ store, clock, sources: this.#sources() });
    this.#bus.subscribe(this.metrics.observe);
    this.#bus.subscribe(outcomeLog(logger));
    if (observe !== undefined) this.#bus.subscribe(observe);
    tellTakenBack(store, this.#bus.observe);
  }

  /**
   * Opens all parts; resolves when pushes are taken.
   *
   * @throws {GatewayError} when the world outside does not let it; what was open is closed again.
   */
  static async open(config: PpgConfig, given: GatewayOptions = {}): Promise<Gateway> {
    const logger = loggerFrom(config.log, given.logger ?? silentLogger);
    const options = { ...given, logger };
    const { clock = systemClock, signal } = options;
    let gateway: Gateway | undefined;
    try {
      const store = await openStore(config, { clock, logger, signal });
      gateway = new Gateway(config, store, options);
      if (signal?.aborted === true) throw new GatewayError("GATEWAY_STOPPED", "stopped before it was open");
      await gateway.#open(options);
      return gateway;
    } catch (error) {
      await gateway?.close();
      throw gatewayErrorOf(error);
    }
  }

  async #open(options: GatewayOptions): Promise<void> {
    const config = this.#config;
    const [store, clock, logger] = [this.#store, this.#clock, this.#logger];
    const shared: Shared = { config, store, clock, logger, observe: this.#bus.observe };
    const owner = ownerOf(config);
    const initiators = this.#initiators;
    const traces = PpgTraces.open();
    if (traces !== undefined) this.#bus.subscribe(traces.observe);
    const deliveries = await this.#openDeliveries(shared, owner, options);
    this.#deliveries = deliveries;
    this.#submissions = openSubmissions(shared, owner, deliveries);
    this.#notifier = openNotifier(shared, owner, initiators);
    const intake = openIntake(shared, this.#submissions, deliveries.capabilitiesOf);
    this.#front = await this.#openFront(intake, traces?.around(intake) ?? intake, options);
    deliveries.start();
    this.#notifier.start();
    this.#housekeeping = new Housekeeping({ ...shared, finishedDays: config.retention.finishedDays });
    this.health.opened();
    logger.info({ pap: this.pap, sip: this.sip.map(serializeListenAddress) }, "gateway open");
  }

  #openDeliveries(shared: Shared, owner: string, { deliveryThread = false }: GatewayOptions): Promise<DeliverySide> {
    const onRegistration = (event: RegistrationEvent): void => this.#registration(event);
    const { store } = shared;
    // On PostgreSQL two threads make more and smaller transactions, which cost more than the thread saves.
    if (deliveryThread && store instanceof SqliteStore)
      return DeliveryThread.open({ ...shared, store, owner, onRegistration });
    return LocalDeliverySide.open(shared, owner, new Places(), onRegistration);
  }

  #registration(event: RegistrationEvent): void {
    if (event.event === "registered") {
      if (!this.health.isRegistered) this.#logger.info({ contact: event.contact }, "the gateway is registered");
      this.health.registered();
      return;
    }
    const { sipStatus, reason } = event;
    this.health.registrationFailed(sipStatus === null ? reason : `${sipStatus} ${reason}`);
    this.#logger.warn({ sipStatus, reason }, "the gateway is not registered");
  }

  #openFront(intake: Intake, service: PapService, { consoleDirectory = "" }: GatewayOptions): Promise<PpgFront> {
    const { http, operation, console, name: node, domains } = this.#config;
    const [store, clock, logger] = [this.#store, this.#clock, this.#logger];
    const { listen, tls, path, allowPlain, trustedProxies, maxBodyBytes, maxConcurrent } = http;
    const clientOf = clientFinder(trustedProxies);
    const pages = console && {
      ...{ store, pap: service, bus: this.#bus, clock, logger, node, users: console.users, clientOf },
      initiatorOf: (user: string) => this.#initiators.get(user),
      recipientOf: (address: string) => intake.recipientOf(address),
      cancel: (selector: PushSelector, nowMs: number) => store.cancel(selector, nowMs),
      directory: consoleDirectory,
      domain: domains[0] ?? node,
    };
    return PpgFront.open({
      ...{ listen, tls, path, allowPlain, clientOf, service, clock, logger },
      initiators: this.#config.initiators,
      limits: { maxBodyBytes, maxConcurrent },
      operation: {
        listen: operation,
        live: () => this.health.live(),
        ready: () => this.health.ready(),
        // Push initiators, who see the other listeners, have no business with them.
        ...(operation !== null && { metrics: () => this.metrics.text() }),
      },
      ...(pages !== null && {
        register: async (site) => {
          await site.register(consoleRoutes(pages));
        },
      }),
    });
  }

  /** URLs of PAP, with the ports that it got. */
  get pap(): readonly string[] {
    return this.#urls(this.#config.http.path);
  }

  /** URLs of the console; none when there is none. */
  get console(): readonly string[] {
    return this.#config.console === null ? [] : this.#urls("/console/");
  }

  /** Where health and metrics are; null: health is beside PAP, metrics are nowhere. */
  get operation(): string | null {
    return this.#front?.operationAddress?.url ?? null;
  }

  /** What the SIP side is bound to. */
  get sip(): readonly ListenAddress[] {
    return this.#deliveries?.listening ?? [];
  }

  /**
   * Takes the certificates of HTTP, for connections to come, and the push initiators of a configuration that was read again; all else
   * stays as it is until the next start.
   *
   * @throws {GatewayError} GATEWAY_HTTP; then all stays as it was.
   */
  reload(config: PpgConfig): void {
    const { tls } = config.http;
    try {
      this.#front?.reload({ tls, initiators: config.initiators });
    } catch (error) {
      throw gatewayErrorOf(error);
    }
    this.#initiators.take(config);
    this.#notifier?.reload();
  }

  /**
   * Stops gracefully: takes nothing more, ends what is under way, and leaves the rest in the store for the next start. Idempotent; a
   * second call with less time shortens the first.
   *
   * @param limitMs default: as configured.
   */
  close(limitMs: number = this.#config.shutdownSeconds * 1_000): Promise<void> {
    if (this.#closed !== undefined && limitMs === 0) void this.#stopDeliveries(0);
    this.#closed ??= this.#close(limitMs);
    return this.#closed;
  }

  async #close(limitMs: number): Promise<void> {
    this.health.stopping();
    const endsAtMs = this.#clock.now() + limitMs;
    await Promise.all([
      this.#ending("http", () => this.#front?.close(limitMs)),
      this.#ending("deliveries", () => this.#stopDeliveries(limitMs)),
      this.#ending("housekeeping", () => this.#housekeeping?.close()),
    ]);
    const leftMs = Math.max(Math.min(MIN_RESULTS_MS, limitMs), endsAtMs - this.#clock.now());
    await this.#ending("results", () => this.#notifier?.stop(leftMs));
    await this.#ending("sip", () => this.#deliveries?.close());
    await this.#ending("store", () => this.#store.close());
    this.#logger.info({}, "gateway closed");
  }

  #stopDeliveries(graceMs: number): Promise<void> | undefined {
    return this.#deliveries?.stop(graceMs, this.#submissions?.stop() ?? Promise.resolve());
  }

  /** What one part does not manage keeps no other from ending. */
  async #ending(part: string, end: () => Promise<unknown> | undefined): Promise<void> {
    try {
      await end();
    } catch (error) {
      this.#logger.error({ err: error, part }, "a part of the gateway did not end well");
    }
  }

  #sources(): GaugeSources {
    return {
      deliveries: async () => this.#deliveries?.stats().catch(() => undefined),
      results: () => this.#notifier?.stats,
      front: () => this.#front?.stats,
      registered: () => this.health.isRegistered,
      ready: () => this.health.checkReady(),
    };
  }

  #urls(path: string): string[] {
    return (this.#front?.addresses ?? []).map(({ url }) => url + path);
  }
}
