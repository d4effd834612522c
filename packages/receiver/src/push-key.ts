import { hash } from "node:crypto";
import { PUSH_CHAIN_HEADER } from "@sip-push/push";
import type { SipRequest } from "@sip-push/sip";
import type { Carrier } from "./carrier.ts";
import type { ScreenedPush } from "./screening.ts";

/**
 * By what a push is known again that its sender tries once more, perhaps after a restart and without knowing that it arrived: the
 * Message-ID of its request for reports (RFC 5438 §6.3), or the Call-ID of a MESSAGE, which a new attempt keeps (RFC 3261
 * §8.1.3.5); and the sender, the application and the content. With others it is another push: there are senders that give all their
 * messages to one user the same Call-ID, and such that offer another form after a 415. In a NOTIFY, whose Call-ID is
 * that of a dialog, a header field of ours says it; undefined without.
 *
 * @param recipient tells the handsets apart of which one intake takes pushes.
 * @returns 20 octets, one character each: it is remembered for long.
 */
export function pushKey(
  request: SipRequest,
  { via }: Carrier,
  push: ScreenedPush,
  recipient: string,
): string | undefined {
  const { from, callId, headers } = request;
  const id = push.unwrapped?.reports?.messageId ?? (via === "message" ? callId : headers.get(PUSH_CHAIN_HEADER));
  if (id === undefined) return undefined;
  const who = Buffer.from(`${recipient}\n${id}\n${from.uriText}\n${push.applicationId}\n${push.contentType}\n`);
  const octets = Buffer.allocUnsafe(who.length + push.body.length);
  octets.set(who);
  octets.set(push.body, who.length);
  return hash("sha1", octets, "binary");
}
