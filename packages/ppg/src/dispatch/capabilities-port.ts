import { type PapCode, papCodes } from "@sip-push/pap";
import type { CapabilityFacts, KnownHandset, PushSender } from "@sip-push/sender";
import { type Clock, systemClock } from "@sip-push/sip";
import type { CapabilitiesOf } from "../intake/options.ts";

export interface CapabilitiesPortOptions {
  /** How long a handset may take to answer; then nothing is known. Default 5000: the initiator waits for it. */
  readonly timeoutMs?: number;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

/** What the answer of a core means for the question. RFC 3261 §11.2: it is what a push would get. */
const refusals: Readonly<Record<number, PapCode>> = {
  403: papCodes.forbidden,
  404: papCodes.addressNotFound,
  410: papCodes.addressNotFound,
  604: papCodes.addressNotFound,
  414: papCodes.addressError,
  416: papCodes.addressError,
  484: papCodes.addressError,
  485: papCodes.addressError,
};

/** What an answer to OPTIONS tells, or leaves out for good. RFC 3261 §11.2; an Allow-Events need not be there. */
const answered = ["applications", "mediaTypes", "encodings", "languages", "methods"] as const;

/**
 * What the handsets of a recipient can take, for capability queries: what the sender has learnt, and where that is not all, what a
 * handset answers when it is asked (OPTIONS), which the sender keeps. When it does not answer, what is known is told.
 */
export function capabilitiesPort(
  sender: Pick<PushSender, "capabilitiesOf" | "queryCapabilities">,
  { timeoutMs = 5000, clock = systemClock }: CapabilitiesPortOptions = {},
): CapabilitiesOf {
  return async (recipient, applicationId, { ask = true } = {}) => {
    const learnt = (): CapabilityFacts[] => sender.capabilitiesOf(recipient).map(({ facts }: KnownHandset) => facts);
    const known = together(learnt());
    const isAll = known !== null && answered.every((name) => known[name] !== undefined);
    if (isAll || !ask) return known;
    const abort = new AbortController();
    const timer = clock.schedule(timeoutMs, () => abort.abort());
    try {
      const application = applicationId === null ? {} : { applicationId };
      const answer = await sender.queryCapabilities(recipient, { ...application, signal: abort.signal });
      if (answer.kind === "answered") return together([...learnt(), answer.learnt.facts]);
      return known ?? (answer.kind === "refused" ? (refusals[answer.sipStatus] ?? null) : null);
    } finally {
      timer.cancel();
    }
  };
}

/** What one of several handsets can take, the user can be sent. Null: nothing is known. */
function together(handsets: readonly CapabilityFacts[]): Partial<CapabilityFacts> | null {
  const names = new Set(handsets.flatMap((facts) => Object.keys(facts) as (keyof CapabilityFacts)[]));
  const known = [...names].flatMap((name) => {
    const told = handsets.flatMap((facts) => (facts[name] === null ? [] : [facts[name]]));
    return told.length === 0 ? [] : [[name, merged(told)] as const];
  });
  return known.length === 0 ? null : (Object.fromEntries(known) as Partial<CapabilityFacts>);
}

function merged(told: ReadonlyArray<number | readonly string[]>): number | readonly string[] {
  const numbers = told.filter((each) => typeof each === "number");
  if (numbers.length > 0) return Math.max(...numbers);
  return [...new Set(told.flatMap((each) => each as readonly string[]))];
}
