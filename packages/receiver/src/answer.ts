import { reasonPhrases, type ServerTransaction } from "@sip-push/sip";

/** How a push is answered. */
export interface Answer {
  /** 200–699. */
  readonly statusCode: number;
  /** Reason phrase; the usual one when left out. */
  readonly reason?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
}

/** A push that goes to no handler. */
export interface Refusal extends Answer {
  /** For the log and the `refused` event, one line. */
  readonly problem: string;
}

/** What a check gives back instead of a push. */
export interface Refused {
  readonly refusal: Refusal;
}

/** @param text may hold what the peer wrote, of any length: it is cut, and kept without the request that it is a part of. */
export function refuse(statusCode: number, text: string, headers: Answer["headers"] = []): Refused {
  const problem = oneLine(text);
  return { refusal: { statusCode, problem, headers, reason: explained(statusCode, problem) } };
}

/** The usual phrase with the problem behind it, so that the sender's log says what is wrong. Printable ASCII only. */
export function explained(statusCode: number, problem: string): string {
  return `${reasonPhrases[statusCode] ?? ""} (${oneLine(problem)})`.trim();
}

const MAX_LINE = 200;

/**
 * Text that a peer had a hand in, for logs and reason phrases: printable ASCII, at most 200 characters. A copy, because a
 * slice would keep the text that it was cut from, of up to 64 KiB, in memory for as long as the answer is remembered.
 */
function oneLine(text: string): string {
  return Buffer.from(text.slice(0, MAX_LINE).replace(/[^\x20-\x7e]/g, "?"), "latin1").toString("latin1");
}

/** The usual answer: one object for all that remember it. */
export const OK: Answer = { statusCode: 200 };

function isPlainOk({ statusCode, reason, headers = [] }: Answer): boolean {
  return statusCode === 200 && reason === undefined && headers.length === 0;
}

/** One answer for all that ask for the same: later for those that came before it, at once for those that come after. */
export class SharedAnswer {
  /** Whether the application got the push, when the answer only accepts it; known later. Set before the answer is. */
  delivered: Promise<boolean> | undefined;
  #answer: Answer | undefined;
  /** Undefined when there was an answer: it is remembered for long, its takers are not. */
  #waiting: Array<(answer: Answer) => void> | undefined = [];

  /** Calls `take` with the answer, as soon as it is there. */
  give(take: (answer: Answer) => void): void {
    if (this.#answer === undefined) this.#waiting?.push(take);
    else take(this.#answer);
  }

  /** The first answer counts. */
  settle(answer: Answer): void {
    if (this.#answer !== undefined) return;
    this.#answer = isPlainOk(answer) ? OK : answer;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const take of waiting) take(answer);
  }
}

/** Sends an answer. RFC 3428 §7: a 2xx has neither body nor Contact. */
export function reply(transaction: ServerTransaction, { statusCode, reason, headers = [] }: Answer): void {
  transaction.reply(statusCode, reason === undefined ? { headers } : { headers, reason });
}
