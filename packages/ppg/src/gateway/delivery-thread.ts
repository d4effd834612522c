import { type MessagePort, Worker } from "node:worker_threads";
import { BriefMap, type ListenAddress, type Logger } from "@sip-push/sip";
import type { PpgConfig } from "../config/types.ts";
import { Places } from "../dispatch/places.ts";
import { errorForm, errorFrom } from "../error-form.ts";
import type { PpgEvent, PpgObserver } from "../events.ts";
import type { SqliteStore } from "../store/sqlite-store.ts";
import type { ClaimedDelivery } from "../store/types.ts";
import type {
  DeliveryCalls,
  DeliveryReply,
  DeliveryRequest,
  DeliverySettings,
  OpenFailure,
} from "./delivery-messages.ts";
import type { DeliverySide, DeliveryStats, RegistrationEvent } from "./delivery-side.ts";
import { GatewayError } from "./gateway-error.ts";
import { heldForms } from "./held-forms.ts";
import { writeLine } from "./log-lines.ts";

export interface DeliveryThreadOptions {
  readonly config: PpgConfig;
  readonly owner: string;
  /** Has the database; the thread gets links to it. */
  readonly store: SqliteStore;
  readonly logger: Logger;
  readonly observe: PpgObserver;
  readonly onRegistration: (event: RegistrationEvent) => void;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A delivery side in a thread of its own: whoever submits waits neither for SIP nor for the garbage of it. A mistake that would
 * end the process there ends it from here, too.
 */
export class DeliveryThread implements DeliverySide {
  readonly places: Places = new Places();
  readonly #options: DeliveryThreadOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #opened = Promise.withResolvers<readonly ListenAddress[]>();
  readonly #waiting = new BriefMap<number, Waiting>();
  #listening: readonly ListenAddress[] = [];
  #isOpen = false;
  #number = 0;
  /** Why nothing more comes from there. */
  #ended: Error | undefined;
  #stopped: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: DeliveryThreadOptions) {
    const { config, owner } = options;
    this.#options = options;
    const workerData: DeliverySettings = { config, owner, places: this.places.buffer };
    this.#worker = new Worker(workerFile, { workerData, execArgv });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    this.#worker.on("message", (reply: DeliveryReply) => this.#heard(reply));
    this.#worker.on("error", (error) => this.#failed(error));
    this.#worker.on("exit", () => this.#failed(new Error("the delivering thread has ended")));
  }

  /** @throws {GatewayError} */
  static async open(options: DeliveryThreadOptions): Promise<DeliveryThread> {
    const thread = new DeliveryThread(options);
    thread.#listening = await thread.#opened.promise;
    thread.#isOpen = true;
    return thread;
  }

  get listening(): readonly ListenAddress[] {
    return this.#listening;
  }

  readonly capabilitiesOf: DeliverySide["capabilitiesOf"] = (...args) => this.#call("capabilitiesOf", ...args);

  stats(): Promise<DeliveryStats> {
    return this.#call("stats");
  }

  start(): void {
    this.#post({ tell: "start" });
  }

  take(deliveries: readonly ClaimedDelivery[]): void {
    this.#post({ take: heldForms(deliveries) });
  }

  stop(graceMs: number, submitted: Promise<unknown>): Promise<void> {
    if (this.#stopped !== undefined && graceMs === 0) void this.#call("stop", graceMs).catch(() => {});
    this.#stopped ??= this.#stop(graceMs, submitted);
    return this.#stopped;
  }

  #stop(graceMs: number, submitted: Promise<unknown>): Promise<void> {
    void submitted.finally(() => this.#post({ tell: "submitted" }));
    return this.#call("stop", graceMs);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#call("close");
    await this.#exited;
  }

  #call<Name extends keyof DeliveryCalls>(
    call: Name,
    ...args: Parameters<DeliveryCalls[Name]>
  ): ReturnType<DeliveryCalls[Name]> {
    const answer = new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const number = ++this.#number;
      this.#waiting.set(number, { resolve, reject });
      this.#post({ call, number, args } as DeliveryRequest);
    });
    return answer as ReturnType<DeliveryCalls[Name]>;
  }

  #post(request: DeliveryRequest, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #heard(reply: DeliveryReply): void {
    switch (reply.reply) {
      case "told":
        for (const line of reply.lines) writeLine(this.#options.logger, line);
        for (const event of JSON.parse(reply.events) as PpgEvent[]) this.#options.observe(event);
        return;
      case "answer":
        this.#waiting.take(reply.number)?.resolve(reply.value as never);
        return;
      case "refusal":
        this.#waiting.take(reply.number)?.reject(errorFrom(reply.error));
        return;
      case "registration":
        this.#options.onRegistration(reply.event);
        return;
      case "wantsLink":
        void this.#link();
        return;
      case "opened":
        this.#opened.resolve(reply.listening);
        return;
      case "failed":
        this.#opened.reject(errorOf(reply.error));
    }
  }

  async #link(): Promise<void> {
    try {
      const port = await this.#options.store.link();
      this.#post({ link: port }, [port]);
    } catch (error) {
      this.#post({ link: null, error: errorForm(error) });
    }
  }

  /** Nothing more comes from there. After it was closed nobody waits for that. */
  #failed(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#opened.reject(error);
    for (const number of [...this.#waiting.keys()]) this.#waiting.take(number)?.reject(error);
    if (this.#isOpen && this.#closed === undefined) {
      setImmediate(() => {
        throw error;
      });
    }
  }
}

function errorOf({ code, retryable, error: form }: OpenFailure): Error {
  const error = errorFrom(form);
  return code === null ? error : new GatewayError(code, error.message, { retryable, cause: error.cause });
}

/** Beside this file, and of its kind: TypeScript in a checkout, with the sources of the other packages, JavaScript in a package. */
const isSource = import.meta.url.endsWith(".ts");
const workerFile: URL = new URL(`./delivery-worker${isSource ? ".ts" : ".js"}`, import.meta.url);
const execArgv: string[] = isSource ? ["--conditions=@sip-push/source"] : [];
