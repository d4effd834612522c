import type { Clock, Timer } from "@sip-push/sip";
import pg from "pg";
import type { WorkKind } from "./types.ts";
import { WorkListeners } from "./work-listeners.ts";

const CHANNEL = "sip_push_ppg_work";
const LISTEN_AGAIN_MS = 1_000;
/** A NOTIFY waits for nobody long: a connection that has not answered by then is given up. */
const ANSWER_MS = 10_000;
/** Between two wake-ups: under load the other nodes look for work without them. */
const SPACING_MS = 20;
const both: readonly WorkKind[] = ["deliveries", "results"];

/**
 * The wake-up that nodes send each other by LISTEN and NOTIFY, over a connection of its own. What this node did is told to its own
 * listeners at once. What others said while there was no connection is lost: on the next, this node's listeners are told to look for
 * everything, and the others what they have not heard. Until a broken connection is noticed, nodes find the work by their own timers.
 */
export class PostgresNotifier {
  readonly #settings: pg.ClientConfig;
  readonly #clock: Clock;
  readonly #listeners = new WorkListeners();
  #connection: pg.Client | undefined;
  /** The same, once it listens. */
  #listening: pg.Client | undefined;
  #again: Timer | undefined;
  #spacing: Timer | undefined;
  #sending: Promise<void> | undefined;
  readonly #announced = new Set<WorkKind>();
  #closed = false;

  constructor(settings: pg.ClientConfig, clock: Clock) {
    // How long a statement may take is by the clock, below.
    this.#settings = { ...settings, query_timeout: 0 };
    this.#clock = clock;
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
    this.#connection = client;
    await client.connect();
    await this.#run(client, `LISTEN ${CHANNEL}`);
    if (this.#connection === client) this.#listening = client;
  }

  onWork(of: WorkKind, listener: () => void): () => void {
    return this.#listeners.add(of, listener);
  }

  /** There is work that is committed. */
  announce(kinds: ReadonlySet<WorkKind>): void {
    this.#listeners.tell(kinds);
    for (const kind of kinds) this.#announced.add(kind);
    this.#notify();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#again?.cancel();
    this.#spacing?.cancel();
    this.#listeners.clear();
    await this.#sending;
    if (this.#listening !== undefined && this.#announced.size > 0) await this.#send(this.#listening);
    await this.#connection?.end().catch(() => {});
  }

  /** Says what is not said yet. What is committed while a NOTIFY is under way may be too late for it, and is said after it. */
  #notify(): void {
    const listening = this.#listening;
    if (this.#closed || listening === undefined || this.#announced.size === 0) return;
    if (this.#sending !== undefined || this.#spacing !== undefined) return;
    this.#sending = this.#send(listening);
    this.#spacing = this.#clock.schedule(SPACING_MS, () => {
      this.#spacing = undefined;
      this.#notify();
    });
  }

  /** Never rejects. */
  async #send(listening: pg.Client): Promise<void> {
    const kinds = [...this.#announced];
    this.#announced.clear();
    try {
      await this.#run(listening, kinds.map((kind) => `NOTIFY ${CHANNEL}, '${kind}'`).join("; "));
    } catch {
      for (const kind of kinds) this.#announced.add(kind);
      this.#startAgain(listening);
    }
    this.#sending = undefined;
    this.#notify();
  }

  async #run(client: pg.Client, sql: string): Promise<void> {
    // With a statement under way that breaks the connection.
    const over = this.#clock.schedule(ANSWER_MS, () => void client.end().catch(() => {}));
    try {
      await client.query(sql);
    } finally {
      over.cancel();
    }
  }

  #startAgain(broken: pg.Client): void {
    if (this.#connection !== broken || this.#closed) return;
    this.#connection = undefined;
    this.#listening = undefined;
    void broken.end().catch(() => {});
    this.#again = this.#clock.schedule(LISTEN_AGAIN_MS, () => void this.#listenAgain());
  }

  /** Never rejects. */
  async #listenAgain(): Promise<void> {
    try {
      await this.start();
    } catch {
      if (this.#connection !== undefined) this.#startAgain(this.#connection);
      return;
    }
    this.#listeners.tell(both);
    this.#notify();
  }
}
