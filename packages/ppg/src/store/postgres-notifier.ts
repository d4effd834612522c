import pg from "pg";
import type { WorkKind } from "./types.ts";
import { WorkListeners } from "./work-listeners.ts";

const CHANNEL = "sip_push_ppg_work";
const LISTEN_AGAIN_MS = 1_000;
/** Between two wake-ups: under load the other nodes look for work without them. */
const SPACING_MS = 20;
const both: readonly WorkKind[] = ["deliveries", "results"];

/**
 * The wake-up that nodes send each other by LISTEN and NOTIFY, over a connection of its own. What this node did is told to its own
 * listeners at once. A wake-up may get lost with a connection; nodes then find the work by their own timers.
 */
export class PostgresNotifier {
  readonly #settings: pg.ClientConfig;
  readonly #listeners = new WorkListeners();
  #listening: pg.Client | undefined;
  #again: NodeJS.Timeout | undefined;
  #spacing: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  readonly #announced = new Set<WorkKind>();
  #closed = false;

  constructor(settings: pg.ClientConfig) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const client = new pg.Client(this.#settings);
    client.on("notification", ({ processId, payload }) => {
      // Ours were told already.
      if (processId === (client as unknown as { readonly processID: number | null }).processID) return;
      // A node of an earlier version does not say which.
      this.#listeners.tell(payload === "deliveries" || payload === "results" ? [payload] : both);
    });
    client.on("error", () => this.#startAgain(client));
    client.on("end", () => this.#startAgain(client));
    this.#listening = client;
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
  }

  onWork(of: WorkKind, listener: () => void): () => void {
    return this.#listeners.add(of, listener);
  }

  /** There is work that is committed. */
  announce(kinds: ReadonlySet<WorkKind>): void {
    if (this.#closed) return;
    this.#listeners.tell(kinds);
    for (const kind of kinds) this.#announced.add(kind);
    if (this.#spacing === undefined) this.#notify();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    clearTimeout(this.#spacing);
    this.#listeners.clear();
    await this.#sending;
    if (this.#announced.size > 0) await this.#send();
    await this.#listening?.end().catch(() => {});
  }

  #notify(): void {
    // What is being sent may have left before this was committed: it is said again afterwards.
    if (this.#sending === undefined) this.#sending = this.#send();
    this.#spacing = setTimeout(() => {
      this.#spacing = undefined;
      if (this.#announced.size > 0) this.#notify();
    }, SPACING_MS);
    this.#spacing.unref();
  }

  async #send(): Promise<void> {
    const listening = this.#listening;
    const statements = [...this.#announced].map((kind) => `NOTIFY ${CHANNEL}, '${kind}'`);
    this.#announced.clear();
    await listening?.query(statements.join("; ")).catch(() => this.#startAgain(listening));
    this.#sending = undefined;
    if (this.#announced.size > 0 && this.#spacing === undefined && !this.#closed) this.#notify();
  }

  #startAgain(broken: pg.Client): void {
    if (this.#listening !== broken || this.#closed) return;
    this.#listening = undefined;
    void broken.end().catch(() => {});
    this.#again = setTimeout(() => {
      this.start().then(
        () => this.#listeners.tell(both),
        () => this.#listening !== undefined && this.#startAgain(this.#listening),
      );
    }, LISTEN_AGAIN_MS);
    this.#again.unref();
  }
}
