import type { PidfTuple, Presence } from "@sip-push/bodies";
import {
  fromServiceCapabilities,
  mediaTypeOf,
  PUSH_FEATURE_TAG,
  type PushCapabilities,
  parseFeatureTagValue,
  readPnParams,
  withPnParams,
} from "@sip-push/push";
import {
  allowedEvents,
  parseNameAddr,
  parseTokenWithParams,
  parseUri,
  SipParseError,
  type SipResponse,
  serializeUri,
} from "@sip-push/sip";
import type { HandsetContact } from "../registrations/registration-news.ts";

/**
 * What a handset can take, as one source says it; null: it does not say. Applications by short name, types in lower
 * case, methods in upper case. Plain JSON.
 */
export type CapabilityFacts = { readonly [F in keyof PushCapabilities]: PushCapabilities[F] | null };

export const nothingSaid: CapabilityFacts = {
  applications: null,
  mediaTypes: null,
  encodings: null,
  maxBodyBytes: null,
  methods: null,
  eventPackages: null,
  optionTags: null,
  languages: null,
};

/** RFC 3261 §20.1: `q=0` rules an element out. */
const NOT_WANTED = /;[ \t]*q[ \t]*=[ \t]*0(?:\.0*)?[ \t]*(?:;|$)/i;

/** Elements of one list that are kept; a handset names a few dozen. */
const MAX_ELEMENTS = 128;

/** What is said of one handset, or of all of a user's when `handset` is null. */
export interface HandsetFacts {
  /** `urn:…` of the instance, else the contact URI. */
  readonly handset: string | null;
  readonly facts: CapabilityFacts;
}

/** The feature tags of a registered contact. RFC 3840 §9; `methods` and `events` are lists in it. */
export function fromContact({ uri, instance, params, applications }: HandsetContact): HandsetFacts {
  const tags = new Map(params);
  return {
    handset: handsetName(uri, instance),
    facts: {
      ...nothingSaid,
      applications,
      methods: featureList(tags.get("methods"), upper),
      eventPackages: featureList(tags.get("events"), same),
      optionTags: featureList(tags.get("extensions"), lower),
    },
  };
}

/**
 * A 200 to OPTIONS. RFC 3261 §11.2: Allow, Accept, Accept-Encoding, Supported; RFC 6665 §4.4.4; RFC 3840 for Contact.
 */
export function fromOptions(response: SipResponse): HandsetFacts {
  const { headers } = response;
  const contact = tryAddress(headers.list("Contact")[0]);
  const instance = contact?.params.get("+sip.instance")?.replace(/^"?<?|>?"?$/g, "");
  const tag = contact?.params.get(PUSH_FEATURE_TAG);
  return {
    handset: contact === undefined ? null : handsetName(contact.uriText, instance),
    facts: {
      // A Contact without the tag has no application (RFC 3840 §5); one that is missing says nothing.
      applications: contact === undefined ? null : bounded(parseFeatureTagValue(tag ?? "")),
      mediaTypes: listOf(response, "Accept", (text) => mediaTypeOf(text)),
      encodings: listOf(response, "Accept-Encoding", token)?.filter((coding) => coding !== "identity") ?? null,
      methods: listOf(response, "Allow", upper),
      eventPackages: headers.has("Allow-Events") ? bounded(allowedEvents(headers)) : null,
      optionTags: listOf(response, "Supported", lower),
      languages: listOf(response, "Accept-Language", token),
      maxBodyBytes: null,
    },
  };
}

/** What each tuple of a presence document says. RFC 3863 §4.1.2, RFC 5196 §3.2; those that are closed take nothing. */
export function fromPresence({ tuples }: Presence): HandsetFacts[] {
  return tuples.flatMap((tuple) => {
    const facts = tuple.basic === "closed" ? undefined : factsOf(tuple);
    return facts === undefined
      ? []
      : [{ handset: tuple.contact === undefined ? null : handsetName(tuple.contact.uri), facts }];
  });
}

function factsOf({ serviceCapabilities }: PidfTuple): CapabilityFacts | undefined {
  if (serviceCapabilities === undefined) return undefined;
  const { sets, push } = serviceCapabilities;
  const said = fromServiceCapabilities(serviceCapabilities);
  const listed = (
    known: unknown,
    values: readonly string[],
    spell: (text: string) => string,
  ): readonly string[] | null => (known === undefined ? null : bounded(values.map(spell)));
  return {
    applications: listed(push, said.applications, same),
    mediaTypes: listed(said.mediaTypes[0], said.mediaTypes, lower),
    encodings: listed(push, said.encodings, lower),
    maxBodyBytes: said.maxBodyBytes,
    methods: listed(sets.methods, said.methods, upper),
    eventPackages: listed(sets["event-packages"], said.eventPackages, same),
    optionTags: listed(sets.extensions, said.optionTags, lower),
    languages: listed(sets.languages, said.languages, lower),
  };
}

/**
 * One name for one handset, whoever speaks of it: its instance, which a GRUU tells too (RFC 5627 §5.1); else its URI,
 * without what its push notification service must keep secret (RFC 8599 §4).
 */
function handsetName(uri: string, instance?: string | null): string | null {
  if (instance) return instance;
  try {
    const parsed = parseUri(uri);
    if (parsed.scheme !== "sip" && parsed.scheme !== "sips") return uri;
    const gr = parsed.params.get("gr");
    if (gr?.startsWith("urn:")) return gr;
    return readPnParams(parsed) === undefined ? uri : serializeUri(withPnParams(parsed, undefined));
  } catch (error) {
    if (error instanceof SipParseError) return null;
    throw error;
  }
}

const same = (text: string): string => text;
const lower = (text: string): string => text.toLowerCase();
const upper = (text: string): string => text.toUpperCase();

/** RFC 3840 §9: `"a,b"`; negated and numeric values are no names. */
function featureList(value: string | undefined, spell: (text: string) => string): readonly string[] | null {
  if (value === undefined) return null;
  const names = value
    .replace(/^"|"$/g, "")
    .split(",")
    .map((text) => text.trim());
  return bounded(names.filter((name) => /^[^!#<]/.test(name)).map(spell));
}

function listOf(
  { headers }: SipResponse,
  name: string,
  read: (text: string) => string | undefined,
): readonly string[] | null {
  if (!headers.has(name)) return null;
  const values = headers.list(name).filter((text) => !NOT_WANTED.test(text));
  return bounded(values.flatMap((text) => read(text.trim()) || []));
}

function token(text: string): string | undefined {
  try {
    return parseTokenWithParams(text, "Accept-Encoding").value.toLowerCase();
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

function bounded(values: readonly string[]): readonly string[] {
  return [...new Set(values)].slice(0, MAX_ELEMENTS);
}

function tryAddress(text: string | undefined): ReturnType<typeof parseNameAddr> | undefined {
  try {
    return text === undefined ? undefined : parseNameAddr(text, "Contact");
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
