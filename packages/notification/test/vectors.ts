import type { DmNotification, DsNotification, SyncmlNotification } from "@sip-push/notification";
import dm12 from "../vectors/notification-dm12.json" with { type: "json" };
import ds12 from "../vectors/san-ds12-computed.json" with { type: "json" };
import syncml11 from "../vectors/syncml11-package0.json" with { type: "json" };
import { octetsOf } from "./support.ts";

/** One row: octets and the notification that they are. */
interface Vector<Of> {
  readonly id: string;
  readonly octets: Uint8Array;
  readonly notification: Of;
}

/** A row whose digest was made with known credentials. */
interface SignedVector<Of> extends Vector<Of> {
  readonly credentials: { readonly password: string; readonly nonce: string };
}

/** No row for 0, "unspecified". */
const contentTypesByWspCode: Readonly<Record<number, string>> = {
  0x07: "text/x-vcard",
  0x0305: "text/calendar",
  0x0309: "text/vcard",
};

const syncTypesByAlertCode: Readonly<Record<number, string>> = {
  206: "two-way",
  207: "one-way-from-client",
  208: "refresh-from-client",
  209: "one-way-from-server",
  210: "refresh-from-server",
};

/** OMA DS 1.2, computed from the field layout and the digest rule. */
export const dsVectors: readonly SignedVector<DsNotification>[] = ds12.vectors.map((row) => ({
  id: row.id,
  octets: octetsOf(row.hex),
  credentials: row.credentials,
  notification: {
    format: "ds-1.2",
    version: versionOf(row.decoded.version),
    uiMode: row.decoded.uiMode as DsNotification["uiMode"],
    initiator: row.decoded.initiator as DsNotification["initiator"],
    sessionId: row.decoded.sessionId,
    serverId: row.decoded.serverIdentifier,
    syncs: row.decoded.syncs.map((sync) => ({
      syncType: syncTypesByAlertCode[sync.alertCode] as DsNotification["syncs"][number]["syncType"],
      contentType: contentTypesByWspCode[sync.contentType] ?? null,
      serverUri: sync.serverUri,
    })),
    vendor: octetsOf(row.decoded.vendorHex),
    digest: octetsOf(row.decoded.digestHex),
  },
}));

/** OMA DM 1.2 General Package #0, with the SyncML SessionID of the session that follows. */
export const dmVectors: readonly (SignedVector<DmNotification> & { readonly syncmlSessionId: string })[] =
  dm12.vectors.map((row) => ({
    id: row.id,
    octets: octetsOf(row.hex),
    credentials: row.credentials,
    syncmlSessionId: row.syncmlSessionIdElement,
    notification: {
      format: "dm-1.2",
      version: versionOf(row.decoded.version),
      uiMode: row.decoded.uiMode as DmNotification["uiMode"],
      initiator: row.decoded.initiator as DmNotification["initiator"],
      sessionId: row.decoded.sessionId,
      serverId: row.decoded.serverIdentifier,
      vendor: octetsOf(row.decoded.vendorHex),
      digest: octetsOf(row.decoded.digestHex),
    },
  }));

const contacts: Omit<SyncmlNotification, "format"> = {
  version: "1.1",
  sessionId: "5",
  serverId: "http://ds.example.net/sync",
  syncs: [{ syncType: "two-way", contentType: "text/x-vcard", serverUri: "./contacts" }],
};

/** SyncML 1.1 Package #0: hand-made XML, and WBXML that libwbxml made of it. */
export const syncmlVectors: readonly Vector<SyncmlNotification>[] = [
  {
    id: "xml",
    octets: new TextEncoder().encode(syncml11.xml),
    notification: { format: "syncml-1.1-xml", ...contacts },
  },
  { id: "wbxml", octets: octetsOf(syncml11.wbxmlHex), notification: { format: "syncml-1.1-wbxml", ...contacts } },
];

function versionOf(code: number): "1.1" | "1.2" {
  return code === 11 ? "1.1" : "1.2";
}
