import { BodyError, decodeSipfrag, type SipStatusLine } from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";
import {
  type Clock,
  eventOf,
  paramValue,
  parseSubscriptionState,
  type ServerTransaction,
  SipParseError,
  type SipRequest,
  type Timer,
} from "@sip-push/sip";

/** What a NOTIFY about a reference said last. RFC 3515 §2.4.5. */
export interface ReferralResult {
  /** Status of the request that was referred to; null when nothing was told. */
  readonly sipStatus: number | null;
  readonly reason: string;
}

/** One REFER whose outcome is waited for. */
export interface ExpectedReferral {
  /** Always settles: with the final status, or with what is known when the time is over. Never rejects. */
  readonly result: Promise<ReferralResult>;
  /** The recipient took the reference, as `remoteTag`: its reports, and nobody else's, come for so long at most. */
  accepted(remoteTag: string | undefined, waitMs: number): void;
  cancel(): void;
}

interface Wait {
  readonly callId: string;
  readonly settle: (result: ReferralResult) => void;
  timer: Timer | undefined;
  /** Tag of the one who reports: a second recipient, of a REFER that forked, is none of ours. */
  remoteTag: string | undefined;
  remoteSeq: number;
  last: ReferralResult;
}

const NOTHING: ReferralResult = { sipStatus: null, reason: "nothing was reported" };
/** References under way at a time; past it their outcome is not waited for. */
const MAX_WAITS = 10_000;
/** A sipfrag is a status line and perhaps a few header fields. */
const MAX_BODY_BYTES = 16_384;

/**
 * Takes the NOTIFYs that tell what became of a REFER: the subscription that a REFER makes by itself (RFC 3515 §2.4.4, RFC 6665),
 * to the package `refer`, with message/sipfrag.
 */
export class ReferralDesk {
  readonly #clock: Clock;
  /** By our tag. */
  readonly #waits = new Map<string, Wait>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waits.size;
  }

  /** Begins to wait, before the REFER is sent: a NOTIFY may overtake the 202. */
  expect({ callId, localTag }: { readonly callId: string; readonly localTag: string }): ExpectedReferral {
    if (this.#closed || this.#waits.size >= MAX_WAITS) {
      return { result: Promise.resolve(NOTHING), accepted: () => {}, cancel: () => {} };
    }
    const { promise: result, resolve } = Promise.withResolvers<ReferralResult>();
    const settle = (outcome: ReferralResult): void => {
      wait.timer?.cancel();
      this.#waits.delete(localTag);
      resolve(outcome);
    };
    const wait: Wait = { callId, settle, timer: undefined, remoteTag: undefined, remoteSeq: -1, last: NOTHING };
    this.#waits.set(localTag, wait);
    return {
      result,
      accepted: (remoteTag, waitMs) => {
        if (this.#waits.get(localTag) !== wait) return;
        if (remoteTag !== wait.remoteTag) Object.assign(wait, { remoteTag, remoteSeq: -1, last: NOTHING });
        wait.timer = this.#clock.schedule(waitMs, () => settle(wait.last));
      },
      cancel: () => settle(wait.last),
    };
  }

  /** Answers the NOTIFY if it belongs to a REFER of ours; false: it does not, and is not answered. */
  handle(transaction: ServerTransaction): boolean {
    const { request } = transaction;
    const wait = this.#waits.get(paramValue(request.to.params, "tag") ?? "");
    if (wait === undefined || wait.callId !== request.callId) return false;
    try {
      transaction.reply(this.#take(wait, request));
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      transaction.reply(400, { reason: error.message });
    }
    return true;
  }

  /** Ends all waits; later ones do not begin. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const wait of [...this.#waits.values()]) wait.settle(wait.last);
  }

  #take(wait: Wait, { headers, from, cseq, body }: SipRequest): number {
    if (eventOf(headers).package !== "refer") return 489;
    const { state } = parseSubscriptionState(headers.get("Subscription-State") ?? "");
    const remoteTag = paramValue(from.params, "tag") ?? "";
    wait.remoteTag ??= remoteTag;
    if (wait.remoteTag !== remoteTag) return 481;
    if (cseq.seq <= wait.remoteSeq) return 500; // RFC 3261 §12.2.2
    if (body.length > MAX_BODY_BYTES) return 413;
    const fragment = fragmentOf(headers.get("Content-Type"), body);
    if (typeof fragment === "number") return fragment;
    wait.remoteSeq = cseq.seq;
    if (fragment !== undefined) wait.last = { sipStatus: fragment.statusCode, reason: fragment.reasonPhrase };
    const isFinal = wait.last.sipStatus !== null && wait.last.sipStatus >= 200;
    if (state === "terminated" || isFinal) wait.settle(wait.last);
    return 200;
  }
}

/** Undefined for no body, a status code for one that is refused. */
function fragmentOf(contentType: string | undefined, body: Uint8Array): SipStatusLine | number | undefined {
  if (body.length === 0) return undefined;
  if (mediaTypeOf(contentType ?? "") !== "message/sipfrag") return 415;
  try {
    return decodeSipfrag(body);
  } catch (error) {
    if (error instanceof BodyError) return 400;
    throw error;
  }
}
