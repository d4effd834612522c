import { isContentTypeRefused, mediaTypeOf, OMA_PUSH_PACKAGE } from "@sip-push/push";
import { allowedEvents, type SipResponse } from "@sip-push/sip";
import { type CapabilityFacts, fromOptions, nothingSaid } from "./facts.ts";

/** What was offered and refused. */
export interface RefusedRequest {
  readonly method: string;
  readonly applicationId: string;
  readonly contentType: string;
  readonly bodyBytes: number;
}

/** What a handset does not take; lower-case media types, upper-case methods. Plain JSON. */
export interface RefusedFacts {
  readonly applications: readonly string[];
  readonly mediaTypes: readonly string[];
  readonly methods: readonly string[];
  readonly eventPackages: readonly string[];
}

export const nothingRefused: RefusedFacts = { applications: [], mediaTypes: [], methods: [], eventPackages: [] };

/** What a refusal teaches. */
export interface Lesson {
  readonly facts: CapabilityFacts;
  readonly refused: RefusedFacts;
}

type Teach = (response: SipResponse, request: RefusedRequest) => Partial<Lesson>;

/** RFC 3261 §21.4.13, §21.4.26: Accept lists what would do; without it the type that was offered will not. */
const typeRefused: Teach = (response, { contentType }) => {
  const { mediaTypes, encodings } = fromOptions(response).facts;
  const type = mediaTypeOf(contentType);
  return {
    facts: { ...nothingSaid, mediaTypes, encodings },
    refused: {
      ...nothingRefused,
      mediaTypes: type !== undefined && isContentTypeRefused(response, contentType) ? [type] : [],
    },
  };
};

/** RFC 3261 §21.4.6: Allow lists the methods that will do. */
const methodRefused: Teach = (response, { method }) => ({
  facts: { ...nothingSaid, methods: fromOptions(response).facts.methods },
  refused: { ...nothingRefused, methods: [method.toUpperCase()] },
});

/** A handset that answers so has no such application: our receiver's own word (RFC 3261 §21.4.26). */
const notAcceptable: Teach = (response, request) => {
  const lesson = typeRefused(response, request);
  const aboutType = lesson.refused?.mediaTypes.length !== 0;
  return aboutType ? lesson : { ...lesson, refused: { ...nothingRefused, applications: [request.applicationId] } };
};

/** By status. RFC 3261 §21.4, RFC 6665 §4.2.1.1. */
const lessons: Readonly<Record<number, Teach>> = {
  405: methodRefused,
  406: typeRefused,
  413: (_, { bodyBytes }) => ({ facts: { ...nothingSaid, maxBodyBytes: Math.max(bodyBytes - 1, 0) } }),
  415: typeRefused,
  488: notAcceptable,
  489: (response) => ({
    facts: {
      ...nothingSaid,
      eventPackages: response.headers.has("Allow-Events") ? allowedEvents(response.headers) : null,
    },
    refused: { ...nothingRefused, eventPackages: [OMA_PUSH_PACKAGE] },
  }),
  501: methodRefused,
  513: (_, { bodyBytes }) => ({ facts: { ...nothingSaid, maxBodyBytes: Math.max(bodyBytes - 1, 0) } }),
  606: notAcceptable,
};

/** What a response to a push teaches about the handset; undefined: nothing that holds for the next one. */
export function lessonOf(response: SipResponse, request: RefusedRequest): Lesson | undefined {
  const teach = lessons[response.statusCode];
  return teach === undefined ? undefined : { facts: nothingSaid, refused: nothingRefused, ...teach(response, request) };
}
