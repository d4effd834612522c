import { createDsNotification, type DsNotification } from "@sip-push/notification";
import type { MessageState, PapCode } from "@sip-push/push";

/** Domain of the demo's users, and the DS server that its notifications name. */
export const DOMAIN = "example.test";
export const SERVER_ID = "ds.example.test";

/** One recipient of the demo: what it is sent, and what has to come of that. */
export interface Recipient {
  readonly name: string;
  /** How the handset is connected; null for somebody who has none. */
  readonly over: "UDP" | "TCP" | "WS" | null;
  /** SIP status with which the handset answers. */
  readonly answer: number;
  readonly notification: DsNotification;
  readonly expected: { readonly messageState: MessageState; readonly papCode: PapCode; readonly sipStatus: number };
}

const delivered = { messageState: "delivered", papCode: 1000, sipStatus: 200 } as const;
const contacts = { syncType: "two-way", serverUri: "./contacts", contentType: "text/x-vcard" } as const;
const calendar = { syncType: "refresh-from-server", serverUri: "./calendar", contentType: "text/calendar" } as const;
const notes = { syncType: "one-way-from-server", serverUri: "./notes", contentType: "text/plain" } as const;

function notify(
  sessionId: number,
  uiMode: DsNotification["uiMode"],
  ...syncs: DsNotification["syncs"]
): DsNotification {
  return createDsNotification({ serverId: SERVER_ID, sessionId, uiMode, syncs });
}

/** Everybody in the demo: three handsets on three transports, one whose user refuses, and one who does not exist. */
export const cast: readonly Recipient[] = [
  { name: "alice", over: "UDP", answer: 200, notification: notify(1, "informative", contacts), expected: delivered },
  { name: "bob", over: "TCP", answer: 200, notification: notify(2, "background", calendar), expected: delivered },
  {
    name: "carol",
    over: "WS",
    answer: 200,
    notification: notify(3, "user-interaction", contacts, notes),
    expected: delivered,
  },
  {
    name: "dave",
    over: "UDP",
    answer: 603,
    notification: notify(4, "user-interaction", calendar),
    expected: { messageState: "aborted", papCode: 5027, sipStatus: 603 },
  },
  {
    name: "nobody",
    over: null,
    answer: 404,
    notification: notify(5, "informative", contacts),
    expected: { messageState: "undeliverable", papCode: 2003, sipStatus: 404 },
  },
];

/** Address-of-record of a user of the demo. */
export function aorOf(name: string): string {
  return `sip:${name}@${DOMAIN}`;
}

/** What a handset shares with the DS server, to make and check digests. */
export function credentialsOf(name: string): { readonly password: string; readonly nonce: string } {
  return { password: `${name}-secret`, nonce: `${name}-nonce` };
}
