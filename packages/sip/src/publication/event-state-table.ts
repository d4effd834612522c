import { detached } from "../dialog/index.ts";
import { randomToken } from "../message/index.ts";
import type { EventPublication, EventStateLimits } from "./event-state.ts";

/** What is stored under a new entity tag. */
export type NewPublication<State> = Omit<EventPublication<State>, "entityTag">;

/** Octets that an entry costs beside its body, about. */
const ENTRY_BYTES = 512;

interface Entry<State> {
  readonly publication: EventPublication<State>;
  /** Grows with each change: the order of publications. */
  readonly changed: number;
}

/**
 * Publications by resource, event and entity tag, within limits. Every success makes a new tag of 128 random bits: unlike
 * any given before and not to be guessed (RFC 3903 §6 step 6).
 */
export class EventStateTable<State> {
  readonly #limits: Required<EventStateLimits>;
  readonly #resources = new Map<string, Map<string, Entry<State>>>();
  #size = 0;
  #bytes = 0;
  #changes = 0;

  constructor({ maxPerResource = 16, maxPublications = 100_000, maxTotalBytes = 268_435_456 }: EventStateLimits = {}) {
    this.#limits = { maxPerResource, maxPublications, maxTotalBytes };
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(resource: string, event: string, entityTag: string): EventPublication<State> | undefined {
    return this.#resources.get(keyOf(resource, event))?.get(entityTag)?.publication;
  }

  /** That which changed last at the end. */
  publications(resource: string, event: string): Array<EventPublication<State>> {
    const entries = [...(this.#resources.get(keyOf(resource, event))?.values() ?? [])];
    return entries.sort((a, b) => a.changed - b.changed).map(({ publication }) => publication);
  }

  /** Which limit `bodyBytes` more would pass, when `replaced` goes. */
  full(
    resource: string,
    event: string,
    bodyBytes: number,
    replaced?: EventPublication<State>,
  ): "resource" | "all" | undefined {
    const { maxPerResource, maxPublications, maxTotalBytes } = this.#limits;
    const freed = replaced === undefined ? 0 : costOf(replaced.body);
    if (this.#bytes - freed + bodyBytes + ENTRY_BYTES > maxTotalBytes) return "all";
    if (replaced !== undefined) return undefined;
    if (this.#size >= maxPublications) return "all";
    return (this.#resources.get(keyOf(resource, event))?.size ?? 0) >= maxPerResource ? "resource" : undefined;
  }

  /** Stores under a new tag, instead of `replaced`. */
  put(publication: NewPublication<State>, replaced?: EventPublication<State>): EventPublication<State> {
    const entityTag = newEntityTag();
    const { event } = publication;
    // Cut out of the Request-URI perhaps: that would keep all of its message.
    const resource = detached(publication.resource);
    if (replaced !== undefined) this.remove(replaced);
    const stored = { ...publication, resource, entityTag };
    const key = keyOf(resource, event);
    const entries = this.#resources.get(key) ?? new Map<string, Entry<State>>();
    this.#resources.set(key, entries);
    entries.set(entityTag, { publication: stored, changed: ++this.#changes });
    this.#size++;
    this.#bytes += costOf(stored.body);
    return stored;
  }

  /** Gives `publication` a new tag and end; its state and its place among the others stay. */
  renew(publication: EventPublication<State>, expiresAtMs: number): EventPublication<State> {
    const entries = this.#resources.get(keyOf(publication.resource, publication.event));
    const changed = entries?.get(publication.entityTag)?.changed ?? ++this.#changes;
    const renewed = { ...publication, entityTag: newEntityTag(), expiresAtMs };
    entries?.delete(publication.entityTag);
    entries?.set(renewed.entityTag, { publication: renewed, changed });
    return renewed;
  }

  /** False when it was not there any more. */
  remove({ resource, event, entityTag }: EventPublication<State>): boolean {
    const key = keyOf(resource, event);
    const entries = this.#resources.get(key);
    const entry = entries?.get(entityTag);
    if (entries === undefined || entry === undefined) return false;
    entries.delete(entityTag);
    if (entries.size === 0) this.#resources.delete(key);
    this.#size--;
    this.#bytes -= costOf(entry.publication.body);
    return true;
  }

  clear(): void {
    this.#resources.clear();
    this.#size = 0;
    this.#bytes = 0;
  }
}

/** A tag that nothing is stored under answers a removal: the 200 must have one. RFC 3903 §6 step 6. */
export function newEntityTag(): string {
  return randomToken(16);
}

/** Event names are tokens, so the first blank ends them. */
function keyOf(resource: string, event: string): string {
  return `${event} ${resource}`;
}

function costOf(body: Uint8Array): number {
  return body.length + ENTRY_BYTES;
}
