import { checkNumbers, type NumberRange, PushInputError } from "@sip-push/push";
import {
  parseHostPort,
  parseNameAddr,
  SipParseError,
  type SipUri,
  TrustConfigError,
  TrustDomain,
  type Uri,
} from "@sip-push/sip";
import { partyKey } from "./aor.ts";
import type { PushSenderOptions } from "./options.ts";
import { parseSipOption } from "./recipient.ts";

/** Options of which some could not be read: these are undefined, in lists too, where the others keep their place. */
export type PartialSenderOptions = {
  readonly [Name in keyof PushSenderOptions]?:
    | (PushSenderOptions[Name] extends readonly (infer Item)[] | undefined
        ? readonly (Item | undefined)[]
        : PushSenderOptions[Name])
    | undefined;
};

/** Throws what is wrong. */
type Check = () => void;

const limitRanges = { maxBodyBytes: {}, maxRecipients: {}, maxPending: {} };
/** RFC 3261 §20.19. */
const expiresRange = { min: 1, max: 0xffff_ffff, integer: true };
const subscriptionRanges = {
  minExpiresSeconds: { ...expiresRange, min: 0 },
  maxExpiresSeconds: expiresRange,
  maxSubscriptions: {},
};
const lifetimeRanges = { registration: {}, options: {}, publication: {}, presence: {}, refusal: {} };
const retryRanges = { maxRetries: {}, initialMs: {}, maxMs: {}, jitter: { max: 1 } };

/**
 * All that a Push Sender would refuse in its options, each PUSH_BAD_OPTION with the path of the option. Nothing follows from what is
 * undefined, but that `from` and `listen` (without `endpoint`) have to be there.
 */
export function optionProblems(options: PartialSenderOptions): PushInputError[] {
  const checks = [...numberChecks(options), ...addressChecks(options), ...roleChecks(options), ...peerChecks(options)];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof PushInputError) return [error];
      throw error;
    }
  });
}

function numberChecks({
  limits = {},
  retry,
  registerExpiresSeconds,
  subscriptions,
  capabilities,
}: PartialSenderOptions): Check[] {
  const { minExpiresSeconds, maxExpiresSeconds, maxSubscriptions } = subscriptions ?? {};
  return [
    ...eachNumber(limits, limitRanges, "limits."),
    ...eachNumber(retry ?? {}, retryRanges, "retry."),
    ...eachNumber({ registerExpiresSeconds }, { registerExpiresSeconds: expiresRange }),
    ...eachNumber({ minExpiresSeconds, maxExpiresSeconds, maxSubscriptions }, subscriptionRanges, "subscriptions."),
    ...eachNumber(capabilities?.lifetimesSeconds ?? {}, lifetimeRanges, "capabilities.lifetimesSeconds."),
  ];
}

/** One by one: `checkNumbers` ends at the first that is wrong. */
function eachNumber<Name extends string>(
  numbers: { readonly [N in Name]?: number | undefined },
  ranges: Readonly<Record<Name, NumberRange>>,
  path = "",
): Check[] {
  return Object.entries<NumberRange>(ranges).map(([name, range]) => {
    return () => checkNumbers({ [name]: numbers[name as Name] }, { [name]: range }, path);
  });
}

/** Who sends, and where it goes. */
function addressChecks(options: PartialSenderOptions): Check[] {
  const { from, identity, contact, domain, route = [], proxy, listen = [], endpoint, userAgent = "" } = options;
  return [
    () => from === undefined && refuse("from", "is required"),
    given(from, (text) => addressOf(text, "from")),
    given(identity, (text) => addressOf(text, "identity")),
    given(contact, (text) => parseSipOption(text, "contact")),
    given(domain, (text) => reading("domain", () => parseHostPort(text, "domain"))),
    () =>
      endpoint === undefined && listen.length === 0 && refuse("listen", "give addresses to send from, or an endpoint"),
    () => /[\r\n\0]/.test(userAgent) && refuse("userAgent", "holds a line break or NUL"),
    given(proxy, (text) => checkHop(parseSipOption(text, "proxy"), "proxy", options)),
    ...route.map((hop, index) =>
      given(hop, (text) => {
        const uri = addressOf(text, `route[${index}]`);
        // Without a proxy it is the next hop.
        if (index > 0 || proxy !== undefined) return;
        if (uri.scheme === "sip" || uri.scheme === "sips") checkHop(uri, "route[0]", options);
        else refuse("route[0]", `${JSON.stringify(text)} is no sip: or sips: URI`);
      }),
    ),
  ];
}

