import type { Bearer, Network, PapVersion, QualityOfService } from "@sip-push/pap";
import type { ContentHeaders } from "@sip-push/push";
import type { StoredPush } from "./store/types.ts";

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
  /** Left out when there is none: most content has neither. */
  readonly contentId?: string;
  readonly contentHeaders?: ContentHeaders;
  readonly sourceReference: string | null;
  /** What the initiator's document was in: results are told in it. */
  readonly papVersion: PapVersion;
  /** Public identifier of its DOCTYPE, when that is not the usual one of the version. */
  readonly papPublicId?: string;
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

/** The quality of service of a push as it is kept with it. */
export type KeptQuality = Pick<
  PushDetails,
  "network" | "networkRequired" | "bearer" | "bearerRequired" | "qualityOfService"
>;

/** The element for answers and results; undefined when the push had none. */
export function qualityOf(
  { priority, deliveryMethod }: Pick<StoredPush, "priority" | "deliveryMethod">,
  { qualityOfService, network, networkRequired, bearer, bearerRequired }: Partial<KeptQuality>,
): QualityOfService | undefined {
  if (qualityOfService !== true) return undefined;
  return {
    priority,
    deliveryMethod,
    networkRequired: networkRequired === true,
    bearerRequired: bearerRequired === true,
    ...(network != null && { network }),
    ...(bearer != null && { bearer }),
  };
}
