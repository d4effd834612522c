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
    const half = await deliver(bed, settings, Math.floor(settings.count / 2), flatOut["pushes/s"] / 2);
    return [
      { what: `${database}, flat out`, figures: flatOut },
      { what: `${database}, half that rate`, figures: half },
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

async function besideKannel(settings: CaseSettings): Promise<Row[]> {
  const addresses = ["WAPPUSH=+15551230001/TYPE=PLMN@ppg.example.test"];
  const own = await withBed(settings, "sqlite", 0, async (bed) => {
    await deliver(bed, settings, WARM_UP, null);
    return deliver(bed, settings, settings.count, null);
  });
  const kannel = await startKannel();
  const folder = makeTempFolder("bench-kannel");
  try {
    const { user, password } = kannel.credentials;
    const plan: LoadPlan = {
      ...{ url: kannel.url, authorization: `Basic ${btoa(`${user}:${password}`)}`, addresses },
      ...{ connections: settings.connections, ratePerSecond: null, notifyUrl: null, applicationId: "2", uncounted: 0 },
      ...{ count: Math.min(settings.count, 5_000), run: "kannel" },
    };
    const pids = [kannel.wapbox.pid, kannel.bearerbox.pid].filter((pid) => pid !== undefined);
    const before = pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
    const { seconds, p50Ms, p99Ms } = await load(plan, folder.path);
    const cpu = pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0) - before;
    const per10k = 10_000 / plan.count;
    const figures = {
      "accepted/s": plan.count / seconds,
      "p50 ms": p50Ms,
      "p99 ms": p99Ms,
      "PPG CPU s/10k": cpu * per10k,
    };
    return [
      { what: "ours, beside Kannel", figures: own },
      { what: "Kannel", figures },
    ];
  } finally {
    await kannel.stop();
    folder.remove();
  }
}

type Figures = Readonly<Record<"pushes/s" | "accepted/s" | "p50 ms" | "p99 ms" | "PPG CPU s/10k", number>> &
  Readonly<Record<string, number>>;

/** Submits `count` pushes and waits until the last is delivered. */
async function deliver(
  bed: Bed,
  { connections, handsets }: CaseSettings,
  count: number,
  ratePerSecond: number | null,
): Promise<Figures> {
  const { ppg, fleet, cluster, folder } = bed;
  const uncounted = Math.round((ratePerSecond ?? 0) * WARM_UP_SECONDS);
  const plan: LoadPlan = {
    ...{ url: ppg.papUrl, authorization: basicAuthorization, count, connections, ratePerSecond, uncounted },
    addresses: Array.from({ length: handsets }, (_, n) => `sip:handset${n + 1}@example.test`),
    ...{ run: `run${++bed.runs}`, notifyUrl: null, applicationId: "push.syncml" },
  };
  const parts = { PPG: ppg.pid, fleet: fleet.process.pid, PostgreSQL: cluster?.pid };
  const cpu = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(parts).flatMap(([part, pid]) => (pid === undefined ? [] : [[part, cpuSecondsOf(pid)]])),
    );
  const [before, wanted] = [cpu(), (await ppg.delivered()) + count];
  const fromMs = performance.now();
  const accepted = await load(plan, folder);
  // Reading the metrics costs a few milliseconds, so it is done seldom, and the end is late by as much at most.
  while ((await ppg.delivered()) < wanted) await new Promise((resolve) => setTimeout(resolve, 50));
  const seconds = (performance.now() - fromMs) / 1000;
  const after = cpu();
  const per10k = 10_000 / count;
  return {
    "pushes/s": count / seconds,
    "accepted/s": count / accepted.seconds,
    "p50 ms": accepted.p50Ms,
    "p99 ms": accepted.p99Ms,
    "PPG CPU s/10k": 0,
    ...Object.fromEntries(
      Object.entries(after).map(([part, total]) => [`${part} CPU s/10k`, (total - (before[part] ?? 0)) * per10k]),
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
