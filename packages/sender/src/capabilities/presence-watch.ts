import { BodyError, decodePidf, PIDF_TYPE } from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";
import type { Clock, Notification, NotificationAnswer } from "@sip-push/sip";
import { aorKey } from "../aor.ts";
import type { Subscribe, SubscribeSettings, WatchUser } from "../watches/watch.ts";
import { WatchPool } from "../watches/watch-pool.ts";
import type { CapabilityBook } from "./capability-book.ts";
import { fromPresence } from "./facts.ts";

export interface PresenceWatchOptions {
  readonly clock: Clock;
  readonly book: CapabilityBook;
  /** Begins SUBSCRIBEs to `presence` at the users' presence agent. */
  readonly subscribe: Subscribe;
  /** What they have besides target and event: From, Contact, route set, credentials, … */
  readonly settings: SubscribeSettings;
  /** Users watched at a time; past it the one asked for longest ago makes room. Default 10000. */
  readonly maxWatches?: number;
  /** A watch that nobody asked for so long ends. Default 3600000. */
  readonly idleMs?: number;
  /** How long a refusal is remembered before the presence agent is asked again. Default 300000. */
  readonly refusedMs?: number;
  /** Octets of a document. Default 262144. */
  readonly maxBodyBytes?: number;
}

/** RFC 3856 §6.4. */
const EXPIRES_SECONDS = 3600;

/** `refused`: the presence agent does not let us; `full`: the limit is reached, and `close` leaves no room at all. */
export type PresenceWatchState = "watched" | "refused" | "full";

/**
 * Learns from the presence of users what their handsets can take (RFC 3856, RFC 5196): the book is kept up to date
 * while pushes go to them.
 */
export class PresenceWatch {
  readonly #pool: WatchPool<WatchUser>;

  constructor(options: PresenceWatchOptions) {
    const { clock, book, subscribe, settings, maxBodyBytes = 262_144 } = options;
    this.#pool = new WatchPool({
      clock,
      subscribe,
      settings,
      event: "presence",
      accept: [PIDF_TYPE],
      expiresSeconds: EXPIRES_SECONDS,
      open: (target) => ({
        notified: (notification) => learn(book, target, notification, maxBodyBytes),
        // What was learnt stays for its lifetime.
        refused: () => {},
      }),
      maxWatches: options.maxWatches ?? 10_000,
      lingerMs: options.idleMs ?? 3_600_000,
      refusedMs: options.refusedMs ?? 300_000,
    });
  }

  /** Users watched, and those refused because of `maxWatches`. */
  get stats(): { readonly watches: number; readonly refused: number } {
    return { watches: this.#pool.size, refused: this.#pool.refused };
  }

  /** Begins to watch the user, or goes on for another while. Returns at once: the book tells what comes of it. */
  watch(aor: string): PresenceWatchState {
    const key = aorKey(aor);
    if (key === undefined) return "refused";
    const watch = this.#pool.join(key, aor);
    watch?.leave();
    return watch === undefined ? "full" : watch.refusal === undefined ? "watched" : "refused";
  }

  /** Ends all watches. Idempotent. */
  close(): void {
    this.#pool.close();
  }
}

function learn(
  book: CapabilityBook,
  aor: string,
  { contentType, body, subscriptionState }: Notification,
  maxBodyBytes: number,
): NotificationAnswer | undefined {
  // RFC 3856 §6.6.2: without a body while the user has not agreed, or nothing is known.
  if (body.length === 0) return undefined;
  if (mediaTypeOf(contentType ?? "") !== PIDF_TYPE) return { statusCode: 415, headers: [["Accept", PIDF_TYPE]] };
  try {
    const presence = decodePidf(body, { maxOctets: maxBodyBytes });
    if (aorKey(presence.entity) !== aorKey(aor)) return { statusCode: 400, reason: "Bad Request (entity)" };
    const { expiresSeconds = EXPIRES_SECONDS } = subscriptionState;
    const handsets = fromPresence(presence).map((handset) => ({ ...handset, expiresSeconds }));
    book.replace(aor, "presence", handsets);
    return undefined;
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return error.code === "BODY_TOO_LARGE" ? { statusCode: 413 } : { statusCode: 400 };
  }
}
