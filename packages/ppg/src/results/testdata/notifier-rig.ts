import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@sip-push/sip/testing";
import type { PpgEvent } from "../../events.ts";
import type { PushDetails } from "../../push-details.ts";
import { SqliteStore } from "../../store/sqlite-store.ts";
import type { PpgStore } from "../../store/store.ts";
import { claimAs, outcome, submission, t0, to } from "../../store/testdata/pushes.ts";
import type { DeliveryAdvance, PushSubmission } from "../../store/types.ts";
import { ResultNotifier } from "../notifier.ts";
import type { ResultNotifierOptions } from "../options.ts";
import { InitiatorServer } from "./initiator-server.ts";

export type Notified = Extract<PpgEvent, { event: "notified" }>;

const details: PushDetails = {
  applicationId: "push.syncml",
  contentEncoding: null,
  contentLanguage: null,
  contentDisposition: null,
  sourceReference: null,
  papVersion: "2.0",
  network: null,
  networkRequired: false,
  bearer: null,
  bearerRequired: false,
  qualityOfService: false,
  traceparent: null,
};

/** A notifier on a store of its own, with a clock that moves only while nothing is under way. */
export class NotifierRig {
  readonly clock = new VirtualClock();
  readonly events: Notified[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), "ppg-results-"));
  readonly #servers: InitiatorServer[] = [];
  #store: PpgStore | undefined;
  #storeCalls = 0;
  #notifier: ResultNotifier | undefined;

  async open(): Promise<void> {
    this.#store = this.#watched(await SqliteStore.open(this.#directory));
  }

  /** The store, which counts the calls that are under way: no time passes meanwhile. */
  #watched(store: PpgStore): PpgStore {
    const settled = (): void => {
      this.#storeCalls -= 1;
    };
    return new Proxy(store, {
      get: (target, name: keyof PpgStore) => {
        const member = target[name];
        if (typeof member !== "function") return member;
        return (...args: never[]) => {
          const result: unknown = Reflect.apply(member, target, args);
          if (!(result instanceof Promise)) return result;
          this.#storeCalls += 1;
          result.then(settled, settled);
          return result;
        };
      },
    });
  }

  get store(): PpgStore {
    if (this.#store === undefined) throw new Error("outside of a test");
    return this.#store;
  }

  get notifier(): ResultNotifier {
    if (this.#notifier === undefined) throw new Error("not started");
    return this.#notifier;
  }

  async server(...args: ConstructorParameters<typeof InitiatorServer>): Promise<InitiatorServer> {
    const server = await new InitiatorServer(...args).listen();
    this.#servers.push(server);
    return server;
  }

  start(options: Partial<ResultNotifierOptions> = {}): ResultNotifier {
    this.#notifier = new ResultNotifier({
      store: this.store,
      owner: "node-1",
      admits: () => true,
      mayGoInward: () => true,
      clock: this.clock,
      random: () => 0.5,
      observe: (event) => {
        if (event.event === "notified") this.events.push(event);
      },
      ...options,
    });
    this.#notifier.start();
    return this.#notifier;
  }

  /** Pushes to these users, delivered now, with results for this URL. */
  async finish(
    notifyUrl: string,
    pushId: string,
    users: readonly string[] = ["alice"],
    changes: {
      push?: Partial<PushSubmission>;
      details?: Partial<PushDetails>;
      outcome?: Partial<DeliveryAdvance>;
    } = {},
  ): Promise<void> {
    const nowMs = t0 + this.clock.now();
    const applicationData = { ...details, ...changes.details };
    const push = submission(pushId, { notifyUrl, recipients: to(...users), applicationData, ...changes.push });
    await this.store.submit([push], nowMs);
    await this.#deliver(nowMs, changes.outcome);
  }

  /** As many pushes, each to alice. */
  async finishMany(notifyUrl: string, prefix: string, count: number): Promise<void> {
    const nowMs = t0 + this.clock.now();
    const pushes = Array.from({ length: count }, (_, each) => {
      return submission(`${prefix}-${each}`, { notifyUrl, applicationData: { ...details } });
    });
    await this.store.submit(pushes, nowMs);
    await this.#deliver(nowMs);
  }

  async #deliver(nowMs: number, changes: Partial<DeliveryAdvance> = {}): Promise<void> {
    const claimed = await this.store.claim(claimAs("dispatcher", nowMs, 1_000));
    await this.store.advance(claimed.map((each) => outcome(each, { atMs: nowMs, ...changes })));
  }

  /** Lets things happen until the promise settles: octets travel at their own pace, and time moves on while none do. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    while (!settled) {
      if (this.#storeCalls > 0 || this.notifier.stats.underWay > 0) await turn();
      else await this.clock.advance(STEP_MS);
    }
    return promise;
  }

  /** Lets time pass although requests are under way; with `until`, no longer than it takes to hold. */
  async elapse(ms: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.clock.now() + ms;
    while (this.clock.now() < endMs && !until()) {
      // Some turns for the octets under way.
      for (let turns = 0; turns < 20 || this.#storeCalls > 0; turns++) await turn();
      await this.clock.advance(Math.min(10, endMs - this.clock.now()));
    }
  }

  /** The same, until this holds. */
  async when(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#storeCalls > 0 || this.notifier.stats.underWay > 0) await turn();
      else await this.clock.advance(STEP_MS);
    }
  }

  /** Lets octets travel, without time, until this holds. */
  async still(holds: () => boolean): Promise<void> {
    while (!holds()) await turn();
  }

  async close(): Promise<void> {
    const notifier = this.#notifier;
    if (notifier !== undefined) {
      let stopped = false;
      void notifier.stop(0).then(() => {
        stopped = true;
      });
      await this.elapse(Number.POSITIVE_INFINITY, () => stopped);
    }
    await Promise.all(this.#servers.map((server) => server.close()));
    await this.#store?.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** No timeout is nearly as short, so that octets under way are not overtaken by it. */
const STEP_MS = 100;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
