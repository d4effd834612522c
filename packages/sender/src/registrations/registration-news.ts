import type { RegisteredContact } from "@sip-push/bodies";
import { type PnParams, PUSH_FEATURE_TAG, parseFeatureTagValue, readPnParams } from "@sip-push/push";
import { type NameAddr, parseNameAddr, parseUri, type SipMessage, SipParseError } from "@sip-push/sip";

/** A contact that a handset registered, as far as the registrar says. Plain data. */
export interface HandsetContact {
  readonly uri: string;
  /** `urn:…` of `+sip.instance`; null when there is none. RFC 5626 §4.1. */
  readonly instance: string | null;
  /** RFC 5627; null when the registrar made none. */
  readonly publicGruu: string | null;
  /**
   * Contact parameters, without `expires`, `q` and what else the registrar says apart. Lower-case names, values as
   * written.
   */
  readonly params: ReadonlyArray<readonly [name: string, value: string]>;
  /**
   * How a push notification service reaches the device; null when it has none. `prid` is a secret, never to be logged.
   * RFC 8599.
   */
  readonly pn: PnParams | null;
  /** Push applications of its feature tag, short names; null when the registrar tells no parameters at all. */
  readonly applications: readonly string[] | null;
  /** Seconds until it expires; null when not said. */
  readonly expiresSeconds: number | null;
  /** Seconds since it was registered first, when the news came; null when not said. RFC 3680 §5.1 `duration-registered`. */
  readonly registeredSeconds: number | null;
  /** The REGISTER it was made or refreshed by. */
  readonly callId: string | null;
  readonly cseq: number | null;
}

/** News of a user's registration, from the `reg` event package or a third-party REGISTER. */
export type RegistrationNews =
  | {
      readonly kind: "registered";
      /** Address-of-record, as URI. */
      readonly aor: string;
      readonly source: RegistrationSource;
      /** null: not told, which is usual for a third-party REGISTER. */
      readonly contacts: readonly HandsetContact[] | null;
      /** The contacts are those of one REGISTER: the user may have others. */
      readonly partial?: true;
      /** When it ends without a refresh; null when not told. */
      readonly expiresSeconds: number | null;
      /** A REGISTER has just been accepted; false: it may have been a while ago. */
      readonly fresh: boolean;
    }
  | { readonly kind: "unregistered"; readonly aor: string; readonly source: RegistrationSource };

export type RegistrationSource = "reg-event" | "third-party";

/** Hears of registrations. Must not throw. */
export type RegistrationListener = (news: RegistrationNews) => void;

/** A contact as a reg-event document has it. RFC 3680 §5.1, RFC 5628 §5. */
export function fromReginfo(contact: RegisteredContact): HandsetContact {
  const { unknownParams, expiresSeconds, durationRegisteredSeconds, callId, cseq, publicGruu } = contact;
  const params = (unknownParams ?? []).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    // RFC 3680 §5.1 wants all that RFC 3261 does not define; registrars exist that tell none.
    ...handsetOf(contact.uri, params, params.length > 0),
    ...(publicGruu === undefined ? {} : { publicGruu }),
    expiresSeconds: expiresSeconds ?? null,
    registeredSeconds: durationRegisteredSeconds ?? null,
    callId: callId ?? null,
    cseq: cseq ?? null,
  };
}

/**
 * The contacts in a REGISTER of the handset itself, or in the 200 to it, which lists them all (RFC 3261 §10.2.1, §10.3
 * (8)). Those that it removes are left out; a malformed one says nothing.
 */
export function fromRegister(message: SipMessage): HandsetContact[] {
  const { headers } = message;
  const fallback = message.kind === "request" ? headers.get("Expires") : undefined;
  return headers.list("Contact").flatMap((text) => {
    const address = tryNameAddr(text);
    if (address === undefined) return [];
    const expires = address.params.get("expires") ?? fallback;
    const expiresSeconds = /^[0-9]{1,10}$/.test(expires ?? "") ? Number(expires) : null;
    if (expiresSeconds === 0) return [];
    const params = [...address.params].filter(([name]) => name !== "expires" && name !== "q");
    const contact = handsetOf(
      address.uriText,
      params.map(([name, value]) => [name, value ?? ""] as const),
      true,
    );
    const { callId, cseq } = message;
    return [{ ...contact, expiresSeconds, callId, cseq: cseq.seq }];
  });
}

/** Whether a push for `applicationId` can reach the contact, as far as it is known. */
export function takes({ applications }: HandsetContact, applicationId: string | undefined): boolean {
  return applicationId === undefined || applications === null || applications.includes(applicationId);
}

function handsetOf(uri: string, params: HandsetContact["params"], told: boolean): HandsetContact {
  const valueOf = (wanted: string): string | undefined => params.find(([name]) => name === wanted)?.[1];
  const instance = valueOf("+sip.instance")?.replace(/^"|"$/g, "").replace(/^<|>$/g, "");
  return {
    uri,
    instance: instance ?? null,
    pn: pnOf(uri),
    publicGruu: valueOf("pub-gruu")?.replace(/^"|"$/g, "") ?? null,
    params,
    applications: told ? parseFeatureTagValue(valueOf(PUSH_FEATURE_TAG) ?? "") : null,
    expiresSeconds: null,
    registeredSeconds: null,
    callId: null,
    cseq: null,
  };
}

function tryNameAddr(text: string): NameAddr | undefined {
  try {
    return parseNameAddr(text, "Contact");
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

function pnOf(text: string): PnParams | null {
  try {
    const uri = parseUri(text);
    return uri.scheme === "sip" || uri.scheme === "sips" ? (readPnParams(uri) ?? null) : null;
  } catch (error) {
    if (error instanceof SipParseError) return null;
    throw error;
  }
}
