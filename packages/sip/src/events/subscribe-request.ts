import type { Dialog } from "../dialog/index.ts";
import { parseSeconds, type SipHeaders, type SipRequest } from "../message/index.ts";
import { createRequest } from "../user-agent/request.ts";
import type { SendOptions } from "../user-agent/request-sender.ts";
import type { SubscriberOptions } from "./subscriber-options.ts";

/** What names one try to subscribe: new for each, RFC 6665 §4.1.2.2. */
export interface SubscriptionNames {
  readonly callId: string;
  readonly fromTag: string;
}

/** A SUBSCRIBE outside a dialog. RFC 6665 §4.1.2.1. */
export function initialSubscribe(
  options: SubscriberOptions,
  names: SubscriptionNames,
  cseq: number,
  expiresSeconds: number,
): SipRequest {
  const { target, from, to, routeSet, contentType, body } = options;
  const routes = typeof routeSet === "function" ? routeSet() : (routeSet ?? []);
  const headers = [
    ...routes.map((route) => ["Route", route] as const),
    ...fieldsOf(options, expiresSeconds),
    ...(contentType === undefined ? [] : [["Content-Type", contentType] as const]),
  ];
  return createRequest({
    method: "SUBSCRIBE",
    requestUri: target,
    from,
    ...(to === undefined ? {} : { to }),
    ...names,
    cseq,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

/** A SUBSCRIBE that refreshes or, with 0, ends: the body of the first holds on. RFC 6665 §4.1.2.2, §4.1.2.3. */
export function refreshSubscribe(options: SubscriberOptions, dialog: Dialog, expiresSeconds: number): SipRequest {
  return dialog.request("SUBSCRIBE", { headers: fieldsOf(options, expiresSeconds) });
}

/** Which way a SUBSCRIBE goes: in the dialog there is, or to where the first one goes. */
export function sendOptions(
  { credentials, nextHop, flow }: SubscriberOptions,
  dialog: Dialog | undefined,
  signal: AbortSignal,
): SendOptions {
  const ours = flow?.();
  const hop = dialog === undefined ? nextHop : dialog.strictHop;
  return {
    signal,
    ...(credentials === undefined ? {} : { credentials }),
    ...(ours === undefined || !ours.open ? {} : { flow: ours }),
    ...(hop === undefined ? {} : { nextHop: hop }),
  };
}

function fieldsOf(options: SubscriberOptions, expiresSeconds: number): Array<readonly [string, string]> {
  const { event, contact, accept, headers } = options;
  return [
    ["Contact", bracketed(typeof contact === "function" ? contact() : contact)],
    ["Event", event],
    ["Expires", String(expiresSeconds)],
    ...(accept === undefined ? [] : [["Accept", accept.join(", ")] as const]),
    ...(headers ?? []),
  ];
}

/** A bare URI gets `<` `>`, so that its parameters cannot be taken for the header's (RFC 3261 §20.10). */
export function bracketed(address: string): string {
  return address.includes("<") ? address : `<${address}>`;
}

/** A header field that holds seconds: Expires, Min-Expires. Undefined when there is none, or something else. */
export function secondsIn(headers: SipHeaders, name: string): number | undefined {
  const text = headers.get(name);
  return text !== undefined && /^[0-9]+$/.test(text) ? parseSeconds(text, name) : undefined;
}
