import { PUSH_CHAIN_HEADER, type ReportRequestInit, type Validity } from "@sip-push/push";
import { type NotifyOutcome, newCallId, newTag, type SendOutcome } from "@sip-push/sip";
import { chainTag } from "./chain.ts";
import type { DeliveryContext, DeliveryJob } from "./delivery-job.ts";
import type { DeliveryMethod } from "./delivery-methods.ts";
import type { DeliveryOffer } from "./delivery-offer.ts";

export type AttemptOutcome = SendOutcome | NotifyOutcome;

/** One attempt to be. */
export interface Attempt {
  readonly method: DeliveryMethod;
  /** Of a MESSAGE: the recipient's, or one that a redirection named. */
  readonly requestUri: string;
  readonly offer: DeliveryOffer;
  readonly validity: Validity | undefined;
  /** deliver-before, which a NOTIFY cannot say. */
  readonly notAfter: Date | undefined;
  readonly report: ReportRequestInit | undefined;
}

/**
 * The requests of one push: the MESSAGEs with one Call-ID and a CSeq that grows (RFC 3261 §8.1.3.4, §8.1.3.5), those of its chain
 * where it has one; a NOTIFY with those of its dialog, and the chain's Call-ID in a header field.
 */
export class DeliveryAttempts {
  readonly callId: string;
  readonly #fromTag: string;
  readonly #context: DeliveryContext;
  readonly #job: DeliveryJob;
  #cseq: number;
  #count = 0;

  constructor(context: DeliveryContext, job: DeliveryJob) {
    const { chain } = job;
    this.#context = context;
    this.#job = job;
    this.callId = chain?.callId ?? newCallId();
    this.#fromTag = chain === undefined ? newTag() : chainTag(chain.callId);
    this.#cseq = chain?.cseq ?? 1;
  }

  /** Requests that left: challenges, redirections and failed targets included, retransmissions not. */
  get count(): number {
    return this.#count;
  }

  /** Never rejects; ends with SIP_CLOSED when the sender closes and its endpoint does not. */
  send(attempt: Attempt): Promise<AttemptOutcome> {
    const { method } = attempt;
    const sent = method.kind === "message" ? this.#message(attempt) : this.#notify(attempt, method.subscriptionId);
    return this.#context.outlived ? this.#untilClosed(sent) : sent;
  }

  /** Counts what was sent. */
  ended(method: DeliveryMethod, outcome: AttemptOutcome): void {
    this.#count += outcome.attempts;
    if (method.kind !== "message") return;
    // A challenge may have been answered before it failed; each answer took the next CSeq.
    if (outcome.kind === "failure") this.#cseq += Math.max(outcome.attempts, 1);
    else this.#cseq = outcome.response.cseq.seq + 1;
  }

  #message({ requestUri, offer, validity, report }: Attempt): Promise<SendOutcome> {
    const { requestSender, factory, sendOptions } = this.#context;
    const { recipient, signal } = this.#job;
    const { push, representation } = offer;
    const request = factory.message(push, {
      requestUri,
      to: recipient.requestUri,
      callId: this.callId,
      fromTag: this.#fromTag,
      cseq: this.#cseq,
      ...(validity === undefined ? undefined : { validity }),
      ...(representation === undefined ? undefined : { representation }),
      ...(report === undefined ? undefined : { report }),
    });
    return requestSender.send(request, signal === undefined ? sendOptions : { ...sendOptions, signal });
  }

  #notify({ offer, report, notAfter }: Attempt, subscriptionId: string): Promise<NotifyOutcome> {
    const { factory, services } = this.#context;
    const { recipient, signal, chain } = this.#job;
    const { push, representation } = offer;
    const notification = factory.notification(push, {
      to: recipient.requestUri,
      ...(representation === undefined ? undefined : { representation }),
      ...(report === undefined ? undefined : { report }),
    });
    const { headers = [] } = notification;
    const chained = chain && ([...headers, [PUSH_CHAIN_HEADER, chain.callId]] as const);
    const timely = {
      ...notification,
      ...(notAfter !== undefined && { notAfter }),
      ...(chained !== undefined && { headers: chained }),
    };
    return services.subscriptions.notify(subscriptionId, timely, signal);
  }

  #untilClosed(sent: Promise<AttemptOutcome>): Promise<AttemptOutcome> {
    const { closing } = this.#context;
    const failure = { kind: "failure", code: "SIP_CLOSED", reason: "the sender is closed", retryable: false } as const;
    return new Promise((resolve) => {
      const close = (): void => resolve({ ...failure, attempts: 1, subscriptionEnded: false });
      closing.on(close);
      void sent.then((outcome) => {
        closing.off(close);
        resolve(outcome);
      });
    });
  }
}
