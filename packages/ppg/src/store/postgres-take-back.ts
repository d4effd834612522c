import { endTakenBack, type LockedDelivery } from "./postgres-changes.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { sameKey, unindexed } from "./postgres-plans.ts";
import { takeBack, takeBackNumbers } from "./take-back.ts";
import type { CancelledAddress, CancelVerdict, PushSelector, TakeBackReason } from "./types.ts";

/** One cancel-message. */
export async function cancelPush(
  session: PostgresSession,
  { initiator, pushId, addresses }: PushSelector,
  nowMs: number,
): Promise<readonly CancelledAddress[] | undefined> {
  const push = await pushRowId(session, initiator, pushId);
  if (push === undefined) return undefined;
  const rows = new Map((await lockOfPush(session, push)).map((row) => [row.address, row]));
  const asked = [...new Set(addresses ?? rows.keys())];
  const verdicts = await takeBackAll(
    session,
    asked.map((address) => rows.get(address)),
    "cancelled",
    nowMs,
  );
  return asked.map((address, index) => ({ address, verdict: verdicts[index] as CancelVerdict }));
}

/** What becomes of each; no row: there is no such delivery. */
export async function takeBackAll(
  session: PostgresSession,
  rows: readonly (LockedRow | undefined)[],
  reason: TakeBackReason,
  nowMs: number,
): Promise<CancelVerdict[]> {
  const verdicts = rows.map((row) => takeBack(row?.state));
  const having = (wanted: CancelVerdict): LockedRow[] =>
    rows.flatMap((row, index) => (verdicts[index] === wanted ? (row ?? []) : []));
  await endTakenBack(session, having("cancelled"), reason, nowMs);
  const requested = having("requested").map(({ id }) => id);
  if (requested.length > 0)
    await session.all("UPDATE queue SET cancel_requested = $2 WHERE id = ANY($1::int8[])", [
      requested,
      takeBackNumbers[reason],
    ]);
  return verdicts;
}

export async function pushRowId(
  session: PostgresSession,
  initiator: string,
  pushId: string,
): Promise<number | undefined> {
  const sql = "SELECT id FROM pushes WHERE push_id = $1 AND initiator = $2";
  const [row] = await session.all<{ id: number }>(sql, [pushId, initiator]);
  return row?.id;
}

export interface LockedRow extends LockedDelivery {
  readonly address: string;
  readonly recipient: string;
  readonly behind: number | null;
}

/** Deliveries of a push; those that live are locked. */
export async function lockOfPush(session: PostgresSession, push: number): Promise<LockedRow[]> {
  const ids = await session.all<{ id: number }>("SELECT id FROM deliveries WHERE push = $1", [push]);
  const lock = "SELECT id FROM queue WHERE id = ANY($1::int8[]) ORDER BY id FOR UPDATE";
  await session.all(lock, [ids.map(({ id }) => id)]);
  // A statement of its own: it must see what was committed while the one before waited.
  const sql = `SELECT d.id, d.address, d.recipient, coalesce(q.state, d.state) AS state, coalesce(q.version, d.version) AS version, q.owner,
    q.behind, d.sip_status FROM deliveries d LEFT JOIN queue q ON ${sameKey("q.id", "d.id")} WHERE d.push = $1 ORDER BY ${unindexed("d.id")}`;
  return session.all<LockedRow>(sql, [push]);
}
