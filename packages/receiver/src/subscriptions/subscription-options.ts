import { checkNumbers, normalizeApplicationId, PushInputError, serializeOmaPushEvent } from "@sip-push/push";
import type { SubscriberState } from "@sip-push/sip";
import { sipUriOf } from "../sip-uri-option.ts";

/** A subscription to pushes. draft-mdolly-dispatch-oma-push-00 §11.1. */
export interface SubscriptionOptions {
  /** `sip:` or `sips:` URI: of a push sender, or the user's own, when the core knows who pushes. */
  readonly to: string;
  /** In any spelling, 1 to 64. Default: all of the receiver, those that `setApplications` brings later as well. */
  readonly applications?: readonly string[];
  /** Asked for; the sender may shorten it. Default 86400 (§10). */
  readonly expiresSeconds?: number;
  /** What the sender should know of the device, `dev-cap` (§7.3). */
  readonly deviceCapabilities?: string;
  /** Whether Accept-Contact names the applications, for a core that chooses by them (§11.1 (5)). Default false. */
  readonly acceptContact?: boolean;
}

/** A subscription of the receiver: kept alive until it is stopped. */
export interface PushSubscription {
  readonly to: string;
  /** Those subscribed to, short names. */
  readonly applications: readonly string[];
  /** Those that the sender confirmed. */
  readonly confirmed: readonly string[];
  /** `idle` until the receiver is registered. */
  readonly state: SubscriberState;
  /** Unsubscribes. Resolves when the sender confirmed that, or after `timeoutMs` (default 900). Idempotent. */
  stop(timeoutMs?: number): Promise<void>;
}

/** The same, read. */
export interface SubscriptionWish extends Omit<SubscriptionOptions, "applications"> {
  /** Short names in order; undefined for all of the receiver. */
  readonly applications: readonly string[] | undefined;
}

/** delta-seconds of RFC 3261 §25.1. */
const MAX_SECONDS = 0xffff_ffff;

/**
 * @param field such as `subscriptions[0]`.
 * @throws {PushInputError} naming the field.
 */
export function readSubscription(options: SubscriptionOptions, field: string): SubscriptionWish {
  const { to, applications, expiresSeconds, deviceCapabilities = null } = options;
  sipUriOf(to, `${field}.to`);
  checkNumbers({ expiresSeconds }, { expiresSeconds: { min: 1, max: MAX_SECONDS, integer: true } }, `${field}.`);
  const names = applications?.map((id, index) => normalizeApplicationId(id, `${field}.applications[${index}]`));
  try {
    serializeOmaPushEvent({ applicationIds: names ?? ["*"], deviceCapabilities });
  } catch (error) {
    if (!(error instanceof PushInputError)) throw error;
    const problem = error.message.slice(error.field.length + 2);
    const name = error.field === "applicationIds" ? "applications" : error.field;
    throw new PushInputError(error.code, `${field}.${name}`, problem, { cause: error });
  }
  return { ...options, applications: names && [...new Set(names)] };
}
