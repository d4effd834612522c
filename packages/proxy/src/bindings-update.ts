import { type Flow, urisEqual, type Via } from "@sip-push/sip";
import type { Binding, UnregisterReason } from "./location-store.ts";
import { reachOf } from "./reach.ts";
import type { RegisterContact } from "./register-request.ts";

/** What all contacts of one REGISTER have in common. */
export interface RegisterContext {
  readonly aor: string;
  readonly nowMs: number;
  readonly callId: string;
  readonly cseq: number;
  readonly path: readonly string[];
  readonly flow: Flow | undefined;
  /** Topmost Via of the REGISTER. */
  readonly via: Via;
  /** Whether reg-id counts. RFC 5626 §6. */
  readonly outbound: boolean;
}

/** The bindings after a REGISTER, or undefined when it is older than one that was processed before it. */
export interface BindingsUpdate {
  readonly bindings: readonly Binding[];
  readonly made: readonly Binding[];
  readonly ended: ReadonlyArray<{ readonly binding: Binding; readonly reason: UnregisterReason }>;
}

/**
 * Applies contacts to the bindings there are, all or nothing. RFC 3261 §10.3 (7): a request of the same Call-ID whose CSeq
 * is not higher must fail. A contact is the same when its URI is, or with outbound its instance and reg-id (RFC 5626 §6).
 */
export function updateBindings(
  old: readonly Binding[],
  contacts: readonly RegisterContact[],
  context: RegisterContext,
): BindingsUpdate | undefined {
  let bindings = [...old];
  const made: Binding[] = [];
  const ended: Array<{ binding: Binding; reason: UnregisterReason }> = [];
  for (const contact of contacts) {
    const outbound = context.outbound && contact.instance !== undefined && contact.regId !== undefined;
    const same = bindings.filter((binding) => isSame(binding, contact, outbound));
    // Only what was there before: two contacts of one request may be the same, and then the last one counts.
    if (same.some((binding) => old.includes(binding) && isNewer(binding, context))) return undefined;
    const binding = contact.expiresSeconds === 0 ? undefined : toBinding(contact, context, outbound);
    for (const other of same) {
      if (binding === undefined) ended.push({ binding: other, reason: "removed" });
      // A flow may replace a flow: news only when the contact is another.
      else if (other.contact !== binding.contact) ended.push({ binding: other, reason: "replaced" });
    }
    const [first, ...others] = same;
    bindings = bindings.filter((other) => !others.includes(other));
    if (binding !== undefined) {
      made.push(binding);
      bindings =
        first === undefined ? [...bindings, binding] : bindings.map((each) => (each === first ? binding : each));
    } else bindings = bindings.filter((each) => each !== first);
  }
  return { bindings, made, ended };
}

/** Removes all bindings, under the same rule. RFC 3261 §10.3 (6). */
export function removeAll(old: readonly Binding[], context: RegisterContext): BindingsUpdate | undefined {
  if (old.some((binding) => isNewer(binding, context))) return undefined;
  return { bindings: [], made: [], ended: old.map((binding) => ({ binding, reason: "removed" })) };
}

/** True when the binding comes from this request or a later one of the same Call-ID. */
function isNewer(binding: Binding, { callId, cseq }: RegisterContext): boolean {
  return binding.callId === callId && cseq <= binding.cseq;
}

function isSame(binding: Binding, contact: RegisterContact, outbound: boolean): boolean {
  if (outbound) return binding.instance === contact.instance && binding.regId === contact.regId;
  return binding.regId === undefined && urisEqual(binding.uri, contact.uri);
}

function toBinding(contact: RegisterContact, context: RegisterContext, outbound: boolean): Binding {
  return {
    aor: context.aor,
    contact: contact.contact,
    uri: contact.uri,
    params: contact.params,
    q: contact.q,
    expiresAtMs: context.nowMs + contact.expiresSeconds * 1000,
    updatedAtMs: context.nowMs,
    path: context.path,
    instance: contact.instance,
    regId: outbound ? contact.regId : undefined,
    flow: context.flow,
    reach: reachOf(contact.uri, context.flow, context.via, outbound),
    callId: context.callId,
    cseq: context.cseq,
  };
}
