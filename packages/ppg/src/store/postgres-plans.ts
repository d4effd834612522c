/**
 * How statements are written so that their plans do not depend on statistics. A VACUUM that finds a table empty, as a queue is many a
 * time, has PostgreSQL take it for empty until the next. To read all of it then looks as cheap as to look up one row, and a plan made
 * so is kept while the table fills: each statement reads the whole queue, deliveries end more slowly than pushes come, and the queue
 * grows. So sequential scans are off ({@link sessionSettings}), and nothing below gives a reason to walk a whole index.
 */

/** For each connection. Without sequential scans the cost of some statements looks high enough to compile them, which takes longer. */
export const sessionSettings = "SET enable_seqscan = off; SET jit = off";

/** That both are the same, as a condition by which a merge could not join: what is left is to look up `indexed` for each `key`. */
export const sameKey = (indexed: string, key: string): string => `${indexed} = ANY (ARRAY[${key}])`;

/** A number to compare or sort by, which no index is walked for. */
export const unindexed = (column: string): string => `${column} + 0`;

/** Rows of a table, looked up for each row that stands before it in FROM: what has an OFFSET is joined in no other order. */
export const lookUp = (table: string, condition: string): string =>
  `LATERAL (SELECT * FROM ${table} WHERE ${condition} OFFSET 0)`;
