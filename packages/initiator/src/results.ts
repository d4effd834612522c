import {
  badMessageReply,
  decodePap,
  encodePap,
  knownPapCode,
  type PapDecodeOptions,
  PapError,
  type PapMessage,
  papCodes,
  type ResultNotificationMessage,
  replyTo,
} from "@sip-push/pap";
import type { PapEntity } from "./pap-message.ts";

/** What became of a push for one recipient, as the gateway tells it. */
export interface PushResult extends Omit<ResultNotificationMessage, "kind"> {
  /** Whether this was told before: gateways repeat what they did not see answered. */
  readonly isRepetition: boolean;
}

/** A result that can be read, with the message that it came in, or what to answer to what cannot. */
export type ReadResult =
  | { readonly notification: ResultNotificationMessage; readonly message: PapMessage }
  | { readonly refusal: PapEntity; readonly problem: string };

/** Reads a resultnotification-message, bare or in a multipart. Anything else gets a badmessage-response. */
export function readResult(contentType: string, octets: Uint8Array, options: PapDecodeOptions): ReadResult {
  try {
    const message = decodePap(contentType, octets, options);
    const { operation } = message;
    if (operation.kind === "resultnotification-message") return { notification: operation, message };
    const desc = `a ${operation.kind} is not taken here`;
    const refusal = encodePap(replyTo(message, { kind: "badmessage-response", code: papCodes.badRequest, desc }));
    return { refusal, problem: desc };
  } catch (error) {
    if (!(error instanceof PapError)) throw error;
    return { refusal: encodePap(badMessageReply(error)), problem: error.message };
  }
}

/** The answer to a result, in the version that it came in. */
export function answerResult(message: PapMessage, { pushId, address }: ResultNotificationMessage): PapEntity {
  return encodePap(replyTo(message, { kind: "resultnotification-response", pushId, code: papCodes.ok, address }));
}

/** What makes two notifications the same: the push, the recipient, and what became of it. */
export function identityOf({ pushId, address, messageState, code }: ResultNotificationMessage): string {
  return JSON.stringify([pushId, address, messageState, knownPapCode(code)]);
}
