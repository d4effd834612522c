import { BriefMap } from "@sip-push/sip";
import { StoreError } from "./errors.ts";
import type { SqliteCall, SqliteCallArgs, SqliteCallResult } from "./sqlite-calls.ts";
import { type OpenLine, type SqliteLine, storeErrorFrom } from "./sqlite-line.ts";
import { isPatient, type ThreadCall, type ThreadReply } from "./sqlite-messages.ts";
import type { TakenBackListener } from "./store.ts";
import type { WorkKind } from "./types.ts";
import { WorkListeners } from "./work-listeners.ts";

interface Waiting {
  readonly name: SqliteCall;
  readonly resolve: (value: never) => void;
  readonly reject: (error: StoreError) => void;
}

/**
 * Calls to the database, which is in a thread of its own, so that nobody here waits for the disk. Those made while it is at work on
 * others go to it together when it has answered those, unless it only waits for more: waking a thread costs as much as a call. When
 * the way to it ends, calls under way are rejected with `STORE_UNAVAILABLE`, and the next one opens another.
 */
export class SqliteThread<Line extends SqliteLine = SqliteLine> {
  readonly #open: OpenLine<Line>;
  readonly #waiting = new BriefMap<number, Waiting>();
  readonly #listeners = new WorkListeners();
  readonly #takenBackListeners = new Set<TakenBackListener>();
  #line: Line | undefined;
  /** Resolves when there is a way, rejects with why there is none. */
  #opening: Promise<Line> | undefined;
  #batch: ThreadCall[] = [];
  /** Calls that the thread has and has not answered, and of them those that are not patient. */
  #under = 0;
  #urgent = 0;
  /** Of those that it does not have yet. */
  #urgentInBatch = 0;
  #flushing = false;
  #number = 0;
  #closing: Promise<void> | undefined;

  private constructor(open: OpenLine<Line>) {
    this.#open = open;
  }

  /** @throws {StoreError} `STORE_IN_USE`, `STORE_TOO_NEW`, `STORE_UNAVAILABLE` */
  static async open<Line extends SqliteLine>(open: OpenLine<Line>): Promise<SqliteThread<Line>> {
    const thread = new SqliteThread(open);
    await thread.#start();
    return thread;
  }

  /** The way there; opened when there is none. */
  async line(): Promise<Line> {
    if (this.#closing !== undefined) throw new StoreError("STORE_CLOSED", "the store is closed");
    return this.#line ?? this.#start();
  }

  /** Committed when it resolves. */
  call<Name extends SqliteCall>(name: Name, ...args: SqliteCallArgs<Name>): Promise<SqliteCallResult<Name>> {
    if (this.#closing !== undefined) return Promise.reject(new StoreError("STORE_CLOSED", "the store is closed"));
    return new Promise((resolve, reject) => {
      const number = ++this.#number;
      this.#waiting.set(number, { name, resolve, reject });
      this.#batch.push([number, name, args as never]);
      if (!isPatient(name)) this.#urgentInBatch++;
      this.#flushSoon();
    });
  }

  onWork(of: WorkKind, listener: () => void): () => void {
    return this.#listeners.add(of, listener);
  }

  onTakenBack(listener: TakenBackListener): () => void {
    this.#takenBackListeners.add(listener);
    return () => void this.#takenBackListeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flush();
    await this.#opening?.catch(() => {});
    await this.#line?.close();
    this.#listeners.clear();
    this.#takenBackListeners.clear();
  }

  /** At the end of this turn, so that what it makes of the answers goes along; unless the thread is at work. */
  #flushSoon(): void {
    const isAtWork = this.#urgent > 0 || (this.#under > 0 && this.#urgentInBatch === 0);
    if (isAtWork || this.#flushing || this.#batch.length === 0) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#flushing = false;
    if (batch.length === 0) return;
    this.#under += batch.length;
    this.#urgent += this.#urgentInBatch;
    this.#urgentInBatch = 0;
    if (this.#line !== undefined) return this.#line.post(batch);
    this.#start().then(
      (line) => line.post(batch),
      (error: StoreError) => {
        this.#under = 0;
        this.#urgent = 0;
        for (const [number] of batch) this.#waiting.take(number)?.reject(error);
        this.#flushSoon();
      },
    );
  }

  #start(): Promise<Line> {
    this.#opening ??= this.#open({
      onReply: (reply) => this.#settle(reply),
      onEnd: (error) => this.#ended(error),
    }).then(
      (line) => (this.#line = line),
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  #ended(error: StoreError): void {
    this.#line = undefined;
    this.#opening = undefined;
    this.#under = 0;
    this.#urgent = 0;
    const batch = new Set(this.#batch.map(([number]) => number));
    // What was not sent goes to the next thread.
    for (const number of [...this.#waiting.keys()]) if (!batch.has(number)) this.#waiting.take(number)?.reject(error);
    this.#flushSoon();
    // Nobody else opens another for one that waits for news, and some may have been lost.
    if (this.#closing === undefined) this.#listeners.tell(["deliveries", "results"]);
  }

  #settle({ results, worked, takenBack }: Extract<ThreadReply, { reply: "results" }>): void {
    if (takenBack.length > 0) for (const listener of this.#takenBackListeners) listener(takenBack);
    for (const [number, value, error] of results) {
      const waiting = this.#waiting.take(number);
      if (waiting !== undefined && !isPatient(waiting.name)) this.#urgent--;
      if (error === null) waiting?.resolve(value as never);
      else waiting?.reject(storeErrorFrom(error));
    }
    this.#under -= results.length;
    this.#flushSoon();
    this.#listeners.tell(worked);
  }
}
