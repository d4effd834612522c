import type { EncodedBody } from "@sip-push/bodies";
import { descOf, encodePap, type PapMessage, papVersions, type ResultNotificationMessage } from "@sip-push/pap";
import { messageStateOf } from "../delivery/delivery.machine.ts";
import { type PushDetails, qualityOf } from "../push-details.ts";
import type { ResultNotification } from "../store/types.ts";

/** Who tells. */
export interface ResultSender {
  readonly senderAddress: string | null;
  readonly senderName: string | null;
}

function resultMessageOf(result: ResultNotification, sender: ResultSender): PapMessage {
  const details = (result.applicationData ?? {}) as Partial<PushDetails>;
  const quality = qualityOf(result, details);
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
    ...(quality !== undefined && { qualityOfService: quality }),
  };
  return { ...doctypeOf(details), operation };
}

/** The resultnotification-message of a result, with the DOCTYPE of its push. @throws {PapError} PAP_BAD_VALUE for what no document can say. */
export function encodeResult(result: ResultNotification, sender: ResultSender): EncodedBody {
  return encodePap(resultMessageOf(result, sender));
}

function doctypeOf({ papVersion, papPublicId }: Partial<PushDetails>): Pick<PapMessage, "version" | "publicId"> {
  const version = papVersion !== undefined && papVersions.includes(papVersion) ? papVersion : papVersions[0];
  return typeof papPublicId === "string" ? { version, publicId: papPublicId } : { version };
}
