import pg from "pg";

const CHANNEL = "sip_push_ppg_work";
const LISTEN_AGAIN_MS = 1_000;
/** Between two wake-ups: under load the other nodes look for work without them. */
const SPACING_MS = 20;

/**
 * The wake-up that nodes send each other by LISTEN and NOTIFY, over a connection of its own. What this node did is told to its own
 * listeners at once. A wake-up may get lost with a connection; nodes then find the work by their own timers.
 */
export class PostgresNotifier {
  readonly #settings: pg.ClientConfig;
  readonly #listeners = new Set<() => void>();
  #listening: pg.Client | undefined;
  #again: NodeJS.Timeout | undefined;
  #spacing: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #announced = false;
  #closed = false;

  constructor(settings: pg.ClientConfig) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const client = new pg.Client(this.#settings);
    client.on("notification", ({ processId }) => {
      // Ours were told already.
      if (processId !== (client as unknown as { readonly processID: number | null }).processID) this.#tell();
    });
    client.on("error", () => this.#startAgain(client));
    client.on("end", () => this.#startAgain(client));
    this.#listening = client;
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
  }

  onWork(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** There is work that is committed. */
  announce(): void {
    if (this.#closed) return;
    this.#tell();
    this.#announced = true;
    if (this.#spacing === undefined) this.#notify();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    clearTimeout(this.#spacing);
    this.#listeners.clear();
    await this.#sending;
    if (this.#announced) await this.#send();
    await this.#listening?.end().catch(() => {});
  }

  #notify(): void {
    // What is being sent may have left before this was committed: it is said again afterwards.
    if (this.#sending === undefined) this.#sending = this.#send();
    this.#spacing = setTimeout(() => {
      this.#spacing = undefined;
      if (this.#announced) this.#notify();
    }, SPACING_MS);
    this.#spacing.unref();
  }

  async #send(): Promise<void> {
    // When it fails the connection is broken, which is seen to elsewhere.
    this.#announced = false;
    await this.#listening?.query(`NOTIFY ${CHANNEL}`).catch(() => {});
    this.#sending = undefined;
    if (this.#announced && this.#spacing === undefined && !this.#closed) this.#notify();
  }

  #startAgain(broken: pg.Client): void {
    if (this.#listening !== broken || this.#closed) return;
    this.#listening = undefined;
    void broken.end().catch(() => {});
    this.#again = setTimeout(() => {
      this.start().then(
        () => this.#tell(),
        () => this.#listening !== undefined && this.#startAgain(this.#listening),
      );
    }, LISTEN_AGAIN_MS);
    this.#again.unref();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
