import { type Flow, parseNameAddr, type SipRequest, transports, type Uri } from "@sip-push/sip";

/** True when nobody stood between the user agent and us: RFC 5626 §5.1, §6 look at the Via fields. */
export function isFirstHop(request: SipRequest): boolean {
  return request.headers.list("Via").length === 1;
}

/** True when the sender names `tag`, in lower case, in Supported. */
export function supports(request: SipRequest, tag: string): boolean {
  return request.headers.list("Supported").some((each) => each.toLowerCase() === tag);
}

/** The URI parameter `ob`: this address is reached on a flow. RFC 5626 §11.2. */
export function hasOb(uri: Uri | undefined): boolean {
  return uri !== undefined && uri.scheme !== "other" && uri.params.has("ob");
}

/**
 * Whether later requests to the sender of `request` should take the flow that it came on: a connection, or UDP when the
 * sender asks for that. RFC 5626 §5.3.2.
 */
export function wantsFlow(request: SipRequest, flow: Flow): boolean {
  if (!isFirstHop(request)) return false;
  if (transports[flow.transport].reliable) return true;
  const [contact] = request.headers.list("Contact");
  return contact !== undefined && contact !== "*" && hasOb(parseNameAddr(contact, "Contact").uri);
}
