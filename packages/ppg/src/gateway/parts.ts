import { randomUUID } from "node:crypto";
import { lenient } from "@sip-push/pap";
import { PushSender, type SenderEvent } from "@sip-push/sender";
import type { Clock, Logger } from "@sip-push/sip";
import { senderOptionsOf } from "../config/sender-options.ts";
import type { NotifyAs, PpgConfig } from "../config/types.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Places } from "../dispatch/places.ts";
import { PromptSubmissions } from "../dispatch/prompt-submissions.ts";
import { StoreReportBook } from "../dispatch/report-book.ts";
import type { PpgObserver } from "../events.ts";
import { Intake } from "../intake/intake.ts";
import { namesOrigin, notifyMatcherOf } from "../intake/notify-urls.ts";
import type { CapabilitiesOf } from "../intake/options.ts";
import { rightsOf } from "../intake/rights.ts";
import type { Initiator } from "../intake/types.ts";
import { inwardHostOf } from "../results/inward-addresses.ts";
import { ResultNotifier } from "../results/notifier.ts";
import type { PpgStore } from "../store/store.ts";
import type { ClaimedDelivery } from "../store/types.ts";
import type { DeliverySide } from "./delivery-side.ts";
import { NodeSubscriptions } from "./node-subscriptions.ts";

const HOUR_SECONDS = 3_600;
/** What answers and results give as sender-name. */
const SENDER_NAME = "sip-push";

/** What all parts of one gateway share. */
export interface Shared {
  readonly config: PpgConfig;
  readonly store: PpgStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observe: PpgObserver;
}

/** The configured push initiators by name, as they are now: the configuration may be read again. */
export class Initiators {
  readonly #byName = new Map<string, { readonly initiator: Initiator; readonly notifyAs: NotifyAs | undefined }>();

  constructor(config: PpgConfig) {
    this.take(config);
  }

  /** These, in place of those before. */
  take({ initiators }: PpgConfig): void {
    this.#byName.clear();
    for (const { name, recipients, applications, notifyUrls, notifyAs } of initiators) {
      const initiator = { name, recipients, applications, notifyUrls };
      this.#byName.set(name, { initiator, notifyAs: notifyAs ?? undefined });
    }
  }

  /** As it is once it is authenticated; undefined: there is none of this name. */
  get(name: string): Initiator | undefined {
    return this.#byName.get(name)?.initiator;
  }

  notifyAs(name: string): NotifyAs | undefined {
    return this.#byName.get(name)?.notifyAs;
  }
}

/** The name under which this process holds leases: that of the node, and what tells it from a run before or a namesake. */
export function ownerOf({ name }: PpgConfig): string {
  return `${name}/${randomUUID().slice(0, 8)}`;
}

export function openSender(
  { config, store, clock, logger, observe }: Shared,
  onEvent: (event: SenderEvent) => void,
): Promise<PushSender> {
  const options = senderOptionsOf(config.sip);
  const { subscriptions } = store;
  const isShared = config.database.kind === "postgres";
  return PushSender.open({
    ...options,
    clock,
    logger,
    subscriptionStore: isShared ? new NodeSubscriptions(subscriptions, config.name, clock) : subscriptions,
    capabilities: { ...options.capabilities, store: store.capabilities },
    reportBook: new StoreReportBook({ store, clock, logger, observe }),
    onEvent,
  });
}

export function openIntake(
  { config, store, clock, logger, observe }: Shared,
  submissions: Pick<PpgStore, "submit">,
  capabilitiesOf: CapabilitiesOf,
): Intake {
  const { domains, addresses, networks, bearers, http, pap, results } = config;
  return new Intake({
    store,
    submissions,
    clock,
    logger,
    observe,
    domain: domains,
    name: SENDER_NAME,
    addressRules: addresses,
    ...(config.sip.domain !== null && { telDomain: config.sip.domain }),
    networks,
    bearers,
    capabilitiesOf,
    mayReach: (initiator, url) => results.privateAddresses || !leadsInward(url) || mayGoInward(initiator, url),
    limits: {
      maxAddresses: pap.maxAddresses,
      maxContentOctets: http.maxBodyBytes,
      maxLifetimeSeconds: Math.ceil(pap.maxLifetimeHours * HOUR_SECONDS),
    },
    ...(pap.lenient && { leniency: lenient }),
  });
}

export function openSubmissions({ config, store }: Shared, owner: string, side: DeliverySide): PromptSubmissions {
  const onHeld = (held: readonly ClaimedDelivery[]): void => side.take(held);
  return new PromptSubmissions({ store, owner, leaseMs: leaseMsOf(config), places: side.places, onHeld });
}

function leaseMsOf({ delivery }: PpgConfig): number {
  return Math.round(delivery.leaseSeconds * 1_000);
}

export function openDispatcher(
  { config, store, clock, logger, observe }: Shared,
  owner: string,
  sender: PushSender,
  places: Places,
): Dispatcher {
  const { concurrency, perDestination, reportTimeoutSeconds, retry, breaker } = config.delivery;
  return Dispatcher.open({
    store,
    sender,
    owner,
    clock,
    logger,
    observe,
    concurrency,
    perDestination,
    places,
    leaseMs: leaseMsOf(config),
    reportTimeoutSeconds,
    retryRules: retry,
    breakerRule: breaker,
  });
}

export function openNotifier(
  { config, store, clock, logger, observe }: Shared,
  owner: string,
  initiators: Initiators,
): ResultNotifier {
  const { concurrency, timeoutSeconds, retry, giveUpAfterHours, ca, privateAddresses } = config.results;
  return new ResultNotifier({
    store,
    owner,
    clock,
    logger,
    observe,
    admits: (name, url) => mayNotify(initiators.get(name), url),
    mayGoInward: (name, url) => privateAddresses || mayGoInward(initiators.get(name), url),
    identityOf: (name) => initiators.notifyAs(name),
    ca,
    senderAddress: config.domains[0] ?? null,
    senderName: SENDER_NAME,
    ...(config.pap.lenient && { leniency: lenient }),
    limits: {
      concurrency,
      timeoutMs: Math.round(timeoutSeconds * 1_000),
      giveUpAfterMs: Math.round(giveUpAfterHours * HOUR_SECONDS * 1_000),
      retry,
    },
  });
}

/** Of a URL in its one spelling. */
function mayNotify(initiator: Initiator | undefined, url: string): boolean {
  const href = URL.parse(url)?.href;
  return initiator !== undefined && href !== undefined && rightsOf(initiator).mayNotify(href);
}

function leadsInward(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && inwardHostOf(parsed) !== undefined;
}

/** Whether the operator wrote where this URL leads, in full or as an address: that is meant, wherever it is. */
export function mayGoInward(initiator: Initiator | undefined, url: string): boolean {
  const href = URL.parse(url)?.href;
  return href !== undefined && notifyMatcherOf((initiator?.notifyUrls ?? []).filter(namesOrigin))(href);
}
