import type { EncodedBody } from "@sip-push/bodies";
import {
  encodePap,
  type PapMessage,
  type PapVersion,
  papVersions,
  type QualityOfService,
  type ResultNotificationMessage,
} from "@sip-push/pap";
import { messageStateOf } from "../delivery/delivery.machine.ts";
import type { PushDetails } from "../push-details.ts";
import type { ResultNotification } from "../store/types.ts";

/** Characters of a `desc`. */
const MAX_DESC_LENGTH = 256;

/** Who tells. */
export interface ResultSender {
  readonly senderAddress: string | null;
  readonly senderName: string | null;
}

function resultMessageOf(result: ResultNotification, sender: ResultSender): PapMessage {
  const details = (result.applicationData ?? {}) as Partial<PushDetails>;
  const operation: ResultNotificationMessage = {
    kind: "resultnotification-message",
    pushId: result.pushId,
    ...(sender.senderAddress !== null && { senderAddress: sender.senderAddress }),
    ...(sender.senderName !== null && { senderName: sender.senderName }),
    receivedTime: new Date(result.receivedAtMs),
    eventTime: new Date(result.eventAtMs),
    messageState: messageStateOf(result.messageState),
    code: result.papCode,
    ...(result.reason !== "" && { desc: descOf(result.reason) }),
    address: result.address,
    ...(details.qualityOfService === true && { qualityOfService: qualityOfServiceOf(result, details) }),
  };
  return { version: versionOf(details.papVersion), operation };
}

/** The resultnotification-message of a result, in the PAP version of its push. @throws {PapError} PAP_BAD_VALUE for what no document can say. */
export function encodeResult(result: ResultNotification, sender: ResultSender): EncodedBody {
  return encodePap(resultMessageOf(result, sender));
}

function qualityOfServiceOf(
  { priority, deliveryMethod }: ResultNotification,
  { network, networkRequired, bearer, bearerRequired }: Partial<PushDetails>,
): QualityOfService {
  return {
    priority,
    deliveryMethod,
    ...(typeof network === "string" && { network }),
    networkRequired: networkRequired === true,
    ...(typeof bearer === "string" && { bearer }),
    bearerRequired: bearerRequired === true,
  };
}

function versionOf(version: PapVersion | undefined): PapVersion {
  return version !== undefined && papVersions.includes(version) ? version : papVersions[0];
}

/** Reason phrases come from handsets: characters that XML does not have become U+FFFD (XML 1.0 production 2). */
function descOf(reason: string): string {
  const short = reason.length > MAX_DESC_LENGTH ? reason.slice(0, MAX_DESC_LENGTH) : reason;
  return short.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}
