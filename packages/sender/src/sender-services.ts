import { identityHeaders, OMA_PUSH_PACKAGE } from "@sip-push/push";
import {
  contactUri,
  type Flow,
  type Logger,
  parseNameAddr,
  parseUri,
  Registration,
  type RequestSender,
  type ServerTransaction,
  type SipEndpoint,
  type SipUri,
  Subscribers,
  transportOf,
  UasCore,
} from "@sip-push/sip";
import { CapabilityBook, CapabilityPublications, PresenceWatch } from "./capabilities/index.ts";
import { newsEvent, registrationEvent, type SenderEvent, subscriptionEvent } from "./events.ts";
import type { PushSenderOptions, ReadOptions } from "./options.ts";
import { ReferralDesk } from "./referrals/index.ts";
import { type RegistrationNews, RegistrationWatch, ThirdPartyRegistrar } from "./registrations/index.ts";
import { ReportDesk, reportMediaTypes } from "./reports/index.ts";
import { PushSubscriptions, subscribedApplications } from "./subscriptions/index.ts";
import type { SubscribeSettings } from "./watches/index.ts";

export interface SenderServicesOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly options: PushSenderOptions;
  readonly read: ReadOptions;
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
  readonly #setup: SenderServicesOptions;
  readonly #publications: CapabilityPublications;
  readonly #registration: Registration | undefined;
  readonly #uas: UasCore;

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
    const subscribe = this.subscribers.subscribe.bind(this.subscribers);
    const { lifetimesSeconds, store, presence = false } = options.capabilities ?? {};
    this.capabilities = new CapabilityBook({
      clock,
      logger,
      ...(lifetimesSeconds && { lifetimesSeconds }),
      ...(store && { store }),
    });
    this.referrals = new ReferralDesk(clock);
    this.reports = new ReportDesk({ clock, trust, logger });
    const onNews = (news: RegistrationNews): void => {
      this.capabilities.registered(news);
      tell(newsEvent(news));
    };
    const thirdParty = (options.trusted ?? []).length > 0;
    this.registrations = new RegistrationWatch({ clock, subscribe, settings, thirdParty, onNews, logger });
    this.presence = presence ? new PresenceWatch({ clock, book: this.capabilities, subscribe, settings }) : undefined;
    const ownAddresses = [options.from, options.identity ?? options.from].map(addrSpecOf);
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
      optionsHeaders: () => [["Allow-Events", allowEvents.join(", ")]],
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
      onReport: (report) => {
        const event = subscriptionEvent(report, subscribedApplications(report.subscription));
        if (event !== undefined) tell(event);
      },
    });
    const services = new SenderServices(setup, subscriptions, tell);
    await services.capabilities.load();
    services.#registration?.start();
    return services;
  }

  /** Where the core and handsets reach this sender. */
  get contact(): string {
    return contactOf(this.#setup, undefined);
  }

  /** Takes a request. */
  handle(transaction: ServerTransaction): void {
    this.#uas.handle(transaction);
  }

  /** Ends watches, waits and the registration, within a second; subscriptions live on in their store. */
  async close(): Promise<void> {
    this.reports.close();
    this.referrals.close();
    this.registrations.close();
    this.presence?.close();
    this.#publications.close();
    await Promise.all([this.#registration?.stop(), this.subscriptions.close(), this.subscribers.close()]);
    await this.capabilities.flush();
  }
}

/** Of the sender: what it is a notifier of, and what it takes PUBLISH of. RFC 6665 §4.4.4, RFC 3903 §7. */
const allowEvents: readonly string[] = [OMA_PUSH_PACKAGE, "presence"];

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

function newRegistration(
  { endpoint, sender, options, read }: SenderServicesOptions,
  tell: (event: SenderEvent) => void,
): Registration {
  const { nextHop, credentials } = read;
  return new Registration({
    endpoint,
    sender,
    aor: addrSpecOf(options.from),
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

/** The URI in a name-addr or URI that `readOptions` has checked. */
export function addrSpecOf(address: string): string {
  return parseNameAddr(address.includes("<") ? address : `<${address}>`, "from").uriText;
}
