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
  if (uri.scheme === "sip" || uri.scheme === "sips") return uri;
  throw new Error(`"${text}" is no sip: or sips: URI`);
}

/** A `sip:` or `sips:` URI to send to. */
export const sipUri: z.ZodType<SipUri, string> = parsedBy(parseSipUri);

/** A `sip:` or `sips:` URI of somebody, kept as text. */
export const sipUriText: z.ZodType<string, string> = parsedBy((text) => {
  parseSipUri(text);
  return text;
});

/** The same, with a user part: an address-of-record. */
export const aorText: z.ZodType<string, string> = parsedBy((text) => {
  if (parseSipUri(text).user === undefined) throw new Error(`"${text}" names no user; write sip:user@domain`);
  return text;
});

/** `example.test`, an address, with a port if need be. */
export const domainName: z.ZodType<string, string> = parsedBy((text) => {
  parseHostPort(text, "domain");
  return text;
});

/** An application id in any spelling. */
export const applicationId: z.ZodType<string, string> = parsedBy((text) => {
  normalizeApplicationId(text);
  return text;
});

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
export const trustedPeer: z.ZodType<string, string> = parsedBy((text) => {
  new TrustDomain([text]);
  return text;
});

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
export const disposition: z.ZodType<string, string> = parsedBy((text) => {
  try {
    parseContentDisposition(text);
  } catch (error) {
    if (error instanceof BodyError) throw new Error(`${JSON.stringify(text)} is no disposition`, { cause: error });
    throw error;
  }
  return text;
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
 * A switch that may have a number of seconds: undefined when it is off, null when it is on without one. `true` and `false` stand
 * for on and off in the environment and in files.
 */
export function optionalSeconds(max: number): z.ZodType<number | null> {
  const error = `must be a whole number of seconds from 1 to ${max}, or nothing`;
  const words: ReadonlyMap<unknown, null | undefined> = new Map<unknown, null | undefined>([
    [true, null],
    ["true", null],
  ]);
  const read = (value: unknown): unknown => (words.has(value) ? words.get(value) : value);
  return z.preprocess(read, z.union([z.null(), wholeNumber(1, max)], { error })) as z.ZodType<number | null>;
}
