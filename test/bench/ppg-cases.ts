import { startKannel } from "../support/kannel.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import { makeTempFolder } from "../support/temp-folder.ts";
import type { LoadPlan } from "./pap-load.ts";
import { fillStore } from "./ppg-fill.ts";
import { basicAuthorization, type Fleet, load, type Ppg, startFleet, startPpg } from "./ppg-sides.ts";
import { cpuSecondsOf } from "./process-cpu.ts";

export interface CaseSettings {
  /** Pushes of a run. */
  readonly count: number;
  readonly connections: number;
  readonly handsets: number;
  /** Finished pushes in a full store. */
  readonly stored: number;
}

/** Figures of one thing measured; names have the unit. */
export interface Row {
  readonly what: string;
  readonly figures: Readonly<Record<string, number>>;
}

export type CaseName = "sqlite" | "postgres" | "sqlite-full" | "postgres-full" | "kannel";

export const cases: Readonly<Record<CaseName, (settings: CaseSettings) => Promise<Row[]>>> = {
  sqlite: (settings) => endToEnd(settings, "sqlite"),
  postgres: (settings) => endToEnd(settings, "postgres"),
  "sqlite-full": (settings) => againstStored(settings, "sqlite"),
  "postgres-full": (settings) => againstStored(settings, "postgres"),
  kannel: besideKannel,
};

type Database = "sqlite" | "postgres";

/** Pushes a second that are to be delivered at least. */
const BARS: Readonly<Record<Database, number>> = { sqlite: 5_000, postgres: 2_500 };

/** What runs during a case; `run` makes its push-ids unlike those of runs before on the same store. */
interface Bed {
  readonly ppg: Ppg;
  readonly fleet: Fleet;
  readonly cluster: PostgresCluster | undefined;
  readonly folder: string;
  runs: number;
}

/** Long enough for compilation, which goes on so long: it would be counted as cost of the pushes else. */
const WARM_UP = 100_000;
/** The initiator compiles itself, too: at a given rate its first waits are its own. */
const WARM_UP_SECONDS = 2;

async function endToEnd(settings: CaseSettings, database: Database): Promise<Row[]> {
  return withBed(settings, database, 0, async (bed) => {
    await deliver(bed, settings, WARM_UP, null);
    const flatOut = await deliver(bed, settings, settings.count, null);
    const half = Math.floor(settings.count / 2);
    const halfOfBar = await deliver(bed, settings, half, BARS[database] / 2);
    const halfOfReached = await deliver(bed, settings, half, flatOut["pushes/s"] / 2);
    return [
      { what: `${database}, flat out`, figures: flatOut },
      { what: `${database}, ${BARS[database] / 2} a second`, figures: halfOfBar },
      { what: `${database}, half of flat out`, figures: halfOfReached },
    ];
  });
}

/** Cost of a push with few and with many finished ones in the store. */
async function againstStored(settings: CaseSettings, database: Database): Promise<Row[]> {
  const rows: Row[] = [];
  for (const stored of [1_000, settings.stored]) {
    const figures = await withBed(settings, database, stored, async (bed) => {
      await deliver(bed, settings, WARM_UP, null);
      return deliver(bed, settings, settings.count, null);
    });
    rows.push({ what: `${database}, ${stored} stored`, figures });
  }
  return rows;
}

/**
 * Ours and Kannel's with the same load, twice: pushes to be delivered at once (each delivers meanwhile), then pushes for later, which is
 * accepting alone. Both have had pushes before. Kannel holds pushes in a list that it walks for each: that takes it minutes.
 */
async function besideKannel(settings: CaseSettings): Promise<Row[]> {
  const deliverAfter = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, "Z");
  const own = await withBed(settings, "sqlite", 0, async (bed) => {
    await deliver(bed, settings, WARM_UP, null);
    const atOnce = await deliver(bed, settings, settings.count, null);
    const plan = { ...planOf(bed, settings, settings.count, null), deliverAfter };
    const later = await submit({ PPG: [bed.ppg.pid] }, plan, bed.folder);
    return [
      { what: "ours, at once", figures: atOnce },
      { what: "ours, for later", figures: later },
    ];
  });
  const kannel = await startKannel({ countOnly: true });
  const folder = makeTempFolder("bench-kannel");
  try {
    const { user, password } = kannel.credentials;
    const plan: LoadPlan = {
      ...{ url: kannel.url, authorization: `Basic ${btoa(`${user}:${password}`)}`, connections: settings.connections },
      ...{ count: settings.count, run: "at-once", ratePerSecond: null, uncounted: 0 },
      ...{ notifyUrl: null, applicationId: "2", deliverAfter: null },
      addresses: ["WAPPUSH=+15551230001/TYPE=PLMN@ppg.example.test"],
    };
    const parts = { PPG: [kannel.wapbox.pid, kannel.bearerbox.pid] };
    const atOnce = await submit(parts, plan, folder.path);
    const later = await submit(parts, { ...plan, run: "later", deliverAfter }, folder.path);
    return [...own, { what: "Kannel, at once", figures: atOnce }, { what: "Kannel, for later", figures: later }];
  } finally {
    await kannel.stop();
    folder.remove();
  }
}

