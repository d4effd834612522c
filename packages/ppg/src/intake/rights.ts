import { parseApplicationId } from "@sip-push/push";
import { type Matcher, matcherOf } from "./patterns.ts";
import type { RecipientUri } from "./recipient-uri.ts";
import type { Initiator } from "./types.ts";

/** What an initiator may do. */
export interface Rights {
  mayPushTo(recipient: RecipientUri): boolean;
  /** @param applicationId short name; "" for content without one. */
  readonly mayPush: Matcher;
  /** @param url in its one spelling: `URL.href`. */
  readonly mayNotify: Matcher;
  /** URLs that were found good, by how they were written: an initiator names the same ones over and over. */
  readonly notifyUrls: Map<string, string>;
}

/** An initiator is the same object for as long as its rights are the same. */
const known = new WeakMap<Initiator, Rights>();

/** The rights of an initiator. Its patterns are brought to the spelling of what they are compared with. */
export function rightsOf(initiator: Initiator): Rights {
  let rights = known.get(initiator);
  if (rights === undefined) {
    const isRecipient = matcherOf(initiator.recipients.map(recipientPattern));
    rights = {
      // With or without parameters: `sip:*@example.test` is also meant for `…;user=phone`.
      mayPushTo: ({ bare, uri }) => isRecipient(bare) || (uri !== bare && isRecipient(uri)),
      mayPush: matcherOf(initiator.applications.map((id) => parseApplicationId(id) ?? id.trim().toLowerCase())),
      mayNotify: matcherOf(initiator.notifyUrls.map(urlPattern)),
      notifyUrls: new Map(),
    };
    known.set(initiator, rights);
  }
  return rights;
}

/** Scheme and host in lower case, a telephone number without separators. */
function recipientPattern(pattern: string): string {
  const trimmed = pattern.trim();
  if (/^tel:/i.test(trimmed)) return trimmed.toLowerCase().replace(/[-.()]/g, "");
  const at = trimmed.lastIndexOf("@");
  const scheme = trimmed.slice(0, trimmed.indexOf(":") + 1).toLowerCase();
  const user = at < 0 ? "" : trimmed.slice(scheme.length, at + 1);
  return scheme + user + trimmed.slice(scheme.length + user.length).toLowerCase();
}

function urlPattern(pattern: string): string {
  return pattern.trim().replace(/^[^/]*\/\/[^/]*/, (origin) => origin.toLowerCase());
}
