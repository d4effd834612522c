import { mkdirSync } from "node:fs";
import type { MessagePort } from "node:worker_threads";
import { checkedAdvance } from "./advance-rules.ts";
import { storeErrorOf } from "./errors.ts";
import { holdable } from "./holding.ts";
import { checkLimit, checkSubmission } from "./rows.ts";
import { SqliteCapabilityStore, SqliteSubscriptionStore } from "./sqlite-agents.ts";
import { claimedFrom, notificationFrom, pushForms, submittedFrom } from "./sqlite-forms.ts";
import { followLink, type LineListener, type OwnLine, type SqliteLine, startThread } from "./sqlite-line.ts";
import { SqliteThread } from "./sqlite-thread.ts";
import type { PpgStore, TakenBackListener } from "./store.ts";
import type {
  AdvanceResult,
  CancelledAddress,
  ClaimedDelivery,
  ClaimRequest,
  DeliveryAdvance,
  DeliveryLease,
  DeliveryPage,
  DeliveryQuery,
  DeliveryRecord,
  HoldRequest,
  NotificationRecord,
  NotificationVerdict,
  PushName,
  PushSelector,
  PushStatus,
  PushSubmission,
  ReleaseResult,
  ResultNotification,
  StateCounts,
  StoredPush,
  SubmitResult,
  TimelineEntry,
  WorkKind,
} from "./types.ts";

const LOOKUP_IN_MEMORY = 131_072;

/**
 * The embedded store: one file, `ppg.sqlite`, in a data directory, in a thread of its own. Write-ahead log with
 * `synchronous=FULL`: what is committed survives a crash of the process and of the machine. It keeps the file to itself;
 * `PostgresStore` is for several processes.
 */
export class SqliteStore implements PpgStore {
  readonly subscriptions: SqliteSubscriptionStore;
  readonly capabilities: SqliteCapabilityStore;
  readonly #thread: SqliteThread;
  /** Undefined: this one follows a link itself. */
  readonly #own: SqliteThread<OwnLine> | undefined;

  private constructor(thread: SqliteThread, own?: SqliteThread<OwnLine>) {
    this.#thread = thread;
    this.#own = own;
    this.subscriptions = new SqliteSubscriptionStore(thread);
    this.capabilities = new SqliteCapabilityStore(thread);
  }

  /**
   * Opens the database, or makes it; brings an older one up to date.
   *
   * @param directory made when it is not there, for its owner only.
   * @param lookupInMemory push-ids and recipients kept in memory before they go into a table, sorted.
   * @throws {StoreError} `STORE_IN_USE`: another store has the directory. `STORE_TOO_NEW`, `STORE_UNAVAILABLE`
   */
  static async open(directory: string, lookupInMemory: number = LOOKUP_IN_MEMORY): Promise<SqliteStore> {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw storeErrorOf(error);
    }
    const own = await SqliteThread.open((listener) => startThread({ directory, lookupInMemory }, listener));
    return new SqliteStore(own, own);
  }

  /**
   * The same store for another thread of this process.
   *
   * @param link asks the store that has the database for a {@link link}; again when that has ended.
   */
  static async connect(link: () => Promise<MessagePort>): Promise<SqliteStore> {
    const open = async (listener: LineListener): Promise<SqliteLine> => followLink(await link(), listener);
    return new SqliteStore(await SqliteThread.open(open));
  }

  /** What another thread connects with: to be transferred to it. It ends with this store. */
  async link(): Promise<MessagePort> {
    if (this.#own === undefined) throw new TypeError("only who opened the database gives links");
    return (await this.#own.line()).link();
  }

  /**
   * Ends the leases of whoever had the file before: nobody else has it now, so what a process that was killed had under way need not
   * wait for them. To be called before anything is claimed. Returns how many there were.
   */
  takeOver(): Promise<number> {
    return this.#thread.call("takeOver");
  }

  async submit(submissions: readonly PushSubmission[], nowMs: number, hold?: HoldRequest): Promise<SubmitResult[]> {
    for (const submission of submissions) checkSubmission(submission);
    const chosen = holdable(submissions, nowMs, hold);
    const forms = pushForms(submissions, chosen);
    const submitted = await this.#thread.call(
      "submit",
      forms,
      nowMs,
      hold && { owner: hold.owner, untilMs: nowMs + hold.leaseMs },
    );
    return submitted.map((each, index) => submittedFrom(each, submissions[index] as PushSubmission, nowMs, hold));
  }

  async claim(request: ClaimRequest): Promise<ClaimedDelivery[]> {
    checkLimit(request.limit);
    return claimedFrom(await this.#thread.call("claim", request), request);
  }

  renew(leases: readonly DeliveryLease[], untilMs: number): Promise<boolean[]> {
    return this.#thread.call("renew", leases, untilMs);
  }

  release(leases: readonly DeliveryLease[], nowMs: number, dueAtMs: number = nowMs): Promise<ReleaseResult[]> {
    return this.#thread.call("release", leases, nowMs, dueAtMs);
  }

  async advance(advances: readonly DeliveryAdvance[]): Promise<AdvanceResult[]> {
    return this.#thread.call("advance", advances.map(checkedAdvance));
  }

  wake(recipients: readonly string[], nowMs: number, pauseMs: number): Promise<number> {
    return this.#thread.call("wake", recipients, nowMs, pauseMs);
  }

  nextDueAtMs(of?: WorkKind): Promise<number | undefined> {
    return this.#thread.call("nextDueAtMs", of);
  }

  check(): Promise<void> {
    return this.#thread.call("check");
  }

  onWork(of: WorkKind, listener: () => void): () => void {
    return this.#thread.onWork(of, listener);
  }

  onTakenBack(listener: TakenBackListener): () => void {
    return this.#thread.onTakenBack(listener);
  }

  cancel(selector: PushSelector, nowMs: number): Promise<readonly CancelledAddress[] | undefined> {
    return this.#thread.call("cancel", selector, nowMs);
  }

  status(name: PushName): Promise<PushStatus | undefined> {
    return this.#thread.call("status", name);
  }

  push(id: number): Promise<StoredPush | undefined> {
    return this.#thread.call("push", id);
  }

  delivery(id: number): Promise<DeliveryRecord | undefined> {
    return this.#thread.call("delivery", id);
  }

  deliveryOfCallId(callId: string): Promise<DeliveryRecord | undefined> {
    return this.#thread.call("deliveryOfCallId", callId);
  }

  timeline(delivery: number): Promise<readonly TimelineEntry[]> {
    return this.#thread.call("timeline", delivery);
  }

  notificationsOf(push: number): Promise<readonly NotificationRecord[]> {
    return this.#thread.call("notificationsOf", push);
  }

  async awaitingRegistration(limit: number): Promise<readonly string[]> {
    checkLimit(limit);
    return this.#thread.call("awaitingRegistration", limit);
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    checkLimit(query.limit);
    return this.#thread.call("find", query);
  }

  countByState(): Promise<StateCounts> {
    return this.#thread.call("countByState");
  }

  async claimNotifications(request: ClaimRequest): Promise<ResultNotification[]> {
    checkLimit(request.limit);
    const rows = await this.#thread.call("claimNotifications", request);
    return rows.map((columns) => notificationFrom(columns, request.owner));
  }

  settleNotifications(verdicts: readonly NotificationVerdict[]): Promise<boolean[]> {
    return this.#thread.call("settleNotifications", verdicts);
  }

  async prune(finishedBeforeMs: number, limit: number): Promise<number> {
    checkLimit(limit);
    return this.#thread.call("prune", finishedBeforeMs, limit);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
