import { type CapabilityRow, type SubscriptionRow, sqliteAgentCalls } from "./sqlite-agent-calls.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { ClaimForm, HoldForm, NotificationColumns, PushForm, SubmittedForm } from "./sqlite-forms.ts";
import type { SqliteLookup } from "./sqlite-lookup.ts";
import { prunePushes } from "./sqlite-prune.ts";
import * as queries from "./sqlite-queries.ts";
import * as results from "./sqlite-results.ts";
import { sqliteMigrations } from "./sqlite-schema.ts";
import { cancelPush, submitPush } from "./sqlite-submit.ts";
import { takeOver } from "./sqlite-take-over.ts";
import * as work from "./sqlite-work.ts";
import type { PpgStore } from "./store.ts";
import type { ClaimRequest } from "./types.ts";

/** Those of the store, and what its two stores for the sender need. */
type StoreCall = Exclude<keyof PpgStore, "subscriptions" | "capabilities" | "onWork" | "onTakenBack" | "close">;
interface AgentCalls {
  putSubscription(id: string, eventPackage: string, record: string): void;
  deleteSubscription(id: string): void;
  subscriptionsAfter(eventPackage: string, after: string): SubscriptionRow[];
  putCapabilities(aor: string, record: string): void;
  deleteCapabilities(aor: string): void;
  capabilitiesAfter(after: string): CapabilityRow[];
}
/** In forms that are cheap to send. */
interface BusyCalls {
  submit(submissions: readonly PushForm[], nowMs: number, hold: HoldForm | undefined): SubmittedForm[];
  claim(request: ClaimRequest): ClaimForm;
  claimNotifications(request: ClaimRequest): NotificationColumns[];
}
/** What only a store that one process has can do. */
interface OwnCalls {
  takeOver(): number;
}
type Calls = Omit<Pick<PpgStore, StoreCall>, keyof BusyCalls> & BusyCalls & AgentCalls & OwnCalls;

/** What the thread with the database is asked for, by name. */
export type SqliteCall = keyof Calls;
export type SqliteCallArgs<Name extends SqliteCall> = Parameters<Calls[Name]>;
export type SqliteCallResult<Name extends SqliteCall> = Awaited<ReturnType<Calls[Name]>>;

type Call<Name extends SqliteCall> = (
  db: SqliteDatabase,
  lookup: SqliteLookup,
  ...args: SqliteCallArgs<Name>
) => SqliteCallResult<Name>;

/** Arguments and results are cloned from thread to thread, many at a time. Each runs in a transaction. */
const calls: { readonly [Name in SqliteCall]: Call<Name> } = {
  submit: (db, lookup, submissions, nowMs, hold) =>
    submissions.map((each) => submitPush(db, lookup, each, nowMs, hold)),
  claim: (db, _, request) => work.claimDeliveries(db, request),
  renew: (db, _, leases, untilMs) => work.renewLeases(db, leases, untilMs),
  release: (db, _, leases, nowMs, dueAtMs) => work.releaseLeases(db, leases, nowMs, dueAtMs),
  advance: (db, _, advances) => work.advanceDeliveries(db, advances),
  wake: (db, _, recipients, nowMs, pauseMs) => work.wakeRecipients(db, recipients, nowMs, pauseMs),
  nextDueAtMs: (db, _, of) => queries.nextDueAt(db, of),
  // The same as before, but the page is written.
  check: (db) => void db.run(`PRAGMA user_version = ${sqliteMigrations.length}`),
  cancel: cancelPush,
  status: queries.pushStatus,
  push: (db, _, id) => queries.pushById(db, id),
  delivery: (db, _, id) => queries.deliveryById(db, id),
  deliveryOfCallId: (db, _, callId) => queries.deliveryByCallId(db, callId),
  timeline: (db, _, delivery) => queries.timelineOf(db, delivery),
  notificationsOf: (db, _, push) => results.notificationsOf(db, push),
  awaitingRegistration: (db, _, limit) => queries.awaitingRegistration(db, limit),
  find: queries.findDeliveries,
  countByState: (db) => queries.countByState(db),
  claimNotifications: (db, _, request) => results.claimNotifications(db, request),
  settleNotifications: (db, _, verdicts) => results.settleNotifications(db, verdicts),
  prune: prunePushes,
  takeOver: (db) => takeOver(db),
  putSubscription: (db, _, ...args) => sqliteAgentCalls.putSubscription(db, ...args),
  deleteSubscription: (db, _, id) => sqliteAgentCalls.deleteSubscription(db, id),
  subscriptionsAfter: (db, _, ...args) => sqliteAgentCalls.subscriptionsAfter(db, ...args),
  putCapabilities: (db, _, ...args) => sqliteAgentCalls.putCapabilities(db, ...args),
  deleteCapabilities: (db, _, aor) => sqliteAgentCalls.deleteCapabilities(db, aor),
  capabilitiesAfter: (db, _, after) => sqliteAgentCalls.capabilitiesAfter(db, after),
};

/** @param args those of that call. */
export function performCall<Name extends SqliteCall>(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  name: Name,
  args: SqliteCallArgs<Name>,
): SqliteCallResult<Name> {
  return calls[name](db, lookup, ...args);
}
