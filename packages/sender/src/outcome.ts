import type { ImdnDisposition, MessageState, PapCode } from "@sip-push/push";

/** What became of a push to one recipient. A refusal is an outcome, not an error. */
export interface PushOutcome {
  /** The recipient as the caller wrote it. */
  readonly to: string;
  readonly messageState: MessageState;
  readonly papCode: PapCode;
  /** Status code of the last response; null when there was none. */
  readonly sipStatus: number | null;
  /** Its reason phrase. */
  readonly sipReason: string | null;
  /** For people, one line. */
  readonly reason: string;
  /** The same push may be delivered when it is tried later. */
  readonly retryable: boolean;
  /** What the last response asked to wait, when `retryable`. */
  readonly retryAfterSeconds: number | undefined;
  /** Requests that left: challenges, redirections and failed targets included, retransmissions not. */
  readonly attempts: number;
  /** From the call of `deliver`, in whole milliseconds. */
  readonly elapsedMs: number;
  /** Call-ID of the MESSAGE requests, or of the dialog of a NOTIFY: the same in the receiver's event. */
  readonly callId: string;
  /** How the last attempt travelled; null when there was none. */
  readonly via: "message" | "notify" | null;
  /** What the handset's delivery report says (RFC 5438 §7.2.1.1); null without one. */
  readonly report: ImdnDisposition | null;
}

/** Whether and how a sender tries again later by itself; a gateway that does so on its own leaves this out. */
export interface RetryOptions {
  /** Tries after the first, not counting what is done at once (credentials, redirections, other targets). */
  readonly maxRetries: number;
  /** Wait before the first retry; doubles. Default 1000. A longer Retry-After wins. */
  readonly initialMs?: number;
  /** Longest wait of our own. Default 60000. */
  readonly maxMs?: number;
  /** Share of the wait that is left to chance, 0..1. Default 0.5. */
  readonly jitter?: number;
}

/** The wait before retry number `retries` (from 0), in milliseconds. */
export function retryDelayMs(
  options: RetryOptions,
  retries: number,
  retryAfterSeconds: number | undefined,
  random: () => number,
): number {
  const { initialMs = 1000, maxMs = 60_000, jitter = 0.5 } = options;
  const backOffMs = Math.min(maxMs, initialMs * 2 ** Math.min(retries, 30)) * (1 - jitter * random());
  return Math.max(backOffMs, (retryAfterSeconds ?? 0) * 1000);
}
