import { parseNameAddr, SipParseError, type SipRequest, type SipResponse } from "../message/index.ts";

/**
 * The URI of the one Contact of a message that makes a dialog or refreshes its target. RFC 3261 §8.1.1.8, §12.2.1.1.
 *
 * @throws {SipParseError} when there is none, are several, or it is no sip or sips URI.
 */
export function contactOf({ headers }: SipRequest | SipResponse): string {
  const contacts = headers.list("Contact");
  const [first, second] = contacts;
  if (first === undefined) throw bad("missing");
  if (second !== undefined) throw bad("more than one");
  const { uri, uriText } = parseNameAddr(first, "Contact");
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw bad("not a sip or sips URI");
  if (uri.headers.length > 0) throw bad("holds header fields");
  return uriText;
}

function bad(problem: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", "Contact", problem);
}
