import type { SipUri } from "@sip-push/sip";
import { PushInputError } from "./errors.ts";

/** How a push notification service reaches the device of a contact: parameters of its URI. RFC 8599 §4, §14.1. */
export interface PnParams {
  /** Type of the service (`fcm`, `apns`, …); "" asks which there are (§4.1.2). */
  readonly provider: string;
  /** The device's own id at the service: a secret, never to be logged. Null when it is not given (§4.1.2, §4.1.4). */
  readonly prid: string | null;
  /** What else the service needs, such as a topic. */
  readonly param: string | null;
}

const MAX_VALUE = 4096;

/** The parameters of a Contact URI; undefined when it has no `pn-provider`, without which the others say nothing (§5.1). */
export function readPnParams({ params }: Pick<SipUri, "params">): PnParams | undefined {
  const provider = valueOf(params, "pn-provider");
  if (provider === undefined) return undefined;
  return { provider, prid: valueOf(params, "pn-prid") || null, param: valueOf(params, "pn-param") || null };
}

/**
 * The URI with these parameters in place of those that it has; with undefined, without any.
 *
 * @throws {PushInputError} PUSH_BAD_HEADER for a value that is empty or too long.
 */
export function withPnParams(uri: SipUri, pn: PnParams | undefined): SipUri {
  const params = new Map(uri.params);
  for (const name of ["pn-provider", "pn-prid", "pn-param"]) params.delete(name);
  if (pn === undefined) return { ...uri, params };
  params.set("pn-provider", pn.provider === "" ? null : escape(pn.provider, "provider"));
  if (pn.param !== null) params.set("pn-param", escape(pn.param, "param"));
  if (pn.prid !== null) params.set("pn-prid", escape(pn.prid, "prid"));
  return { ...uri, params };
}

/** Unicode without escapes; "" for a parameter without a value; a malformed escape stands for itself. */
function valueOf(params: SipUri["params"], name: string): string | undefined {
  const value = params.get(name);
  if (value === undefined || value === null) return value === null ? "" : undefined;
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

/** RFC 3261 §25.1 pvalue. */
function escape(value: string, field: string): string {
  if (value === "" || value.length > MAX_VALUE || !value.isWellFormed()) {
    throw new PushInputError("PUSH_BAD_HEADER", field, `must have 1 to ${MAX_VALUE} characters`);
  }
  return encodeURIComponent(value).replaceAll(/%(3A|2B|24|26|2F|5B|5D)/g, (escaped) => decodeURIComponent(escaped));
}
