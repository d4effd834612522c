import { type EndedContact, type MadeContact, tellContacts } from "./contact-changes.ts";
import type { ProxyEvents } from "./events.ts";
import type { Binding, LocationStore } from "./location-store.ts";

/** What the user agents are told through the `reg` event package. RFC 3680 §5.1. */
export interface DeregisterOptions {
  /** `deactivated`: register again at once; `probation`: after a time; `rejected`: do not. Default `deactivated`. */
  readonly event?: "deactivated" | "probation" | "rejected";
  /** With `probation`. */
  readonly retryAfterSeconds?: number;
}

/** Ends all bindings of `aor`; returns how many there were. */
export function deregister(
  store: LocationStore,
  events: ProxyEvents,
  aor: string,
  { event = "deactivated", retryAfterSeconds }: DeregisterOptions,
): number {
  const ended = store.bindings(aor).map((binding): EndedContact => {
    const end = { binding, reason: "administrative" as const, event };
    return retryAfterSeconds === undefined ? end : { ...end, retryAfterSeconds };
  });
  if (ended.length > 0) store.replace(aor, []);
  tellContacts(events, store, aor, { ended });
  return ended.length;
}

/** Lets the bindings of `aor` end at `expiresAtMs` at the latest; returns how many would have lived longer. */
export function shorten(store: LocationStore, events: ProxyEvents, aor: string, expiresAtMs: number): number {
  const made: MadeContact[] = [];
  const bindings = store.bindings(aor).map((binding): Binding => {
    if (binding.expiresAtMs <= expiresAtMs) return binding;
    const cut = { ...binding, expiresAtMs };
    made.push({ binding: cut, event: "shortened" });
    return cut;
  });
  if (made.length > 0) store.replace(aor, bindings);
  tellContacts(events, store, aor, { made });
  return made.length;
}
