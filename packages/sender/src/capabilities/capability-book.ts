import { type Clock, type Logger, type SipResponse, silentLogger } from "@sip-push/sip";
import { aorKey } from "../aor.ts";
import type { RegistrationNews } from "../registrations/registration-news.ts";
import {
  type CapabilityRecord,
  type CapabilitySource,
  type CapabilityStore,
  StoreWriter,
  type UserCapabilities,
} from "./capability-store.ts";
import { fromContact, type HandsetFacts } from "./facts.ts";
import { handsetsOf, type KnownHandset } from "./known-handset.ts";
import { lessonOf, nothingRefused, type RefusedFacts, type RefusedRequest } from "./refusals.ts";

/** How long what is learnt holds, in seconds, where the source does not say. */
export type CapabilityLifetimes = Readonly<Partial<Record<CapabilitySource, number>>>;

export interface CapabilityBookOptions {
  readonly clock: Clock;
  /** Default: registration 3600, options 86400, publication and presence 3600, refusal 3600. */
  readonly lifetimesSeconds?: CapabilityLifetimes;
  /** Users known at a time; past it the one asked for longest ago is forgotten. Default 100000. */
  readonly maxUsers?: number;
  /** Records of one user; past it the oldest is forgotten. Default 32. */
  readonly maxRecordsPerUser?: number;
  /** Where it outlives the process. Default nowhere. */
  readonly store?: CapabilityStore;
  /** Default: silent. */
  readonly logger?: Logger;
}

const defaultLifetimes: Required<CapabilityLifetimes> = {
  registration: 3600,
  options: 86_400,
  publication: 3600,
  presence: 3600,
  refusal: 3600,
};

/** ECMAScript dates end here; a lifetime may not. */
const MAX_LIFETIME_SECONDS = 0x7fff_ffff;

/** What is learnt, and for how long. */
export interface Learning {
  /** Shorter than the default lifetime of the source, or longer. */
  readonly expiresSeconds?: number | null;
  readonly refused?: RefusedFacts;
}

/**
 * Who can take what, by user: learnt from registrations, OPTIONS, publications, presence and refusals, each with a lifetime. It is
 * read before a push is sent, and never waits: what is not known is not known.
 */
export class CapabilityBook {
  readonly #clock: Clock;
  readonly #lifetimes: Required<CapabilityLifetimes>;
  readonly #maxUsers: number;
  readonly #maxRecords: number;
  readonly #store: CapabilityStore | undefined;
  readonly #writer: StoreWriter | undefined;
  /** In the order they were last asked for. */
  readonly #users = new Map<string, readonly CapabilityRecord[]>();
  readonly #stats = { evicted: 0, storeErrors: 0 };

