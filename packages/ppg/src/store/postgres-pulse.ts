import type { Clock, Timer } from "@sip-push/sip";
import { type PulseAction, type PulseEvent, type PulseState, pulse } from "./postgres-pulse.machine.ts";

/** Somebody waits, and no connection brings anything: after so long the server is asked; so long it may take to answer. */
const QUIET_MS = 3_000;
const ANSWER_MS = 3_000;
/** While it is silent, it is asked again so soon. */
const PAUSE_MS = 1_000;

export interface PulseOptions {
  readonly clock: Clock;
  /** Asks the server whether it is there, until `signal` says that its answer does not matter any more. Never rejects. */
  readonly ask: (signal: AbortSignal) => Promise<boolean>;
  /** What waits is to be given up. */
  readonly onSilent: () => void;
}

/**
 * Whether the server says anything at all. One that stands still, or that the network does not lead to any more, breaks no connection:
 * statements would wait for their own ends, and all that comes behind them. A long statement is not mistaken for that, because the
 * server takes new connections meanwhile.
 */
export class PostgresPulse {
  readonly #options: PulseOptions;
  #state: PulseState = "idle";
  #waiting = 0;
  /** Something, since somebody asked last. */
  #heard = true;
  #quietSinceMs = 0;
  #timer: Timer | undefined;
  #question: AbortController | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Nothing that is asked now has an answer to hope for. */
  get silent(): boolean {
    return this.#state === "silent" || this.#state === "askingAgain";
  }

  /** Somebody waits for the server, until {@link ended}. */
  began(): void {
    if (!this.#isOwed) this.#quietSinceMs = this.#options.clock.now();
    this.#waiting++;
    this.#heard = false;
    this.#take("began");
  }

  ended(): void {
    this.#waiting--;
  }

  /** The server said something. */
  heard(): void {
    this.#quietSinceMs = this.#options.clock.now();
    this.#heard = true;
    this.#take("heard");
  }

  close(): void {
    this.#take("close");
  }

  /** Who waited and gave up still counts. */
  get #isOwed(): boolean {
    return this.#waiting > 0 || !this.#heard;
  }

  #take(event: PulseEvent): void {
    const row = pulse[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: PulseAction): void {
    switch (action) {
      case "startLook":
        return this.#schedule(this.#quietUntilMs - this.#options.clock.now(), () => this.#look());
      case "startPause":
        return this.#schedule(PAUSE_MS, () => this.#take("due"));
      case "stopTimer":
        return this.#timer?.cancel();
      case "ask":
        return void this.#ask();
      case "dropQuestion":
        return this.#drop();
      case "reportSilent":
        return this.#options.onSilent();
    }
  }

  get #quietUntilMs(): number {
    return this.#quietSinceMs + QUIET_MS;
  }

  #schedule(ms: number, then: () => void): void {
    this.#timer = this.#options.clock.schedule(ms, then);
  }

  #look(): void {
    if (!this.#isOwed) this.#take("calm");
    else this.#take(this.#quietUntilMs > this.#options.clock.now() ? "lively" : "quiet");
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const question = new AbortController();
    this.#question = question;
    // What came while this process itself stood still is read first: it is an answer as well.
    const over = this.#options.clock.schedule(ANSWER_MS, () => setImmediate(() => question.abort()));
    const answers = await this.#options.ask(question.signal);
    over.cancel();
    if (this.#question === question) this.#answered(answers);
  }

  #answered(answers: boolean): void {
    this.#question = undefined;
    if (answers) this.heard();
    else this.#take("unanswered");
  }

  #drop(): void {
    this.#question?.abort();
    this.#question = undefined;
  }
}
