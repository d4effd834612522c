import { createDsNotification, type DsNotification } from "@sip-push/notification";
import type { DeliveryMethod, MessageState } from "@sip-push/pap";

/** Domain of the demo's users, and the DS server that its notifications name. */
export const DOMAIN = "example.test";
export const SERVER_ID = "ds.example.test";

/** Who submits the pushes and may look at the console: nobody but this machine gets there, and there is nothing to protect. */
export const initiator = { user: "demo", password: "demo" } as const;

/** One recipient of the demo, and what has to come of the push. */
export interface Recipient {
  readonly name: string;
  /** How the handset is connected; null for somebody who has none. */
  readonly over: "UDP" | "TCP" | "WS" | null;
  /** SIP status with which the handset answers. */
  readonly answer: number;
  readonly expected: { readonly messageState: MessageState; readonly papCode: number; readonly sipStatus: number };
}

/** One push of the demo. */
export interface DemoPush {
  readonly recipients: readonly Recipient[];
  /** Who shares a secret with the DS server: its recipients' user. */
  readonly account: string;
  /** `confirmed`: the handset's delivery report says what became of it. */
  readonly method: DeliveryMethod;
  readonly notification: DsNotification;
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

/** Every push: one that is to be confirmed, one to two handsets, one whose user refuses, and one to nobody. */
export const cast: readonly DemoPush[] = [
  {
    recipients: [{ name: "alice", over: "UDP", answer: 200, expected: delivered }],
    account: "alice",
    method: "confirmed",
    notification: notify(1, "informative", contacts),
  },
  {
    recipients: [
      { name: "bob", over: "TCP", answer: 200, expected: delivered },
      { name: "carol", over: "WS", answer: 200, expected: delivered },
    ],
    account: "family",
    method: "unconfirmed",
    notification: notify(2, "background", calendar, notes),
  },
  {
    recipients: [
      {
        name: "dave",
        over: "UDP",
        answer: 603,
        expected: { messageState: "aborted", papCode: 5027, sipStatus: 603 },
      },
    ],
    account: "dave",
    method: "unconfirmed",
    notification: notify(3, "user-interaction", calendar),
  },
  {
    recipients: [
      {
        name: "nobody",
        over: null,
        answer: 404,
        expected: { messageState: "undeliverable", papCode: 2003, sipStatus: 404 },
      },
    ],
    account: "nobody",
    method: "unconfirmed",
    notification: notify(4, "informative", contacts),
  },
];

/** Address-of-record of a user of the demo. */
export function aorOf(name: string): string {
  return `sip:${name}@${DOMAIN}`;
}

/** What an account shares with the DS server, to make and check digests. */
export function credentialsOf(account: string): { readonly password: string; readonly nonce: string } {
  return { password: `${account}-secret`, nonce: `${account}-nonce` };
}
