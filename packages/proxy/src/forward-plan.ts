import { type SipRequest, transports } from "@sip-push/sip";
import { type Disposition, dispositionOf } from "./disposition.ts";
import { isGruu } from "./gruu.ts";
import type { Binding } from "./location-store.ts";
import { applyPreferences, preferencesOf } from "./preferences.ts";

/** Ways to one user agent, best first; it gets the request on one of them. RFC 5626 §7. */
export type Choice = readonly Binding[];

/** Which contacts get the request, and in what order. */
export interface ForwardPlan {
  /** One group after the other; the choices of a group at the same time. RFC 3261 §16.6. */
  readonly groups: ReadonlyArray<readonly Choice[]>;
  /** Stop at the first contact that the request reached (no-fork). */
  readonly onlyOne: boolean;
  /** Do not pass on, tell the contacts. */
  readonly redirect: boolean;
}

/**
 * Orders the contacts of the callee by what callee and caller prefer. RFC 3261 §16.5, §16.6; RFC 3841 §7.
 *
 * @throws {SipParseError} for caller preferences that cannot be read.
 */
export function planFor(request: SipRequest, bindings: readonly Binding[]): ForwardPlan {
  const disposition = dispositionOf(request);
  const usable = request.uri.scheme === "sips" ? bindings.filter(isSecure) : bindings;
  // Where nobody has a preference, the contact that was heard of last.
  const recent = usable.toSorted(byNews);
  const ordered = applyPreferences(recent, preferencesOf(request)).map(({ contact }) => contact);
  const { redirect, fork } = disposition;
  const choices = choicesOf(ordered);
  // RFC 5627 §6.1: all are one instance, the way heard of last comes first; and such a request is not to be redirected.
  if (isGruu(request.uri))
    return { groups: choices.map((each) => [each.toSorted(byNews)]), onlyOne: true, redirect: false };
  return { groups: groupsOf(choices, disposition), onlyOne: !fork, redirect };
}

function byNews(a: Binding, b: Binding): number {
  return b.updatedAtMs - a.updatedAtMs;
}

/** RFC 5630 §5.3: a `sips` request goes to contacts that can be reached over TLS all the way. */
function isSecure({ uri, flow, reach, path }: Binding): boolean {
  const onFlow = path.length === 0 && reach !== "address" && flow?.open === true;
  return onFlow ? transports[flow.transport].secure : uri.scheme === "sips";
}

/** Puts the bindings of one instance together, at the place of the first of them. */
function choicesOf(bindings: readonly Binding[]): Choice[] {
  const byInstance = new Map<string, Binding[]>();
  const choices: Binding[][] = [];
  for (const binding of bindings) {
    const instance = binding.instance?.toLowerCase();
    const others = instance === undefined ? undefined : byInstance.get(instance);
    if (others !== undefined) {
      others.push(binding);
      continue;
    }
    const choice = [binding];
    choices.push(choice);
    if (instance !== undefined) byInstance.set(instance, choice);
  }
  return choices;
}

function groupsOf(choices: readonly Choice[], { fork, parallel }: Disposition): Choice[][] {
  const groups: Choice[][] = [];
  let q: number | undefined;
  for (const choice of choices) {
    const group = groups.at(-1);
    if (fork && parallel && group !== undefined && choice[0]?.q === q) group.push(choice);
    else groups.push([choice]);
    q = choice[0]?.q;
  }
  return groups;
}
