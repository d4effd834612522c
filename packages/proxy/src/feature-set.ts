import { type Params, splitOutside, unquote } from "@sip-push/sip";

/** A run of numbers; an open end does not belong to it. */
interface Interval {
  readonly min: number;
  readonly max: number;
  readonly minOpen?: boolean;
  readonly maxOpen?: boolean;
}

/** One tag-value of RFC 3840 §9, negation worked in. Text is compared as it stands here. */
type FeatureValue =
  | { readonly kind: "text"; readonly text: string; readonly negated: boolean }
  | { readonly kind: "numeric"; readonly intervals: readonly Interval[] };

/**
 * A feature set predicate in conjunctive form: for each feature tag the values of which one has to hold (RFC 2533 as
 * RFC 3841 §8 uses it).
 */
export type FeatureSet = ReadonlyMap<string, readonly FeatureValue[]>;

/** Base tags, whose tag name gets the prefix `sip.`; `language` and `type` are tags of their own. RFC 3841 §7.2.1, §8. */
const BASE_TAGS: ReadonlySet<string> = new Set([
  ...["audio", "automata", "class", "duplex", "data", "control", "mobility", "description", "events", "priority"],
  ...["methods", "extensions", "schemes", "application", "video", "language", "type", "isfocus", "actor", "text"],
]);
const UNPREFIXED: ReadonlySet<string> = new Set(["language", "type"]);

/** Feature parameters among header parameters, as a predicate; other parameters are left aside. RFC 3841 §7.2.3, §8. */
export function featureSetOf(params: Params): FeatureSet {
  const set = new Map<string, readonly FeatureValue[]>();
  for (const [name, value] of params) {
    const tag = featureTagOf(name);
    // `+sip.audio` beside `audio` is against RFC 3840; the base tag wins.
    if (tag === undefined || (name.startsWith("+") && set.has(tag))) continue;
    set.set(tag, valuesOf(value));
  }
  return set;
}

/** RFC 2506 name of a feature parameter, lower-case; undefined for a parameter that is none. */
function featureTagOf(name: string): string | undefined {
  if (!name.startsWith("+")) {
    if (!BASE_TAGS.has(name)) return undefined;
    return UNPREFIXED.has(name) ? name : `sip.${name}`;
  }
  return name.slice(1).replace(/!/g, ":").replace(/'/g, "/");
}

function valuesOf(raw: string | null): readonly FeatureValue[] {
  if (raw === null) return [text("TRUE", false)];
  const value = unquote(raw).trim();
  // A string-value is one value, commas and all, and its case counts.
  if (value.startsWith("<") && value.endsWith(">")) return [{ kind: "text", text: value, negated: false }];
  return splitOutside(value, ",").map(tagValue);
}

function tagValue(source: string): FeatureValue {
  const negated = source.startsWith("!");
  const rest = negated ? source.slice(1).trim() : source;
  const intervals = rest.startsWith("#") ? numericOf(rest.slice(1)) : undefined;
  if (intervals === undefined) return text(rest, negated);
  return { kind: "numeric", intervals: negated ? complementOf(intervals) : [intervals] };
}

/** Tokens compare without regard to case. */
function text(token: string, negated: boolean): FeatureValue {
  return { kind: "text", text: token.toLowerCase(), negated };
}

const NUMBER = "[+-]?[0-9]+(?:\\.[0-9]*)?";
const COMPARISON = new RegExp(`^(=|>=|<=)(${NUMBER})$`);
const RANGE = new RegExp(`^(${NUMBER}):(${NUMBER})$`);

/** RFC 3840 §9 numeric, without its `#`. What is none counts as a token. */
function numericOf(source: string): Interval | undefined {
  const range = RANGE.exec(source);
  if (range !== null) return { min: Number(range[1]), max: Number(range[2]) };
  const comparison = COMPARISON.exec(source);
  if (comparison === null) return undefined;
  const number = Number(comparison[2]);
  if (comparison[1] === "=") return { min: number, max: number };
  return comparison[1] === ">="
    ? { min: number, max: Number.POSITIVE_INFINITY }
    : { min: Number.NEGATIVE_INFINITY, max: number };
}

function complementOf({ min, max }: Interval): Interval[] {
  const below: Interval = { min: Number.NEGATIVE_INFINITY, max: min, maxOpen: true };
  const above: Interval = { min: max, max: Number.POSITIVE_INFINITY, minOpen: true };
  return [below, above].filter((interval) => interval.min < interval.max);
}

/**
 * Whether some feature collection satisfies both sets: RFC 2533 §5. A tag that only one of them names is no obstacle.
 */
export function matches(a: FeatureSet, b: FeatureSet): boolean {
  for (const [tag, values] of a) {
    const others = b.get(tag);
    if (others !== undefined && !values.some((value) => others.some((other) => compatible(value, other)))) return false;
  }
  return true;
}

function compatible(a: FeatureValue, b: FeatureValue): boolean {
  if (a.kind === "numeric" && b.kind === "numeric") {
    return a.intervals.some((left) => b.intervals.some((right) => overlap(left, right)));
  }
  if (a.kind === "text" && b.kind === "text") {
    // Two negated values leave room for a third.
    if (a.negated && b.negated) return true;
    return (a.text === b.text) !== (a.negated || b.negated);
  }
  // A number is no token: it satisfies only what forbids some token.
  return a.kind === "text" ? a.negated : b.kind === "text" && b.negated;
}

function overlap(a: Interval, b: Interval): boolean {
  const min = Math.max(a.min, b.min);
  const max = Math.min(a.max, b.max);
  if (min !== max) return min < max;
  const minOpen = [a, b].some((each) => each.min === min && each.minOpen === true);
  const maxOpen = [a, b].some((each) => each.max === max && each.maxOpen === true);
  return !minOpen && !maxOpen;
}
