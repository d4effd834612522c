import type { UriAddress } from "./addresses.ts";
import { parseIpv4, parseIpv6 } from "./ip-addresses.ts";

/*
 * SIP, SIPS (RFC 3261 §19.1.1, grammar §25.1) and tel URIs (RFC 3966 §3) as recipients. Header fields (`?Subject=…`) are not
 * taken: a push initiator could write the request of the gateway with them.
 */

const SCHEME = /^(sips?|tel):(.*)$/is;
/** user [ ":" password ] "@" */
const USERINFO = /^(?:[0-9a-z\-_.!~*'()&=+$,;?/]|%[0-9a-f]{2})+(?::(?:[0-9a-z\-_.!~*'()&=+$,]|%[0-9a-f]{2})*)?$/i;
/** hostport, then *( ";" pname [ "=" pvalue ] ) */
const HOSTPORT = /^(\[[^\]]*\]|[^[\]:;]+)(?::([0-9]{1,5}))?((?:;.*)?)$/s;
const SIP_PARAMETER =
  /^(?:[0-9a-z\-_.!~*'()[\]/:&+$]|%[0-9a-f]{2})+(?:=(?:[0-9a-z\-_.!~*'()[\]/:&+$]|%[0-9a-f]{2})+)?$/i;
const HOSTNAME = /^(?:[0-9a-z](?:[0-9a-z-]*[0-9a-z])?\.)*[a-z](?:[0-9a-z-]*[0-9a-z])?\.?$/i;
/** global-number-digits, local-number-digits */
const GLOBAL_NUMBER = /^\+[-.()]*[0-9][-.()0-9]*$/;
const LOCAL_NUMBER = /^[-.()]*[0-9a-f*#][-.()0-9a-f*#]*$/i;
const TEL_PARAMETER = /^[0-9a-z-]+(?:=(?:[0-9a-z\-_.!~*'()[\]/:&+$]|%[0-9a-f]{2})+)?$/i;

/** Whether it begins as one of these, good or not. */
export function isUriText(text: string): boolean {
  return SCHEME.test(text);
}

/** The URI; undefined for text that is none of these. */
export function parseUriAddress(text: string): UriAddress | undefined {
  const match = SCHEME.exec(text);
  if (match === null) return undefined;
  const kind = (match[1] as string).toLowerCase() as UriAddress["kind"];
  const rest = match[2] as string;
  const isGood = kind === "tel" ? isTel(rest) : isSip(rest);
  return isGood ? { kind, uri: `${kind}:${rest}` } : undefined;
}

function isSip(rest: string): boolean {
  const at = rest.lastIndexOf("@");
  if (at >= 0 && !USERINFO.test(rest.slice(0, at))) return false;
  const match = HOSTPORT.exec(rest.slice(at + 1));
  if (match === null || !isHost(match[1] as string) || Number(match[2] ?? 0) > 65_535) return false;
  return (match[3] as string)
    .split(";")
    .slice(1)
    .every((parameter) => SIP_PARAMETER.test(parameter));
}

function isHost(host: string): boolean {
  if (host.startsWith("[")) return parseIpv6(host.slice(1, -1)) !== undefined;
  return parseIpv4(host) !== undefined || HOSTNAME.test(host);
}

/** A local number says where it is one: `;phone-context=`. RFC 3966 §5.1.5. */
function isTel(rest: string): boolean {
  const [number, ...parameters] = rest.split(";") as [string, ...string[]];
  if (!parameters.every((parameter) => TEL_PARAMETER.test(parameter))) return false;
  if (GLOBAL_NUMBER.test(number)) return true;
  return LOCAL_NUMBER.test(number) && parameters.some((parameter) => /^phone-context=/i.test(parameter));
}
