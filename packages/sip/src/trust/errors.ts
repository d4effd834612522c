export type TrustConfigErrorCode = "TRUST_BAD_PEER";

/** What is wrong with one entry of a list of peers. */
export interface TrustProblem {
  /** Place of the entry in the list, from 0. */
  readonly index: number;
  /** One line that quotes the entry. */
  readonly problem: string;
}

/** Entries that name no peer; the message has one line for each. Not retryable. */
export class TrustConfigError extends Error {
  override readonly name = "TrustConfigError";
  readonly code: TrustConfigErrorCode = "TRUST_BAD_PEER";
  readonly retryable = false;
  readonly problems: readonly TrustProblem[];

  constructor(problems: readonly TrustProblem[], options?: ErrorOptions) {
    super(problems.map(({ problem }) => problem).join("\n"), options);
    this.problems = problems;
  }
}
