import { parseRetryAfter, type ResponseInit, type ServerTransaction, type SipResponse } from "@sip-push/sip";
import { addChallenges, type BranchAnswer, bestOf } from "./best-response.ts";

export interface ResponseContextOptions {
  readonly transaction: ServerTransaction;
  /** Whether a silent contact is answered for with 408, against RFC 4320 §4.2. */
  readonly answerTimeouts: boolean;
  /** True once the proxy closes: there is no way back for an answer. */
  readonly stopped: () => boolean;
  /** The transaction was answered, or will not be (undefined). Called once, when that is known. */
  readonly answered: (statusCode: number | undefined) => void;
}

/** RFC 3261 §21.5.4: when to come back after we had too much to do. */
export const OVERLOAD_RETRY_AFTER_SECONDS = 5;

/** Collects the answers of all branches of one request, and passes exactly one back. RFC 3261 §16.7 for non-INVITE. */
export class ResponseContext {
  readonly #options: ResponseContextOptions;
  readonly #answers: BranchAnswer[] = [];
  #settled = false;

  constructor(options: ResponseContextOptions) {
    this.#options = options;
  }

  /** All answers so far. */
  get answers(): readonly BranchAnswer[] {
    return this.#answers;
  }

  /** True once an answer went back: no more branches are of use. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Takes the answer of one branch. (5): a 2xx goes back at once; everything else waits for the other branches. */
  add(answer: BranchAnswer): void {
    this.#answers.push(answer);
    if (answer.statusCode < 300) this.#pass(answer);
  }

  /** (6): no branch is left; passes back the best answer, unless a 2xx went before. */
  finish(): void {
    const best = bestOf(this.#answers);
    if (best !== undefined) this.#pass(best);
  }

  #pass(answer: BranchAnswer): void {
    if (this.#settled) return;
    this.#settled = true;
    const { transaction, answerTimeouts, answered, stopped } = this.#options;
    if (stopped() || !transaction.open || (answer.statusCode === 408 && !answerTimeouts)) {
      answered(undefined);
      return;
    }
    const response = this.#passable(answer);
    if (response !== undefined) {
      transaction.respond(response);
      answered(response.statusCode);
      return;
    }
    const { statusCode, ...init } = ownAnswer(answer);
    transaction.reply(statusCode, init);
    answered(statusCode);
  }

  /** The response as it goes upstream, or undefined when one has to be made here. */
  #passable({ statusCode, response }: BranchAnswer): SipResponse | undefined {
    if (response === undefined || statusCode === 503) return undefined;
    if (statusCode === 401 || statusCode === 407) addChallenges(response, this.#answers);
    return response;
  }
}

/** An answer of our own for a branch that ended without one that can be passed on. */
function ownAnswer({ statusCode, response }: BranchAnswer): ResponseInit & { readonly statusCode: number } {
  if (response !== undefined) {
    // RFC 3261 §16.7 (6): that one server is busy does not mean that we are. When to come back is worth telling.
    const retryAfter = response.headers.get("Retry-After");
    const known = parseRetryAfter(retryAfter) !== undefined;
    return { statusCode: 500, ...(known && retryAfter !== undefined && { headers: [["Retry-After", retryAfter]] }) };
  }
  if (statusCode !== 503) return { statusCode };
  return { statusCode: 503, headers: [["Retry-After", String(OVERLOAD_RETRY_AFTER_SECONDS)]] };
}
