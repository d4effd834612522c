import { contentCodings, mediaTypeOf, OMA_PUSH_PACKAGE } from "@sip-push/push";
import type { CapabilityRecord, CapabilitySource } from "./capability-store.ts";
import type { CapabilityFacts } from "./facts.ts";
import { nothingRefused, type RefusedFacts } from "./refusals.ts";

/** What is known of one handset of a user, all sources together. */
export interface KnownHandset {
  /** null: nothing is known of single handsets, this holds for whatever the user has. */
  readonly handset: string | null;
  readonly facts: CapabilityFacts;
  readonly refused: RefusedFacts;
}

/** A push to be, in one form and by one method. */
export interface PushOffer {
  /** Short name. */
  readonly applicationId: string;
  readonly contentType: string;
  readonly contentEncoding?: string;
  readonly bodyBytes: number;
  readonly method: "MESSAGE" | "NOTIFY";
}

export type Verdict = "yes" | "no" | "unknown";

/**
 * Per fact the sources that may speak, the better ones first; of those in one group the newest counts. The core routes
 * by the tags of the registration; about the rest the handset itself knows best.
 */
const precedence: Readonly<Record<keyof CapabilityFacts, ReadonlyArray<readonly CapabilitySource[]>>> = {
  applications: [["registration"], ["options", "publication", "presence"]],
  mediaTypes: [["options", "publication", "presence", "refusal"]],
  encodings: [["options", "publication", "presence", "refusal"]],
  methods: [["options", "refusal"], ["publication", "presence"], ["registration"]],
  eventPackages: [["options", "refusal"], ["publication", "presence"], ["registration"]],
  optionTags: [["options"], ["publication", "presence"], ["registration"]],
  languages: [["options", "publication", "presence"]],
  maxBodyBytes: [["refusal"], ["publication", "presence"]],
};

/** The facts that speak against a refusal when they came after it. */
const contradicts = {
  applications: "applications",
  mediaTypes: "mediaTypes",
  methods: "methods",
  eventPackages: "eventPackages",
} as const satisfies Record<keyof RefusedFacts, keyof CapabilityFacts>;

/** The handsets that live records tell of; records without a handset count for each. */
export function handsetsOf(records: readonly CapabilityRecord[]): KnownHandset[] {
  const names = new Set(records.map(({ handset }) => handset));
  if (names.size > 1) names.delete(null);
  return [...names].map((handset) => {
    const about = records
      .filter((record) => record.handset === handset || record.handset === null)
      .sort((a, b) => Date.parse(b.learntAt) - Date.parse(a.learntAt));
    return { handset, facts: merged(about), refused: refusedBy(about) };
  });
}

/** @param records of one handset, the newest first. */
function merged(records: readonly CapabilityRecord[]): CapabilityFacts {
  const told = (fact: keyof CapabilityFacts): unknown => {
    for (const sources of precedence[fact]) {
      const teller = records.find((record) => sources.includes(record.source) && record.facts[fact] !== null);
      if (teller !== undefined) return teller.facts[fact];
    }
    return null;
  };
  const facts = (Object.keys(precedence) as (keyof CapabilityFacts)[]).map((fact) => [fact, told(fact)]);
  return Object.fromEntries(facts) as CapabilityFacts;
}

/** @param records of one handset, the newest first. */
function refusedBy(records: readonly CapabilityRecord[]): RefusedFacts {
  const refused: { [R in keyof RefusedFacts]: string[] } = {
    applications: [],
    mediaTypes: [],
    methods: [],
    eventPackages: [],
  };
  for (const kind of Object.keys(nothingRefused) as (keyof RefusedFacts)[]) {
    const taken = new Set<string>();
    for (const record of records) {
      for (const value of record.refused[kind]) if (!taken.has(value)) refused[kind].push(value);
      for (const value of record.facts[contradicts[kind]] ?? []) taken.add(value);
    }
  }
  return refused;
}

/** Whether one of the user's handsets can take the push: `yes` when one can, `no` when none can. */
export function canTake(handsets: readonly KnownHandset[], offer: PushOffer): Verdict {
  const verdicts = handsets.map((handset) => verdictOf(handset, offer));
  if (verdicts.includes("yes")) return "yes";
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === "no") ? "no" : "unknown";
}

function verdictOf({ facts, refused }: KnownHandset, offer: PushOffer): Verdict {
  const type = mediaTypeOf(offer.contentType);
  if (type === undefined) return "no";
  const anySubtype = `${type.slice(0, type.indexOf("/"))}/*`;
  const event = offer.method === "NOTIFY" ? [OMA_PUSH_PACKAGE] : [];
  // Each: what will do, of which one must be listed; the list; those refused.
  const checks: ReadonlyArray<readonly [readonly string[], readonly string[] | null, readonly string[]]> = [
    [[offer.applicationId], facts.applications, refused.applications],
    [[type, anySubtype, "*/*"], facts.mediaTypes, refused.mediaTypes],
    [[offer.method], facts.methods, refused.methods],
    ...event.map((name) => [[name], null, refused.eventPackages] as const),
    ...contentCodings(offer.contentEncoding).map((coding) => [[coding, "*"], facts.encodings, []] as const),
  ];
  if (facts.maxBodyBytes !== null && offer.bodyBytes > facts.maxBodyBytes) return "no";
  for (const [[wanted = ""], , refusals] of checks) if (refusals.includes(wanted)) return "no";
  for (const [wanted, list] of checks) {
    if (list !== null && !wanted.some((value) => list.includes(value))) return "no";
  }
  return facts.applications === null || facts.mediaTypes === null ? "unknown" : "yes";
}
