import { type Answer, explained, type Refusal } from "./answer.ts";

/** The rules that the request which brings a push adds to those of the push. */
export interface Carrier {
  readonly via: "message" | "notify";
  /** Whether a To tag is refused: it names a dialog, and no MESSAGE belongs to one that we have. RFC 3261 §12.2.2. */
  readonly refusesDialog: boolean;
  /** Whether no body is an empty text (RFC 3428 §7), and not a notification that has nothing to push (RFC 6665 §4.1.3). */
  readonly emptyIsText: boolean;
  /** Whether the answer may wait for the user. */
  readonly waitsForUser: boolean;
  /** Status codes that say more than "not this push", and what is said instead. */
  readonly insteadOf: Readonly<Record<number, number>>;
}

/** MESSAGE: RFC 3428 §7. NOTIFY: RFC 6665 §4.1.3, §4.2.2. */
export const carriers: Readonly<Record<Carrier["via"], Carrier>> = {
  message: { via: "message", refusesDialog: true, emptyIsText: true, waitsForUser: true, insteadOf: {} },
  notify: {
    via: "notify",
    // The subscriber has found the subscription before, or answered 481.
    refusesDialog: false,
    emptyIsText: false,
    // RFC 6665 §4.1.3: "subscribers MUST NOT wait for a user response before returning a final response".
    waitsForUser: false,
    // Each of these ends the subscription (RFC 6665 §4.2.2), which a refusal of one push must not do. The code instead reads
    // the same to a sender (`outcomes.ts` in push): tried again, or not.
    // biome-ignore format: a table reads best dense
    insteadOf: {
      404: 488, 405: 488, 410: 488, 416: 400, 480: 486, 481: 400, 482: 400, 483: 400, 484: 400, 485: 400, 489: 488,
      501: 488, 604: 603,
    },
  },
};

/** The answer as this carrier may give it: the same one, unless its code is among those that say too much. */
export function answerBy<T extends Answer | Refusal>(carrier: Carrier, answer: T): T {
  const statusCode = carrier.insteadOf[answer.statusCode];
  if (statusCode === undefined) return answer;
  const problem = "problem" in answer ? answer.problem : `${answer.statusCode} ${answer.reason ?? ""}`.trimEnd();
  return { ...answer, statusCode, reason: explained(statusCode, problem) };
}
