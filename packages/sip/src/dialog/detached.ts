/**
 * A copy of texts, lists and plain objects that holds on to nothing else: what is cut out of a message keeps all of that
 * message in memory, and what a dialog keeps it keeps for days.
 */
export function detached<T>(plain: T): T {
  return JSON.parse(JSON.stringify(plain)) as T;
}
