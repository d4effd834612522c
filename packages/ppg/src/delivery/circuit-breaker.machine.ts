/**
 * One destination, as the gateway sees it.
 *
 * - `closed`: in order; attempts go. `open`: it failed too often in a row; nothing goes until the pause is over.
 * - `half-open`: the pause is over; one attempt may go, to see. `probing`: that one is under way.
 */
export type BreakerPhase = "closed" | "open" | "half-open" | "probing";

/**
 * `attempt`: one begins. `success`: the destination answered, whatever it said of the push. `failure`: it did not, or said that it
 * is overloaded (no response, transport error, 503). `due`: the pause is over. `withdrawn`: the attempt ended without either.
 */
export type BreakerEvent = "attempt" | "success" | "failure" | "due" | "withdrawn";

/** `tooMany`: with this failure there are as many in a row as the rule allows. */
export type BreakerGuard = "tooMany";

/** `pause`: open until later, each time longer. `countFailure`; `forgive`: no failures and no pauses so far. */
export type BreakerAction = "pause" | "countFailure" | "forgive";

export interface BreakerTransition {
  readonly guards: readonly BreakerGuard[];
  readonly actions: readonly BreakerAction[];
  readonly next: BreakerPhase;
}

type Row = Partial<Record<BreakerEvent, readonly BreakerTransition[]>>;

const to = (next: BreakerPhase, ...actions: BreakerAction[]): BreakerTransition => ({ guards: [], actions, next });

/** Keeps a gateway from spending its attempts, and 32 s each (RFC 3261 Timer F), on a core that is down. */
export const circuitBreakerMachine: Readonly<Record<BreakerPhase, Row>> = {
  closed: {
    attempt: [to("closed")],
    success: [to("closed", "forgive")],
    failure: [{ guards: ["tooMany"], actions: ["pause"], next: "open" }, to("closed", "countFailure")],
  },
  // What was under way when it opened says nothing new; a success does.
  open: { due: [to("half-open")], success: [to("closed", "forgive")] },
  "half-open": { attempt: [to("probing")], success: [to("closed", "forgive")] },
  probing: {
    success: [to("closed", "forgive")],
    failure: [to("open", "pause")],
    withdrawn: [to("half-open")],
  },
};

export interface BreakerRule {
  /** Failures in a row that open it. */
  readonly maxFailures: number;
  /** First pause; doubles with each. */
  readonly initialPauseMs: number;
  readonly maxPauseMs: number;
}

export const defaultBreakerRule: BreakerRule = { maxFailures: 10, initialPauseMs: 1_000, maxPauseMs: 60_000 };

/** What is known of one destination. Plain data. */
export interface BreakerState {
  readonly phase: BreakerPhase;
  readonly failures: number;
  /** Pauses since the last success. */
  readonly pauses: number;
  /** End of the pause while `open`; else null. */
  readonly openUntilMs: number | null;
}

/** A destination of which nothing is known. */
export const closedBreaker: BreakerState = { phase: "closed", failures: 0, pauses: 0, openUntilMs: null };

/** Whether an attempt may go, once `due` was told when its time came; tell `attempt` when it does. */
export function admitsAttempt({ phase }: BreakerState): boolean {
  return circuitBreakerMachine[phase].attempt !== undefined;
}

/** The state after an event; the same state when its phase does not permit the event, which is then ignored. */
export function breakerAfter(
  state: BreakerState,
  event: BreakerEvent,
  nowMs: number,
  rule: BreakerRule = defaultBreakerRule,
): BreakerState {
  const tooMany = state.failures + 1 >= rule.maxFailures;
  const transition = circuitBreakerMachine[state.phase][event]?.find(({ guards }) => guards.every(() => tooMany));
  if (transition === undefined) return state;
  const next: BreakerState = { ...state, phase: transition.next, openUntilMs: null };
  return transition.actions.reduce((result, action) => actions[action](result, nowMs, rule), next);
}

const actions: Readonly<
  Record<BreakerAction, (state: BreakerState, nowMs: number, rule: BreakerRule) => BreakerState>
> = {
  countFailure: (state) => ({ ...state, failures: state.failures + 1 }),
  forgive: () => closedBreaker,
  pause: (state, nowMs, { initialPauseMs, maxPauseMs }) => {
    const pauseMs = Math.min(maxPauseMs, initialPauseMs * 2 ** Math.min(state.pauses, 30));
    return { ...state, failures: 0, pauses: state.pauses + 1, openUntilMs: nowMs + pauseMs };
  },
};
