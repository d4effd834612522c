import type { ServerTransaction } from "@sip-push/sip";
import type { ForwardPlan } from "./forward-plan.ts";
import type { Refusal } from "./request-validation.ts";

/** Methods that are passed on or answered here. */
const ALLOW = "MESSAGE, OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, REFER, INFO, UPDATE, BYE";

/** INVITE transactions (RFC 3261 §17.1.1) are not there yet; a CANCEL belongs to one. ACK never gets here. */
export const METHODS_NOT_SERVED: Readonly<Partial<Record<string, Refusal>>> = {
  INVITE: { statusCode: 405, headers: [["Allow", ALLOW]] },
  CANCEL: { statusCode: 481 },
};

/** OPTIONS to the proxy itself: what `sipsak -s sip:host` and load balancers ask. RFC 3261 §11.2, §16.3 (3), RFC 3903 §7. */
export function answerOptions(transaction: ServerTransaction, allowEvents: readonly string[]): void {
  const required = transaction.request.headers.list("Require").filter((tag) => tag !== "");
  if (required.length > 0) {
    transaction.reply(420, { headers: [["Unsupported", required.join(", ")]] });
    return;
  }
  transaction.reply(200, {
    headers: [
      ["Allow", ALLOW],
      ["Accept", "*/*"],
      ["Accept-Encoding", "identity"],
      ["Accept-Language", "en"],
      ["Supported", "path, outbound"],
      ...(allowEvents.length > 0 ? [["Allow-Events", allowEvents.join(", ")] as const] : []),
    ],
  });
}

/**
 * Request-Disposition: redirect. The q values give the order that callee and caller preferences made, and the feature
 * parameters are left out, so that nobody applies them once more. RFC 3841 §7.2.4.
 */
export function redirection({ groups }: ForwardPlan): Refusal {
  const contacts = groups.flat(2).map(({ contact }) => contact);
  const headers = contacts.map((contact, index) => {
    const q = (1 - index / Math.max(contacts.length, 10)).toFixed(3);
    return ["Contact", `<${contact}>;q=${q}`] as const;
  });
  return { statusCode: 302, headers };
}
