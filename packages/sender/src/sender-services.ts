import { chargingHeaders, identityHeaders, initialHeaders, OMA_PUSH_PACKAGE, PushInputError } from "@sip-push/push";
import {
  contactUri,
  type Flow,
  type Logger,
  parseNameAddr,
  parseUri,
  Registration,
  type RequestSender,
  type SendOptions,
  type ServerTransaction,
  type SipEndpoint,
  type SipUri,
  Subscribers,
  transportOf,
  UasCore,
} from "@sip-push/sip";
import {
  type CapabilityAnswer,
  CapabilityBook,
  CapabilityPublications,
  PresenceWatch,
  queryCapabilities,
} from "./capabilities/index.ts";
import { CapabilityQuestions } from "./capability-questions.ts";
import { newsEvent, registrationEvent, type SenderEvent, subscriptionEvent } from "./events.ts";
import type { PushSenderOptions } from "./options.ts";
import { REGISTER_EXPIRES_SECONDS, type ReadOptions } from "./read-options.ts";
import { parseRecipient } from "./recipient.ts";
import { ReferralDesk } from "./referrals/index.ts";
import { type RegistrationNews, RegistrationWatch, ThirdPartyRegistrar } from "./registrations/index.ts";
import { ReportDesk, reportMediaTypes } from "./reports/index.ts";
import { PushSubscriptions, subscribedApplications } from "./subscriptions/index.ts";
import type { Subscribe, SubscribeSettings } from "./watches/index.ts";

export interface SenderServicesOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly options: PushSenderOptions;
  readonly read: ReadOptions;
  /** Next hop and credentials of requests outside a dialog. */
  readonly sendOptions: SendOptions;
  readonly logger: Logger;
}

/** What a sender does besides pushing: it takes subscriptions, reports, publications and news of registrations, and watches. */
export class SenderServices {
  readonly subscribers: Subscribers;
  readonly subscriptions: PushSubscriptions;
  readonly reports: ReportDesk;
  readonly referrals: ReferralDesk;
  readonly registrations: RegistrationWatch;
  readonly capabilities: CapabilityBook;
  /** Undefined when presence is not watched. */
  readonly presence: PresenceWatch | undefined;
  /** Undefined when nobody is asked. */
  readonly questions: CapabilityQuestions | undefined;
  readonly #setup: SenderServicesOptions;
  readonly #publications: CapabilityPublications;
  readonly #registration: Registration | undefined;
  readonly #uas: UasCore;
  readonly #closing = new AbortController();

