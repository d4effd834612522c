import { type Params, parseParams, parseTokenWithParams, SipParseError, type SipRequest } from "@sip-push/sip";
import { type FeatureSet, featureSetOf, matches } from "./feature-set.ts";

/** One value of Accept-Contact. RFC 3841 §9.2. */
export interface AcceptPredicate {
  readonly features: FeatureSet;
  /** A contact that does not match is dropped. */
  readonly require: boolean;
  /** A contact that does not name every feature counts as no match (dropped with `require`, score 0 without). */
  readonly explicit: boolean;
}

/** What the sender wishes of the contacts that its request goes to. */
export interface CallerPreferences {
  /** Derived from method and event package, and given up when no contact meets them. RFC 3841 §7.2.2. */
  readonly implicit: boolean;
  readonly accept: readonly AcceptPredicate[];
  readonly reject: readonly FeatureSet[];
}

/** A contact as the matching sees it. */
export interface RatedContact<T> {
  readonly contact: T;
  /** The callee's preference. */
  readonly q: number;
  /** The caller's preference, Qa, 0 to 1. */
  readonly preference: number;
}

/**
 * Reads Accept-Contact and Reject-Contact, or what method and Event imply when there is neither. RFC 3841 §7.2.1, §7.2.2.
 *
 * @throws {SipParseError} SIP_BAD_HEADER: passing a push to a handset that its sender excluded would be worse than a 400.
 */
export function preferencesOf(request: SipRequest): CallerPreferences {
  const accept = request.headers.list("Accept-Contact");
  const reject = request.headers.list("Reject-Contact");
  if (accept.length === 0 && reject.length === 0) {
    return { implicit: true, accept: [{ features: impliedBy(request), require: true, explicit: false }], reject: [] };
  }
  return {
    implicit: false,
    accept: accept.map((value) => {
      const params = predicateParams(value, "Accept-Contact");
      return { features: featureSetOf(params), require: params.has("require"), explicit: params.has("explicit") };
    }),
    reject: reject.map((value) => featureSetOf(predicateParams(value, "Reject-Contact"))),
  };
}

/** §7.2.2.1 and §7.2.2.2. */
function impliedBy(request: SipRequest): FeatureSet {
  const params: Params = new Map([["methods", `"${request.method}"`]]);
  const event = request.method === "SUBSCRIBE" ? request.headers.get("Event") : undefined;
  if (event !== undefined) params.set("events", `"${parseTokenWithParams(event, "Event").value}"`);
  return featureSetOf(params);
}

/** `*` and parameters: the only form there is (RFC 3841 §10). */
function predicateParams(value: string, field: string): Params {
  if (!value.startsWith("*")) throw new SipParseError("SIP_BAD_HEADER", field, "does not begin with *");
  return parseParams(value.slice(1), field);
}

/**
 * Drops the contacts that the sender does not want and orders the others: by q, then by Qa, then as they came.
 * RFC 3841 §7.2.4. A contact without feature parameters is immune and has a Qa of 1.
 */
export function applyPreferences<T extends { readonly params: Params; readonly q: number }>(
  contacts: readonly T[],
  preferences: CallerPreferences,
): RatedContact<T>[] {
  const rated: RatedContact<T>[] = [];
  for (const contact of contacts) {
    const preference = rate(featureSetOf(contact.params), preferences);
    if (preference !== undefined) rated.push({ contact, q: contact.q, preference });
  }
  if (rated.length === 0 && preferences.implicit) {
    // Somebody has to answer 405 or 489, so that the sender learns why.
    rated.push(...contacts.map((contact) => ({ contact, q: contact.q, preference: 1 })));
  }
  return rated.sort((a, b) => b.q - a.q || b.preference - a.preference);
}

/** Qa, or undefined when the contact is dropped. */
function rate(contact: FeatureSet, { accept, reject }: CallerPreferences): number | undefined {
  if (contact.size === 0) return 1;
  for (const predicate of reject) {
    const named = [...predicate.keys()].every((tag) => contact.has(tag));
    if (named && matches(predicate, contact)) return undefined;
  }
  const scores: number[] = [];
  for (const predicate of accept) {
    const score = matches(predicate.features, contact) ? scoreOf(predicate, contact) : "no match";
    if (typeof score === "number") scores.push(score);
    else if (score === "drop" || predicate.require) return undefined;
  }
  return scores.length === 0 ? 0 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** RFC 3841 figure 1. A predicate without features asks for nothing, and every contact meets it. */
function scoreOf({ features, require, explicit }: AcceptPredicate, contact: FeatureSet): number | "drop" {
  if (features.size === 0) return 1;
  const named = [...features.keys()].filter((tag) => contact.has(tag)).length;
  if (named === features.size || !explicit) return named / features.size;
  return require ? "drop" : 0;
}
