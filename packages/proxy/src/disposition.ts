import type { SipRequest } from "@sip-push/sip";

/** How the sender wants its request handled. RFC 3841 §9.1. */
export interface Disposition {
  /** Answer with the contacts instead of passing on. */
  readonly redirect: boolean;
  /** False: one contact only. */
  readonly fork: boolean;
  /** False: one contact after the other. */
  readonly parallel: boolean;
}

/** Directive -> what it sets. `cancel`, `recurse` and `queue` have no meaning here: nothing non-INVITE is cancelled. */
const DIRECTIVES: Readonly<Record<string, Partial<Disposition>>> = {
  proxy: { redirect: false },
  redirect: { redirect: true },
  fork: { fork: true },
  "no-fork": { fork: false },
  parallel: { parallel: true },
  sequential: { parallel: false },
};

/** Reads Request-Disposition; of two directives of one type the last one counts, and unknown ones are left aside. */
export function dispositionOf(request: SipRequest): Disposition {
  let disposition: Disposition = { redirect: false, fork: true, parallel: true };
  for (const directive of request.headers.list("Request-Disposition")) {
    const name = directive.toLowerCase();
    if (Object.hasOwn(DIRECTIVES, name)) disposition = { ...disposition, ...DIRECTIVES[name] };
  }
  return disposition;
}
