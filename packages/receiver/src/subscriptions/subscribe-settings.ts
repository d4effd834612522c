import { PUSH_FEATURE_TAG, serializeFeatureTagValue, serializeOmaPushEvent } from "@sip-push/push";
import type { DigestClient, Flow, SipUri, SubscriberOptions } from "@sip-push/sip";
import type { PushSubscriptionsOptions, ReceiverFace } from "./push-subscriptions.ts";
import type { SubscriptionWish } from "./subscription-options.ts";

/** Draft §10. */
const EXPIRES_SECONDS = 86_400;

/**
 * A SUBSCRIBE to `oma-push`, as the stack wants it told: draft-mdolly-dispatch-oma-push-00 §11.1. The stack reads it anew for each
 * SUBSCRIBE, so that a refresh says what the receiver is then.
 */
export class SubscribeSettings implements SubscriberOptions {
  readonly target: string;
  readonly from: string;
  readonly expiresSeconds: number;
  readonly answerTimeoutMs: number;
  readonly nextHop?: SipUri;
  readonly credentials?: DigestClient;
  readonly onNotify: NonNullable<SubscriberOptions["onNotify"]>;
  readonly onReport: NonNullable<SubscriberOptions["onReport"]>;
  readonly #face: ReceiverFace;
  readonly #wish: SubscriptionWish;
  #lastApplications: readonly string[];

  constructor(
    { aor, face, credentials, nextHop, answerTimeoutMs }: PushSubscriptionsOptions,
    wish: SubscriptionWish,
    user: Required<Pick<SubscriberOptions, "onNotify" | "onReport">>,
  ) {
    this.target = wish.to;
    this.from = aor;
    this.expiresSeconds = wish.expiresSeconds ?? EXPIRES_SECONDS;
    this.answerTimeoutMs = answerTimeoutMs;
    if (nextHop !== undefined) this.nextHop = nextHop;
    if (credentials !== undefined) this.credentials = credentials;
    this.onNotify = user.onNotify;
    this.onReport = user.onReport;
    this.#face = face;
    this.#wish = wish;
    this.#lastApplications = wish.applications ?? face.applications;
  }

  get event(): string {
    const { deviceCapabilities = null } = this.#wish;
    return serializeOmaPushEvent({ applicationIds: this.#applications, deviceCapabilities });
  }

  get accept(): readonly string[] {
    return this.#face.acceptOf(this.#applications);
  }

  /** §11.1 (3), (5), (8). */
  get headers(): ReadonlyArray<readonly [name: string, value: string]> {
    const wanted = `*;${PUSH_FEATURE_TAG}=${serializeFeatureTagValue(this.#applications)}`;
    return [
      ["Supported", "gruu, norefersub"],
      ["Allow", this.#face.methods.join(", ")],
      ...(this.#wish.acceptContact === true ? [["Accept-Contact", wanted] as const] : []),
      ...this.#face.way.headers,
    ];
  }

  readonly contact = (): string => this.#face.contact;

  readonly routeSet = (): readonly string[] => this.#face.way.routeSet;

  readonly flow = (): Flow | undefined => this.#face.way.flow;

  readonly reachable = (): boolean => this.#face.reachable;

  /** When none is left the subscription ends, and its last SUBSCRIBE names those it was for. */
  get #applications(): readonly string[] {
    const now = this.#wish.applications ?? this.#face.applications;
    if (now.length > 0) this.#lastApplications = now;
    return this.#lastApplications;
  }
}
