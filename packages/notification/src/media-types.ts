import { NotificationError } from "./errors.ts";
import type { Notification, NotificationFormat } from "./types.ts";

/** Application ids of notifications, in the short form that `+g.oma.pusheventapp` takes. */
export type NotificationApplicationId = "push.syncml" | "syncml.dm";

/** A media type under which notifications are pushed. */
export interface NotificationMediaType {
  /** Lower case, without parameters. */
  readonly mediaType: string;
  readonly format: NotificationFormat;
  readonly applicationId: NotificationApplicationId;
}

/** All media types of notifications; where a format has several, the first is the one to send. */
export const notificationMediaTypes: readonly NotificationMediaType[] = [
  { mediaType: "application/vnd.syncml.ds.notification", format: "ds-1.2", applicationId: "push.syncml" },
  { mediaType: "application/vnd.syncml.notification", format: "dm-1.2", applicationId: "syncml.dm" },
  { mediaType: "application/vnd.syncml.dm.notification", format: "dm-1.2", applicationId: "syncml.dm" },
  { mediaType: "application/vnd.syncml+xml", format: "syncml-1.1-xml", applicationId: "push.syncml" },
  { mediaType: "application/vnd.syncml+wbxml", format: "syncml-1.1-wbxml", applicationId: "push.syncml" },
];

/** All notification formats. */
export const notificationFormats: readonly NotificationFormat[] = [
  ...new Set(notificationMediaTypes.map(({ format }) => format)),
];

/** Format of a Content-Type value, in any case and with any parameters; `null` when it is not a notification's. */
export function formatOfContentType(contentType: string): NotificationFormat | null {
  const mediaType = contentType.split(";", 1).join("").trim().toLowerCase();
  return notificationMediaTypes.find((row) => row.mediaType === mediaType)?.format ?? null;
}

/** Content-Type under which a notification is sent. */
export function contentTypeOf(notification: Pick<Notification, "format">): string {
  return rowOf(notification).mediaType;
}

/** Application id to which a notification is sent, such as `push.syncml`. */
export function applicationIdOf(notification: Pick<Notification, "format">): NotificationApplicationId {
  return rowOf(notification).applicationId;
}

function rowOf({ format }: Pick<Notification, "format">): NotificationMediaType {
  const row = notificationMediaTypes.find((candidate) => candidate.format === format);
  return row ?? refuseFormat(format);
}

/** For callers without types: refuses a format that does not exist. */
export function refuseFormat(format: unknown): never {
  const problem = `must be one of ${notificationFormats.join(", ")}, not ${JSON.stringify(format)}`;
  throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field: "format" });
}
