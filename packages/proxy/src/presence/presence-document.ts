import { attributeOf, type PidfTuple, type Presence, type XmlElement } from "@sip-push/bodies";

/** Says what the registrations say, when nobody published anything. RFC 3856 §6.7. */
const REGISTRATION_TUPLE = "registration";

/**
 * One document from all that is published for a user: all tuples, notes and other elements; of those with the same id that
 * which changed last. Nothing published: one tuple, open while the user is registered. RFC 3863, RFC 3903 §10.3.
 *
 * @param published in the order of change.
 */
export function composePresence(aor: string, published: readonly Presence[], registered: boolean): Presence {
  if (published.length === 0) {
    return { entity: aor, tuples: [{ id: REGISTRATION_TUPLE, basic: registered ? "open" : "closed" }] };
  }
  const tuples = lastOfEach(
    published.flatMap((each) => each.tuples),
    ({ id }) => (id === "" ? undefined : id),
  );
  const notes = lastOfEach(
    published.flatMap((each) => each.notes ?? []),
    ({ text, lang = "" }) => `${lang} ${text}`,
  );
  const extensions = lastOfEach(
    published.flatMap((each) => each.extensions ?? []),
    keyOfElement,
  );
  return { entity: aor, tuples: withIds(tuples), notes, extensions };
}

/** Each has a place of its own where its first namesake stood; those without a key all stay. */
function lastOfEach<T>(all: readonly T[], keyOf: (each: T) => string | undefined): T[] {
  const kept = new Map<string, T>();
  for (const [index, each] of all.entries()) kept.set(keyOf(each) ?? `\0${index}`, each);
  return [...kept.values()];
}

/** `dm:person` and `dm:device` have ids. RFC 4479 §3.2. */
function keyOfElement(element: XmlElement): string | undefined {
  const id = attributeOf(element, "id");
  return id === undefined ? undefined : `${element.namespace} ${element.name} ${id}`;
}

/** RFC 3863 §4.1.2 wants an id; a publisher that gave none is no reason to lose its tuple. */
function withIds(tuples: readonly PidfTuple[]): PidfTuple[] {
  const taken = new Set(tuples.map(({ id }) => id));
  let next = 1;
  return tuples.map((tuple) => {
    if (tuple.id !== "") return tuple;
    while (taken.has(`t${next}`)) next++;
    taken.add(`t${next}`);
    return { ...tuple, id: `t${next}` };
  });
}
