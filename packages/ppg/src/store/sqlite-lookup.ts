import { type LookupKey, pushKey, recipientKey } from "./lookup-keys.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** Entries that one transaction puts into the table at least, and how many more for each that it adds. */
const MERGE_CHUNK = 400;
const MERGE_PER_ADDED = 4;

/**
 * Finds pushes by push-id and deliveries by recipient. Such keys come in random order; put into an index one by one, each would dirty
 * a page of its own. So the young ones are in memory (after a start they are read from the end of the tables), and go into the table
 * `lookup` sorted, many to a page, a few with each transaction.
 *
 * Keys are hashes, and entries may outlive their rows: whoever asks must check the row that he finds.
 */
export class SqliteLookup {
  readonly #db: SqliteDatabase;
  readonly #mergeAt: number;
  #young = new Map<LookupKey, number | number[]>();
  #merging: Merge | undefined;
  #added = 0;
  #lastId: number;

  /** @param mergeAt entries kept in memory before they go into the table. */
  constructor(db: SqliteDatabase, mergeAt: number) {
    this.#db = db;
    this.#mergeAt = mergeAt;
    const mergedTo = this.#number("merged_to");
    const pushes = "SELECT push_id, id FROM pushes WHERE id > ?";
    for (const [pushId, id] of db.rows<[string, number]>(pushes, mergedTo)) this.addPush(pushId, id);
    const deliveries = "SELECT recipient, id FROM deliveries WHERE id > ?";
    for (const [recipient, id] of db.rows<[string, number]>(deliveries, mergedTo)) this.addRecipient(recipient, id);
    const [last] = db.row<[number | null]>("SELECT max(id) FROM deliveries") ?? [null];
    this.#lastId = Math.max(last ?? 0, mergedTo, this.#number("last_id"));
  }

  /** The first of `count` new ids. */
  takeIds(count: number): number {
    const first = this.#lastId + 1;
    this.#lastId += count;
    return first;
  }

  addPush(pushId: string, id: number): void {
    this.#add(pushKey(pushId), id);
  }

  addRecipient(recipient: string, id: number): void {
    this.#add(recipientKey(recipient), id);
  }

  /** The push of that push-id. */
  push(initiator: string, pushId: string): number | undefined {
    const sql = "SELECT initiator, push_id FROM pushes WHERE id = ?";
    return this.pushes(pushId).find((id) => {
      const row = this.#db.row<[string, string]>(sql, id);
      return row !== undefined && row[0] === initiator && row[1] === pushId;
    });
  }

  /** Ids of what may be pushes with that push-id, of whatever initiator; to be checked. */
  pushes(pushId: string): number[] {
    const key = pushKey(pushId);
    const merged = this.#db.rows<[number]>("SELECT id FROM lookup WHERE key = ?", key);
    const young = this.#inMemory(key);
    return merged.length === 0 ? young : [...new Set([...merged.map(([id]) => id), ...young])];
  }

  /** Ids of what may be deliveries to that recipient, below `before`, newest first; to be checked. */
  deliveriesTo(recipient: string, before: number, limit: number): number[] {
    const key = recipientKey(recipient);
    const sql = "SELECT id FROM lookup WHERE key = ? AND id < ? ORDER BY id DESC LIMIT ?";
    const merged = this.#db.rows<[number]>(sql, key, before, limit).map(([id]) => id);
    const young = this.#inMemory(key).filter((id) => id < before);
    return [...new Set([...merged, ...young])].sort((a, b) => b - a).slice(0, limit);
  }

  /** Notes that deliveries were deleted: their entries go when they are many. */
  forget(deliveries: number, lastId: number): void {
    this.#setNumber("garbage", this.#number("garbage") + 2 * deliveries);
    if (lastId > this.#number("last_id")) this.#setNumber("last_id", lastId);
  }

  /** Does its share of the merge, in the transaction that runs; call the result when that is committed. */
  mergeSome(): () => void {
    const added = this.#added;
    if (this.#merging === undefined && this.#young.size >= this.#mergeAt) this.#startMerge();
    const merge = this.#merging;
    if (merge === undefined) return () => void (this.#added = 0);
    const end = Math.min(merge.next + MERGE_CHUNK + MERGE_PER_ADDED * added, merge.keys.length);
    const entries = this.#insert(merge, end);
    const ended = end === merge.keys.length;
    if (ended) this.#endMerge(merge, entries);
    return () => {
      this.#added = 0;
      merge.next = end;
      merge.entries += entries;
      if (ended) this.#merging = undefined;
    };
  }

  #add(key: LookupKey, id: number): void {
    this.#added += 1;
    const known = this.#young.get(key);
    if (known === undefined) this.#young.set(key, id);
    else if (typeof known === "number") this.#young.set(key, [known, id]);
    else known.push(id);
  }

  #inMemory(key: LookupKey): number[] {
    const merging = this.#merging?.ids.get(key);
    const young = this.#young.get(key);
    if (merging === undefined && young === undefined) return [];
    return [merging ?? [], young ?? []].flat();
  }

  #startMerge(): void {
    const garbage = this.#number("garbage");
    this.#merging = {
      ids: this.#young,
      keys: Float64Array.from(this.#young.keys()).sort(),
      next: 0,
      entries: 0,
      to: this.#lastId,
      // A sweep looks at every entry; so it pays when a quarter of them are of no use.
      garbage: garbage * 4 > this.#number("entries") ? garbage : 0,
    };
    this.#young = new Map();
  }

  #insert({ keys, ids, next, garbage }: Merge, end: number): number {
    let entries = 0;
    for (const key of keys.subarray(next, end)) {
      for (const id of [ids.get(key) ?? []].flat()) {
        this.#db.run("INSERT OR IGNORE INTO lookup (key, id) VALUES (?, ?)", key, id);
        entries += 1;
      }
    }
    if (garbage === 0) return entries;
    const sweep = `DELETE FROM lookup WHERE key >= ? AND key < ?
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = lookup.id)`;
    const low = next === 0 ? Number.MIN_SAFE_INTEGER : (keys[next] ?? 0);
    return entries - this.#db.run(sweep, low, keys[end] ?? Number.MAX_SAFE_INTEGER);
  }

  #endMerge(merge: Merge, entries: number): void {
    this.#setNumber("merged_to", merge.to);
    this.#setNumber("entries", Math.max(this.#number("entries") + merge.entries + entries, 0));
    if (merge.garbage > 0) this.#setNumber("garbage", Math.max(this.#number("garbage") - merge.garbage, 0));
  }

  #number(name: string): number {
    return this.#db.row<[number]>("SELECT n FROM numbers WHERE name = ?", name)?.[0] ?? 0;
  }

  #setNumber(name: string, n: number): void {
    this.#db.run(
      "INSERT INTO numbers (name, n) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = excluded.n",
      name,
      n,
    );
  }
}

interface Merge {
  readonly ids: ReadonlyMap<LookupKey, number | number[]>;
  readonly keys: Float64Array;
  next: number;
  entries: number;
  /** All ids up to this one are in the table afterwards. */
  readonly to: number;
  /** Useless entries that it sweeps out; 0: it does not sweep. */
  readonly garbage: number;
}
