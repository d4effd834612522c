import type { Clock } from "@sip-push/sip";

/** How long the store may take to answer who only asks how it is: less than scrapes and probes wait. */
const LIMIT_MS = 2_000;

/** What the promise resolves to; `late` when that takes more than {@link LIMIT_MS}. Rejects as the promise does. */
export async function inTime<T, Late>(clock: Clock, answer: Promise<T>, late: Late): Promise<T | Late> {
  const over = Promise.withResolvers<Late>();
  const timer = clock.schedule(LIMIT_MS, () => over.resolve(late));
  try {
    return await Promise.race([answer, over.promise]);
  } finally {
    timer.cancel();
  }
}
