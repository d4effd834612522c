import type { Clock } from "@sip-push/sip";
import { aorKey } from "./aor.ts";
import type { CapabilityBook } from "./capabilities/index.ts";

export interface CapabilityQuestionsOptions {
  readonly clock: Clock;
  readonly book: CapabilityBook;
  /** Sends OPTIONS, and enters the answer in the book. Never rejects. */
  readonly query: (recipient: string, applicationId: string | null) => Promise<unknown>;
  /** How long a push waits for the answer at most. Default 5000. */
  readonly waitMs?: number;
  /** Who was asked and is still unknown is asked again after so long. Default 300000. */
  readonly againMs?: number;
  /** Questions under way at a time; past it pushes go without. Default 1000. */
  readonly maxQuestions?: number;
  /** Users remembered who were asked. Default 10000. */
  readonly maxRemembered?: number;
}

/** Asks about recipients of whom nothing is known (OPTIONS, RFC 3261 §11): once, for all pushes that wait for the answer. */
export class CapabilityQuestions {
  /** How long a push waits for the answer at most. */
  readonly waitMs: number;
  readonly #options: CapabilityQuestionsOptions;
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** Clock when they were asked, the longest ago first. */
  readonly #askedMs = new Map<string, number>();

  constructor(options: CapabilityQuestionsOptions) {
    this.#options = options;
    this.waitMs = options.waitMs ?? 5000;
  }

  /** Questions under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Whether {@link ask} may teach something. */
  mayAsk(recipient: string): boolean {
    const { clock, book, againMs = 300_000, maxQuestions = 1000 } = this.#options;
    const key = aorKey(recipient);
    if (key === undefined || book.lookup(recipient).length > 0) return false;
    if (this.#underWay.has(key)) return true;
    const askedMs = this.#askedMs.get(key);
    const due = askedMs === undefined || clock.now() - askedMs >= againMs;
    return due && this.#underWay.size < maxQuestions;
  }

  /** Asks, or joins the question that is under way. Settles with the answer; the book has it then. */
  ask(recipient: string, applicationId: string | null): Promise<unknown> {
    const key = aorKey(recipient) ?? recipient;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    this.#remember(key);
    const question = this.#options.query(recipient, applicationId).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, question);
    return question;
  }

  #remember(key: string): void {
    const { clock, maxRemembered = 10_000 } = this.#options;
    this.#askedMs.delete(key);
    this.#askedMs.set(key, clock.now());
    for (const oldest of this.#askedMs.keys()) {
      if (this.#askedMs.size <= maxRemembered) break;
      this.#askedMs.delete(oldest);
    }
  }
}
