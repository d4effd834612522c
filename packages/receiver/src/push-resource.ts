import { decodeText, type SipRequest } from "@sip-push/sip";
import type { PushResource } from "./events.ts";

/**
 * The push notification service that the registered Contact named, which is what the Request-URI of a request to it is
 * (RFC 3261 §16.6 (2), RFC 8599 §4.1.1, §8.7); null when it named none.
 */
export function pushResourceOf({ uri }: SipRequest): PushResource | null {
  if (uri.scheme !== "sip" && uri.scheme !== "sips") return null;
  const provider = uri.params.get("pn-provider");
  // Without a value it asks the proxy which services it knows (§4.1.5), and names none.
  if (provider === undefined || provider === null) return null;
  const value = (name: string): string | null => textOf(uri.params.get(name));
  return { provider: textOf(provider) ?? provider, prid: value("pn-prid"), param: value("pn-param") };
}

/** Escapes undone (RFC 3261 §19.1.2). */
function textOf(value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  return decodeText(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}
