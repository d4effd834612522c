import { PushInputError } from "@sip-push/push";
import { encodeText, parseUri, SipParseError, type SipUri } from "@sip-push/sip";

/** @throws {PushInputError} PUSH_BAD_OPTION naming the option. */
export function sipUriOf(text: string, option: string): SipUri {
  try {
    const uri = parseUri(encodeText(text), option);
    if (uri.scheme === "sip" || uri.scheme === "sips") {
      if (uri.headers.length === 0 && !uri.params.has("method")) return uri;
      // RFC 3261 §19.1.1: neither may stand in a Request-URI, From or To.
      throw new PushInputError("PUSH_BAD_OPTION", option, "has a method or header fields");
    }
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    throw new PushInputError("PUSH_BAD_OPTION", option, error.message.slice(error.field.length + 2), { cause: error });
  }
  throw new PushInputError("PUSH_BAD_OPTION", option, `${JSON.stringify(text)} is no sip: or sips: URI`);
}
