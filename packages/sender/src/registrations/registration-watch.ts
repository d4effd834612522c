import { REGINFO_TYPE } from "@sip-push/bodies";
import { type Clock, type Logger, silentLogger } from "@sip-push/sip";
import { aorKey } from "../aor.ts";
import type { Subscribe, SubscribeSettings, Watch } from "../watches/watch.ts";
import { WatchPool } from "../watches/watch-pool.ts";
import { RegUser } from "./reg-user.ts";
import type { RegistrationListener, RegistrationNews } from "./registration-news.ts";
import {
  type RegistrationRequest,
  type RegistrationResult,
  type RegistrationView,
  RegistrationWait,
} from "./registration-waits.ts";

export interface RegistrationWatchOptions {
  readonly clock: Clock;
  /** Begins SUBSCRIBEs to `reg` at the registrar. */
  readonly subscribe: Subscribe;
  /** What they have besides target and event: From, Contact, route set, credentials, … */
  readonly settings: SubscribeSettings;
  /**
   * The core sends third-party REGISTERs (see {@link ThirdPartyRegistrar}): a push goes on waiting for one when the
   * registrar does not let us watch. Default false; true from the first that came.
   */
  readonly thirdParty?: boolean;
  /** Users watched at a time. Default 10000. */
  readonly maxWatches?: number;
  /** Pushes that wait at a time. Default 200000. */
  readonly maxWaits?: number;
  /** How long a watch goes on when no push waits. Default 60000. */
  readonly lingerMs?: number;
  /** How long a refusal is remembered before the registrar is asked again. Default 300000. */
  readonly refusedMs?: number;
  /** Octets of a document. Default 262144. */
  readonly maxBodyBytes?: number;
  /** Hears all news, whether a push waits or not. */
  readonly onNews?: RegistrationListener;
  /** Default: silent. */
  readonly logger?: Logger;
}

/** RFC 3680 §4.4. */
const EXPIRES_SECONDS = 3761;

/** What third-party REGISTERs told of users that no watch is for. */
const MAX_VIEWS = 10_000;

/**
 * Knows when a handset registers, so that a push to one that is off goes out as soon as it is on: by the `reg` event
 * package (RFC 3680) and by third-party REGISTERs (TS 24.229 §5.4.1.7). All pushes to one user share a watch, which
 * ends some time after the last has gone.
 */
export class RegistrationWatch {
  readonly #options: RegistrationWatchOptions;
  readonly #logger: Logger;
  readonly #pool: WatchPool<RegUser>;
  /** By user. */
  readonly #waiting = new Map<string, Set<RegistrationWait>>();
  readonly #views = new Map<string, RegistrationView>();
  readonly #maxWaits: number;
  #waits = 0;
  #refused = 0;
  #closed = false;
  #thirdParty: boolean;

  constructor(options: RegistrationWatchOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#maxWaits = options.maxWaits ?? 200_000;
    this.#thirdParty = options.thirdParty ?? false;
    this.#pool = new WatchPool({
      clock: options.clock,
      subscribe: options.subscribe,
      settings: options.settings,
      event: "reg",
      accept: [REGINFO_TYPE],
      expiresSeconds: EXPIRES_SECONDS,
      open: (target) => this.#user(target),
      maxWatches: options.maxWatches ?? 10_000,
      lingerMs: options.lingerMs ?? 60_000,
      refusedMs: options.refusedMs ?? 300_000,
    });
  }

  /** Pushes that wait, users watched, and waits refused for want of room. */
  get stats(): { readonly waits: number; readonly watches: number; readonly refused: number } {
    return { waits: this.#waits, watches: this.#pool.size, refused: this.#refused };
  }

  /**
   * Waits until the user registers; a registration that stands when the first NOTIFY comes counts, because it may have
   * been made since the push failed. Never rejects, and always ends: at its deadline at the latest.
   *
   * @param aor of the user: a `sip:` or `sips:` URI.
   */
  whenRegistered(aor: string, request: RegistrationRequest): Promise<RegistrationResult> {
    const key = aorKey(aor);
    if (this.#closed) return Promise.resolve({ kind: "none", reason: "closed" });
    if (request.signal?.aborted) return Promise.resolve({ kind: "none", reason: "aborted" });
    if (key === undefined) {
      const refusal = { sipStatus: null, reason: "the URI names no user" };
      return Promise.resolve({ kind: "none", reason: "unwatchable", refusal });
    }
    if (this.#waits >= this.#maxWaits) return this.#overloaded();
    const watch = this.#pool.join(key, aor);
    if (watch?.refusal !== undefined && !this.#thirdParty) {
      const { refusal } = watch;
      watch.leave();
      return Promise.resolve({ kind: "none", reason: "unwatchable", refusal });
    }
    if (watch === undefined && !this.#thirdParty) return this.#overloaded();
    return this.#wait(key, request, watch).result;
  }

  /** News from elsewhere: a third-party REGISTER. */
  tell(news: RegistrationNews): void {
    const key = aorKey(news.aor);
    if (this.#closed || key === undefined) return;
    this.#thirdParty = true;
    this.#options.onNews?.(news);
    if (news.kind === "unregistered") {
      this.#views.delete(key);
      return;
    }
    const { source, contacts, fresh } = news;
    this.#views.delete(key);
    const toldAtMs = this.#options.clock.now();
    const view = { source, contacts, toldAtMs, freshAtMs: fresh ? toldAtMs : undefined };
    this.#views.set(key, view);
    for (const oldest of this.#views.keys()) {
      if (this.#views.size <= MAX_VIEWS) break;
      this.#views.delete(oldest);
    }
    this.#look(key, view);
  }

  /** Ends all waits and watches. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const key of [...this.#waiting.keys()]) this.#endAll(key, { kind: "none", reason: "closed" });
    this.#views.clear();
    this.#pool.close();
  }

  #wait(key: string, request: RegistrationRequest, watch: Watch<RegUser> | undefined): RegistrationWait {
    const waits = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waits);
    const wait: RegistrationWait = new RegistrationWait(this.#options.clock, request, () => {
      this.#waits--;
      waits.delete(wait);
      if (waits.size === 0) this.#waiting.delete(key);
      watch?.leave();
    });
    this.#waits++;
    waits.add(wait);
    for (const view of [watch?.user.view, this.#views.get(key)]) if (view !== undefined && wait.open) wait.look(view);
    return wait;
  }

  #overloaded(): Promise<RegistrationResult> {
    this.#refused++;
    return Promise.resolve({ kind: "none", reason: "overloaded" });
  }

  #look(key: string, view: RegistrationView): void {
    for (const wait of [...(this.#waiting.get(key) ?? [])]) wait.look(view);
  }

  #endAll(key: string, result: RegistrationResult): void {
    for (const wait of [...(this.#waiting.get(key) ?? [])]) wait.end(result);
  }

  #user(aor: string): RegUser {
    const key = aorKey(aor) ?? "";
    const { clock, maxBodyBytes = 262_144 } = this.#options;
    return new RegUser(aor, clock, maxBodyBytes, {
      news: (news) => this.#options.onNews?.(news),
      view: (view) => this.#look(key, view),
      refused: (refusal) => {
        this.#logger.info({ aor, ...refusal }, "registration cannot be watched");
        if (!this.#thirdParty) this.#endAll(key, { kind: "none", reason: "unwatchable", refusal });
      },
    });
  }
}
