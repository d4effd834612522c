/**
 * Header field of a push in NOTIFY that may be sent again, in another dialog, by MESSAGE, or after a restart: a token that all its
 * attempts have, as those by MESSAGE have their Call-ID. Whoever does not know it ignores it (RFC 3261 §8.2.2).
 */
export const PUSH_CHAIN_HEADER = "Push-Chain";
