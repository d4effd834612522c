/** The base values of RFC 3261 §17.1.1.1 and table 4, in milliseconds. */
export interface BaseTimers {
  /** Estimate of the round trip. */
  readonly t1Ms: number;
  /** Longest interval between retransmissions of a non-INVITE request. */
  readonly t2Ms: number;
  /** How long a message stays in the network. */
  readonly t4Ms: number;
}

export const defaultTimers: BaseTimers = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 };

/** Timers of the non-INVITE transactions, in milliseconds. */
export interface NonInviteTimers {
  /** First retransmission; doubles up to T2. Not started on a reliable transport. RFC 3261 §17.1.2.2. */
  readonly eMs: number;
  readonly eMaxMs: number;
  /** Client transaction times out. */
  readonly fMs: number;
  /** How long a server transaction absorbs retransmissions. §17.2.2; zero when reliable. */
  readonly jMs: number;
  /** How long a client transaction absorbs retransmitted responses; zero when reliable. */
  readonly kMs: number;
  /** When a server must send 100: the client's Timer E has reached T2 by then. RFC 4320 §4.1. */
  readonly tryingMs: number;
  /** Ours: when a server transaction that its user never answered is given up; its client has timed out. */
  readonly giveUpMs: number;
}

export function nonInviteTimers(reliable: boolean, { t1Ms, t2Ms, t4Ms }: BaseTimers = defaultTimers): NonInviteTimers {
  let tryingMs = 0;
  for (let intervalMs = t1Ms; intervalMs < t2Ms; intervalMs *= 2) tryingMs += intervalMs;
  return {
    eMs: t1Ms,
    eMaxMs: t2Ms,
    fMs: 64 * t1Ms,
    jMs: reliable ? 0 : 64 * t1Ms,
    kMs: reliable ? 0 : t4Ms,
    tryingMs,
    giveUpMs: 64 * t1Ms,
  };
}
