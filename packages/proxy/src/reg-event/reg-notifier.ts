import { encodeReginfo, REGINFO_TYPE } from "@sip-push/bodies";
import type { Subscription } from "@sip-push/sip";
import { provenIdentities, standingOf } from "../event-identity.ts";
import type { EventArrival, EventService } from "../event-services.ts";
import type { ContactChange, ProxyEvents } from "../events.ts";
import { isOwner, LocalNotifier, type LocalNotifierHost } from "../local-notifier.ts";
import type { LocationStore } from "../location-store.ts";
import { Pacer } from "../pacer.ts";
import { hasIdentity } from "../users.ts";
import { defaultWatcherLimits, type WatcherLimits } from "../watcher-limits.ts";
import { fullReginfo, mergeChanges, partialReginfo, type ReginfoView } from "./reginfo-document.ts";

export interface RegEventOptions extends WatcherLimits {
  /**
   * Who may watch the registrations of all users, such as a push gateway that registers as a user: `sip:`, `sips:` or `tel:` URIs,
   * as digest proves them or a trusted peer asserts them. Default: the service identities of the application servers. RFC 3680 §4.6.
   */
  readonly watchers?: readonly string[];
}

/** Changes told one by one; of more, the watchers get the full state, which does not grow with them. RFC 3680 §5.1. */
const MAX_UNTOLD = 32;

export interface RegNotifierOptions extends RegEventOptions, LocalNotifierHost {
  readonly store: LocationStore;
  readonly events: ProxyEvents;
}

/**
 * The `reg` event package for the users of the domains: who is registered where. RFC 3680, RFC 5628. A user may watch its own
 * registration; `watchers` that of anybody, and so may a trusted peer, unless it passes on what another user asks; without users,
 * where nobody can prove anything, everybody may.
 */
export class RegNotifier implements EventService {
  readonly eventPackage = "reg";
  readonly methods: ReadonlySet<string> = new Set(["SUBSCRIBE"]);
  readonly #options: RegNotifierOptions;
  readonly #notifier: LocalNotifier;
  readonly #pacer: Pacer;
  /** Changes that watchers were not told of yet, by address-of-record. */
  readonly #untold = new Map<string, readonly ContactChange[] | "all">();
  /** Version of the next document of a subscription: each has its own count. RFC 3680 §5.1. */
  readonly #versions = new WeakMap<Subscription, number>();
  readonly #forget: () => void;

  constructor(options: RegNotifierOptions) {
    this.#options = options;
    const { authenticates, endpoint, events, store, watchers = [] } = options;
    this.#notifier = new LocalNotifier({
      ...options,
      eventPackage: this.eventPackage,
      contentType: REGINFO_TYPE,
      limits: options,
      authorize: (arrival) => {
        const { owner, trusted } = standingOf(arrival, options);
        const isWatcher = (): boolean => provenIdentities(arrival).some((uri) => hasIdentity(watchers, uri));
        return owner || trusted || !authenticates || isWatcher() ? { owner } : undefined;
      },
      initial: (subscription) =>
        encodeReginfo(fullReginfo(store.bindings(subscription.resource), this.#viewOf(subscription))),
    });
    this.#pacer = new Pacer(endpoint, options.notifyIntervalMs ?? defaultWatcherLimits.notifyIntervalMs, (aor) =>
      this.#tell(aor),
    );
    this.#forget = events.on("contacts-changed", ({ aor, changes }) => {
      if (this.#notifier.watchers(aor).length === 0) return;
      const before = this.#untold.get(aor) ?? [];
      const untold = before === "all" ? undefined : mergeChanges(before, changes);
      this.#untold.set(aor, untold === undefined || untold.length > MAX_UNTOLD ? "all" : untold);
      this.#pacer.ask(aor);
    });
  }

  open(): Promise<void> {
    return this.#notifier.open();
  }

  handle(arrival: EventArrival): void {
    this.#notifier.handle(arrival);
  }

  async close(): Promise<void> {
    this.#forget();
    this.#pacer.close();
    this.#untold.clear();
    await this.#notifier.close();
  }

  #tell(aor: string): void {
    const changes = this.#untold.get(aor) ?? [];
    this.#untold.delete(aor);
    const bindings = this.#options.store.bindings(aor);
    for (const watcher of this.#notifier.watchers(aor)) {
      const view = this.#viewOf(watcher);
      const document =
        changes === "all" ? fullReginfo(bindings, view) : partialReginfo(changes, bindings.length > 0, view);
      this.#notifier.notify(watcher, encodeReginfo(document));
    }
  }

  #viewOf(subscription: Subscription): ReginfoView {
    const version = this.#versions.get(subscription) ?? 0;
    this.#versions.set(subscription, version + 1);
    const nowMs = this.#options.endpoint.clock.now();
    return { aor: subscription.resource, version, nowMs, owner: isOwner(subscription) };
  }
}
