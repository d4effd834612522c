import { decodePidf, encodePidf, PIDF_TYPE, type Presence } from "@sip-push/bodies";
import { EventStateAgent, type EventStateLimits, type PublishRefusal, type SipRequest } from "@sip-push/sip";
import { standingOf } from "../event-identity.ts";
import { checkRequire, type EventArrival, type EventService } from "../event-services.ts";
import type { ProxyEventMap, ProxyEvents } from "../events.ts";
import { LocalNotifier, type LocalNotifierHost } from "../local-notifier.ts";
import type { LocationStore } from "../location-store.ts";
import { Pacer } from "../pacer.ts";
import { defaultWatcherLimits, type WatcherLimits } from "../watcher-limits.ts";
import { composePresence } from "./presence-document.ts";

export interface PresenceOptions extends WatcherLimits {
  /** Publications of one user and in all, and their octets. Default 8, 100,000 and 256 MiB. */
  readonly publications?: EventStateLimits;
  /** Largest document published. Default 16,384. */
  readonly maxBodyBytes?: number;
  /** Shortest publication, in seconds. Default 60. */
  readonly minExpiresSeconds?: number;
}

export interface PresenceAgentOptions extends PresenceOptions, LocalNotifierHost {
  readonly store: LocationStore;
  readonly events: ProxyEvents;
}

const PRESENCE = "presence";
/** No document has as many elements for its size: an element kept costs a hundred times what `<a/>` does on the wire. */
const OCTETS_PER_ELEMENT = 12;
const NOT_ALLOWED: PublishRefusal = { statusCode: 403 };

/**
 * Presence agent of the users of the domains: takes what they publish, and tells watchers. RFC 3856, RFC 3903 §6. A user
 * publishes for itself, a trusted peer for anybody; who proved to be somebody may watch.
 */
export class PresenceAgent implements EventService {
  readonly eventPackage: string = PRESENCE;
  readonly methods: ReadonlySet<string> = new Set(["SUBSCRIBE", "PUBLISH"]);
  readonly #options: PresenceAgentOptions;
  readonly #notifier: LocalNotifier;
  readonly #state: EventStateAgent<Presence>;
  readonly #pacer: Pacer;
  readonly #arrivals = new WeakMap<SipRequest, EventArrival>();
  readonly #forget: () => void;

  constructor(options: PresenceAgentOptions) {
    this.#options = options;
    const { endpoint, publications, maxBodyBytes = 16_384, minExpiresSeconds = 60, events } = options;
    const { clock, logger } = endpoint;
    const maxElements = Math.ceil(maxBodyBytes / OCTETS_PER_ELEMENT);
    this.#notifier = new LocalNotifier({
      ...options,
      eventPackage: PRESENCE,
      contentType: PIDF_TYPE,
      limits: options,
      authorize: (arrival) => {
        const { known, owner } = this.#standing(arrival);
        return known ? { owner } : undefined;
      },
      initial: ({ resource }) => this.#document(resource),
    });
    this.#state = new EventStateAgent<Presence>({
      ...{ clock, logger },
      packages: [
        {
          name: PRESENCE,
          accept: [PIDF_TYPE],
          decode: (body) => decodePidf(body, { maxOctets: maxBodyBytes, maxElements }),
          ...{ maxBodyBytes, minExpiresSeconds },
        },
      ],
      resourceOf: (request) => this.#arrivals.get(request)?.aor?.uri,
      authorize: (request) => this.#mayPublish(request),
      onChange: ({ resource }) => this.#changed(resource),
      limits: { maxPerResource: 8, ...publications },
    });
    this.#pacer = new Pacer(
      { clock, logger },
      options.notifyIntervalMs ?? defaultWatcherLimits.notifyIntervalMs,
      (aor) => this.#tell(aor),
    );
    this.#forget = events.on("contacts-changed", (change) => this.#contactsChanged(change));
  }

  open(): Promise<void> {
    return this.#notifier.open();
  }

  handle(arrival: EventArrival): void {
    const { transaction } = arrival;
    const { request } = transaction;
    if (request.method === "SUBSCRIBE") return this.#notifier.handle(arrival);
    const refusal = checkRequire(request);
    if (refusal !== undefined) return transaction.reply(refusal.statusCode, refusal);
    this.#arrivals.set(request, arrival);
    this.#state.handle(transaction);
  }

  /**
   * A PUBLISH of somebody else is about somebody else's state: where the user is registered it goes there, to a push sender that
   * keeps what its handsets can take (OMA SIP Push, P-2). Others refuse it themselves.
   */
  declines(arrival: EventArrival): boolean {
    const { transaction, aor } = arrival;
    if (transaction.request.method !== "PUBLISH" || aor === undefined) return false;
    const { owner, trusted } = this.#standing(arrival);
    return !owner && !trusted && this.#options.store.bindings(aor.uri).length > 0;
  }

  async close(): Promise<void> {
    this.#forget();
    this.#pacer.close();
    this.#state.close();
    await this.#notifier.close();
  }

  #standing(arrival: EventArrival): ReturnType<typeof standingOf> {
    return standingOf(arrival, this.#options);
  }

  #mayPublish(request: SipRequest): PublishRefusal | undefined {
    const arrival = this.#arrivals.get(request);
    if (arrival === undefined) return NOT_ALLOWED;
    const { owner, trusted } = this.#standing(arrival);
    return owner || trusted ? undefined : NOT_ALLOWED;
  }

  /** Without publications the registration is what there is to tell, when it begins and when it ends. */
  #contactsChanged({ aor, bindings, changes }: ProxyEventMap["contacts-changed"]): void {
    const created = changes.filter(({ event }) => event === "created").length;
    const turned = bindings.length === 0 || bindings.length === created;
    if (turned && this.#state.publications(aor, PRESENCE).length === 0) this.#changed(aor);
  }

  /** Most users have no watchers, and cost nothing. */
  #changed(aor: string): void {
    if (this.#notifier.watchers(aor).length > 0) this.#pacer.ask(aor);
  }

  #tell(aor: string): void {
    const body = this.#document(aor);
    for (const watcher of this.#notifier.watchers(aor)) this.#notifier.notify(watcher, body);
  }

  #document(aor: string): Uint8Array {
    const published = this.#state.publications(aor, PRESENCE).map(({ state }) => state);
    return encodePidf(composePresence(aor, published, this.#options.store.bindings(aor).length > 0));
  }
}
