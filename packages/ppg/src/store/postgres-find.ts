import { finalStates, isLive } from "../delivery/delivery.machine.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { lookUp, unindexed } from "./postgres-plans.ts";
import { ANY_DELIVERY_COLUMNS } from "./postgres-rows.ts";
import { type FoundRow, foundOf } from "./rows.ts";
import type { DeliveryPage, DeliveryQuery } from "./types.ts";

/** Deliveries that one question looks at, at most, and how many times more with each statement: most find enough with the first. */
const SCAN = 10_000;
const GROWTH = 8;

const hash = (text: string): string => `hashtextextended(${text}, 0)`;

interface Look {
  readonly sql: string;
  readonly value: string | null;
}

/**
 * The ids that a statement looks at, newest first, by the member of the question that leaves the fewest: at most `$2`, all of them
 * before `$1`. That of a recipient is between two bounds rather than equal: to what is equal, walking the primary key would give the
 * order too.
 */
function looked({ pushId, recipient, state }: DeliveryQuery): Look {
  const newest = (from: string, stateOf = "NULL"): string =>
    `SELECT s.id, ${stateOf}::text AS state FROM ${from} s.id < $1 ORDER BY s.id DESC LIMIT $2`;
  if (pushId !== undefined) {
    const id = unindexed("s.id");
    const ofPush = "s.push = ANY (ARRAY(SELECT id FROM pushes WHERE push_id = $3))";
    const sql = `SELECT s.id, NULL::text AS state FROM deliveries s WHERE ${ofPush} AND ${id} < $1 ORDER BY ${id} DESC LIMIT $2`;
    return { sql, value: pushId };
  }
  if (recipient !== undefined) {
    const [theirs, wanted] = [hash("s.recipient"), hash("$3")];
    const sql = `SELECT s.id, NULL::text AS state FROM deliveries s
      WHERE ${theirs} >= ${wanted} AND ${theirs} <= ${wanted} AND (${theirs}, s.id) < (${wanted}, $1)
      ORDER BY ${theirs} DESC, s.id DESC LIMIT $2`;
    return { sql, value: recipient };
  }
  if (state === undefined || state === "delivered") return { sql: newest("deliveries s WHERE"), value: null };
  if (isLive(state)) return { sql: newest("queue s WHERE", "s.state"), value: null };
  return { sql: newest("failures s WHERE s.state = $3 AND"), value: state };
}

/** `$3` is for {@link looked}. What was looked at is gone through in its order, until enough is found. */
const find = (ids: string): string => `WITH looked AS MATERIALIZED (${ids}),
  found AS (SELECT ${ANY_DELIVERY_COLUMNS}, p.initiator, p.push_id, p.accepted_at
    FROM (SELECT * FROM looked ORDER BY id DESC OFFSET 0) l
      CROSS JOIN ${lookUp("deliveries", "id = l.id")} d
      LEFT JOIN ${lookUp("queue", "id = l.id")} q ON true
      CROSS JOIN ${lookUp("pushes", "id = d.push")} p
    WHERE ($7::text IS NULL OR l.state IS NULL OR l.state = $7)
      AND ($4::text IS NULL OR p.initiator = $4) AND ($5::text IS NULL OR p.push_id = $5)
      AND ($6::text IS NULL OR d.recipient = $6) AND ($7::text IS NULL OR coalesce(q.state, d.state) = $7)
    ORDER BY l.id DESC LIMIT $8)
  SELECT found.*, l.count AS looked_at, l.least AS looked_to
  FROM (SELECT count(*), min(id) AS least, $3::text FROM looked) l LEFT JOIN found ON true ORDER BY found.id DESC`;

type Row = FoundRow & { readonly id: number | null; readonly looked_at: number; readonly looked_to: number | null };

export async function findDeliveries(session: PostgresSession, query: DeliveryQuery): Promise<DeliveryPage> {
  const { initiator = null, pushId = null, recipient = null, state = null, limit } = query;
  if (state !== null && !isLive(state) && !finalStates.some((each) => each === state))
    return { deliveries: [], next: null };
  const { sql, value } = looked(query);
  const found: FoundRow[] = [];
  let after = query.after ?? Number.MAX_SAFE_INTEGER;
  let count = limit + 1;
  for (let left = SCAN; left > 0; count *= GROWTH) {
    const most = Math.min(count, left);
    const wanted = limit + 1 - found.length;
    const rows = await session.all<Row>(find(sql), [after, most, value, initiator, pushId, recipient, state, wanted]);
    found.push(...rows.filter(({ id }) => id !== null));
    if (found.length > limit) {
      const page = found.slice(0, limit);
      return { deliveries: page.map(foundOf), next: page.at(-1)?.id ?? null };
    }
    const [first] = rows;
    if (first === undefined || first.looked_to === null || first.looked_at < most)
      return { deliveries: found.map(foundOf), next: null };
    after = first.looked_to;
    left -= most;
  }
  return { deliveries: found.map(foundOf), next: after };
}
