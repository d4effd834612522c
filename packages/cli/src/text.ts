import type { Notification, SyncAlert } from "@sip-push/notification";
import type { IncomingPush } from "@sip-push/receiver";

/** Rows as columns of equal width, the first row a heading. */
export function table(rows: ReadonlyArray<readonly string[]>): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? "")].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length))
      .join("  ")
      .trimEnd();
  const [heading = [], ...rest] = cells;
  return `${[line(heading), widths.map((width) => "─".repeat(width)).join("  "), ...rest.map(line)].join("\n")}\n`;
}

/** Text of a peer without what a terminal would obey: control characters and those that turn its direction. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** `ds-1.2 from ds.example.test, session 7, informative: two-way ./contacts (text/x-vcard)` */
export function describeNotification(notification: Notification): string {
  const { format, serverId, sessionId } = notification;
  const uiMode = "uiMode" in notification && notification.uiMode !== "not-specified" ? `, ${notification.uiMode}` : "";
  const syncs = "syncs" in notification ? `: ${describeSyncs(notification.syncs)}` : "";
  return printable(`${format} from ${serverId}, session ${sessionId}${uiMode}${syncs}`);
}

/** What a notification asks to synchronize: `two-way ./contacts (text/x-vcard), …` */
function describeSyncs(syncs: readonly SyncAlert[]): string {
  if (syncs.length === 0) return "all datastores";
  return syncs
    .map(
      ({ syncType, serverUri, contentType }) =>
        `${syncType} ${serverUri}${contentType === null ? "" : ` (${contentType})`}`,
    )
    .join(", ");
}

/** A push on one line, without its body. */
export function describePush(push: IncomingPush & { readonly sipStatus: number }): string {
  const { from, applicationId, contentType, length, notification, digest, sipStatus, via } = push;
  const what = notification === null ? "" : `; ${describeNotification(notification)}; digest ${digest}`;
  const whom = applicationId === null ? "" : ` for ${applicationId}`;
  const how = via === "notify" ? "subscribed push" : "push";
  return printable(`${how} from ${from}${whom}: ${contentType}, ${length} octets${what}; answered ${sipStatus}`);
}
