import type { UiMode } from "@sip-push/notification";
import { type Clock, encodeText, type Logger, type Timer } from "@sip-push/sip";
import { type Answer, explained } from "./answer.ts";
import type { IncomingPush } from "./events.ts";

/** What a handler may give back; nothing means 200. */
export interface HandlerAnswer {
  /** 200–699, anything else is a bug and answered 500; 603 when the user refuses. Default 200. */
  readonly statusCode?: number;
  /** Reason phrase. */
  readonly reason?: string;
  /** Retry-After, for refusals that are not final. */
  readonly retryAfterSeconds?: number;
  /** Answer so much later; counts towards `handlerTimeoutMs`. */
  readonly delayMs?: number;
  /**
   * With a 2xx that only accepts the push, 202 say: settles when it is known whether the application got it, for the delivery
   * report (RFC 5438 §12.1.3.1). A rejection reports that nobody knows. Without it a 2xx is reported as delivered.
   */
  readonly delivered?: Promise<boolean>;
}

/** What came of a handler. */
export interface HandlerResult extends Answer {
  readonly delivered?: Promise<boolean>;
}

/**
 * Takes a push. The answer leaves when it returns or its promise settles; a throw or rejection is answered 500.
 *
 * @param signal aborts when the receiver closes.
 */
export type PushHandler = (
  push: IncomingPush,
  signal: AbortSignal,
) => HandlerAnswer | undefined | void | Promise<HandlerAnswer | undefined | void>;

/** Handlers by the notification's ui-mode. One that is missing leaves its pushes to `default`; without that they get 200. */
export interface PushHandlers {
  /** Work without the user noticing. */
  readonly background?: PushHandler;
  /** Tell the user. */
  readonly informative?: PushHandler;
  /** Ask the user. */
  readonly userInteraction?: PushHandler;
  /** No ui-mode: not specified, a format without one, or other content. */
  readonly default?: PushHandler;
}

const HANDLER_OF: Readonly<Record<UiMode, keyof PushHandlers>> = {
  background: "background",
  informative: "informative",
  "user-interaction": "userInteraction",
  "not-specified": "default",
};

/** The handler for a push, by its ui-mode. */
export function handlerFor(push: IncomingPush, handlers: PushHandlers): PushHandler | undefined {
  return handlers[HANDLER_OF[uiModeOf(push)]] ?? handlers.default;
}

/** Whether the answer of its handler is the user's. */
export function asksUser(push: Pick<IncomingPush, "notification">): boolean {
  return uiModeOf(push) === "user-interaction";
}

function uiModeOf({ notification }: Pick<IncomingPush, "notification">): UiMode {
  return notification !== null && "uiMode" in notification ? notification.uiMode : "not-specified";
}

/** What {@link callHandler} needs. */
export interface HandlerContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Then the answer is 500, and what the handler gives later is ignored. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** delta-seconds of RFC 3261 §25.1. */
const MAX_RETRY_AFTER_SECONDS = 0xffff_ffff;

const OK: Answer = { statusCode: 200 };

/** While the receiver closes: 480, so that the push is tried again. */
export const closingAnswer: Answer = { statusCode: 480, reason: explained(480, "closing") };

/** Calls a handler and makes an answer of what it gives. Never throws or rejects; a promise only when it has to wait. */
export function callHandler(
  handler: PushHandler | undefined,
  push: IncomingPush,
  context: HandlerContext,
): HandlerResult | Promise<HandlerResult> {
  if (handler === undefined) return OK;
  try {
    const given = handler(push, context.signal);
    if (given === undefined) return OK;
    if (!(given instanceof Promise) && (given.delayMs ?? 0) <= 0) return toAnswer(given);
    return settled(Promise.resolve(given), push, context);
  } catch (error) {
    return failed(error, push, context);
  }
}

function settled(
  given: Promise<HandlerAnswer | undefined | void>,
  push: IncomingPush,
  context: HandlerContext,
): Promise<HandlerResult> {
  const { clock, timeoutMs, signal } = context;
  return new Promise((resolve) => {
    let delay: Timer | undefined;
    let done = false;
    const finish = (answer: HandlerResult): void => {
      done = true;
      timeout.cancel();
      delay?.cancel();
      signal.removeEventListener("abort", closing);
      resolve(answer);
    };
    const closing = (): void => finish(closingAnswer);
    const timeout = clock.schedule(timeoutMs, () => finish(failed(new Error("handler timed out"), push, context)));
    if (signal.aborted) closing();
    else signal.addEventListener("abort", closing, { once: true });
    given
      .then((result) => {
        const answer = toAnswer(result ?? {});
        const delayMs = result?.delayMs ?? 0;
        if (delayMs <= 0) finish(answer);
        else if (!done) delay = clock.schedule(delayMs, () => finish(answer));
      })
      .catch((error: unknown) => finish(failed(error, push, context)));
  });
}

function toAnswer(given: HandlerAnswer): HandlerResult {
  const answer = statusLine(given);
  if (given.delivered === undefined) return answer;
  // Whatever it is: a plain value is what a promise would have settled with.
  const delivered = Promise.resolve(given.delivered);
  // Nobody else listens when no report was asked for.
  delivered.catch(() => undefined);
  return { ...answer, delivered };
}

function statusLine({ statusCode = 200, reason, retryAfterSeconds }: HandlerAnswer): Answer {
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 699) {
    throw new RangeError(`a handler answered ${statusCode}, which is no final status code`);
  }
  const seconds = Math.ceil(retryAfterSeconds ?? 0);
  if (!(seconds >= 0 && seconds <= MAX_RETRY_AFTER_SECONDS)) {
    throw new RangeError(`a handler asked for a retry after ${retryAfterSeconds} seconds`);
  }
  const headers: Answer["headers"] = retryAfterSeconds === undefined ? [] : [["Retry-After", String(seconds)]];
  if (reason === undefined) return { statusCode, headers };
  return { statusCode, headers, reason: encodeText(reason.replace(/[\r\n\0]+/g, " ")) };
}

function failed(error: unknown, { callId }: IncomingPush, { logger }: HandlerContext): Answer {
  logger.error({ err: error, callId }, "push handler failed");
  return { statusCode: 500, reason: explained(500, "push handler failed") };
}
