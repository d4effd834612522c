import { decodePap, type PapCodeClass, PapError, type PapLeniency, papCodeClassOf } from "@sip-push/pap";
import type { HttpOutcome } from "./http-post.ts";
import { INWARD_ADDRESS } from "./inward-addresses.ts";

/**
 * What an answer means for the result and for its origin.
 *
 * - `accepted`: told. `refused`: the initiator will not have it; saying it again does not help. `later`: it was not taken.
 * - `strains`: the origin did not answer or has too much to do; enough of these in a row and it is left alone for a while.
 */
export interface NotifyVerdict {
  readonly verdict: "accepted" | "refused" | "later";
  readonly strains: boolean;
  /** For the log. */
  readonly why: string;
}

const accepted = (why: string): NotifyVerdict => ({ verdict: "accepted", strains: false, why });
const refused = (why: string): NotifyVerdict => ({ verdict: "refused", strains: false, why });
const later = (why: string, strains = false): NotifyVerdict => ({ verdict: "later", strains, why });

/** Statuses that say something of the origin and not of the result. RFC 9110 §15.6, RFC 6585 §4. */
const strained: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Codes of a resultnotification-response. PAP 2.x: 1000 or 2000; others by their class. */
const ofResponse: Readonly<Record<PapCodeClass, NotifyVerdict["verdict"]>> = {
  success: "accepted",
  "client error": "refused",
  "server error": "later",
  "service failure": "later",
  "client abort": "later",
};

/** Codes of a badmessage-response: our document, or its version (3002), is not understood, and stays what it is. */
const ofBadMessage: Readonly<Record<PapCodeClass, NotifyVerdict["verdict"]>> = {
  success: "later",
  "client error": "refused",
  "server error": "refused",
  "service failure": "later",
  "client abort": "later",
};

/** The one that an operator can do something about. */
const INWARD = "its host has no public address (results.privateAddresses)";

const MAX_ANSWER_ADDRESSES = 4;

/**
 * Judges what came of telling a result. A 2xx accepts it when its body is a resultnotification-response with a code of 1xxx, or
 * empty: that is what simple servers answer. A 2xx with something else, a login page for instance, does not.
 * Redirections are not followed: the URL is what the initiator may use, where it leads to is not.
 */
export function judge(outcome: HttpOutcome, pushId: string, leniency: PapLeniency): NotifyVerdict {
  if (outcome.kind === "none") return later(whyNone(outcome), true);
  const { httpStatus, contentType, body } = outcome;
  if (httpStatus < 200 || httpStatus > 299) return later(`HTTP ${httpStatus}`, strained.has(httpStatus));
  if (body === null) return later("the answer is too long");
  if (isBlank(body)) return accepted(`HTTP ${httpStatus}`);
  return judgeDocument(contentType ?? "application/xml", body, pushId, leniency);
}

function whyNone({ problem, detail }: Extract<HttpOutcome, { kind: "none" }>): string {
  const what = problem === INWARD_ADDRESS ? INWARD : problem;
  return detail === undefined || detail.startsWith(problem) ? what : `${what}: ${detail}`;
}

function judgeDocument(contentType: string, body: Uint8Array, pushId: string, leniency: PapLeniency): NotifyVerdict {
  try {
    const { operation } = decodePap(contentType, body, { leniency, limits: { maxAddresses: MAX_ANSWER_ADDRESSES } });
    if (operation.kind === "badmessage-response") return byCode(ofBadMessage, operation.code, operation.kind);
    if (operation.kind !== "resultnotification-response") return later(`answered with ${operation.kind}`);
    if (operation.pushId !== "" && operation.pushId !== pushId) return later("answered for another push-id");
    return byCode(ofResponse, operation.code, operation.kind);
  } catch (error) {
    if (error instanceof PapError) return later(`answered with what is no PAP: ${error.code}`);
    throw error;
  }
}

function byCode(
  rows: Readonly<Record<PapCodeClass, NotifyVerdict["verdict"]>>,
  code: number,
  kind: string,
): NotifyVerdict {
  const papClass = papCodeClassOf(code);
  const verdict = papClass === undefined ? "later" : rows[papClass];
  return { accepted, refused, later }[verdict](`${kind} ${code}`);
}

function isBlank(body: Uint8Array): boolean {
  return body.every((octet) => octet === 0x20 || (octet >= 0x09 && octet <= 0x0d));
}

/** A Retry-After field in milliseconds from now; 0 for none, or one that is none. RFC 9110 §10.2.3. */
export function retryAfterMs(field: string | null, nowMs: number): number {
  if (field === null) return 0;
  if (/^[0-9]{1,9}$/.test(field)) return Number(field) * 1_000;
  const atMs = Date.parse(field);
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - nowMs);
}
