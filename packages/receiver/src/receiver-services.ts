import { OMA_PUSH_PACKAGE, type PushCapabilities } from "@sip-push/push";
import {
  acceptedCodings,
  type Logger,
  type RegistrationEventReport,
  type RequestSender,
  type SipEndpoint,
} from "@sip-push/sip";
import type { Answer } from "./answer.ts";
import type { ReceiverApplication } from "./applications.ts";
import type { ReceiverEvent } from "./events.ts";
import { TrustedHops } from "./identity.ts";
import type { PushNotification } from "./intake.ts";
import type { PushReceiverLimits, PushReceiverOptions, ReadOptions } from "./options.ts";
import { OwnRequests } from "./own-requests.ts";
import { CapabilityPublication } from "./publication/index.ts";
import { Face } from "./receiver-face.ts";
import { REFER_PACKAGE, Referrals } from "./referrals/index.ts";
import { ReceiverRegistration, registrationEvent } from "./registration/index.ts";
import { PushSubscriptions } from "./subscriptions/index.ts";
import type { TrustList } from "./trust-policy.ts";

export interface ReceiverServicesOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly options: PushReceiverOptions;
  readonly read: ReadOptions;
  readonly limits: Required<PushReceiverLimits>;
  /** Undefined admits everybody. */
  readonly trust: TrustList | undefined;
  /** Takes a push of a subscription; what it gives is the answer to its NOTIFY. */
  readonly takePush: (notification: PushNotification) => Answer | Promise<Answer>;
  /** Never throws. */
  readonly onEvent: (event: ReceiverEvent) => void;
  readonly logger: Logger;
}

/** What this user agent understands. RFC 5626, RFC 3327, RFC 3840, RFC 5627, RFC 4488. */
export const OPTION_TAGS: readonly string[] = ["outbound", "path", "pref", "gruu", "norefersub"];

/** What it answers besides OPTIONS. */
export const METHODS = ["MESSAGE", "NOTIFY", "REFER", "SUBSCRIBE"] as const;

/** For all that is to be said at the end, and for the part of it that needs the binding. */
const CLOSE_MS = 900;
const CLOSE_BOUND_MS = 450;

/** What a receiver does besides taking pushes: it registers, subscribes, follows references, and publishes what it can take. */
export class ReceiverServices {
  readonly face: Face;
  readonly own: OwnRequests;
  readonly hops: TrustedHops;
  readonly registration: ReceiverRegistration | undefined;
  readonly subscriptions: PushSubscriptions;
  /** All event packages, for Allow-Events. */
  readonly eventPackages: readonly string[];
  readonly #setup: ReceiverServicesOptions;
  readonly #publication: CapabilityPublication | undefined;
  #referrals: Referrals | undefined;
  #closed = false;
  /** The last thing heard of the registration is that it failed. */
  #isLost = false;

  /** @throws {PushInputError} naming the option. */
  constructor(setup: ReceiverServicesOptions) {
    const { endpoint, sender, options, read, limits, takePush, onEvent } = setup;
    const { aor, instanceId, role = "plain" } = options;
    const { proxy, credentials } = read;
    this.#setup = setup;
    this.eventPackages = [...new Set([OMA_PUSH_PACKAGE, REFER_PACKAGE, ...(options.eventPackages ?? [])])];
    const applications = options.applications ?? ["push.syncml"];
    const face = new Face({ endpoint, aor: read.aor, instanceId, applications, methods: [...METHODS, "OPTIONS"] });
    this.face = face;
    this.registration = this.#newRegistration();
    const registration = this.registration?.user;
    this.own = new OwnRequests({ sender, aor, role, registration, proxy, credentials });
    face.registered({ registration, own: this.own });
    this.hops = new TrustedHops(options.trustedHops, proxy, registration);
    const common = { endpoint, sender, aor, credentials, nextHop: proxy, onEvent, ...randomOf(options) };
    this.subscriptions = new PushSubscriptions({
      ...common,
      face,
      takePush,
      // The handler's own time is over before.
      answerTimeoutMs: limits.handlerTimeoutMs + 1000,
    });
    const { publish } = read;
    const handset = instanceId ?? face.address;
    this.#publication =
      publish &&
      new CapabilityPublication({ ...common, publish, handset, face, capabilities: () => this.#capabilities() });
  }

  /** Undefined until {@link open} is done. */
  get referrals(): Referrals | undefined {
    return this.#referrals;
  }

  /** Gets ready for references. */
  async open(): Promise<void> {
    const { endpoint, sender, options, read, limits, trust, onEvent, logger } = this.#setup;
    const { face, hops, subscriptions } = this;
    this.#referrals = await Referrals.open({
      endpoint,
      sender,
      contact: () => face.contact,
      credentials: read.credentials,
      policy: options.refer ?? "accept",
      trust,
      hops,
      subscriptions,
      applications: () => face.applications,
      maxReferrals: limits.maxReferrals,
      policyTimeoutMs: limits.handlerTimeoutMs,
      onEvent,
      logger,
    });
  }

  /** Registers; then, or at once when it never does, it subscribes and publishes. */
  start(): void {
    for (const wish of this.#setup.read.subscriptions) this.subscriptions.configure(wish);
    if (this.registration === undefined) this.#publication?.update();
    else this.registration.user.start();
  }

  /** @throws {PushInputError} naming `applications[i]`; nothing has changed then. */
  setApplications(applications: ReadonlyArray<string | ReceiverApplication>): void {
    this.face.setApplications(applications);
    if (this.#closed) return;
    this.registration?.changeContactParams(this.face.contactParams);
    this.subscriptions.changed();
    // Before the first registration there is nothing to change.
    if (this.face.reachable) this.#publication?.update();
  }

  /** Ends all of it within a second. A core takes requests of registered users only, so the binding goes last. */
  async close(): Promise<void> {
    this.#closed = true;
    const { clock } = this.#setup.endpoint;
    const startMs = clock.now();
    await Promise.all([
      this.subscriptions.close(CLOSE_BOUND_MS),
      this.#publication?.close(CLOSE_BOUND_MS),
      this.#referrals?.close(CLOSE_BOUND_MS),
    ]);
    await this.registration?.stop(CLOSE_MS - (clock.now() - startMs));
  }

  #newRegistration(): ReceiverRegistration | undefined {
    const { endpoint, sender, options, read } = this.#setup;
    if (options.register === false) return undefined;
    const { contactParams } = this.face;
    const onEvent = (report: RegistrationEventReport): void => this.#onRegistration(report);
    return new ReceiverRegistration({ endpoint, sender, options, read, contactParams, onEvent });
  }

  #onRegistration(report: RegistrationEventReport): void {
    const { onEvent, options } = this.#setup;
    onEvent(registrationEvent(report, options));
    if (report.kind === "failed") this.#isLost = true;
    if (report.kind !== "registered" || this.#closed) return;
    const regained = this.#isLost;
    this.#isLost = false;
    this.subscriptions.registered(regained);
    this.#publication?.registered(regained);
  }

  #capabilities(): PushCapabilities {
    const { all, methods } = this.face;
    return {
      applications: all.names,
      mediaTypes: all.accept,
      encodings: acceptedCodings.filter((coding) => coding !== "identity"),
      maxBodyBytes: this.#setup.limits.maxBodyBytes,
      methods,
      eventPackages: this.eventPackages,
      optionTags: OPTION_TAGS,
      languages: [],
    };
  }
}

function randomOf({ stack }: PushReceiverOptions): { random?: () => number } {
  return stack?.random === undefined ? {} : { random: stack.random };
}
