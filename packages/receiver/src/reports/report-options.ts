import { checkNumbers, type NumberRange, PushInputError } from "@sip-push/push";

/**
 * What becomes of a request for delivery reports. RFC 5438 §14.2.
 *
 * - `send`: it is granted.
 * - `never`: it is ignored, which tells the sender nothing.
 * - `forbid`: it is answered `forbidden`, whatever became of the push.
 */
export type ReportPolicy = (typeof policies)[number];

const policies = ["send", "never", "forbid"] as const;

/** How a receiver reports. */
export interface ReportOptions {
  /** Default `send`. */
  readonly policy?: ReportPolicy;
  /**
   * Report `processed` for a push whose handler is still at work after so long, when the sender asks for `processing`. For a
   * receiver that stores and forwards: a handset "MUST NOT generate processing notifications" (RFC 5438 §7.2.1), and by default
   * none does.
   */
  readonly processingAfterMs?: number;
  /**
   * Reports under way or waiting, those that a handler still owes included; past it the oldest that waits to be tried again is
   * given up, or, where none waits, the new one dropped. Default 1000.
   */
  readonly maxPending?: number;
  /** Requests for one report. Default 16. */
  readonly maxAttempts?: number;
  /** Pause after the first failure; it doubles each time. Default 2000. */
  readonly retryBaseMs?: number;
  /** Longest pause of our own; Retry-After may ask for more. Default 300000. */
  readonly retryMaxMs?: number;
  /** A report is not tried again so long after it was made. Default 3600000: its sender has stopped to wait by then. */
  readonly giveUpAfterMs?: number;
  /** How long a handler may take to say what became of a push that it accepted; then nothing is reported. Default 3600000. */
  readonly fateTimeoutMs?: number;
}

export const defaultReportOptions: Required<Omit<ReportOptions, "processingAfterMs">> = {
  policy: "send",
  maxPending: 1000,
  maxAttempts: 16,
  retryBaseMs: 2000,
  retryMaxMs: 300_000,
  giveUpAfterMs: 3_600_000,
  fateTimeoutMs: 3_600_000,
};

/** A longer timer would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

const ranges: Readonly<Record<Exclude<keyof ReportOptions, "policy">, NumberRange>> = {
  processingAfterMs: { max: MAX_TIMER_MS },
  maxPending: {},
  maxAttempts: { min: 1, integer: true },
  retryBaseMs: { max: MAX_TIMER_MS },
  retryMaxMs: { max: MAX_TIMER_MS },
  giveUpAfterMs: { max: MAX_TIMER_MS },
  fateTimeoutMs: { max: MAX_TIMER_MS },
};

/** @throws {PushInputError} PUSH_BAD_OPTION naming the setting, such as `reports.maxAttempts`. */
export function checkReportOptions({ policy = "send", ...numbers }: ReportOptions): void {
  if (!policies.includes(policy)) {
    throw new PushInputError("PUSH_BAD_OPTION", "reports.policy", `must be one of ${policies.join(", ")}`);
  }
  checkNumbers(numbers, ranges, "reports.");
}
