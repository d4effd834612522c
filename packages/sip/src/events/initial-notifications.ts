import type { TimerWheel } from "../transaction/timer-wheel.ts";
import type { NotificationInit, NotifierOptions, Subscription } from "./notifier-options.ts";

/** How long the application may take; then an empty NOTIFY goes. */
const TIMEOUT_MS = 10_000;
const EMPTY: readonly NotificationInit[] = [{}];

/**
 * Asks the package for the NOTIFYs that follow a SUBSCRIBE, and calls `push` exactly once with one at least: there must be
 * one at once, whatever the package does (RFC 6665 §4.2.1.2).
 *
 * @returns takes the question back: `push` is not called any more. Undefined when it was called already.
 */
export function askInitial(
  subscription: Subscription,
  { initialNotifications, endpoint, package: name }: NotifierOptions,
  wheel: TimerWheel,
  push: (list: readonly NotificationInit[]) => void,
): (() => void) | undefined {
  const threw = (error: unknown): void =>
    endpoint.logger.error({ err: error, package: name }, "the notifications for a SUBSCRIBE could not be had");
  let given: ReturnType<NonNullable<NotifierOptions["initialNotifications"]>> = EMPTY;
  try {
    given = initialNotifications?.(subscription) ?? EMPTY;
  } catch (error) {
    threw(error);
  }
  if (!(given instanceof Promise)) {
    push(given.length === 0 ? EMPTY : given);
    return undefined;
  }
  let waiting = true;
  const stop = (): void => {
    waiting = false;
    wheel.stop(timer);
  };
  const settle = (list: readonly NotificationInit[]): void => {
    const some = list.length === 0 ? EMPTY : list;
    if (!waiting) return;
    stop();
    push(some);
  };
  const timer = wheel.timer(() => {
    threw(new Error(`no notifications within ${TIMEOUT_MS} ms`));
    settle(EMPTY);
  });
  wheel.start(timer, TIMEOUT_MS);
  given.then(settle).catch((error: unknown) => {
    threw(error);
    settle(EMPTY);
  });
  return stop;
}