  private constructor(
    setup: SenderServicesOptions,
    subscriptions: PushSubscriptions,
    tell: (event: SenderEvent) => void,
  ) {
    const { endpoint, sender, options, read, logger } = setup;
    const { clock } = endpoint;
    const { trust } = read;
    const settings = watchSettings(setup);
    this.#setup = setup;
    this.subscriptions = subscriptions;
    this.subscribers = new Subscribers({ endpoint, sender, ...randomOf(options) });
    const subscribe: Subscribe = ({ headers = [], ...rest }) =>
      this.subscribers.subscribe({ ...rest, headers: [...headers, ...chargingHeaders(read.binding)] });
    const { lifetimesSeconds, store, presence = false, query = false } = options.capabilities ?? {};
    this.capabilities = new CapabilityBook({
      clock,
      logger,
      ...(lifetimesSeconds && { lifetimesSeconds }),
      ...(store && { store }),
    });
    this.referrals = new ReferralDesk(clock);
    this.reports = new ReportDesk({
      clock,
      trust,
      logger,
      requestUriOf: (recipient) => requestUriIn(options, recipient),
      ...options.reports,
      ...(options.reportBook && { book: options.reportBook }),
    });
    const onNews = (news: RegistrationNews): void => {
      this.capabilities.registered(news);
      tell(newsEvent(news));
    };
    const thirdParty = options.thirdPartyRegister ?? false;
    this.registrations = new RegistrationWatch({ clock, subscribe, settings, thirdParty, onNews, logger });
    this.presence = presence ? new PresenceWatch({ clock, book: this.capabilities, subscribe, settings }) : undefined;
    this.questions = query
      ? new CapabilityQuestions({
          clock,
          book: this.capabilities,
          query: (to, application) => this.query(to, application),
        })
      : undefined;
    const ownAddresses = ownAddressesOf(setup);
    const requireAsserted = options.subscriptions?.requireAsserted ?? true;
    const book = this.capabilities;
    this.#publications = new CapabilityPublications({ clock, book, trust, ownAddresses, requireAsserted, logger });
    const thirdPartyRegistrar = new ThirdPartyRegistrar({
      trust,
      tell: (news) => this.registrations.tell(news),
      logger,
    });
    this.#registration = options.register === true ? newRegistration(setup, tell) : undefined;
    this.#uas = new UasCore({
      methods: {
        MESSAGE: (transaction) => this.reports.handle(transaction),
        SUBSCRIBE: (transaction) => subscriptions.handle(transaction),
        NOTIFY: (transaction) => {
          if (!this.referrals.handle(transaction)) this.subscribers.handle(transaction);
        },
        PUBLISH: (transaction) => this.#publications.handle(transaction),
        REGISTER: (transaction) => thirdPartyRegistrar.handle(transaction),
      },
      accept: reportMediaTypes,
      optionsHeaders: () => [["Allow-Events", knownEvents]],
    });
  }

  /** With what the stores have. Rejects when one cannot be read. */
  static async open(setup: SenderServicesOptions): Promise<SenderServices> {
    const { endpoint, sender, options, read, logger } = setup;
    const tell = (event: SenderEvent): void => {
      try {
        options.onEvent?.(event);
      } catch (error) {
        logger.error({ err: error, event: event.event }, "sender observer threw");
      }
    };
    const subscriptions = await PushSubscriptions.open({
      endpoint,
      sender,
      contact: (flow) => contactOf(setup, flow),
      trust: read.trust,
      policy: options.subscriptions ?? {},
      allowEvents,
      store: options.subscriptionStore,
      credentials: read.credentials,
      logger,
      random: options.stack?.random ?? Math.random,
      onReport: (report) => {
        const event = subscriptionEvent(report, subscribedApplications(report.subscription));
        if (event !== undefined) tell(event);
      },
    });
    let services: SenderServices | undefined;
    try {
      services = new SenderServices(setup, subscriptions, tell);
      await services.capabilities.load();
    } catch (error) {
      await (services ?? subscriptions).close();
      throw error;
    }
    services.#registration?.start();
    return services;
  }

  /** Where the core and handsets reach this sender. */
  get contact(): string {
    return contactOf(this.#setup, undefined);
  }

  /** Header fields of requests that are no pushes. */
  get ownHeaders(): ReadonlyArray<readonly [name: string, value: string]> {
    const { binding } = this.#setup.read;
    return [...(binding.route ?? []).map((hop) => ["Route", hop] as const), ...initialHeaders(binding)];
  }

  /** Asks a user's handset what it can take, and enters the answer in the book. Never rejects. */
  query(target: string, applicationId: string | null, signal?: AbortSignal): Promise<CapabilityAnswer> {
    const { sender, options, sendOptions } = this.#setup;
    const query = {
      target,
      from: options.from,
      headers: this.ownHeaders,
      book: this.capabilities,
      ...(applicationId === null ? {} : { applicationId }),
    };
    return queryCapabilities(sender, query, { ...sendOptions, signal: this.untilClosed(signal) });
  }

  /** Aborts with `signal`, and when the sender closes. */
  untilClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }

  /** Takes a request. */
  handle(transaction: ServerTransaction): void {
    // What ends by a last NOTIFY still has to hear it.
    if (!this.#closing.signal.aborted || transaction.request.method === "NOTIFY") this.#uas.handle(transaction);
    else transaction.reply(503);
  }

  /** Ends watches, waits and the registration, within a second, and subscriptions that no store keeps. */
  async close(): Promise<void> {
    this.#closing.abort();
    const reports = this.reports.close();
    this.referrals.close();
    this.registrations.close();
    this.presence?.close();
    this.#publications.close();
    await Promise.all([this.#registration?.stop(), this.subscriptions.close(), this.subscribers.close()]);
    await this.#atMost(FLUSH_MS, Promise.all([reports, this.capabilities.flush()]));
  }

  /** A store that hangs does not keep the sender from closing. */
  #atMost(waitMs: number, settled: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#setup.endpoint.clock.schedule(waitMs, resolve);
      void settled.finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

/** How long reports and what was learnt may take to be stored, when all else is closed. */
const FLUSH_MS = 900;

/** What it is a notifier of. RFC 6665 §4.4.4. */
const allowEvents: readonly string[] = [OMA_PUSH_PACKAGE];
/** In the answer to OPTIONS also what it takes PUBLISH of. RFC 3903 §7. */
const knownEvents = [...allowEvents, "presence"].join(", ");

function watchSettings(setup: SenderServicesOptions): SubscribeSettings {
  const { options, read } = setup;
  const { binding, credentials, nextHop } = read;
  return {
    from: options.from,
    contact: () => contactOf(setup, undefined),
    headers: identityHeaders(binding),
    ...(binding.route === undefined ? {} : { routeSet: binding.route }),
    ...(nextHop === undefined ? {} : { nextHop }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** RFC 6665 §4.5.1 wants a GRUU there; an application server's own address is one. */
function contactOf({ endpoint, options, read }: SenderServicesOptions, flow: Flow | undefined): string {
  if (options.contact !== undefined) return options.contact;
  const aor = addrSpecOf(options.from);
  const hop = read.firstHop ?? (parseUri(aor, "from") as SipUri);
  return contactUri({ endpoint, aor }, flow?.transport ?? transportOf(hop, endpoint.transportNames), false);
}

/**
 * A PUBLISH to one of these is about who sends it: the identities, and each address at which requests come in (a registrar puts
 * that in the place of the first, RFC 3261 §16.5).
 */
function ownAddressesOf({ endpoint, options }: SenderServicesOptions): string[] {
  const { from, identity = from, contact } = options;
  const aor = addrSpecOf(from);
  const contacts = endpoint.transportNames.map((transport) => contactUri({ endpoint, aor }, transport, false));
  return [aor, addrSpecOf(identity), ...contacts, ...(contact === undefined ? [] : [contact])];
}

function newRegistration(
  { endpoint, sender, options, read }: SenderServicesOptions,
  tell: (event: SenderEvent) => void,
): Registration {
  const { nextHop, credentials } = read;
  return new Registration({
    endpoint,
    sender,
    aor: addrSpecOf(options.from),
    expiresSeconds: options.registerExpiresSeconds ?? REGISTER_EXPIRES_SECONDS,
    onEvent: (report) => {
      const event = registrationEvent(report);
      if (event !== undefined) tell(event);
    },
    ...(nextHop === undefined ? {} : { nextHop }),
    ...(credentials === undefined ? {} : { credentials }),
    ...randomOf(options),
  });
}

function randomOf({ stack }: PushSenderOptions): { random?: () => number } {
  return stack?.random === undefined ? {} : { random: stack.random };
}

/** Where a push to this recipient goes; the recipient itself when that is nowhere. */
function requestUriIn({ domain }: PushSenderOptions, recipient: string): string {
  try {
    return parseRecipient(recipient, "to", domain === undefined ? {} : { domain }).requestUri;
  } catch (error) {
    if (error instanceof PushInputError) return recipient;
    throw error;
  }
}

/** The URI in a name-addr or URI that `readOptions` has checked. */
export function addrSpecOf(address: string): string {
  return parseNameAddr(address.includes("<") ? address : `<${address}>`, "from").uriText;
}