/** What only some agents may do or say. RFC 7315 §4.6, RFC 5502 §7.1. */
function roleChecks({
  from,
  register,
  role = "isc",
  servedUser,
  chargingVector = false,
}: PartialSenderOptions): Check[] {
  const { generatedAt, originIoi } = typeof chargingVector === "object" ? chargingVector : {};
  const field = "chargingVector.generatedAt";
  const needsIsc = (option: string): unknown => role !== "isc" && refuse(option, "is for the role isc");
  return [
    () => register === true && isTel(from) && refuse("register", "needs a sip: or sips: address in from"),
    given(servedUser, (text) => addressOf(text, "servedUser")),
    given(servedUser, () => needsIsc("servedUser")),
    given(chargingVector || undefined, () => needsIsc("chargingVector")),
    given(generatedAt, (host) => {
      const { port } = reading(field, () => parseHostPort(host, field));
      if (port !== undefined) refuse(field, "is a host without a port");
    }),
    given(originIoi, (network) => {
      if (!/^[ -~]+$/.test(network)) refuse("chargingVector.originIoi", "is empty or not printable");
    }),
  ];
}

/** Whose word is taken. */
function peerChecks({ trusted = [], reports }: PartialSenderOptions): Check[] {
  const intermediaries = reports?.intermediaries ?? [];
  return [
    ...trusted.map((peer, index) => given(peer, (text) => checkPeer(text, `trusted[${index}]`))),
    ...intermediaries.map((uri, index) => () => {
      if (partyKey(uri) === undefined) refuse(`reports.intermediaries[${index}]`, "is no sip:, sips: or tel: URI");
    }),
  ];
}

function given<Value>(value: Value | undefined, check: (value: Value) => unknown): Check {
  return () => void (value !== undefined && check(value));
}

function refuse(option: string, problem: string, cause?: Error): never {
  throw new PushInputError("PUSH_BAD_OPTION", option, problem, { cause });
}

function checkPeer(peer: string, option: string): void {
  try {
    void new TrustDomain([peer]);
  } catch (error) {
    if (error instanceof TrustConfigError) refuse(option, error.message, error);
    throw error;
  }
}

/** Requests leave only on a transport that is listened on, so behind such a hop nobody would ever be reached. */
function checkHop(hop: SipUri, option: string, { listen, endpoint }: PartialSenderOptions): void {
  const transport = transportOf(hop);
  if (transport === undefined || endpoint !== undefined || listen === undefined || listen.length === 0) return;
  if (listen.some((address) => address === undefined || address.transport === transport)) return;
  refuse(option, `is reached over ${transport}, for which listen has no address`);
}

/** Undefined: whatever there is. RFC 3261 §19.1.2, RFC 7118 §5.3. */
function transportOf({ scheme, params }: SipUri): string | undefined {
  const transport = params.get("transport")?.toUpperCase();
  if (scheme === "sip") return transport;
  return transport === "WS" || transport === "WSS" ? "WSS" : "TLS";
}

/** An address as From has it: URI or name-addr. */
function addressOf(text: string, option: string): Uri {
  const { uri, params } = reading(option, () => parseNameAddr(text.includes("<") ? text : `<${text}>`, option));
  if (params.has("tag")) refuse(option, "has a tag, which each push gets itself");
  if (uri.scheme === "other" || /[\r\n\0]/.test(text)) refuse(option, `${JSON.stringify(text)} is no SIP address`);
  return uri;
}

/** What is no address at all is a problem of its own. */
function isTel(from: string | undefined): boolean {
  return from !== undefined && /^(?:[^<]*<)?tel:/i.test(from);
}

function reading<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    return refuse(option, error.message.slice(error.field.length + 2), error);
  }
}
