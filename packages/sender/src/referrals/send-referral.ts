import { type ReferralInit, referHeaders } from "@sip-push/push";
import {
  createRequest,
  decodeText,
  newCallId,
  newTag,
  paramValue,
  type RequestSender,
  type SendFailureCode,
  type SendOptions,
  type SendOutcome,
} from "@sip-push/sip";
import type { ReferralDesk, ReferralResult } from "./referral-desk.ts";

/** What to refer a handset to, and what to hear of it. */
export interface ReferOptions extends Omit<ReferralInit, "withoutSubscription"> {
  /** Wait for the handset's report of what came of it. Default false: `Refer-Sub: false` (RFC 4488). */
  readonly report?: boolean;
  /** How long to wait for that. Default 60. */
  readonly reportTimeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

/** What became of a reference. A refusal is an outcome. */
export type ReferOutcome =
  | {
      readonly kind: "accepted";
      readonly sipStatus: number;
      /** What the handset reported; null when it was not asked to. */
      readonly result: ReferralResult | null;
    }
  | { readonly kind: "refused"; readonly sipStatus: number; readonly reason: string }
  | { readonly kind: "failed"; readonly code: SendFailureCode; readonly reason: string; readonly retryable: boolean };

/** How REFERs of one sender leave. */
export interface ReferralSettings {
  readonly sender: RequestSender;
  readonly desk: ReferralDesk;
  readonly sendOptions: SendOptions;
  readonly from: string;
  readonly contact: string;
  /** Route, identity, … */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
}

/** RFC 6665 §4.1.2.4: a NOTIFY that is to come comes within 64*T1; the request that it is about takes as long again. */
const REPORT_TIMEOUT_SECONDS = 60;

/**
 * Refers `requestUri` to a push sender (REFER, RFC 3515; draft-mdolly-dispatch-oma-push §11.4). Where a 2xx does not repeat our
 * `Refer-Sub: false`, NOTIFYs come all the same (RFC 4488 §4): they are taken.
 *
 * @throws {PushInputError} naming the option.
 */
export async function sendReferral(
  { sender, desk, sendOptions, from, contact, headers }: ReferralSettings,
  requestUri: string,
  options: ReferOptions,
): Promise<ReferOutcome> {
  const { report = false, reportTimeoutSeconds = REPORT_TIMEOUT_SECONDS, signal, ...referral } = options;
  const callId = newCallId();
  const fromTag = newTag();
  const request = createRequest({
    method: "REFER",
    requestUri,
    from,
    fromTag,
    callId,
    headers: [
      ...headers,
      ["Contact", `<${contact}>`],
      ["Accept", "message/sipfrag"],
      ...referHeaders({ ...referral, withoutSubscription: !report }),
    ],
  });
  const expected = desk.expect({ callId, localTag: fromTag });
  const abort = (): void => expected.cancel();
  signal?.addEventListener("abort", abort, { once: true });
  const outcome = await sender.send(request, signal === undefined ? sendOptions : { ...sendOptions, signal });
  const result = await reportOf(outcome);
  signal?.removeEventListener("abort", abort);
  if (outcome.kind === "failure") {
    const { code, reason, retryable } = outcome;
    return { kind: "failed", code, reason, retryable };
  }
  const { statusCode: sipStatus, reason } = outcome.response;
  if (sipStatus >= 300) return { kind: "refused", sipStatus, reason: decodeText(reason) };
  return { kind: "accepted", sipStatus, result };

  /** Waits for it when it is asked for; takes it in passing when it comes though it is not. */
  function reportOf(sent: SendOutcome): Promise<ReferralResult> | null {
    const response = sent.kind === "response" && sent.response.statusCode < 300 ? sent.response : undefined;
    const reports = response !== undefined && response.headers.get("Refer-Sub")?.trim().toLowerCase() !== "false";
    if (reports) expected.accepted(paramValue(response.to.params, "tag"), reportTimeoutSeconds * 1000);
    else expected.cancel();
    return report && reports ? expected.result : null;
  }
}
