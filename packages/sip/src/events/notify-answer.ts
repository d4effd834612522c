import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { Notification, NotificationAnswer, SubscriberOptions } from "./subscriber-options.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_RUNNING = 64;

const ok: NotificationAnswer = { statusCode: 200 };
const broken: NotificationAnswer = { statusCode: 500 };
const busy: NotificationAnswer = { statusCode: 500, headers: [["Retry-After", "5"]] };

/** Asks the application what to answer to a NOTIFY, within bounds of time and number. RFC 6665 §4.1.3. */
export class NotifyAnswers {
  readonly #options: Pick<SubscriberOptions, "onNotify" | "answerTimeoutMs" | "maxRunning">;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #cancels = new Set<() => void>();

  constructor(
    options: Pick<SubscriberOptions, "onNotify" | "answerTimeoutMs" | "maxRunning">,
    clock: Clock,
    logger: Logger,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** NOTIFYs that wait for the application. */
  get running(): number {
    return this.#cancels.size;
  }

  /** Calls `answer` exactly once: at once when the application answers at once. */
  ask(notification: Notification, answer: (answer: NotificationAnswer) => void): void {
    const { onNotify, maxRunning = DEFAULT_MAX_RUNNING } = this.#options;
    if (onNotify === undefined) return answer(ok);
    if (this.#cancels.size >= maxRunning) return answer(busy);
    try {
      const given = onNotify(notification);
      if (given instanceof Promise) this.#wait(given, answer);
      else this.#give(given, answer);
    } catch (error) {
      this.#logger.error({ err: error }, "a handler for NOTIFY threw");
      answer(broken);
    }
  }

  /** What still waits is answered 500, and nothing of it is left. */
  close(): void {
    for (const cancel of [...this.#cancels]) cancel();
  }

  #wait(given: Promise<NotificationAnswer | undefined | void>, answer: (answer: NotificationAnswer) => void): void {
    const { answerTimeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const settle = (what: NotificationAnswer | undefined | void): void => {
      if (!this.#cancels.delete(cancel)) return;
      timer.cancel();
      this.#give(what, answer);
    };
    const cancel = (): void => settle(broken);
    const timer = this.#clock.schedule(answerTimeoutMs, () => {
      this.#logger.warn({ answerTimeoutMs }, "a handler for NOTIFY took too long");
      cancel();
    });
    this.#cancels.add(cancel);
    given.then(settle, (error: unknown) => {
      this.#logger.error({ err: error }, "a handler for NOTIFY threw");
      settle(broken);
    });
  }

  /** With header fields that no message may have it cannot be sent. */
  #give(given: NotificationAnswer | undefined | void, answer: (answer: NotificationAnswer) => void): void {
    try {
      answer(this.#checked(given));
    } catch (error) {
      this.#logger.error({ err: error }, "the answer to a NOTIFY cannot be sent");
      answer(broken);
    }
  }

  /** A status that is no final one would leave the notifier without an answer. */
  #checked(given: NotificationAnswer | undefined | void): NotificationAnswer {
    if (given === undefined) return ok;
    const { statusCode } = given;
    if (Number.isInteger(statusCode) && statusCode >= 200 && statusCode <= 699) return given;
    this.#logger.error({ statusCode }, "a handler for NOTIFY gave no final status");
    return broken;
  }
}

export function reply(transaction: ServerTransaction, { statusCode, reason, headers }: NotificationAnswer): void {
  transaction.reply(statusCode, {
    ...(reason === undefined ? {} : { reason }),
    ...(headers === undefined ? {} : { headers }),
  });
}
