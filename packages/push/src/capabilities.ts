import type { PidfTuple, Presence, ServiceCapabilities } from "@sip-push/bodies";
import { normalizeApplicationId, parseApplicationId } from "./application-ids.ts";

/** What a Push Receiver agent can take, as it says so itself: in a presence document, and in the answer to OPTIONS. */
export interface PushCapabilities {
  /** In any spelling; read as short names. */
  readonly applications: readonly string[];
  /** `type/subtype` in lower case. */
  readonly mediaTypes: readonly string[];
  /** Content codings besides `identity`. */
  readonly encodings: readonly string[];
  /** Octets of the largest body; null when it does not say. */
  readonly maxBodyBytes: number | null;
  /** SIP methods that it answers. */
  readonly methods: readonly string[];
  /** Event packages whose NOTIFYs it takes. */
  readonly eventPackages: readonly string[];
  readonly optionTags: readonly string[];
  /** Language tags of its user. */
  readonly languages: readonly string[];
}

/** What a presence document says besides. */
export interface PresenceInit {
  /** The user's address-of-record. */
  readonly entity: string;
  /** Of the receiver: its GRUU, else its contact. */
  readonly contact: string;
  /** Names the receiver among those of a user: the same in each publication. An XML id, such as `push-1`. */
  readonly tupleId: string;
  readonly timestamp?: Date;
  /** Default true; false says that there is nothing to be had just now. */
  readonly open?: boolean;
}

/** Names in a set are elements of the document: what XML allows as a name that begins like a SIP token. */
const ELEMENT_NAME = /^(?:100rel|[A-Za-z_][A-Za-z0-9_.-]*)$/;

/**
 * The presence document of a receiver. RFC 3863 §4, RFC 5196 §3.2: content types as `type`, and `methods`, `event-packages`,
 * `extensions`, `languages`; applications, content codings and body size, which have no element there, in our own namespace.
 *
 * @throws {PushInputError} PUSH_BAD_APPLICATION_ID.
 */
export function toPresence(capabilities: PushCapabilities, init: PresenceInit): Presence {
  const { entity, contact, tupleId, timestamp, open = true } = init;
  const tuple: PidfTuple = {
    id: tupleId,
    basic: open ? "open" : "closed",
    contact: { uri: contact },
    ...(timestamp !== undefined && { timestamp }),
    serviceCapabilities: toServiceCapabilities(capabilities),
  };
  return { entity, tuples: [tuple] };
}

/** @throws {PushInputError} PUSH_BAD_APPLICATION_ID. */
export function toServiceCapabilities(capabilities: PushCapabilities): ServiceCapabilities {
  const { applications, mediaTypes, encodings, maxBodyBytes, methods, eventPackages, optionTags, languages } =
    capabilities;
  const names = (values: readonly string[]): string[] => values.filter((value) => ELEMENT_NAME.test(value));
  const set = (supported: readonly string[]) => ({ supported: [...new Set(supported)], notSupported: [] });
  return {
    flags: {},
    sets: {
      methods: set(names(methods)),
      "event-packages": set(names(eventPackages)),
      extensions: set(names(optionTags)),
      ...(languages.length > 0 && { languages: set(languages) }),
    },
    types: [...new Set(mediaTypes)],
    descriptions: [],
    push: {
      applications: [...new Set(applications.map((id) => normalizeApplicationId(id)))],
      encodings: [...new Set(encodings)],
      maxBodyOctets: maxBodyBytes,
    },
    extensions: [],
  };
}

/** What service capabilities say; lists that are not there are empty. */
export function fromServiceCapabilities({ sets, types, push }: ServiceCapabilities): PushCapabilities {
  return {
    applications: [...new Set((push?.applications ?? []).flatMap((id) => parseApplicationId(id) ?? []))],
    mediaTypes: types,
    encodings: push?.encodings ?? [],
    maxBodyBytes: push?.maxBodyOctets ?? null,
    methods: sets.methods?.supported ?? [],
    eventPackages: sets["event-packages"]?.supported ?? [],
    optionTags: sets.extensions?.supported ?? [],
    languages: sets.languages?.supported ?? [],
  };
}
