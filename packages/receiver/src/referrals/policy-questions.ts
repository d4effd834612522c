import type { Clock, Logger } from "@sip-push/sip";

/** What a policy said; `failed` when it threw, took too long, or the receiver closes. */
export type PolicyVerdict = boolean | "failed";

/** Questions to a policy, each answered exactly once and within bounds of time. */
export class PolicyQuestions {
  readonly #options: { readonly clock: Clock; readonly timeoutMs: number; readonly logger: Logger };
  readonly #cancels = new Set<() => void>();

  constructor(options: { readonly clock: Clock; readonly timeoutMs: number; readonly logger: Logger }) {
    this.#options = options;
  }

  /** Questions without an answer. */
  get size(): number {
    return this.#cancels.size;
  }

  ask(question: () => boolean | Promise<boolean>, answer: (verdict: PolicyVerdict) => void): void {
    const { clock, timeoutMs, logger } = this.#options;
    let given: boolean | Promise<boolean>;
    try {
      given = question();
    } catch (error) {
      logger.error({ err: error }, "the policy for references threw");
      answer("failed");
      return;
    }
    if (typeof given === "boolean") {
      answer(given);
      return;
    }
    const settle = (verdict: PolicyVerdict): void => {
      if (!this.#cancels.delete(cancel)) return;
      timer.cancel();
      answer(verdict);
    };
    const cancel = (): void => settle("failed");
    const timer = clock.schedule(timeoutMs, cancel);
    this.#cancels.add(cancel);
    // Whatever else it is, it is not `true`.
    Promise.resolve(given).then(
      (verdict: unknown) => settle(verdict === true),
      (error: unknown) => {
        logger.error({ err: error }, "the policy for references threw");
        settle("failed");
      },
    );
  }

  /** Whoever still waits hears `failed`. */
  close(): void {
    for (const cancel of [...this.#cancels]) cancel();
  }
}