type Figures = Readonly<Record<string, number>>;
/** Process ids by part. */
type Parts = Readonly<Record<string, ReadonlyArray<number | undefined>>>;

/** Submits `count` pushes and waits until the last is delivered. */
async function deliver(
  bed: Bed,
  settings: CaseSettings,
  count: number,
  ratePerSecond: number | null,
): Promise<Figures & Readonly<Record<"pushes/s", number>>> {
  const { ppg, fleet, cluster, folder } = bed;
  const wanted = (await ppg.delivered()) + count;
  const fromMs = performance.now();
  let seconds = Number.NaN;
  const parts = { PPG: [ppg.pid], fleet: [fleet.process.pid], PostgreSQL: [cluster?.pid] };
  const figures = await submit(parts, planOf(bed, settings, count, ratePerSecond), folder, async () => {
    // Reading the metrics costs a few milliseconds, so it is done seldom, and the end is late by as much at most.
    while ((await ppg.delivered()) < wanted) await new Promise((resolve) => setTimeout(resolve, 50));
    seconds = (performance.now() - fromMs) / 1000;
  });
  return { "pushes/s": count / seconds, ...figures };
}

function planOf(bed: Bed, settings: CaseSettings, count: number, ratePerSecond: number | null): LoadPlan {
  const { connections, handsets } = settings;
  return {
    ...{ url: bed.ppg.papUrl, authorization: basicAuthorization, count, connections, ratePerSecond },
    uncounted: Math.round((ratePerSecond ?? 0) * WARM_UP_SECONDS),
    addresses: Array.from({ length: handsets }, (_, n) => `sip:handset${n + 1}@example.test`),
    ...{ run: `run${++bed.runs}`, notifyUrl: null, applicationId: "push.syncml", deliverAfter: null },
  };
}

/** What a load costs the parts, until its last push is accepted and `after` is over. */
async function submit(
  parts: Parts,
  plan: LoadPlan,
  folder: string,
  after: () => Promise<void> = async () => {},
): Promise<Figures> {
  const cpu = (): Array<[part: string, seconds: number]> =>
    Object.entries(parts)
      .map(([part, pids]): [string, number[]] => [part, pids.filter((pid) => pid !== undefined)])
      .filter(([, pids]) => pids.length > 0)
      .map(([part, pids]) => [part, pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)]);
  const before = new Map(cpu());
  const accepted = await load(plan, folder);
  await after();
  const per10k = 10_000 / plan.count;
  return {
    "accepted/s": plan.count / accepted.seconds,
    "p50 ms": accepted.p50Ms,
    "p99 ms": accepted.p99Ms,
    ...Object.fromEntries(
      cpu().map(([part, total]) => [`${part} CPU s/10k`, (total - (before.get(part) ?? 0)) * per10k]),
    ),
    "initiator CPU s/10k": accepted.cpuSeconds * per10k,
  };
}

async function withBed<T>(
  settings: CaseSettings,
  database: Database,
  stored: number,
  use: (bed: Bed) => Promise<T>,
): Promise<T> {
  const folder = makeTempFolder(`bench-${database}`);
  const cluster = database === "postgres" ? await PostgresCluster.start() : undefined;
  const stops: Array<() => Promise<unknown>> = [];
  try {
    const url = (await cluster?.makeDatabase()) ?? "sqlite";
    if (stored > 0) await fillStore(url, `${folder.path}/data`, stored);
    const fleet = await startFleet(settings.handsets, folder.path);
    stops.push(() => fleet.process.stop());
    const ppg = await startPpg({ folder: folder.path, database: url, proxyPort: fleet.port });
    stops.push(() => ppg.process.stop(30_000));
    return await use({ ppg, fleet, cluster, folder: folder.path, runs: 0 });
  } finally {
    for (const stop of stops.toReversed()) await stop();
    await cluster?.stop();
    folder.remove();
  }
}
