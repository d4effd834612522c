import { BodyError, decodeReginfo, REGINFO_TYPE } from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";
import type { Clock, Notification, NotificationAnswer } from "@sip-push/sip";
import type { WatchRefusal, WatchUser } from "../watches/watch.ts";
import { RegState } from "./reg-state.ts";
import { fromReginfo, type RegistrationNews } from "./registration-news.ts";
import type { RegistrationView } from "./registration-waits.ts";

/** Where it goes. */
export interface RegUserEvents {
  news(news: RegistrationNews): void;
  view(view: RegistrationView): void;
  refused(refusal: WatchRefusal): void;
}

/** A notifier that leaves out versions again and again is not asked more often: each refresh makes it notify. */
const REFRESH_INTERVAL_MS = 30_000;

/** One user's registration as its watch tells it. */
export class RegUser implements WatchUser {
  readonly #aor: string;
  readonly #clock: Clock;
  readonly #maxBodyBytes: number;
  readonly #events: RegUserEvents;
  readonly #state: RegState;
  #view: RegistrationView | undefined;
  /** The last document had no contact: one that comes now has registered since. */
  #gone = false;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(aor: string, clock: Clock, maxBodyBytes: number, events: RegUserEvents) {
    this.#aor = aor;
    this.#clock = clock;
    this.#maxBodyBytes = maxBodyBytes;
    this.#events = events;
    this.#state = new RegState(aor);
  }

  /** Undefined until the first NOTIFY, and while nothing is registered. */
  get view(): RegistrationView | undefined {
    return this.#view;
  }

  notified(notification: Notification, first: boolean, refresh: () => void): NotificationAnswer | undefined {
    const { contentType, body } = notification;
    if (first) this.#state.restart();
    // RFC 6665 §4.1.3: the first NOTIFY may have no body, when the state is not there yet or not for us.
    if (body.length === 0) return undefined;
    if (mediaTypeOf(contentType ?? "") !== REGINFO_TYPE)
      return { statusCode: 415, headers: [["Accept", REGINFO_TYPE]] };
    let change: ReturnType<RegState["apply"]>;
    try {
      change = this.#state.apply(decodeReginfo(body, { maxOctets: this.#maxBodyBytes }));
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      return error.code === "BODY_TOO_LARGE" ? { statusCode: 413 } : { statusCode: 400 };
    }
    if (change.needsRefresh && this.#clock.now() - this.#refreshedAtMs >= REFRESH_INTERVAL_MS) {
      this.#refreshedAtMs = this.#clock.now();
      refresh();
    }
    if (change.applied) this.#changed(change.fresh);
    return undefined;
  }

  refused(refusal: WatchRefusal): void {
    this.#view = undefined;
    this.#events.refused(refusal);
  }

  #changed(arrived: boolean): void {
    const aor = this.#aor;
    const source = "reg-event";
    const contacts = this.#state.contacts.map(fromReginfo);
    const fresh = arrived || this.#gone;
    this.#gone = contacts.length === 0;
    if (contacts.length === 0) {
      this.#view = undefined;
      this.#events.news({ kind: "unregistered", aor, source });
      return;
    }
    const freshAtMs = fresh ? this.#clock.now() : this.#view?.freshAtMs;
    this.#view = { source, contacts, toldAtMs: this.#clock.now(), freshAtMs };
    const longest = contacts.map(({ expiresSeconds }) => expiresSeconds ?? Number.POSITIVE_INFINITY);
    const expiresSeconds = Math.max(...longest);
    this.#events.news({
      kind: "registered",
      aor,
      source,
      contacts,
      expiresSeconds: Number.isFinite(expiresSeconds) ? expiresSeconds : null,
      fresh,
    });
    this.#events.view(this.#view);
  }
}
