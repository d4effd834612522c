import { type Flow, newTag, urisEqual, type Via } from "@sip-push/sip";
import type { Aor } from "./domains.ts";
import { type GruuMint, isInstanceId } from "./gruu.ts";
import type { Binding, Gruus, UnregisterReason } from "./location-store.ts";
import { reachOf } from "./reach.ts";
import type { RegisterContact } from "./register-request.ts";

/** What all contacts of one REGISTER have in common. */
export interface RegisterContext {
  readonly aor: Aor;
  readonly nowMs: number;
  readonly callId: string;
  readonly cseq: number;
  readonly path: readonly string[];
  readonly flow: Flow | undefined;
  /** Topmost Via of the REGISTER. */
  readonly via: Via;
  /** Whether reg-id counts. RFC 5626 §6. */
  readonly outbound: boolean;
  readonly mint: GruuMint;
}

/** The bindings after a REGISTER, or undefined when it is older than one that was processed before it. */
export interface BindingsUpdate {
  readonly bindings: readonly Binding[];
  /** `refresh`: the contact was there before. */
  readonly made: ReadonlyArray<{ readonly binding: Binding; readonly refresh: boolean }>;
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
  const made: Array<{ binding: Binding; refresh: boolean }> = [];
  const ended: Array<{ binding: Binding; reason: UnregisterReason }> = [];
  for (const contact of contacts) {
    const outbound = context.outbound && contact.instance !== undefined && contact.regId !== undefined;
    const same = bindings.filter((binding) => isSame(binding, contact, outbound));
    // Only what was there before: two contacts of one request may be the same, and then the last one counts.
    if (same.some((binding) => old.includes(binding) && isNewer(binding, context))) return undefined;
    const [first, ...others] = same;
    const gruus = contact.expiresSeconds === 0 ? undefined : gruusFor(contact, outbound, bindings, context);
    const binding =
      contact.expiresSeconds === 0 ? undefined : toBinding(contact, context, { outbound, gruus, before: first });
    for (const other of same) {
      if (binding === undefined) ended.push({ binding: other, reason: "removed" });
      // A flow may replace a flow: news only when the contact is another.
      else if (other.id !== binding.id) ended.push({ binding: other, reason: "replaced" });
    }
    bindings = bindings.filter((other) => !others.includes(other));
    if (binding === undefined) bindings = bindings.filter((each) => each !== first);
    else {
      made.push({ binding, refresh: first?.id === binding.id });
      bindings =
        first === undefined ? [...bindings, binding] : bindings.map((each) => (each === first ? binding : each));
      if (gruus !== undefined) bindings = bindings.map((each) => withGruus(each, binding, gruus));
    }
  }
  return { bindings, made, ended };
}

/**
 * RFC 5627 §5.1: a temporary GRUU more for the instance; the earlier ones stay valid unless the Call-ID is another than at the
 * last REGISTER for the same instance, or for the same flow of it.
 */
function gruusFor(
  { instance, regId }: RegisterContact,
  outbound: boolean,
  bindings: readonly Binding[],
  { aor, callId, cseq, mint }: RegisterContext,
): Gruus | undefined {
  if (instance === undefined || !isInstanceId(instance)) return undefined;
  const siblings = bindings.filter((binding) => isOfInstance(binding, instance));
  const before = siblings.filter((binding) => !outbound || binding.regId === regId);
  const last = before.toSorted((a, b) => b.updatedAtMs - a.updatedAtMs)[0];
  const kept = last === undefined || last.callId === callId ? siblings[0]?.gruus : undefined;
  return mint.issue(aor, instance, cseq, kept);
}

/** All contacts of an instance have the same GRUUs. */
function withGruus(binding: Binding, made: Binding, gruus: Gruus): Binding {
  const concerned = binding !== made && made.instance !== undefined && isOfInstance(binding, made.instance);
  return concerned ? { ...binding, gruus } : binding;
}

/** RFC 5626 §4.1: as URNs, of which those of a device have no case (RFC 4122 §3). */
function isOfInstance(binding: Binding, instance: string): boolean {
  return binding.instance?.toLowerCase() === instance.toLowerCase();
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
  const { instance, regId } = contact;
  if (outbound) return instance !== undefined && isOfInstance(binding, instance) && binding.regId === regId;
  return binding.regId === undefined && urisEqual(binding.uri, contact.uri);
}

interface BindingBefore {
  readonly outbound: boolean;
  readonly gruus: Gruus | undefined;
  readonly before: Binding | undefined;
}

function toBinding(
  contact: RegisterContact,
  context: RegisterContext,
  { outbound, gruus, before }: BindingBefore,
): Binding {
  const kept = before !== undefined && urisEqual(before.uri, contact.uri) ? before : undefined;
  return {
    id: kept?.id ?? newTag(),
    aor: context.aor.uri,
    contact: contact.contact,
    uri: contact.uri,
    displayName: contact.displayName,
    params: contact.params,
    q: contact.q,
    expiresAtMs: context.nowMs + contact.expiresSeconds * 1000,
    registeredAtMs: kept?.registeredAtMs ?? context.nowMs,
    updatedAtMs: context.nowMs,
    path: context.path,
    instance: contact.instance,
    gruus,
    regId: outbound ? contact.regId : undefined,
    flow: context.flow,
    reach: reachOf(contact.uri, context.flow, context.via, outbound),
    callId: context.callId,
    cseq: context.cseq,
  };
}
