/**
 * State of a push towards one recipient, attribute `message-state`. PAP 2.x.
 *
 * - `rejected`: not accepted by the gateway. `pending`: accepted, not delivered yet.
 * - `delivered`: the handset has it. `undeliverable`: it could not be delivered. `expired`: its deliver-before passed.
 * - `aborted`: the handset refused it. `timeout`: no answer in time. `cancelled`: taken back. `unknown`: nobody can tell.
 */
export const messageStates = [
  "rejected",
  "pending",
  "delivered",
  "undeliverable",
  "expired",
  "aborted",
  "timeout",
  "cancelled",
  "unknown",
] as const;
export type MessageState = (typeof messageStates)[number];

export const priorities = ["high", "medium", "low"] as const;
export type Priority = (typeof priorities)[number];

/** `preferconfirmed`: confirmed where it can be. `notspecified`: the gateway chooses. */
export const deliveryMethods = ["confirmed", "preferconfirmed", "unconfirmed", "notspecified"] as const;
export type DeliveryMethod = (typeof deliveryMethods)[number];

/** What a replacement replaces: only what no recipient has yet, or `all`, so that those who have the old one get the new one. */
export const replaceMethods = ["pending-only", "all"] as const;
export type ReplaceMethod = (typeof replaceMethods)[number];

/** Values of `network`. WDP appendix C; the attribute itself is free text. */
export const networks = [
  "Any",
  "GSM",
  "ANSI-136",
  "IS-95 CDMA",
  "AMPS",
  "PDC",
  "IDEN",
  "Paging network",
  "PHS",
  "TETRA",
  "Mobitex",
] as const;
export type Network = (typeof networks)[number];

/** Values of `bearer`. WDP appendix C; the attribute itself is free text. */
export const bearers = [
  "Any",
  "USSD",
  "SMS",
  "GUTS/R-Data",
  "CSD",
  "Packet Data",
  "GPRS",
  "CDPD",
  "FLEX",
  "SDS",
  "ReFLEX",
  "MPAK",
  "GHOST/R_DATA",
] as const;
export type Bearer = (typeof bearers)[number];

/** The network that a `network` attribute names, whatever its case; undefined for one that WDP does not list. */
export function networkOf(text: string): Network | undefined {
  return named(networks, text);
}

/** The bearer that a `bearer` attribute names, whatever its case; undefined for one that WDP does not list. */
export function bearerOf(text: string): Bearer | undefined {
  return named(bearers, text);
}

function named<T extends string>(values: readonly T[], text: string): T | undefined {
  const wanted = text.trim().toLowerCase();
  return values.find((value) => value.toLowerCase() === wanted);
}
