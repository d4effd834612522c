import {
  parseMediaType,
  parseSeconds,
  parseTokenWithParams,
  SipParseError,
  type SipRequest,
  TOKEN,
} from "../message/index.ts";
import type { EventStatePackage, PublishRefusal } from "./event-state.ts";

/** What to do about a PUBLISH. RFC 3903 §6 and Table 1. */
export type PublishDecision =
  | { readonly operation: "refuse"; readonly refusal: PublishRefusal }
  | ({ readonly operation: "initial" } & NewState)
  | ({ readonly operation: "modify"; readonly entityTag: string } & NewState)
  | { readonly operation: "refresh"; readonly entityTag: string; readonly expiresSeconds: number }
  /** Without a tag: an initial publication that asks for no time. Nothing is stored, and that is a success (step 5). */
  | { readonly operation: "remove"; readonly entityTag: string | undefined };

interface NewState {
  readonly expiresSeconds: number;
  readonly contentType: string;
}

/** Limits of a package with nothing left open. */
export interface PackageLimits {
  readonly defaultExpiresSeconds: number;
  readonly minExpiresSeconds: number;
  readonly maxExpiresSeconds: number;
  readonly maxBodyBytes: number;
}

const defaults: PackageLimits = {
  defaultExpiresSeconds: 3600,
  minExpiresSeconds: 60,
  maxExpiresSeconds: 86_400,
  maxBodyBytes: 65_536,
};

/** The package that the Event header names; a refusal when there is none. RFC 3903 §6 step 2. */
export function packageOf<P extends { readonly name: string }>(
  request: SipRequest,
  packages: readonly P[],
): P | PublishRefusal {
  const named = request.headers.getAll("Event");
  if (named.length > 1) return bad("more than one Event");
  const event = named[0] === undefined ? undefined : attempt(() => parseTokenWithParams(named[0] ?? "", "Event").value);
  if (named[0] !== undefined && event === undefined) return bad("malformed Event");
  const found = packages.find(({ name }) => name === event);
  return found ?? { statusCode: 489, headers: [["Allow-Events", packages.map(({ name }) => name).join(", ")]] };
}

/**
 * Steps 3 to 5 of RFC 3903 §6, for a request whose event package is known; without side effects.
 *
 * @param isCurrent whether an entity tag stands for this resource and package.
 */
export function decidePublish(
  request: SipRequest,
  eventPackage: EventStatePackage<unknown>,
  isCurrent: (entityTag: string) => boolean,
): PublishDecision {
  const { headers, body } = request;
  const limits: PackageLimits = { ...defaults, ...withoutUndefined(eventPackage) };
  const tags = headers.list("SIP-If-Match");
  const conditional = headers.has("SIP-If-Match");
  const entityTag = tags[0];
  if (conditional && (tags.length !== 1 || entityTag === undefined || !TOKEN.test(entityTag))) {
    return refuse(bad("SIP-If-Match is not one entity tag"));
  }
  if (entityTag !== undefined && !isCurrent(entityTag)) return refuse({ statusCode: 412 });

  const said = headers.get("Expires");
  const asked = said === undefined ? limits.defaultExpiresSeconds : attempt(() => parseSeconds(said, "Expires"));
  if (asked === undefined) return refuse(bad("malformed Expires"));
  if (asked > 0 && asked < limits.minExpiresSeconds) {
    return refuse({ statusCode: 423, headers: [["Min-Expires", String(limits.minExpiresSeconds)]] });
  }
  const expiresSeconds = Math.min(asked, limits.maxExpiresSeconds);

  if (body.length === 0) {
    if (entityTag === undefined) return refuse(bad("neither a body nor SIP-If-Match"));
    return expiresSeconds === 0
      ? { operation: "remove", entityTag }
      : { operation: "refresh", entityTag, expiresSeconds };
  }
  const refusal = refuseBody(request, eventPackage.accept, limits.maxBodyBytes);
  if (refusal !== undefined) return refuse(refusal);
  if (expiresSeconds === 0) return { operation: "remove", entityTag };
  const contentType = headers.get("Content-Type") ?? "";
  return entityTag === undefined
    ? { operation: "initial", expiresSeconds, contentType }
    : { operation: "modify", entityTag, expiresSeconds, contentType };
}

/** Step 5: what the body is; RFC 3261 §8.2.3. */
function refuseBody(
  { headers, body }: SipRequest,
  accept: readonly string[],
  maxBodyBytes: number,
): PublishRefusal | undefined {
  const encoding = headers.get("Content-Encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "identity") return { statusCode: 415, headers: [["Accept-Encoding", "identity"]] };
  const contentType = headers.get("Content-Type");
  if (contentType === undefined) return bad("a body without Content-Type");
  const type = attempt(() => parseMediaType(contentType).type);
  if (type === undefined) return bad("malformed Content-Type");
  if (!accept.includes(type)) return { statusCode: 415, headers: [["Accept", accept.join(", ")]] };
  return body.length > maxBodyBytes ? { statusCode: 413 } : undefined;
}

function refuse(refusal: PublishRefusal): PublishDecision {
  return { operation: "refuse", refusal };
}

/** 400 that says why. RFC 3261 §21.4.1. */
export function bad(problem: string): PublishRefusal {
  return { statusCode: 400, reason: `Bad Request (${problem})` };
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

function withoutUndefined(limits: Partial<PackageLimits>): Partial<PackageLimits> {
  const keys = Object.keys(defaults) as Array<keyof PackageLimits>;
  return Object.fromEntries(keys.flatMap((key) => (limits[key] === undefined ? [] : [[key, limits[key]]])));
}
