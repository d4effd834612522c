import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkLimit, checkSubmission } from "./rows.ts";
import { SqliteCapabilityStore, SqliteSubscriptionStore } from "./sqlite-agents.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import * as queries from "./sqlite-queries.ts";
import { claimNotifications, settleNotifications } from "./sqlite-results.ts";
import { cancelPush, submitPush } from "./sqlite-submit.ts";
import { advanceDeliveries, claimDeliveries, releaseLeases, renewLeases, wakeRecipients } from "./sqlite-work.ts";
import type { PpgStore } from "./store.ts";
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
  NotificationVerdict,
  PushSelector,
  PushStatus,
  PushSubmission,
  ResultNotification,
  StateCounts,
  StoredPush,
  SubmitResult,
  TimelineEntry,
} from "./types.ts";

const FILE = "ppg.sqlite";

/**
 * The embedded store: one file, `ppg.sqlite`, in a data directory. Write-ahead log with `synchronous=FULL`: what is committed
 * survives a crash of the process and of the machine. For one process; `PostgresStore` is for several.
 */
export class SqliteStore implements PpgStore {
  readonly subscriptions: SqliteSubscriptionStore;
  readonly capabilities: SqliteCapabilityStore;
  readonly #db: SqliteDatabase;

  private constructor(db: SqliteDatabase) {
    this.#db = db;
    this.subscriptions = new SqliteSubscriptionStore(db);
    this.capabilities = new SqliteCapabilityStore(db);
  }

  /**
   * Opens the database, or makes it; brings an older one up to date.
   *
   * @param directory made when it is not there, for its owner only.
   * @throws {StoreError} `STORE_TOO_NEW`, `STORE_UNAVAILABLE`
   */
  static async open(directory: string): Promise<SqliteStore> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new SqliteStore(new SqliteDatabase(join(directory, FILE)));
  }

  async submit(submissions: readonly PushSubmission[], nowMs: number): Promise<SubmitResult[]> {
    for (const submission of submissions) checkSubmission(submission);
    return this.#db.transaction(() => submissions.map((submission) => submitPush(this.#db, submission, nowMs)));
  }

  async claim(request: ClaimRequest): Promise<ClaimedDelivery[]> {
    checkLimit(request.limit);
    return this.#db.transaction(() => claimDeliveries(this.#db, request));
  }

  renew(leases: readonly DeliveryLease[], untilMs: number): Promise<boolean[]> {
    return this.#db.transaction(() => renewLeases(this.#db, leases, untilMs));
  }

  release(leases: readonly DeliveryLease[], nowMs: number): Promise<boolean[]> {
    return this.#db.transaction(() => releaseLeases(this.#db, leases, nowMs));
  }

  advance(advances: readonly DeliveryAdvance[]): Promise<AdvanceResult[]> {
    return this.#db.transaction(() => advanceDeliveries(this.#db, advances));
  }

  wake(recipients: readonly string[], nowMs: number): Promise<number> {
    return this.#db.transaction(() => wakeRecipients(this.#db, recipients, nowMs));
  }

  nextDueAtMs(): Promise<number | undefined> {
    return this.#db.read(() => queries.nextDueAt(this.#db));
  }

  onWork(listener: () => void): () => void {
    return this.#db.onWork(listener);
  }

  cancel(selector: PushSelector, nowMs: number): Promise<readonly CancelledAddress[] | undefined> {
    return this.#db.transaction(() => cancelPush(this.#db, selector, nowMs));
  }

  status(selector: PushSelector): Promise<PushStatus | undefined> {
    return this.#db.read(() => queries.pushStatus(this.#db, selector));
  }

  push(id: number): Promise<StoredPush | undefined> {
    return this.#db.read(() => queries.pushById(this.#db, id));
  }

  delivery(id: number): Promise<DeliveryRecord | undefined> {
    return this.#db.read(() => queries.deliveryById(this.#db, id));
  }

  deliveryOfCallId(callId: string): Promise<DeliveryRecord | undefined> {
    return this.#db.read(() => queries.deliveryByCallId(this.#db, callId));
  }

  timeline(delivery: number): Promise<readonly TimelineEntry[]> {
    return this.#db.read(() => queries.timelineOf(this.#db, delivery));
  }

  find(query: DeliveryQuery): Promise<DeliveryPage> {
    return this.#db.read(() => queries.findDeliveries(this.#db, query));
  }

  countByState(): Promise<StateCounts> {
    return this.#db.read(() => queries.countByState(this.#db));
  }

  async claimNotifications(request: ClaimRequest): Promise<ResultNotification[]> {
    checkLimit(request.limit);
    return this.#db.transaction(() => claimNotifications(this.#db, request));
  }

  settleNotifications(verdicts: readonly NotificationVerdict[]): Promise<boolean[]> {
    return this.#db.transaction(() => settleNotifications(this.#db, verdicts));
  }

  prune(finishedBeforeMs: number, limit: number): Promise<number> {
    return this.#db.transaction(() => queries.prunePushes(this.#db, finishedBeforeMs, limit));
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
