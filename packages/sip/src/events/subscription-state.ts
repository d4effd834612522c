import { type Params, paramValue, parseSeconds, parseTokenWithParams, SipParseError } from "../message/index.ts";

/** Reasons of RFC 6665 §4.1.3 and RFC 4660; others may come. */
export type SubscriptionEndReason =
  | "deactivated"
  | "probation"
  | "rejected"
  | "timeout"
  | "giveup"
  | "noresource"
  | "invariant"
  | "badfilter";

/** Subscription-State of a NOTIFY. RFC 6665 §4.1.3, §8.2.3. */
export interface SubscriptionStateHeader {
  /** `active`, `pending`, `terminated`, or what an extension says; lower case. */
  readonly state: string;
  /** Lower case. */
  readonly reason?: SubscriptionEndReason | (string & {});
  readonly expiresSeconds?: number;
  readonly retryAfterSeconds?: number;
  /** Parameters that are none of these. */
  readonly params: Params;
}

/** Octets of one value, and parameters in it: real ones have three. */
const MAX_OCTETS = 1024;
const MAX_PARAMS = 16;
const KNOWN: ReadonlySet<string> = new Set(["reason", "expires", "retry-after"]);

/** @throws {SipParseError} SIP_BAD_HEADER for what is outside the grammar or too long. */
export function parseSubscriptionState(text: string): SubscriptionStateHeader {
  if (text.length > MAX_OCTETS) throw bad(`longer than ${MAX_OCTETS} octets`);
  const { value, params } = parseTokenWithParams(text, "Subscription-State");
  if (params.size > MAX_PARAMS) throw bad(`more than ${MAX_PARAMS} parameters`);
  const reason = paramValue(params, "reason")?.toLowerCase();
  const expiresSeconds = seconds(params, "expires");
  const retryAfterSeconds = seconds(params, "retry-after");
  return {
    state: value.toLowerCase(),
    ...(reason === undefined ? {} : { reason }),
    ...(expiresSeconds === undefined ? {} : { expiresSeconds }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    params: new Map([...params].filter(([name]) => !KNOWN.has(name))),
  };
}

export function serializeSubscriptionState(header: {
  readonly state: string;
  readonly reason?: string | undefined;
  readonly expiresSeconds?: number | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly params?: ReadonlyMap<string, string | null>;
}): string {
  const { state, reason, expiresSeconds, retryAfterSeconds, params } = header;
  let text = state;
  if (reason !== undefined) text += `;reason=${reason}`;
  if (expiresSeconds !== undefined) text += `;expires=${expiresSeconds}`;
  if (retryAfterSeconds !== undefined) text += `;retry-after=${retryAfterSeconds}`;
  for (const [name, value] of params ?? []) text += value === null ? `;${name}` : `;${name}=${value}`;
  return text;
}

function seconds(params: Params, name: string): number | undefined {
  const text = paramValue(params, name);
  return text === undefined ? undefined : parseSeconds(text, "Subscription-State");
}

function bad(problem: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", "Subscription-State", problem);
}
