import type { Clock } from "@sip-push/sip";
import { Counter, Gauge, type Registry } from "prom-client";
import { liveStates } from "../delivery/delivery.machine.ts";
import type { PpgStore } from "../store/store.ts";
import { inTime } from "./in-time.ts";

/** What is looked at when somebody asks; undefined: that part does not run. Whole numbers. */
export interface GaugeSources {
  readonly deliveries: () => Promise<
    | {
        readonly inFlight: number;
        readonly brokenDestinations: number;
        readonly watched: number;
        readonly subscriptions: number;
      }
    | undefined
  >;
  readonly results: () =>
    | { readonly underWay: number; readonly held: number; readonly pausedOrigins: readonly string[] }
    | undefined;
  readonly front: () =>
    | {
        readonly active: number;
        readonly bufferedBytes: number;
        readonly refused: Readonly<Record<string, number>>;
        readonly droppedConnections: number;
      }
    | undefined;
  readonly registered: () => boolean;
  readonly ready: () => Promise<boolean>;
}

/** A scrape more often than this gets the counts of the one before. */
const COUNTS_MS = 1_000;

type Counts = Awaited<ReturnType<PpgStore["countByState"]>>;

/** Adds what has a value rather than events. */
export function registerGauges(
  registry: Registry,
  store: Pick<PpgStore, "countByState">,
  sources: GaugeSources,
  clock: Clock,
): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | undefined | Promise<number | undefined>): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: async () => {
        const value = await read();
        if (value === undefined) made.reset();
        else made.set(value);
      },
    });
  };
  const deliveries = shared(sources.deliveries);
  gauge("ppg_attempts_in_flight", "SIP attempts under way on this node", async () => (await deliveries())?.inFlight);
  gauge(
    "ppg_breakers_open",
    "Destinations whose circuit breaker is not closed",
    async () => (await deliveries())?.brokenDestinations,
  );
  gauge(
    "ppg_registrations_watched",
    "Recipients whose registration is waited for",
    async () => (await deliveries())?.watched,
  );
  gauge("ppg_results_in_flight", "Result notifications under way", () => sources.results()?.underWay);
  gauge("ppg_results_held", "Results claimed by this node, those under way included", () => sources.results()?.held);
  gauge(
    "ppg_results_paused_origins",
    "Servers of push initiators that are left alone for a while",
    () => sources.results()?.pausedOrigins.length,
  );
  gauge("ppg_http_requests_active", "PAP requests under way", () => sources.front()?.active);
  gauge("ppg_http_buffered_bytes", "Octets of PAP requests in memory", () => sources.front()?.bufferedBytes);
  gauge("ppg_sip_subscriptions", "Handsets subscribed to pushes", async () => (await deliveries())?.subscriptions);
  gauge("ppg_sip_registered", "1 while the gateway's own address is registered, or need not be", () =>
    asNumber(sources.registered()),
  );
  gauge("ppg_ready", "1 while the gateway takes pushes", async () => asNumber(await sources.ready()));
  registerRefusals(registers, sources);
  registerCounts(registers, cached(store, clock));
}

function registerRefusals(registers: Registry[], sources: GaugeSources): void {
  const refused: Counter<"reason"> = new Counter({
    name: "ppg_http_refused_total",
    help: "HTTP requests refused before PAP is read, by reason: unauthenticated, tooFast, busy, …",
    labelNames: ["reason"],
    registers,
    collect: () => {
      refused.reset();
      for (const [reason, count] of Object.entries(sources.front()?.refused ?? {})) refused.inc({ reason }, count);
    },
  });
  const dropped: Counter = new Counter({
    name: "ppg_http_dropped_connections_total",
    help: "Connections closed at once because there were too many",
    registers,
    collect: () => {
      dropped.reset();
      dropped.inc(sources.front()?.droppedConnections ?? 0);
    },
  });
}

function registerCounts(registers: Registry[], counts: () => Promise<Counts | undefined>): void {
  const up: Gauge = new Gauge({
    name: "ppg_store_up",
    help: "1 while the store answers",
    registers,
    collect: async () => up.set(asNumber((await counts()) !== undefined)),
  });
  const live: Gauge<"state"> = new Gauge({
    name: "ppg_deliveries",
    help: "Deliveries that are not finished, by state; on PostgreSQL those of all nodes",
    labelNames: ["state"],
    registers,
    collect: async () => {
      const known = await counts();
      live.reset();
      if (known !== undefined) for (const state of liveStates) live.set({ state }, known[state]);
    },
  });
}

/** The same answer for all who ask before it is there. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}

/** The same answer for a second, also to those who ask at the same time; undefined: the store does not answer, or not in time. */
function cached(store: Pick<PpgStore, "countByState">, clock: Clock): () => Promise<Counts | undefined> {
  let answer: Promise<Counts | undefined> | undefined;
  let askedAtMs = 0;
  return () => {
    if (answer === undefined || clock.now() - askedAtMs >= COUNTS_MS) {
      askedAtMs = clock.now();
      const counts = store.countByState().catch(() => undefined);
      answer = inTime(clock, counts, undefined);
    }
    return answer;
  };
}

function asNumber(value: boolean): number {
  return value ? 1 : 0;
}
