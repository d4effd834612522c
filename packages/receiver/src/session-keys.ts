import type { Notification } from "@sip-push/notification";
import type { DigestState } from "./events.ts";
import { memoryKey } from "./recent-map.ts";

/** By digest too: one that is accepted although its digest is wrong must not hide the real one. */
export function sessionKey({ format, serverId, sessionId }: Notification, digest: DigestState): string {
  return memoryKey(`${format} ${digest} ${sessionId} ${serverId}`);
}

/** A session, by the digest that it was proved with; undefined for a format without. */
export function signatureKey(notification: Notification): string | undefined {
  if (!("digest" in notification)) return undefined;
  const { format, serverId, sessionId, digest } = notification;
  return `${format} ${Buffer.from(digest).toString("hex")} ${sessionId} ${serverId}`;
}
