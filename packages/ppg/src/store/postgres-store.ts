import { type Clock, systemClock } from "@sip-push/sip";
import { isFinal } from "../delivery/delivery.machine.ts";
import { checkedAdvance } from "./advance-rules.ts";
import { Grouping } from "./grouping.ts";
import { holdable } from "./holding.ts";
import { PostgresCapabilityStore, PostgresSubscriptionStore } from "./postgres-agents.ts";
import { changeDeliveries } from "./postgres-changes.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import { findDeliveries } from "./postgres-find.ts";
import * as queries from "./postgres-queries.ts";
import { claimNotifications, notificationsOf, settleNotifications } from "./postgres-results.ts";
import { type Arrival, insertPushes, isPlain, submitPushes } from "./postgres-submit.ts";
import { cancelPush } from "./postgres-take-back.ts";
import { PostgresVacuum } from "./postgres-vacuum.ts";
import { claimDeliveries, releaseLeases, renewLeases, wakeRecipients } from "./postgres-work.ts";
import { checkLimit, checkSubmission } from "./rows.ts";
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

/** Items committed together: bounds the size of a statement. */
const MAX_GROUP = 500;
/** Groups of one kind under way at once: what comes meanwhile makes the next one larger, and cheaper for each. */
const GROUPS = 1;
const DEFAULT_MAX_CONNECTIONS = 8;
/** Some 50 ms of the server's time. */
const DEFAULT_VACUUM_EVERY = 20_000;

export interface PostgresStoreOptions {
  /** Connections for calls; one more listens. Default 8. */
  readonly maxConnections?: number;
  /** Deliveries that end, after which the table of those that live is vacuumed. Default 20,000. */
  readonly vacuumEvery?: number;
  /** Default: the machine's own. */
  readonly clock?: Clock;
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

  private constructor(db: PostgresDatabase, vacuum: PostgresVacuum) {
    this.#db = db;
    this.subscriptions = new PostgresSubscriptionStore(db);
    this.capabilities = new PostgresCapabilityStore(db);
    this.#submissions = new Grouping((arrivals) => submitAll(db, arrivals), MAX_GROUP, GROUPS);
    this.#advances = new Grouping((advances) => advanceAll(db, vacuum, advances), MAX_GROUP, GROUPS);
    this.#verdicts = new Grouping(
      (verdicts) => db.statements((session) => settleNotifications(session, verdicts)),
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
    const {
      maxConnections = DEFAULT_MAX_CONNECTIONS,
      vacuumEvery = DEFAULT_VACUUM_EVERY,
      clock = systemClock,
    } = options;
    const db = await PostgresDatabase.open(connectionString, { maxConnections, clock });
    return new PostgresStore(db, new PostgresVacuum(db, vacuumEvery));
  }

  async submit(submissions: readonly PushSubmission[], nowMs: number, hold?: HoldRequest): Promise<SubmitResult[]> {
    for (const submission of submissions) checkSubmission(submission);
    const held = holdable(submissions, nowMs, hold);
    const arrivals = submissions.map((each) => ({ submission: each, nowMs, hold: held.has(each) ? hold : undefined }));
    return this.#submissions.add(arrivals);
  }

  async claim(request: ClaimRequest): Promise<ClaimedDelivery[]> {
    checkLimit(request.limit);
    return this.#db.statements((session) => claimDeliveries(session, request));
  }

  renew(leases: readonly DeliveryLease[], untilMs: number): Promise<boolean[]> {
    return this.#db.statements((session) => renewLeases(session, leases, untilMs));
  }

  release(leases: readonly DeliveryLease[], nowMs: number, dueAtMs: number = nowMs): Promise<ReleaseResult[]> {
    return this.#db.transaction((session) => releaseLeases(session, leases, nowMs, dueAtMs));
  }

  async advance(advances: readonly DeliveryAdvance[]): Promise<AdvanceResult[]> {
    return this.#advances.add(advances.map(checkedAdvance));
  }

  wake(recipients: readonly string[], nowMs: number, pauseMs: number): Promise<number> {
    return this.#db.statements((session) => wakeRecipients(session, recipients, nowMs, pauseMs));
  }

  nextDueAtMs(of?: WorkKind): Promise<number | undefined> {
    return this.#db.statements((session) => queries.nextDueAt(session, of));
  }

  check(): Promise<void> {
    return this.#db.statements((session) => session.run("UPDATE ppg_schema SET version = version"));
  }

  onWork(of: WorkKind, listener: () => void): () => void {
    return this.#db.onWork(of, listener);
  }

  onTakenBack(listener: TakenBackListener): () => void {
    return this.#db.onTakenBack(listener);
  }

  cancel(selector: PushSelector, nowMs: number): Promise<readonly CancelledAddress[] | undefined> {
    return this.#db.transaction((session) => cancelPush(session, selector, nowMs));
  }

  status(name: PushName): Promise<PushStatus | undefined> {
    return this.#db.statements((session) => queries.pushStatus(session, name));
  }

  push(id: number): Promise<StoredPush | undefined> {
    return this.#db.statements((session) => queries.pushById(session, id));
  }

  delivery(id: number): Promise<DeliveryRecord | undefined> {
    return this.#db.statements((session) => queries.deliveryById(session, id));
  }

  deliveryOfCallId(callId: string): Promise<DeliveryRecord | undefined> {
    return this.#db.statements((session) => queries.deliveryByCallId(session, callId));
  }

  timeline(delivery: number): Promise<readonly TimelineEntry[]> {
    return this.#db.statements((session) => queries.timelineOf(session, delivery));
  }

  notificationsOf(push: number): Promise<readonly NotificationRecord[]> {
    return this.#db.statements((session) => notificationsOf(session, push));
  }

  async awaitingRegistration(limit: number): Promise<readonly string[]> {
    checkLimit(limit);
    return this.#db.statements((session) => queries.awaitingRegistration(session, limit));
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    checkLimit(query.limit);
    return this.#db.statements((session) => findDeliveries(session, query));
  }

  countByState(): Promise<StateCounts> {
    return this.#db.statements((session) => queries.countByState(session));
  }

  async claimNotifications(request: ClaimRequest): Promise<ResultNotification[]> {
    checkLimit(request.limit);
    return this.#db.transaction((session) => claimNotifications(session, request));
  }

  settleNotifications(verdicts: readonly NotificationVerdict[]): Promise<boolean[]> {
    return this.#verdicts.add(verdicts);
  }

  async prune(finishedBeforeMs: number, limit: number): Promise<number> {
    checkLimit(limit);
    return this.#db.transaction((session) => queries.prunePushes(session, finishedBeforeMs, limit));
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

/** In one statement when nothing is replaced and nobody rejected. */
function submitAll(db: PostgresDatabase, arrivals: readonly Arrival[]): Promise<SubmitResult[]> {
  if (arrivals.every(isPlain)) return db.statements((session) => insertPushes(session, arrivals));
  return db.transaction((session) => submitPushes(session, arrivals));
}

async function advanceAll(
  db: PostgresDatabase,
  vacuum: PostgresVacuum,
  advances: readonly DeliveryAdvance[],
): Promise<AdvanceResult[]> {
  const results = await db.statements((session) => changeDeliveries(session, advances));
  vacuum.left(advances.filter(({ to }) => isFinal(to)).length);
  return results;
}
