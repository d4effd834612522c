import { Worker } from "node:worker_threads";
import { StoreError } from "./errors.ts";
import type { SqliteCall, SqliteCallArgs, SqliteCallResult } from "./sqlite-calls.ts";
import type { ThreadError, ThreadReply, ThreadRequest, ThreadSettings } from "./sqlite-messages.ts";
import type { TakenBackListener } from "./store.ts";
import type { WorkKind } from "./types.ts";
import { WorkListeners } from "./work-listeners.ts";

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: StoreError) => void;
}

/**
 * The database in a thread of its own, so that nobody here waits for the disk. Calls made while it is at work on others go to it
 * together when it has answered those: waking a thread costs as much as a call. When the thread dies, calls under way are rejected with `STORE_UNAVAILABLE`, and the next one starts another.
 */
export class SqliteThread {
  readonly #settings: ThreadSettings;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new WorkListeners();
  readonly #takenBackListeners = new Set<TakenBackListener>();
  #worker: Worker | undefined;
  /** Resolves when the worker has opened the database, rejects with why it cannot. */
  #opening: Promise<void> | undefined;
  #batch: (readonly [number, SqliteCall, never])[] = [];
  /** Calls that the thread has and has not answered. */
  #under = 0;
  #flushing = false;
  #number = 0;
  #closing: Promise<void> | undefined;

  private constructor(settings: ThreadSettings) {
    this.#settings = settings;
  }

  /** @throws {StoreError} `STORE_IN_USE`, `STORE_TOO_NEW`, `STORE_UNAVAILABLE` */
  static async open(settings: ThreadSettings): Promise<SqliteThread> {
    const thread = new SqliteThread(settings);
    await thread.#start();
    return thread;
  }

  /** Committed when it resolves. */
  call<Name extends SqliteCall>(name: Name, ...args: SqliteCallArgs<Name>): Promise<SqliteCallResult<Name>> {
    if (this.#closing !== undefined) return Promise.reject(new StoreError("STORE_CLOSED", "the store is closed"));
    return new Promise((resolve, reject) => {
      const number = ++this.#number;
      this.#waiting.set(number, { resolve, reject });
      this.#batch.push([number, name, args as never]);
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

  /** Ends the thread as a crash would. */
  async terminate(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #close(): Promise<void> {
    this.#flush();
    await this.#opening?.catch(() => {});
    const worker = this.#worker;
    if (worker !== undefined) {
      const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage("close" satisfies ThreadRequest);
      await exited;
    }
    this.#listeners.clear();
    this.#takenBackListeners.clear();
  }

  /** At the end of this turn, so that what it makes of the answers goes along; unless the thread is at work. */
  #flushSoon(): void {
    if (this.#under > 0 || this.#flushing || this.#batch.length === 0) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#flushing = false;
    if (batch.length === 0) return;
    this.#under += batch.length;
    const post = (): void => this.#worker?.postMessage(batch satisfies ThreadRequest);
    if (this.#worker !== undefined) return post();
    this.#start().then(post, (error: StoreError) => {
      this.#under = 0;
      for (const [number] of batch) this.#take(number)?.reject(error);
      this.#flushSoon();
    });
  }

  #start(): Promise<void> {
    this.#opening ??= new Promise<void>((resolve, reject) => {
      const worker = new Worker(workerFile, { workerData: this.#settings, execArgv: [], env: process.env });
      worker.on("message", (reply: ThreadReply) => {
        if (reply.reply === "results") this.#settle(reply);
        if (reply.reply !== "opened") return;
        if (reply.error !== null) return reject(storeErrorFrom(reply.error));
        this.#worker = worker;
        resolve();
      });
      let cause: unknown;
      worker.on("error", (error) => (cause = error));
      worker.on("exit", () => {
        const error = new StoreError("STORE_UNAVAILABLE", "the thread of the database has ended", { cause });
        reject(error);
        this.#ended(error);
      });
    });
    return this.#opening;
  }

  #ended(error: StoreError): void {
    this.#worker = undefined;
    this.#opening = undefined;
    this.#under = 0;
    const batch = new Set(this.#batch.map(([number]) => number));
    // What was not sent goes to the next thread.
    for (const number of [...this.#waiting.keys()]) if (!batch.has(number)) this.#take(number)?.reject(error);
    this.#flushSoon();
  }

  #settle({ results, worked, takenBack }: Extract<ThreadReply, { reply: "results" }>): void {
    if (takenBack.length > 0) for (const listener of this.#takenBackListeners) listener(takenBack);
    for (const [number, value, error] of results) {
      const waiting = this.#take(number);
      if (error === null) waiting?.resolve(value as never);
      else waiting?.reject(storeErrorFrom(error));
    }
    this.#under -= results.length;
    this.#flushSoon();
    this.#listeners.tell(worked);
  }

  #take(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    return waiting;
  }
}

/** Beside this file, and of its kind: TypeScript in a checkout, JavaScript in a package. */
const workerFile: URL = new URL(`./sqlite-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

const storeErrorFrom = ({ code, problem }: ThreadError): StoreError => new StoreError(code, problem);
