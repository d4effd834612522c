import type { CapabilityStore } from "@sip-push/sender";
import type { SubscriptionStore } from "@sip-push/sip";
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
  TakenBack,
  TimelineEntry,
  WorkKind,
} from "./types.ts";

/** Must not throw, and must be quick. */
export type TakenBackListener = (taken: readonly TakenBack[]) => void;

/**
 * Where a gateway keeps pushes, deliveries and results. All that a call says it did is committed when its promise resolves.
 * Calls may overlap; those that wait at the same time are committed together. Results come in the order of what was given.
 * Times come from the caller: nodes that share a database need clocks that differ by much less than a lease.
 *
 * All methods reject with {@link StoreError} when the database fails.
 */
export interface PpgStore {
  /** For what the sender keeps: subscriptions (RFC 6665) and learnt capabilities. */
  readonly subscriptions: SubscriptionStore;
  readonly capabilities: CapabilityStore;

  /**
   * Accepts pushes, each wholly or not at all. A replacement cancels in the same transaction what it replaces: the deliveries
   * of the old push to the same recipients, however addressed, that are not under way yet; those under way are cancelled after
   * their attempt, if it fails, and only then may the replacement be claimed, by whichever node: `overtaken` when it goes only to
   * those for whom the old push is pending, and the attempt has reached the handset or a relay.
   *
   * @param hold claims deliveries in the same breath, for a caller who has seen to it that nothing else is due: those of pushes to one
   *   recipient who is to be reached at once, and that replace nothing. Saves writing and reading each of them once more.
   * @throws {StoreError} `STORE_BAD_INPUT`: no recipients, or one address twice.
   */
  submit(submissions: readonly PushSubmission[], nowMs: number, hold?: HoldRequest): Promise<SubmitResult[]>;

  /**
   * Takes deliveries whose time has come: high priority first, then by time. `pending` and `retry-wait` become `sending`;
   * `waiting-report` stays so (its report is overdue). Nobody else gets them before the lease ends. What replaces a delivery that is
   * under way is passed over until that has ended. Costs the same however many finished or sleeping deliveries there are.
   */
  claim(request: ClaimRequest): Promise<ClaimedDelivery[]>;
  /** Makes leases last until then; false: it is not held any more. */
  renew(leases: readonly DeliveryLease[], untilMs: number): Promise<boolean[]>;
  /**
   * Hands back what was claimed and not sent: due at `dueAtMs`, the attempt not counted. What its initiator has taken back
   * meanwhile ends as cancelled, at `nowMs`.
   *
   * @param dueAtMs default: now.
   */
  release(leases: readonly DeliveryLease[], nowMs: number, dueAtMs?: number): Promise<ReleaseResult[]>;
  /** Changes states, writes the timeline, and queues results that are final. */
  advance(advances: readonly DeliveryAdvance[]): Promise<AdvanceResult[]>;
  /**
   * These recipients registered: makes deliveries due that wait because they were absent (`retry-wait` with PAP 5028), whatever
   * Retry-After said. Returns how many.
   *
   * @param pauseMs from one time that a delivery is woken to the next, so that a handset that registers again and again and takes
   *   nothing does not use up its attempts.
   */
  wake(recipients: readonly string[], nowMs: number, pauseMs: number): Promise<number>;
  /**
   * When the next delivery or result notification is due, leases included; undefined: none is.
   *
   * @param of default: both.
   */
  nextDueAtMs(of?: WorkKind): Promise<number | undefined>;
  /** Writes a little and resolves when that is committed: whether a push could be kept now. Who only reads does not see a full disk. */
  check(): Promise<void>;
  /** Calls back when such work may have come that is due earlier than `nextDueAtMs` said. Returns how to stop that. */
  onWork(of: WorkKind, listener: () => void): () => void;
  /**
   * Calls back when a call of this node (cancel, submit, release) has ended deliveries that their initiator took back, and that is
   * committed. Returns how to stop that.
   */
  onTakenBack(listener: TakenBackListener): () => void;

  /** Takes a push back. Undefined: no such push (PAP 2004). */
  cancel(selector: PushSelector, nowMs: number): Promise<readonly CancelledAddress[] | undefined>;
  /** Undefined: no such push (PAP 2004). */
  status(name: PushName): Promise<PushStatus | undefined>;
  push(id: number): Promise<StoredPush | undefined>;
  delivery(id: number): Promise<DeliveryRecord | undefined>;
  /** The delivery whose attempts have this Call-ID: for a report. */
  deliveryOfCallId(callId: string): Promise<DeliveryRecord | undefined>;
  timeline(delivery: number): Promise<readonly TimelineEntry[]>;
  /** How telling the results of a push went, in the order of the results; none for a push that is not kept. */
  notificationsOf(push: number): Promise<readonly NotificationRecord[]>;
  /**
   * Recipients of deliveries that `wake` would make due, each once, newest first: for watching them
   * again after a restart.
   */
  awaitingRegistration(limit: number): Promise<readonly string[]>;
  find(query: DeliveryQuery): Promise<DeliveryPage>;
  /** Deliveries kept, by state. */
  countByState(): Promise<StateCounts>;

  /** Takes results to tell: at most one of each push, its earliest that was not accepted. */
  claimNotifications(request: ClaimRequest): Promise<ResultNotification[]>;
  /** Says how telling went; false: the lease had ended, and another may tell it too. */
  settleNotifications(verdicts: readonly NotificationVerdict[]): Promise<boolean[]>;

  /**
   * Deletes pushes that are finished since before then and whose results are all told: of those with more recipients fewer, so that
   * it keeps nobody waiting. Returns how many; 0: there are none. A push-id may be used again afterwards.
   *
   * @param limit deliveries that go with them, but for those of the last push.
   */
  prune(finishedBeforeMs: number, limit: number): Promise<number>;
  /** Ends what is under way and closes the database. Idempotent. */
  close(): Promise<void>;
}
