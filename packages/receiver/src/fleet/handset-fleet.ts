import { toContactParams } from "@sip-push/push";
import {
  acceptedCodings,
  createRequest,
  type ListenAddress,
  parseUri,
  RequestSender,
  type ServerTransaction,
  SipEndpoint,
  type SipRequest,
  serializeListenAddress,
  UasCore,
} from "@sip-push/sip";
import { reply } from "../answer.ts";
import { Applications } from "../applications.ts";
import { closingAnswer } from "../handlers.ts";
import { TrustedHops } from "../identity.ts";
import { PushIntake } from "../intake.ts";
import { defaultLimits, reportOptionsOf } from "../options.ts";
import { type OwnRequestInit, Reporter } from "../reports/index.ts";
import { TrustList } from "../trust-policy.ts";
import type { FleetEvent, FleetStats } from "./fleet-events.ts";
import { type HandsetFleetOptions, type ReadFleetOptions, readFleetOptions } from "./fleet-options.ts";
import { FleetRegistrations } from "./fleet-registrations.ts";
import { FleetTally } from "./fleet-tally.ts";
import type { Handset, HandsetStats } from "./handset.ts";

/** For removals and the last reports. */
const CLOSE_MS = 900;
/** RFC 5626, RFC 3327, RFC 3840. */
const OPTION_TAGS: readonly string[] = ["outbound", "path", "pref"];
/** Many handsets report at a time. */
const MAX_PENDING_REPORTS = 100_000;
const MAX_REMEMBERED = 200_000;

/**
 * Many handsets in one process, which share one endpoint: they register, take pushes in MESSAGE, check, answer and report as a
 * `PushReceiver` does, and count. Of a push to a handset the fleet keeps nothing but what repeats are known by.
 */
