import { encodeSipfrag, SIPFRAG_TYPE } from "@sip-push/bodies";
import {
  type DigestClient,
  decodeText,
  type NotificationInit,
  Notifier,
  type RequestSender,
  type ServerTransaction,
  type SipEndpoint,
} from "@sip-push/sip";
import { explained } from "../answer.ts";
import type { SubscribeResult } from "../subscriptions/subscription-entry.ts";

export interface ReferralReportsOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** A name-addr. */
  readonly contact: () => string;
  readonly credentials: DigestClient | undefined;
  /** References that are reported on at a time. */
  readonly maxReports: number;
}

/** The event package of REFER. RFC 3515 §3. */
export const REFER_PACKAGE = "refer";

/** Our choice (RFC 3515 §2.4.4): a SUBSCRIBE that is not answered is over after 32 s, one that waits for a registration later. */
const EXPIRES_SECONDS = 300;

/** Tells what became of references, to those who did not ask for `Refer-Sub: false`. RFC 3515 §2.4.4, §2.4.5. */
export class ReferralReports {
  readonly #notifier: Notifier;

  private constructor(notifier: Notifier) {
    this.#notifier = notifier;
  }

  static async open({
    endpoint,
    sender,
    contact,
    credentials,
    maxReports,
  }: ReferralReportsOptions): Promise<ReferralReports> {
    const notifier = await Notifier.open({
      endpoint,
      sender,
      package: REFER_PACKAGE,
      contact,
      maxSubscriptions: maxReports,
      maxPerSubscriber: maxReports,
      // RFC 3515 §2.4.4: only a REFER makes one.
      authorize: ({ subscription }) =>
        subscription === undefined
          ? { verdict: "refuse", statusCode: 403, reason: explained(403, "subscribe by REFER") }
          : { verdict: "accept" },
      initialNotifications: () => [notificationOf({ sipStatus: 100, reason: "Trying" })],
      ...(credentials === undefined ? {} : { credentials }),
    });
    return new ReferralReports(notifier);
  }

  /** Takes a SUBSCRIBE that refreshes or ends one. */
  handle(transaction: ServerTransaction): void {
    this.#notifier.handle(transaction);
  }

  /** Answers the REFER with 202 and tells `100 Trying`; how to end that, or undefined when it was refused instead. */
  accept(transaction: ServerTransaction): ((result: SubscribeResult) => void) | undefined {
    const subscription = this.#notifier.adopt(transaction, { expiresSeconds: EXPIRES_SECONDS });
    if (subscription === undefined) return undefined;
    return (result) => void this.#notifier.terminate(subscription.id, "noresource", undefined, notificationOf(result));
  }

  /** Lets what is on its way go out for `timeoutMs`. Idempotent. */
  close(timeoutMs: number): Promise<void> {
    return this.#notifier.close(timeoutMs);
  }
}

function notificationOf({ sipStatus, reason }: SubscribeResult): NotificationInit {
  const reasonPhrase = decodeText(reason).replace(/[\r\n\0]+/g, " ");
  return { contentType: SIPFRAG_TYPE, body: encodeSipfrag({ statusCode: sipStatus, reasonPhrase }) };
}
