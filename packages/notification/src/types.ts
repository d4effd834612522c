/** OMA DS 1.2 / DM 1.2 "ui-mode": how the handset involves its user. */
export type UiMode = "not-specified" | "background" | "informative" | "user-interaction";

/** OMA DS 1.2 / DM 1.2 "initiator": who asked for the session. */
export type Initiator = "client" | "server";

/** What to synchronize, and which way; the five server alerts of SyncML (alert codes 206 to 210). */
export type SyncType =
  | "two-way"
  | "one-way-from-client"
  | "refresh-from-client"
  | "one-way-from-server"
  | "refresh-from-server";

/** The version that a notification states, which is not the format's: DM 1.2 notifications say 1.1. */
export type NotificationVersion = "1.0" | "1.1" | "1.2";

/** The formats of this codec; the tag of {@link Notification}. */
export type NotificationFormat = Notification["format"];

/** One datastore to synchronize. */
export interface SyncAlert {
  readonly syncType: SyncType;
  /** Media type of the datastore, such as `text/x-vcard`; `wsp:0x00030a` for an unlisted WSP code; `null` when unspecified. */
  readonly contentType: string | null;
  /** Server's datastore URI, such as `./contacts`. DS: at most 255 octets of UTF-8, may be empty. */
  readonly serverUri: string;
  /** DS only: 4 bits kept for future use, present when they are not zero. */
  readonly futureUse?: number;
}

/** Fields that DS and DM notifications share. */
interface TriggerNotification {
  readonly version: NotificationVersion;
  readonly uiMode: UiMode;
  readonly initiator: Initiator;
  /** Names the session to start; repeats of one id ask for one session. 16 bits; DM: not 0. */
  readonly sessionId: number;
  /** The server that the handset is to connect to. At most 255 octets of UTF-8. */
  readonly serverId: string;
  /** Vendor specific octets at the end; covered by the digest. */
  readonly vendor: Uint8Array;
  /** 16 octets; all zero when the sender had no credentials. Not checked by decoding: see `verifyDigest`. */
  readonly digest: Uint8Array;
  /** 27 bits kept for future use, present when they are not zero. */
  readonly futureUse?: number;
}

/** OMA DS 1.2 Server Alerted Notification (SAN). */
export interface DsNotification extends TriggerNotification {
  readonly format: "ds-1.2";
  /** At most 15; none means all datastores. */
  readonly syncs: readonly SyncAlert[];
  /** 4 bits kept for future use beside num-syncs, present when they are not zero. */
  readonly bodyFutureUse?: number;
}

/** OMA DM 1.2 General Package #0. */
export interface DmNotification extends TriggerNotification {
  readonly format: "dm-1.2";
  readonly version: Exclude<NotificationVersion, "1.0">;
}

/** SyncML 1.x Package #0: a SyncML message that holds server alerts, as XML or WBXML. It has no digest and no ui-mode. */
export interface SyncmlNotification {
  readonly format: "syncml-1.1-xml" | "syncml-1.1-wbxml";
  /** VerDTD: the SyncML version that the server speaks. */
  readonly version: NotificationVersion;
  /** SessionID, text as written in the SyncHdr. */
  readonly sessionId: string;
  /** Source/LocURI of the SyncHdr: the server that the handset is to connect to. */
  readonly serverId: string;
  /** None means all datastores. */
  readonly syncs: readonly SyncAlert[];
  /** Present only when `syncs` is empty: the alert for all datastores. */
  readonly syncType?: SyncType;
  /** MsgID, present when it is not `1`. */
  readonly msgId?: string;
  /** Target/LocURI of the SyncHdr, present when it is not `/`. */
  readonly target?: string;
}

/** A decoded notification; `format` tells which. */
export type Notification = DsNotification | DmNotification | SyncmlNotification;

/** Octets of a digest (MD5). */
export const DIGEST_OCTETS = 16;

/** Most syncs that the 4 bits of a DS notification's num-syncs can count. */
export const MAX_DS_SYNCS = 15;

/** Default limit on the octets of one notification. The longest DS 1.2 one without vendor octets has 4180. */
export const MAX_NOTIFICATION_OCTETS = 65_536;

/** Options of the decoders. */
export interface DecodeOptions {
  /** Longer input is refused unread. Octets, default {@link MAX_NOTIFICATION_OCTETS}. */
  readonly maxOctets?: number;
}
