import { TOKEN } from "../message/index.ts";
import { minExpires } from "../user-agent/registration-answer.ts";
import type { SendOutcome } from "../user-agent/request-sender.ts";
import type { PublicationTrigger } from "./publication.machine.ts";
import type { Publish } from "./publish-request.ts";

/** What the answer to a PUBLISH means. RFC 3903 §5. */
export type PublicationAnswer =
  | { readonly trigger: "accepted"; readonly entityTag: string; readonly expiresSeconds: number }
  | { readonly trigger: "tooBrief"; readonly minExpiresSeconds: number }
  | { readonly trigger: Refusal; readonly sipStatus: number | null; readonly reason: string };

type Refusal = Extract<
  PublicationTrigger,
  "conditionFailed" | "bodyRefused" | "unsupported" | "failed" | "endpointClosed"
>;

/** Longest entity tag that is kept: it comes back in every request. */
const MAX_TAG_LENGTH = 256;

/** Statuses that say more than "not now". */
const REFUSALS: Readonly<Record<number, Refusal>> = {
  400: "bodyRefused",
  // "The request SHOULD NOT be repeated" (RFC 3261 §21.4.4): nobody here may publish this.
  403: "bodyRefused",
  405: "unsupported",
  406: "bodyRefused",
  412: "conditionFailed",
  413: "bodyRefused",
  415: "bodyRefused",
  488: "bodyRefused",
  489: "unsupported",
  493: "bodyRefused",
  501: "unsupported",
  513: "bodyRefused",
  606: "bodyRefused",
};

export function judgeAnswer(publish: Publish, outcome: SendOutcome): PublicationAnswer {
  if (outcome.kind === "failure") {
    const trigger = outcome.code === "SIP_CLOSED" ? "endpointClosed" : "failed";
    return { trigger, sipStatus: null, reason: outcome.reason };
  }
  const { statusCode, reason, headers } = outcome.response;
  if (statusCode < 300) {
    const entityTag = headers.get("SIP-ETag") ?? "";
    // Lower than what was asked for, or the same (§4.2): a larger one is an error, and would mean a refresh too late.
    const expiresSeconds = Math.min(
      secondsOf(headers.get("Expires")) ?? publish.expiresSeconds,
      publish.expiresSeconds,
    );
    if (expiresSeconds === 0) return { trigger: "failed", sipStatus: statusCode, reason: "the answer says Expires 0" };
    if (entityTag.length <= MAX_TAG_LENGTH && TOKEN.test(entityTag)) {
      return { trigger: "accepted", entityTag, expiresSeconds };
    }
    return { trigger: "failed", sipStatus: statusCode, reason: "the answer has no SIP-ETag" };
  }
  const least = statusCode === 423 ? (minExpires(outcome.response) ?? 0) : 0;
  if (least > publish.expiresSeconds) return { trigger: "tooBrief", minExpiresSeconds: least };
  const refusal = REFUSALS[statusCode] ?? "failed";
  // 412 answers a condition: to a request that had none it is a refusal like any other, and no reason to ask at once again.
  const trigger = refusal === "conditionFailed" && publish.entityTag === undefined ? "failed" : refusal;
  return { trigger, sipStatus: statusCode, reason };
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
