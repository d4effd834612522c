import { SipParseError } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { eventOf, serializeAllowEvents } from "./event-header.ts";
import type { Notifier } from "./notifier.ts";

/**
 * The handler of SUBSCRIBE for a user agent with several notifiers: the package in Event chooses; what nobody serves is 489
 * with Allow-Events. RFC 6665 §4.2.1.1, §4.4.4. Give each notifier all packages as `allowEvents`.
 */
export function notifierHandler(notifiers: readonly Notifier[]): (transaction: ServerTransaction) => void {
  const byPackage = new Map(notifiers.map((notifier) => [notifier.package, notifier]));
  const allowEvents = serializeAllowEvents(byPackage.keys());
  return (transaction) => {
    const { headers } = transaction.request;
    try {
      const notifier = headers.has("Event") ? byPackage.get(eventOf(headers).package) : undefined;
      if (notifier !== undefined) notifier.handle(transaction);
      else transaction.reply(489, { headers: [["Allow-Events", allowEvents]] });
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      transaction.reply(400, { reason: error.message });
    }
  };
}
