import { Grouping } from "./grouping.ts";
import { PostgresCapabilityStore, PostgresSubscriptionStore } from "./postgres-agents.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import * as queries from "./postgres-queries.ts";
import { claimNotifications, settleNotifications } from "./postgres-results.ts";
import { type Arrival, cancelPush, submitPushes } from "./postgres-submit.ts";
import { advanceDeliveries, claimDeliveries, releaseLeases, renewLeases, wakeRecipients } from "./postgres-work.ts";
import { checkLimit, checkSubmission } from "./rows.ts";
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

/** Items committed together: bounds the size of a statement. */
const MAX_GROUP = 500;
/** Groups of one kind under way at once: while one waits for the disk, the next is sent. */
const GROUPS = 2;
const DEFAULT_MAX_CONNECTIONS = 8;

export interface PostgresStoreOptions {
  /** Connections for calls; one more listens. Default 8. */
  readonly maxConnections?: number;
}

/**
 * The shared store: any number of gateways on one PostgreSQL database (12 or later). They share the work by
 * `FOR UPDATE SKIP LOCKED`, and wake each other by LISTEN and NOTIFY. Tables are made in the first schema of the search path.
 */
export class PostgresStore implements PpgStore {
  readonly subscriptions: PostgresSubscriptionStore;
  readonly capabilities: PostgresCapabilityStore;
  readonly #db: PostgresDatabase;
  readonly #submissions: Grouping<Arrival, SubmitResult>;
  readonly #advances: Grouping<DeliveryAdvance, AdvanceResult>;
  readonly #verdicts: Grouping<NotificationVerdict, boolean>;

  private constructor(db: PostgresDatabase) {
    this.#db = db;
    this.subscriptions = new PostgresSubscriptionStore(db);
    this.capabilities = new PostgresCapabilityStore(db);
    this.#submissions = new Grouping(
      (arrivals) => db.transaction((session) => submitPushes(session, arrivals)),
      MAX_GROUP,
      GROUPS,
    );
    this.#advances = new Grouping(
      (advances) => db.transaction((session) => advanceDeliveries(session, advances)),
      MAX_GROUP,
      GROUPS,
    );
    this.#verdicts = new Grouping(
      (verdicts) => db.transaction((session) => settleNotifications(session, verdicts)),
      MAX_GROUP,
      GROUPS,
    );
  }

  /**
   * Connects, and makes the tables or brings older ones up to date.
   *
   * @param connectionString `postgres://user:password@host:port/database`
   * @throws {StoreError} `STORE_TOO_NEW`, `STORE_UNAVAILABLE`
   */
  static async open(connectionString: string, options: PostgresStoreOptions = {}): Promise<PostgresStore> {
    const { maxConnections = DEFAULT_MAX_CONNECTIONS } = options;
    return new PostgresStore(await PostgresDatabase.open(connectionString, maxConnections));
  }

  async submit(submissions: readonly PushSubmission[], nowMs: number): Promise<SubmitResult[]> {
    for (const submission of submissions) checkSubmission(submission);
    return this.#submissions.add(submissions.map((submission) => ({ submission, nowMs })));
  }

  async claim(request: ClaimRequest): Promise<ClaimedDelivery[]> {
    checkLimit(request.limit);
    return this.#db.transaction((session) => claimDeliveries(session, request));
  }

  renew(leases: readonly DeliveryLease[], untilMs: number): Promise<boolean[]> {
    return this.#db.transaction((session) => renewLeases(session, leases, untilMs));
  }

  release(leases: readonly DeliveryLease[], nowMs: number): Promise<boolean[]> {
    return this.#db.transaction((session) => releaseLeases(session, leases, nowMs));
  }

  advance(advances: readonly DeliveryAdvance[]): Promise<AdvanceResult[]> {
    return this.#advances.add(advances);
  }

  wake(recipients: readonly string[], nowMs: number): Promise<number> {
    return this.#db.transaction((session) => wakeRecipients(session, recipients, nowMs));
  }

  nextDueAtMs(): Promise<number | undefined> {
    return this.#db.transaction((session) => queries.nextDueAt(session));
  }

  onWork(listener: () => void): () => void {
    return this.#db.onWork(listener);
  }

  cancel(selector: PushSelector, nowMs: number): Promise<readonly CancelledAddress[] | undefined> {
    return this.#db.transaction((session) => cancelPush(session, selector, nowMs));
  }

  status(selector: PushSelector): Promise<PushStatus | undefined> {
    return this.#db.transaction((session) => queries.pushStatus(session, selector));
  }

  push(id: number): Promise<StoredPush | undefined> {
    return this.#db.transaction((session) => queries.pushById(session, id));
  }

  delivery(id: number): Promise<DeliveryRecord | undefined> {
    return this.#db.transaction((session) => queries.deliveryById(session, id));
  }

  deliveryOfCallId(callId: string): Promise<DeliveryRecord | undefined> {
    return this.#db.transaction((session) => queries.deliveryByCallId(session, callId));
  }

  timeline(delivery: number): Promise<readonly TimelineEntry[]> {
    return this.#db.transaction((session) => queries.timelineOf(session, delivery));
  }

  find(query: DeliveryQuery): Promise<DeliveryPage> {
    return this.#db.transaction((session) => queries.findDeliveries(session, query));
  }

  countByState(): Promise<StateCounts> {
    return this.#db.transaction((session) => queries.countByState(session));
  }

  async claimNotifications(request: ClaimRequest): Promise<ResultNotification[]> {
    checkLimit(request.limit);
    return this.#db.transaction((session) => claimNotifications(session, request));
  }

  settleNotifications(verdicts: readonly NotificationVerdict[]): Promise<boolean[]> {
    return this.#verdicts.add(verdicts);
  }

  prune(finishedBeforeMs: number, limit: number): Promise<number> {
    return this.#db.transaction((session) => queries.prunePushes(session, finishedBeforeMs, limit));
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
