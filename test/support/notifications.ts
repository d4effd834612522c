import { createDsNotification, type DsNotification, encodeNotification } from "@sip-push/notification";
import type { PushMessage } from "@sip-push/push";
import { everyOctet } from "./octets.ts";

let sessions = 0;

/** A DS notification in a session of its own, whose vendor octets are all 256 values unless told otherwise. */
export function newDsNotification(vendor: Uint8Array = new Uint8Array(everyOctet)): DsNotification {
  return createDsNotification({
    uiMode: "informative",
    sessionId: ++sessions,
    serverId: "sync.example.test",
    syncs: [{ syncType: "two-way", contentType: "text/x-vcard", serverUri: "./contacts" }],
    vendor,
  });
}

/** The push that carries a notification. */
export function toPush(notification: DsNotification): PushMessage {
  return {
    applicationId: "push.syncml",
    contentType: "application/vnd.syncml.ds.notification",
    body: encodeNotification(notification),
  };
}
