import { NotificationError } from "@sip-push/notification";

/** Octets of pairs of hex digits; white space is passed over. */
export function octetsOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Hex digits of 16 octets of zero, the digest of a sender without credentials. */
export const zeroDigestHex = "00".repeat(16);

/** The notification error that `action` throws; any other error passes, and none at all is an error. */
export function errorOf(action: () => unknown): NotificationError {
  try {
    action();
  } catch (error) {
    if (error instanceof NotificationError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
