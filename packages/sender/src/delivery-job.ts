import type { PushMessage, PushRequestFactory } from "@sip-push/push";
import type { Clock, RequestSender, SendOptions } from "@sip-push/sip";
import type { DeliveryChain } from "./chain.ts";
import type { Closing } from "./closing.ts";
import type { PushAlternative } from "./offer-choice.ts";
import type { DeliveryVia } from "./options.ts";
import type { RetryOptions } from "./outcome.ts";
import type { Recipient } from "./recipient.ts";
import type { RecipientQueue } from "./recipient-queue.ts";
import type { SenderServices } from "./sender-services.ts";

/** What all deliveries of one sender share. */
export interface DeliveryContext {
  readonly clock: Clock;
  readonly requestSender: RequestSender;
  readonly factory: PushRequestFactory;
  /** Next hop and credentials. */
  readonly sendOptions: SendOptions;
  readonly retry: RetryOptions | undefined;
  readonly random: () => number;
  readonly maxBodyBytes: number;
  /** Undefined when requests to one URI may overlap. */
  readonly queue: RecipientQueue | undefined;
  readonly closing: Closing;
  readonly services: Pick<
    SenderServices,
    "subscriptions" | "registrations" | "reports" | "capabilities" | "questions" | "presence"
  >;
  /** The endpoint stays open when the sender closes, so it does not end what is under way. */
  readonly outlived: boolean;
}

/** One push to one recipient. */
export interface DeliveryJob {
  readonly push: PushMessage;
  readonly recipient: Recipient;
  readonly alternatives: readonly PushAlternative[];
  /** Undefined: this call is all there is. */
  readonly chain: DeliveryChain | undefined;
  /** For the log. */
  readonly pushId: string | undefined;
  readonly deadline: Date | undefined;
  readonly signal: AbortSignal | undefined;
  readonly via: DeliveryVia;
  /** How long to wait for a handset that is not there; 0: not. */
  readonly offlineWaitMs: number;
  /** How long to wait for the delivery report, from the final response on. */
  readonly reportWaitMs: number;
  /** Clock at the call of `deliver`, in milliseconds. */
  readonly startedMs: number;
}