export class HandsetFleet {
  readonly #endpoint: SipEndpoint;
  readonly #byUser: ReadonlyMap<string, Handset>;
  readonly #handsets: readonly Handset[];
  readonly #registrations: FleetRegistrations;
  readonly #registers: boolean;
  readonly #intake: PushIntake;
  readonly #reporter: Reporter;
  readonly #sender: RequestSender;
  readonly #tally: FleetTally;
  readonly #uas: UasCore;
  readonly #onEvent: (event: FleetEvent) => void;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(options: HandsetFleetOptions, { handsets, proxy }: ReadFleetOptions, endpoint: SipEndpoint) {
    const { stack, trustedPpgs, trustedHops, answer, credentials, expiresSeconds = 3600, pace = {} } = options;
    const limits = { ...defaultLimits, maxRemembered: MAX_REMEMBERED, ...options.limits };
    const logger = options.logger ?? endpoint.logger;
    const { clock } = endpoint;
    const random = stack?.random ?? Math.random;
    this.#endpoint = endpoint;
    this.#handsets = handsets;
    this.#byUser = new Map(handsets.map((handset) => [handset.user, handset]));
    this.#registers = options.register ?? true;
    this.#sender = new RequestSender({ ...stack, endpoint });
    this.#onEvent = (event) => {
      try {
        options.onEvent?.(event);
      } catch (error) {
        logger.error({ err: error, event: event.event }, "fleet observer threw");
      }
    };
    const applications = new Applications(options.applications ?? ["push.syncml"]);
    this.#registrations = new FleetRegistrations({
      endpoint,
      sender: this.#sender,
      handsets,
      proxy,
      credentials,
      expiresSeconds,
      contactParams: toContactParams(applications.names),
      pace,
      random,
      onEvent: this.#onEvent,
    });
    const { flows } = this.#registrations;
    this.#tally = new FleetTally(options.duplicatesBy, limits.maxRemembered);
    this.#reporter = new Reporter({
      maxPending: MAX_PENDING_REPORTS,
      ...reportOptionsOf(options),
      send: (init, signal) => this.#report(init, signal),
      onEvent: this.#onEvent,
      aor: (handsets[0] as Handset).aor,
      clock,
      logger,
      random,
      repeatWindowMs: limits.repeatWindowMs,
      maxRemembered: limits.maxRemembered,
    });
    this.#intake = new PushIntake({
      rules: {
        applications,
        trust: trustedPpgs === undefined ? undefined : new TrustList(trustedPpgs),
        maxBodyBytes: limits.maxBodyBytes,
        expired: "refuse",
        clockToleranceSeconds: 30,
      },
      hops: new TrustedHops(trustedHops, proxy, flows),
      digest: undefined,
      handlers: answer === undefined ? {} : { default: () => ({ statusCode: answer }) },
      limits,
      recipientOf: (request) => this.#handsetOf(request)?.aor ?? "",
      onPush: (push, request) => {
        const handset = this.#handsetOf(request);
        if (handset === undefined) return;
        this.#tally.handedOver(handset, push);
        options.onPush?.(push, handset);
      },
      onRefused: (event, request) => {
        const handset = this.#handsetOf(request);
        if (handset !== undefined) this.#tally.refused(handset);
        this.#onEvent({ ...event, aor: handset?.aor ?? null });
      },
      reporter: this.#reporter,
      clock,
      logger,
      closing: this.#closing.signal,
    });
    this.#uas = new UasCore({
      methods: { MESSAGE: (transaction) => this.#take(transaction) },
      accept: applications.accept,
      acceptEncodings: acceptedCodings,
      optionTags: OPTION_TAGS,
      optionsHeaders: (request) => {
        const handset = this.#handsetOf(request);
        return handset === undefined ? [] : [["Contact", this.#registrations.contactField(handset)]];
      },
    });
  }

  /**
   * Listens, and starts to register; `registered` tells when all are.
   *
   * @throws {PushInputError} naming the option. {@link SipTransportError} SIP_LISTEN_FAILED.
   */
  static async open(options: HandsetFleetOptions): Promise<HandsetFleet> {
    const read = readFleetOptions(options);
    let fleet: HandsetFleet | undefined;
    const endpoint = await SipEndpoint.open({
      ...options.stack,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.logger === undefined ? {} : { logger: options.logger }),
      listen: options.listen,
      onRequest: (transaction) =>
        fleet === undefined ? reply(transaction, closingAnswer) : fleet.#handle(transaction),
    });
    try {
      fleet = new HandsetFleet(options, read, endpoint);
      fleet.#onEvent({ event: "listening", addresses: fleet.listening.map(serializeListenAddress) });
      if (fleet.#registers) fleet.#registrations.start();
      return fleet;
    } catch (error) {
      await endpoint.close();
      throw error;
    }
  }

  /** What it is bound to, with real ports. */
  get listening(): readonly ListenAddress[] {
    return this.#endpoint.listening;
  }

  get stats(): FleetStats {
    const { pushes, byApplication, duplicates, wrongRecipient, rejected } = this.#tally;
    return {
      count: this.#handsets.length,
      registered: this.#registrations.registered,
      registrationFailures: this.#registrations.failures,
      pushes,
      byApplication,
      repeats: this.#intake.stats.repeats,
      duplicates,
      wrongRecipient,
      rejected,
      reports: this.#reporter.stats,
    };
  }

  /** Every handset, by number, as it is at the moment. */
  get handsets(): readonly HandsetStats[] {
    return this.#handsets;
  }

  /** Refuses what still comes, removes as many bindings as a second allows, and closes. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const removed = this.#registers ? this.#registrations.stop(CLOSE_MS) : undefined;
    await Promise.all([this.#reporter.close(CLOSE_MS), removed]);
    this.#closing.abort();
    await this.#endpoint.close();
  }

  #handle(transaction: ServerTransaction): void {
    if (this.#closed === undefined) this.#uas.handle(transaction);
    else reply(transaction, closingAnswer);
  }

  #take(transaction: ServerTransaction): void {
    const { request } = transaction;
    const handset = this.#handsetOf(request);
    if (handset === undefined) {
      this.#tally.wrongRecipient++;
      transaction.reply(404);
      return;
    }
    this.#tally.arrived(handset, request, (user) => this.#byUser.has(user));
    this.#intake.take(transaction);
  }

  /** By the user part of the Request-URI: of the Contact when it came by the proxy, of the AoR when it came straight here. */
  #handsetOf({ uri }: Pick<SipRequest, "uri">): Handset | undefined {
    return uri.scheme === "sip" || uri.scheme === "sips" ? this.#byUser.get(uri.user ?? "") : undefined;
  }

  /** Sends a delivery report in the name of the handset that got the push. */
  async #report(init: OwnRequestInit, signal: AbortSignal): ReturnType<RequestSender["send"]> {
    const from = init.from ?? "";
    const handset = this.#handsetOf({ uri: parseUri(from) });
    if (handset === undefined) throw new TypeError(`no handset ${from}`);
    const { headers, sending } = this.#registrations.wayOf(handset);
    const request = createRequest({ ...init, from, headers: [...headers, ...(init.headers ?? [])] });
    return this.#sender.send(request, { ...sending, signal });
  }
}
