import type { SipResponse } from "@sip-push/sip";

/** How one branch ended. */
export interface BranchAnswer {
  readonly statusCode: number;
  /** What came from downstream, our Via taken off; undefined for an answer that was made here. */
  readonly response: SipResponse | undefined;
  /** Whether the request may have arrived: false when it certainly did not leave. */
  readonly reached: boolean;
}

/** Order of the classes when no 2xx is there: 6xx first, else the lowest. RFC 3261 §16.7 (6). */
const CLASS_ORDER: readonly number[] = [2, 6, 3, 4, 5, 1];

/**
 * Order within a class, where it matters. 4xx: first those that tell how to try again (RFC 3261 §16.7 (6)), last those that
 * say that nobody was reached. A 503 becomes a 500, so any other 5xx says more.
 */
const PREFERRED: ReadonlySet<number> = new Set([401, 407, 415, 420, 484]);
const LAST: readonly number[] = [408, 480, 430, 503];

/** The answer to pass back, or undefined when there is none. RFC 3261 §16.7 (6). */
export function bestOf(answers: readonly BranchAnswer[]): BranchAnswer | undefined {
  return answers.toSorted((a, b) => classRank(a) - classRank(b) || rank(a) - rank(b))[0];
}

function classRank({ statusCode }: BranchAnswer): number {
  return CLASS_ORDER.indexOf(Math.floor(statusCode / 100));
}

function rank({ statusCode, response }: BranchAnswer): number {
  if (PREFERRED.has(statusCode)) return 0;
  // A 480 that a user agent gave is an answer like any other; one made here says that it was not reached.
  const unreached = response === undefined || statusCode === 503 ? LAST.indexOf(statusCode) : -1;
  return unreached < 0 ? 1 : 2 + unreached;
}

/** Adds the challenges of all other branches to a 401 or 407. RFC 3261 §16.7 (7). */
export function addChallenges(chosen: SipResponse, answers: readonly BranchAnswer[]): void {
  for (const { response } of answers) {
    if (response === undefined || response === chosen) continue;
    if (response.statusCode !== 401 && response.statusCode !== 407) continue;
    for (const name of ["WWW-Authenticate", "Proxy-Authenticate"]) {
      for (const challenge of response.headers.getAll(name)) chosen.headers.add(name, challenge);
    }
  }
}
