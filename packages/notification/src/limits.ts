import { NotificationError } from "./errors.ts";
import { type DecodeOptions, MAX_NOTIFICATION_OCTETS } from "./types.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Refuses input over the limit of `options`. */
export function checkInputSize(octets: Uint8Array, options: DecodeOptions): void {
  const maxOctets = options.maxOctets ?? MAX_NOTIFICATION_OCTETS;
  if (octets.length > maxOctets) {
    const problem = `has ${octets.length} octets, the limit is ${maxOctets}`;
    throw new NotificationError("NOTIFICATION_TOO_LARGE", problem, { field: "notification", offset: maxOctets });
  }
}

/** Refuses to encode what no decoder with the default limit would take. */
export function checkOutputSize(octets: Uint8Array): Uint8Array {
  if (octets.length > MAX_NOTIFICATION_OCTETS) {
    const problem = `would have ${octets.length} octets, the limit is ${MAX_NOTIFICATION_OCTETS}`;
    throw new NotificationError("NOTIFICATION_TOO_LARGE", problem, { field: "notification" });
  }
  return octets;
}

/** `value` when it is an integer from `min` to `max`. */
export function checkInteger(value: number, min: number, max: number, field: string): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    const problem = `must be an integer from ${min} to ${max}, not ${String(value)}`;
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field });
  }
  return value;
}

/** UTF-8 of `text`, at most 255 octets: what one length octet can count. */
export function encodeText8(text: string, field: string): Uint8Array {
  const octets = encodeUtf8(text, field);
  if (octets.length > 255) {
    const problem = `has ${octets.length} octets of UTF-8, the limit is 255`;
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field });
  }
  return octets;
}