  constructor(options: CapabilityBookOptions) {
    const {
      clock,
      lifetimesSeconds,
      maxUsers = 100_000,
      maxRecordsPerUser = 32,
      store,
      logger = silentLogger,
    } = options;
    this.#clock = clock;
    this.#lifetimes = { ...defaultLifetimes, ...lifetimesSeconds };
    this.#maxUsers = maxUsers;
    this.#maxRecords = maxRecordsPerUser;
    this.#store = store;
    if (store === undefined) return;
    this.#writer = new StoreWriter(store, (error) => {
      this.#stats.storeErrors++;
      logger.error({ err: error }, "capabilities could not be stored");
    });
  }

  get stats(): { readonly users: number; readonly evicted: number; readonly storeErrors: number } {
    return { users: this.#users.size, ...this.#stats };
  }

  /** Reads the store, once, at the start. @throws what the store throws. */
  async load(): Promise<void> {
    if (this.#store === undefined) return;
    for await (const { aor, records } of this.#store.load()) {
      const live = this.#live(records);
      if (live.length > 0 && !this.#users.has(aor)) this.#set(aor, live);
    }
  }

  /** The handsets of a user as far as they are known; none when nothing is. */
  lookup(aor: string): readonly KnownHandset[] {
    if (this.#users.size === 0) return [];
    const key = aorKey(aor);
    const records = key === undefined ? undefined : this.#users.get(key);
    if (key === undefined || records === undefined) return [];
    const live = this.#live(records);
    if (live.length < records.length) this.#put(key, live);
    else this.#set(key, live);
    return handsetsOf(live);
  }

  /** One source said this of one handset, or of all: it replaces what that source said before. */
  learn(aor: string, source: CapabilitySource, { handset, facts }: HandsetFacts, learning: Learning = {}): void {
    this.#update(aor, (records) => [
      ...records.filter((record) => record.source !== source || record.handset !== handset),
      this.#record(source, { handset, facts }, learning),
    ]);
  }

  /** All that one source has to say of a user's handsets; what it said before is forgotten. */
  replace(aor: string, source: CapabilitySource, handsets: ReadonlyArray<HandsetFacts & Learning>): void {
    this.#update(aor, (records) => [
      ...records.filter((record) => record.source !== source),
      ...handsets.map((each) => this.#record(source, each, each)),
    ]);
  }

  /** What one source said is no longer so; all sources when left out. */
  forget(aor: string, source?: CapabilitySource): void {
    this.#update(aor, (records) => records.filter((record) => source !== undefined && record.source !== source));
  }

  /** News of a registration: pass as `onNews` of a RegistrationWatch. Contacts that are not told teach nothing. */
  registered(news: RegistrationNews): void {
    if (news.kind === "unregistered") this.forget(news.aor, "registration");
    else if (news.contacts !== null) {
      const handsets = news.contacts.map((contact) => ({
        ...fromContact(contact),
        expiresSeconds: contact.expiresSeconds ?? news.expiresSeconds,
      }));
      if (news.partial) for (const each of handsets) this.learn(news.aor, "registration", each, each);
      else this.replace(news.aor, "registration", handsets);
    }
  }

  /** A push was refused: 405, 406, 413, 415, 488, 489, 501, 513, 606 teach something, other answers nothing. */
  refused(aor: string, response: SipResponse, request: RefusedRequest): void {
    const lesson = lessonOf(response, request);
    if (lesson === undefined) return;
    const { facts, refused } = lesson;
    const record = this.#record("refusal", { handset: null, facts }, { refused });
    // One record a lesson: the same again only lasts longer.
    this.#update(aor, (records) => [...records.filter((other) => !sameLesson(other, record)), record]);
  }

  /** Resolves when all that was learnt is stored. */
  async flush(): Promise<void> {
    await this.#writer?.flush();
  }

  #record(
    source: CapabilitySource,
    { handset, facts }: HandsetFacts,
    { expiresSeconds, refused }: Learning,
  ): CapabilityRecord {
    const now = this.#clock.date();
    const lifetimeSeconds = Math.min(expiresSeconds ?? this.#lifetimes[source], MAX_LIFETIME_SECONDS);
    return {
      source,
      handset,
      facts,
      refused: refused ?? nothingRefused,
      learntAt: now.toISOString(),
      expiresAt: new Date(now.getTime() + lifetimeSeconds * 1000).toISOString(),
    };
  }

  #live(records: readonly CapabilityRecord[]): readonly CapabilityRecord[] {
    const now = this.#clock.date().getTime();
    return records.filter(({ expiresAt }) => Date.parse(expiresAt) > now);
  }

  #update(aor: string, change: (records: readonly CapabilityRecord[]) => readonly CapabilityRecord[]): void {
    const key = aorKey(aor);
    if (key === undefined) return;
    this.#put(key, this.#live(change(this.#users.get(key) ?? [])).slice(-this.#maxRecords));
  }

  #put(key: string, records: readonly CapabilityRecord[]): void {
    const known = this.#users.has(key);
    if (records.length > 0) this.#set(key, records);
    else this.#users.delete(key);
    if (records.length > 0 || known) this.#write(key, records);
  }

  /** Makes it the user asked for last. */
  #set(key: string, records: readonly CapabilityRecord[]): void {
    this.#users.delete(key);
    this.#users.set(key, records);
    for (const oldest of this.#users.keys()) {
      if (this.#users.size <= this.#maxUsers) return;
      this.#users.delete(oldest);
      this.#stats.evicted++;
      this.#write(oldest, []);
    }
  }

  #write(aor: string, records: readonly CapabilityRecord[]): void {
    const user: UserCapabilities | undefined = records.length === 0 ? undefined : { aor, records };
    this.#writer?.write(aor, user);
  }
}

function sameLesson(a: CapabilityRecord, b: CapabilityRecord): boolean {
  const text = ({ source, facts, refused }: CapabilityRecord): string => JSON.stringify([source, facts, refused]);
  return text(a) === text(b);
}
