import type { JsonValue, Subscription } from "@sip-push/sip";
import { aorKey, telephoneKey } from "../aor.ts";

/** What is kept with a subscription to `oma-push`, as JSON. */
export interface SubscriptionData {
  /** Keys of the identities that subscribed (`aor.ts`): one, or two when a telephone number is asserted as well. */
  readonly identities: readonly string[];
  /** Confirmed applications, short names. */
  readonly applications: readonly string[];
}

/** Subscriptions by who subscribed, so that a push finds them without looking through all. */
export class SubscriberIndex {
  readonly #byKey = new Map<string, Map<string, Entry>>();
  /** Where each is entered: a refresh may change who is asserted. */
  readonly #keys = new Map<string, readonly string[]>();
  #order = 0;

  get size(): number {
    return this.#keys.size;
  }

  /** Number of the one that was entered last. */
  get latest(): number {
    return this.#order;
  }

  /** Takes it in, or takes note of a refresh: it is then the latest. */
  set({ id, applicationData }: Subscription): void {
    this.delete(id);
    const { identities, applications } = dataOf(applicationData);
    const entry = { id, applications: new Set(applications), order: ++this.#order };
    this.#keys.set(id, identities);
    for (const key of identities) {
      const entries = this.#byKey.get(key) ?? new Map<string, Entry>();
      this.#byKey.set(key, entries.set(id, entry));
    }
  }

  /** False when it was not there. */
  delete(id: string): boolean {
    for (const key of this.#keys.get(id) ?? []) {
      const entries = this.#byKey.get(key);
      if (entries?.delete(id) === true && entries.size === 0) this.#byKey.delete(key);
    }
    return this.#keys.delete(id);
  }

  /** Ids of the user's subscriptions that confirmed `applicationId`, the latest first; only those entered after number `after`. */
  find(uri: string, applicationId: string, after = 0): string[] {
    const found = keysOf(uri).flatMap((key) => [...(this.#byKey.get(key)?.values() ?? [])]);
    const fitting = found.filter(
      ({ applications, order }) => order > after && (applications.has(applicationId) || applications.has("*")),
    );
    return [...new Set(fitting.sort((a, b) => b.order - a.order).map(({ id }) => id))];
  }
}

interface Entry {
  readonly id: string;
  readonly applications: ReadonlySet<string>;
  readonly order: number;
}

/** All names by which a user is looked up: its address, and its telephone number when the address is made from one. */
export function keysOf(uri: string): string[] {
  return [...new Set([aorKey(uri), telephoneKey(uri)].filter((key) => key !== undefined))];
}

/** Applications that a subscription confirmed, short names. */
export function subscribedApplications({ applicationData }: Subscription): readonly string[] {
  return dataOf(applicationData).applications;
}

/** Reads what a store gave back; what is not as we write it names nobody. */
export function dataOf(value: JsonValue): SubscriptionData {
  const { identities, applications } = (value ?? {}) as Readonly<Record<string, JsonValue>>;
  return { identities: textsOf(identities), applications: textsOf(applications) };
}

function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}
