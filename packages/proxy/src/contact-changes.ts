import type { ContactChange, ContactEvent, ProxyEvents } from "./events.ts";
import type { Binding, LocationStore, UnregisterReason } from "./location-store.ts";

/** How each end of a binding is told by the `reg` event package. RFC 3680 §5.1, §4.7.1. */
const ENDINGS: Readonly<Record<UnregisterReason, ContactEvent>> = {
  removed: "unregistered",
  replaced: "unregistered",
  expired: "expired",
  // The registrar gave it up, and the user agent should register anew at once.
  "flow-closed": "deactivated",
  "flow-failed": "deactivated",
  administrative: "deactivated",
};

/** A binding that was made, refreshed or cut short. */
export type MadeContact = { readonly binding: Binding } & (
  | { readonly event: "created" | "refreshed"; readonly expiresSeconds: number }
  | { readonly event: "shortened" }
);

/** A binding that is no more. */
export interface EndedContact {
  readonly binding: Binding;
  readonly reason: UnregisterReason;
  /** Instead of what the reason stands for. */
  readonly event?: ContactEvent;
  readonly retryAfterSeconds?: number;
}

/** Tells what happened to the contacts of one address-of-record, once the store has it: one by one, and all together. */
export function tellContacts(
  events: ProxyEvents,
  store: LocationStore,
  aor: string,
  { made = [], ended = [] }: { readonly made?: readonly MadeContact[]; readonly ended?: readonly EndedContact[] },
): void {
  if (made.length === 0 && ended.length === 0) return;
  for (const { binding, reason } of ended) events.emit("unregistered", { binding, reason });
  for (const each of made) {
    if (each.event === "shortened") continue;
    const { binding, expiresSeconds, event } = each;
    events.emit("registered", { binding, expiresSeconds, refresh: event === "refreshed" });
  }
  const changes: ContactChange[] = ended.map(({ binding, reason, event = ENDINGS[reason], retryAfterSeconds }) =>
    retryAfterSeconds === undefined ? { binding, event } : { binding, event, retryAfterSeconds },
  );
  for (const { binding, event } of made) changes.push({ binding, event });
  events.emit("contacts-changed", { aor, changes, bindings: store.bindings(aor) });
}
