import { CPIM_TYPE } from "@sip-push/bodies";
import { normalizeApplicationId, type PushMessage, type Representation } from "@sip-push/push";
import { canTake, type KnownHandset, type PushOffer, type Verdict } from "./capabilities/index.ts";

/** Another form of a push, which may be for another application of the handset. */
export interface PushAlternative extends Representation {
  /** In any spelling. Default: that of the push. */
  readonly applicationId?: string | null;
}

/** What to offer first, in the light of what is known of the handsets. */
export interface OfferChoice {
  /** The best of the forms given. */
  readonly offer: PushAlternative;
  /** `no`: none of the user's handsets takes any of them by this method. */
  readonly verdict: Verdict;
}

/**
 * The form that a handset is known to take, else one of which nothing is known, in the order given. Where a handset only lacks
 * the application, `no` is not said: the core routes by applications, and knows first when a handset registers with one.
 */
export function chooseOffer(
  known: readonly KnownHandset[],
  push: PushMessage,
  alternatives: readonly PushAlternative[],
  method: "MESSAGE" | "NOTIFY",
): OfferChoice {
  const handsets = method === "NOTIFY" ? known.map(subscribed) : known;
  const withoutApplications = handsets.map((handset) => ({
    ...handset,
    facts: { ...handset.facts, applications: null },
  }));
  const choices = [push, ...alternatives].map((offer) => {
    const about = describe(push, offer, method);
    const verdict = canTake(handsets, about);
    const lacksApplication = verdict === "no" && canTake(withoutApplications, about) !== "no";
    return {
      offer,
      verdict: lacksApplication ? ("unknown" as const) : verdict,
      rank: lacksApplication ? 2 : ranks[verdict],
    };
  });
  return choices.reduce((best, each) => (each.rank < best.rank ? each : best));
}

/** A live subscription says that NOTIFYs of its package are taken, whatever was refused before it, or by another handset. */
function subscribed({ handset, facts, refused }: KnownHandset): KnownHandset {
  return {
    handset,
    facts: { ...facts, methods: null, eventPackages: null },
    refused: { ...refused, methods: [], eventPackages: [] },
  };
}

const ranks: Readonly<Record<Verdict, number>> = { yes: 0, unknown: 1, no: 3 };

function describe(push: PushMessage, offer: PushAlternative, method: "MESSAGE" | "NOTIFY"): PushOffer {
  const { applicationId = push.applicationId, contentType, contentEncoding, body } = offer;
  return {
    applicationId: applicationId === null ? "" : normalizeApplicationId(applicationId),
    // RFC 5438 §7.1.1: the content is inside.
    contentType: push.report === "receiver" ? CPIM_TYPE : contentType,
    bodyBytes: body.length,
    method,
    ...(contentEncoding === undefined || push.report === "receiver" ? {} : { contentEncoding }),
  };
}
