import type { BranchAnswer } from "./best-response.ts";
import type { Choice, ForwardPlan } from "./forward-plan.ts";
import type { Binding } from "./location-store.ts";
import { sharesOf, slicesOf } from "./max-breadth.ts";
import type { ResponseContext } from "./response-context.ts";

export interface ContactSearch {
  readonly context: ResponseContext;
  /** Sends a copy to one contact; it may fork into `maxBreadth` branches from there. */
  readonly send: (binding: Binding, timeoutMs: number, maxBreadth: number) => Promise<BranchAnswer>;
  /** The flow of a contact is gone. */
  readonly flowFailed: (binding: Binding) => void;
  /** How long one contact may be silent. */
  readonly contactTimeoutMs: number;
  /** What is left of the time for all of them. */
  readonly timeLeftMs: () => number;
  /** Branches that may be under way at a time, those that others make of ours included. RFC 5393 §5.3. */
  readonly maxBreadth: number;
}

/** RFC 5626 §7: after these another flow of the same instance may get the request. */
const TRY_OTHER_FLOW: ReadonlySet<number> = new Set([408, 430]);

/**
 * Sends to one group of contacts after the other until something settles it; ends when the last branch has. RFC 3261
 * §16.6, §16.7 (5).
 */
export async function searchContacts({ groups, onlyOne }: ForwardPlan, search: ContactSearch): Promise<void> {
  const { context, maxBreadth } = search;
  // RFC 5393 §5.3.3: what may not be done at the same time is done one after the other.
  for (const group of groups.flatMap((each) => slicesOf(each, maxBreadth))) {
    const shares = sharesOf(maxBreadth, group.length);
    await Promise.all(group.map((choice, index) => tryChoice(choice, search, shares[index] as number)));
    if (context.settled) return;
    // After a 6xx no new branches. With no-fork the request went to one contact, whatever that said.
    if (context.answers.some(({ statusCode, reached }) => statusCode >= 600 || (onlyOne && reached))) break;
  }
  context.finish();
}

/** One instance, on one of its flows after the other. */
async function tryChoice(choice: Choice, search: ContactSearch, maxBreadth: number): Promise<void> {
  let answer: BranchAnswer | undefined;
  for (const binding of choice) {
    const timeoutMs = Math.min(search.contactTimeoutMs, search.timeLeftMs());
    if (timeoutMs <= 0) break;
    answer = await search.send(binding, timeoutMs, maxBreadth);
    if (answer.statusCode === 430) search.flowFailed(binding);
    if (!TRY_OTHER_FLOW.has(answer.statusCode)) break;
  }
  if (answer === undefined) return;
  // The sender asked for a user, not for a flow: 430 is between proxies (RFC 5626 §11.5).
  search.context.add(answer.statusCode === 430 ? { statusCode: 480, response: undefined, reached: false } : answer);
}
