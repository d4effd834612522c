import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second, as /proc counts: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** utime, stime, cutime, cstime: its own, and that of its children that have ended. */
const [FIRST_TIME, LAST_TIME] = [11, 14];

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

/** `/proc/PID/stat`, whose second field may hold anything within parentheses. proc(5). */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(FIRST_TIME, LAST_TIME + 1).reduce((sum, each) => sum + Number(each), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined; // it has ended
  }
}

/** User and system time so far of a process, all its threads, and the processes that it started, also those that have ended. */
export function cpuSecondsOf(pid: number): number {
  const all = new Map<number, Stat>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) all.set(Number(name), stat);
  }
  const own = new Set([pid]);
  // A child has a higher number than its parent but where the numbers wrapped: so as often as something is found.
  for (let before = 0; before < own.size; ) {
    before = own.size;
    for (const [id, { parent }] of all) if (own.has(parent)) own.add(id);
  }
  let ticks = 0;
  for (const id of own) ticks += all.get(id)?.ticks ?? 0;
  return ticks / TICKS_PER_SECOND;
}
