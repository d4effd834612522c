import { parseApplicationId } from "@sip-push/push";
import { notifyMatcherOf } from "./notify-urls.ts";
import { type Matcher, matcherOf } from "./patterns.ts";
import { recipientMatcherOf } from "./recipient-patterns.ts";
import type { RecipientUri } from "./recipient-uri.ts";
import type { Initiator } from "./types.ts";

/** What an initiator may do. */
export interface Rights {
  readonly mayPushTo: (recipient: RecipientUri) => boolean;
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
    rights = {
      mayPushTo: recipientMatcherOf(initiator.recipients),
      mayPush: matcherOf(initiator.applications.map((id) => parseApplicationId(id) ?? id.trim().toLowerCase())),
      mayNotify: notifyMatcherOf(initiator.notifyUrls),
      notifyUrls: new Map(),
    };
    known.set(initiator, rights);
  }
  return rights;
}
