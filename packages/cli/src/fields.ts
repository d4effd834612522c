import { BodyError, parseContentDisposition } from "@sip-push/bodies";
import { mediaTypeOf, normalizeApplicationId } from "@sip-push/push";
import {
  type ListenAddress,
  parseHostPort,
  parseListenAddress,
  parseUri,
  SipParseError,
  type SipUri,
  TOKEN,
  TrustDomain,
} from "@sip-push/sip";
import { z } from "zod";

/** Runs a parser of ours as a zod check; its message becomes the problem. */
function parsedBy<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: problemOf(error) });
      return z.NEVER;
    }
  });
}

/** The text as it is, once a parser of ours took it. */
export function checkedBy(check: (text: string) => unknown): z.ZodType<string, string> {
  return parsedBy((text) => {
    check(text);
    return text;
  });
}

/** What is wrong, without the name of the field, which the flag says better. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const named = error instanceof SipParseError || "field" in error;
  return named ? error.message.replace(/^[^:]*: /, "") : error.message;
}

/** `udp:127.0.0.1:5060`. */
export const listenAddress: z.ZodType<ListenAddress, string> = parsedBy(parseListenAddress);

function parseSipUri(text: string): SipUri {
  const uri = parseUri(text, "URI");
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new Error(`"${text}" is no sip: or sips: URI`);
  // RFC 3261 §19.1.1, table 1.
  if (uri.headers.length > 0 || uri.params.has("method")) throw new Error(`"${text}" has headers or a method`);
  return uri;
}

/** A `sip:` or `sips:` URI to send to. */
export const sipUri: z.ZodType<SipUri, string> = parsedBy(parseSipUri);

/** A `sip:` or `sips:` URI of somebody, kept as text. */
export const sipUriText: z.ZodType<string, string> = checkedBy(parseSipUri);

function checkAor(text: string): void {
  if (parseSipUri(text).user === undefined) throw new Error(`"${text}" names no user; write sip:user@domain`);
}

/** The same, with a user part: an address-of-record. */
export const aorText: z.ZodType<string, string> = checkedBy(checkAor);

/** `example.test`, an address, with a port if need be. */
export const domainName: z.ZodType<string, string> = checkedBy((text) => parseHostPort(text, "domain"));

/** An application id in any spelling. */
export const applicationId: z.ZodType<string, string> = checkedBy((text) => normalizeApplicationId(text));

/** `type/subtype`, with parameters if need be. */
export const mediaType: z.ZodType<string, string> = parsedBy((text) => {
  if (mediaTypeOf(text) === undefined || /[\r\n]/.test(text)) {
    throw new Error(`${JSON.stringify(text)} is no media type; write type/subtype`);
  }
  return text;
});

/** A URN such as `urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6`. RFC 5626 §4.1. */
export const instanceUrn: z.ZodType<string, string> = parsedBy((text) => {
  if (/^urn:[a-z0-9-]+:[^\s"<>\\]+$/i.test(text)) return text;
  throw new Error(`"${text}" is no URN; write urn:uuid:…`);
});

/** A peer to be believed: address, range, or name that its TLS certificate proves. RFC 3325 §2. */
export const trustedPeer: z.ZodType<string, string> = checkedBy((text) => new TrustDomain([text]));

/** Value of a header field: one line. */
export const headerText: z.ZodType<string, string> = parsedBy((text) => {
  if (text.trim() !== "" && !/\p{Cc}/u.test(text)) return text.trim();
  throw new Error("must be one line of text");
});

/** `gzip`, `de, en`: tokens with commas between. */
export const tokenList: z.ZodType<string, string> = parsedBy((text) => {
  if (text.split(/[ \t]*,[ \t]*/).every((token) => TOKEN.test(token))) return text;
  throw new Error(`${JSON.stringify(text)} is no list of tokens`);
});

/** Value of Content-Disposition. RFC 3261 §20.11. */
export const disposition: z.ZodType<string, string> = checkedBy((text) => {
  try {
    parseContentDisposition(text);
  } catch (error) {
    if (error instanceof BodyError) throw new Error(`${JSON.stringify(text)} is no disposition`, { cause: error });
    throw error;
  }
});

/** What goes to an application server, and where that is. */
export interface ServiceRoute {
  readonly what: string;
  readonly to: string;
}

function serviceRoute(example: string, check: (what: string) => void): z.ZodType<ServiceRoute, string> {
  return parsedBy((text) => {
    const [what, to] = /^(.+?)=(sips?:.+)$/i.exec(text)?.slice(1) ?? [];
    if (what === undefined || to === undefined) throw new Error(`${JSON.stringify(text)} is not like ${example}`);
    check(what);
    parseSipUri(to);
    return { what, to };
  });
}

/** A public service identity and where it is. */
export const psiRoute: z.ZodType<ServiceRoute, string> = serviceRoute(
  "sip:push@example.test=sip:127.0.0.1:5090",
  checkAor,
);

/** A method whose requests pass there first. */
export const methodRoute: z.ZodType<ServiceRoute, string> = serviceRoute("MESSAGE=sip:127.0.0.1:5090", (what) => {
  if (!TOKEN.test(what)) throw new Error(`${JSON.stringify(what)} is no method`);
});

/** K and OPc of a USIM, hex digits; they are never part of a message. TS 35.206. */
export const akaKeys: z.ZodType<{ readonly k: string; readonly opc: string }, string> = parsedBy((text) => {
  const [k, opc] = /^([0-9a-f]{32}),([0-9a-f]{32})$/i.exec(text)?.slice(1) ?? [];
  if (k === undefined || opc === undefined) {
    throw new Error("must be K and OPc, 32 hex digits each, with a comma between them");
  }
  return { k, opc };
});

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  return z.enum(words, { error: `must be one of ${words.join(", ")}` });
}

/** A whole number in a range, from text or JSON. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const error = `must be a whole number from ${min} to ${max}`;
  const fromText = (value: unknown): unknown =>
    typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
  return z.preprocess(
    fromText,
    z.number({ error }).int({ error }).min(min, { error }).max(max, { error }),
  ) as z.ZodType<number>;
}

/**
 * A switch that may have a number of seconds: undefined when it is off, `on` when it has none. `true` and `false` say so where
 * there are no flags.
 */
export function optionalSeconds(on: number): z.ZodType<number | undefined> {
  const read = (value: unknown): unknown => {
    if (value === true || value === "true") return on;
    return value === false || value === "false" ? undefined : value;
  };
  return z.preprocess(read, wholeNumber(1, 0x7fff_ffff).optional()) as z.ZodType<number | undefined>;
}
