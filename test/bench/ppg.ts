/**
 * The gateway end to end on loopback, each part a process of its own: push initiator -> PAP -> PPG -> store -> SIP -> fleet.
 *
 *   npm run bench:ppg -- [--runs 3] [--count 60000] [--connections 256] [--handsets 2000] [--case sqlite] [--json FILE]
 *
 * Cases (all unless told; each once per round, medians are printed):
 *   sqlite, postgres   pushes a second from the first request to the last delivery, as fast as they go; then the wait for the answer
 *                      while pushes come at half the rate of the bar, and at half the rate that was reached
 *   sqlite-full,       the same with 1,000,000 finished pushes in the store, beside 1,000
 *   postgres-full
 *   kannel             pushes accepted a second, ours and Kannel's, with the same load: pushes to be delivered at once, and later
 *
 * CPU is user and system time of all processes of a part, from before the first push until after the last delivery.
 */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type CaseName, type CaseSettings, cases, type Row } from "./ppg-cases.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    count: { type: "string", default: "60000" },
    connections: { type: "string", default: "256" },
    handsets: { type: "string", default: "2000" },
    stored: { type: "string", default: "1000000" },
    case: { type: "string", multiple: true, default: Object.keys(cases) },
    json: { type: "string" },
  },
});
const runs = Number(values.runs);
const settings: CaseSettings = {
  count: Number(values.count),
  connections: Number(values.connections),
  handsets: Number(values.handsets),
  stored: Number(values.stored),
};

const samples = new Map<string, Row[]>();
for (let round = 1; round <= runs; round++) {
  for (const name of values.case as CaseName[]) {
    process.stderr.write(`round ${round}/${runs}  ${name}\n`);
    for (const row of await cases[name](settings)) {
      process.stderr.write(`  ${JSON.stringify(row)}\n`);
      samples.set(row.what, [...(samples.get(row.what) ?? []), row]);
    }
  }
}

const rows = [...samples].map(([what, all]) => medians(what, all));
process.stdout.write(render(rows));
if (values.json !== undefined) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  await writeFile(
    values.json,
    `${JSON.stringify({ machine, runs, settings, rows, samples: [...samples] }, null, 2)}\n`,
  );
}

function medians(what: string, all: readonly Row[]): Row {
  const keys = [...new Set(all.flatMap(({ figures }) => Object.keys(figures)))];
  const of = (key: string): number => median(all.map(({ figures }) => figures[key] ?? Number.NaN));
  return { what, figures: Object.fromEntries(keys.map((key) => [key, of(key)])) };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function render(all: readonly Row[]): string {
  const keys = [...new Set(all.flatMap(({ figures }) => Object.keys(figures)))];
  const lines = all.map(({ what, figures }) => [what, ...keys.map((key) => text(figures[key]))]);
  return `${[["", ...keys], ["---", ...keys.map(() => "---")], ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

function text(figure: number | undefined): string {
  if (figure === undefined || Number.isNaN(figure)) return "";
  return figure >= 100 ? String(Math.round(figure)) : figure.toFixed(2);
}
