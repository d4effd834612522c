import type { Bearer, Network, PapVersion } from "@sip-push/pap";

/**
 * What is kept with a push besides what the store itself looks at (`PushContent.applicationData`). Plain JSON.
 */
export interface PushDetails {
  /** As push content has it, e.g. `push.syncml`; null: none given. */
  readonly applicationId: string | null;
  /** Of the content entity; null: absent. */
  readonly contentEncoding: string | null;
  readonly contentLanguage: string | null;
  readonly contentDisposition: string | null;
  readonly sourceReference: string | null;
  /** What the initiator's document was in: results are told in it. */
  readonly papVersion: PapVersion;
  /** Quality of service as asked, for status answers and results; null: not said. Priority and method are in `PushContent`. */
  readonly network: Network | null;
  readonly networkRequired: boolean;
  readonly bearer: Bearer | null;
  readonly bearerRequired: boolean;
  /** Whether there was a quality-of-service element at all: only then answers have one. */
  readonly qualityOfService: boolean;
  /** W3C trace context of the request that submitted it, so that its delivery belongs to the same trace; null: none. */
  readonly traceparent: string | null;
}
