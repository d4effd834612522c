import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { errorFrom } from "../error-form.ts";
import { StoreError } from "./errors.ts";
import type { ThreadError, ThreadReply, ThreadRequest, ThreadSettings } from "./sqlite-messages.ts";

/** A way to the thread that has the database. */
export interface SqliteLine {
  post(request: ThreadRequest): void;
  /** Has everything answered and closes this way; the thread ends with the way of whoever started it. */
  close(): Promise<void>;
}

/** What comes by it. */
export interface LineListener {
  readonly onReply: (reply: Extract<ThreadReply, { reply: "results" }>) => void;
  /** Nothing more comes; called once, also when it was closed, unless there never was a way. */
  readonly onEnd: (error: StoreError) => void;
}

/** Resolves when the thread has opened the database; rejects with why it cannot. */
export type OpenLine<Line extends SqliteLine> = (listener: LineListener) => Promise<Line>;

/** The way of whoever starts the thread. */
export interface OwnLine extends SqliteLine {
  /** Another way to the same thread, for another thread: the end to give away. */
  link(): MessagePort;
  /** Ends the thread as a crash would. */
  terminate(): Promise<void>;
}

/** Starts the thread. */
export function startThread(settings: ThreadSettings, listener: LineListener): Promise<OwnLine> {
  const worker = new Worker(workerFile, { workerData: settings, execArgv: [], env: process.env });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const line: OwnLine = {
    post: (request) => post(worker, request),
    link: () => {
      const { port1, port2 } = new MessageChannel();
      post(worker, { link: port2 }, [port2]);
      return port1;
    },
    close: () => {
      post(worker, "close");
      return exited;
    },
    terminate: async () => void (await worker.terminate()),
  };
  return new Promise((resolve, reject) => {
    let isOpen = false;
    worker.on("message", (reply: ThreadReply) => {
      if (reply.reply === "results") listener.onReply(reply);
      if (reply.reply !== "opened") return;
      if (reply.error !== null) return reject(storeErrorFrom(reply.error));
      isOpen = true;
      resolve(line);
    });
    let cause: unknown;
    worker.on("error", (error) => (cause = error));
    worker.on("exit", () => {
      const error = ended(cause);
      // Of one that did not open nobody knows any more: the next may be on its way.
      if (isOpen) listener.onEnd(error);
      else reject(error);
    });
  });
}

/** Goes by a way that another thread has asked for with {@link OwnLine.link}. */
export function followLink(port: MessagePort, { onReply, onEnd }: LineListener): SqliteLine {
  const closed = new Promise<void>((resolve) => port.once("close", () => resolve()));
  port.on("message", (reply: ThreadReply) => {
    if (reply.reply === "results") onReply(reply);
  });
  void closed.then(() => onEnd(ended(undefined)));
  return {
    post: (request) => post(port, request),
    close: () => {
      post(port, "close");
      return closed;
    },
  };
}

function post(to: Worker | MessagePort, request: ThreadRequest, transfer: readonly MessagePort[] = []): void {
  to.postMessage(request, transfer);
}

function ended(cause: unknown): StoreError {
  return new StoreError("STORE_UNAVAILABLE", "the thread of the database has ended", { cause });
}

/** Beside this file, and of its kind: TypeScript in a checkout, JavaScript in a package. */
const workerFile: URL = new URL(`./sqlite-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export const storeErrorFrom = ({ code, problem, cause }: ThreadError): StoreError =>
  new StoreError(code, problem, cause === null ? {} : { cause: errorFrom(cause) });
