import { OMA_PUSH_PACKAGE, type Referral, readReferral } from "@sip-push/push";
import { decodeText, encodeText, type Logger, type ServerTransaction } from "@sip-push/sip";
import { type Answer, explained } from "../answer.ts";
import type { TrustedHops } from "../identity.ts";
import type { PushSubscriptions } from "../subscriptions/index.ts";
import type { SubscribeResult, SubscriptionEntry } from "../subscriptions/subscription-entry.ts";
import type { TrustList } from "../trust-policy.ts";
import { PolicyQuestions } from "./policy-questions.ts";
import type { ReferralEvent } from "./referral-events.ts";
import type { ReferPolicy, ReferralOrigin } from "./referral-policy.ts";
import { ReferralReports, type ReferralReportsOptions } from "./referral-reports.ts";
import { readReplaces } from "./replaces.ts";

export interface ReferralsOptions extends Omit<ReferralReportsOptions, "maxReports"> {
  readonly policy: ReferPolicy;
  /** Undefined admits everybody. */
  readonly trust: TrustList | undefined;
  readonly hops: TrustedHops;
  readonly subscriptions: PushSubscriptions;
  /** Short names of the receiver's applications. */
  readonly applications: () => readonly string[];
  /** Subscriptions that references made; more are 486. */
  readonly maxReferrals: number;
  readonly policyTimeoutMs: number;
  readonly onEvent: (event: ReferralEvent) => void;
  readonly logger: Logger;
}

/** A REFER that was read. */
interface Case {
  readonly transaction: ServerTransaction;
  readonly origin: ReferralOrigin;
  readonly referral: Referral | undefined;
}

type Report = (result: SubscribeResult) => void;

/** What a request in a dialog is refused with. RFC 3261 §12.2.2; the same number again is the same request (§8.2.2.2). */
const STATUS_OF_ORDER: Readonly<Record<"new" | "again" | "old", number | undefined>> = {
  new: undefined,
  again: 482,
  old: 500,
};

const BUSY_RETRY: readonly [string, string] = ["Retry-After", "60"];

/**
 * Takes references to subscribe (REFER, draft-mdolly-dispatch-oma-push-00 §11.4; RFC 3515, RFC 4488) and follows those that the
 * policy allows: one subscription for each target and its applications, however often we are referred to it.
 */
export class Referrals {
  readonly #options: ReferralsOptions;
  readonly #reports: ReferralReports;
  readonly #questions: PolicyQuestions;
  /** What references made. */
  readonly #entries = new Set<SubscriptionEntry>();

  private constructor(options: ReferralsOptions, reports: ReferralReports) {
    this.#options = options;
    this.#reports = reports;
    const { policyTimeoutMs: timeoutMs, logger } = options;
    this.#questions = new PolicyQuestions({ clock: options.endpoint.clock, timeoutMs, logger });
  }

  static async open(options: ReferralsOptions): Promise<Referrals> {
    return new Referrals(options, await ReferralReports.open({ ...options, maxReports: options.maxReferrals * 4 }));
  }

  /** The handler of SUBSCRIBE: to what a REFER made. */
  handleSubscribe(transaction: ServerTransaction): void {
    this.#reports.handle(transaction);
  }

  /** The handler of REFER. */
  handle(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const { hops, trust, subscriptions } = this.#options;
    const within = request.to.params.has("tag");
    const subscription = within ? subscriptions.ofRequest(request) : undefined;
    const subscribedTo = subscription && encodeText(subscription.to);
    const identities = hops.assertedIdentities(request, flow, subscribedTo);
    const origin: ReferralOrigin = {
      from: decodeText(request.from.uriText),
      assertedIdentity: identities[0] === undefined ? null : decodeText(identities[0].text),
      sourceAddress: flow.remote.address,
    };
    if (within) {
      const order = subscription?.dialog?.receive(request);
      const statusCode = order === undefined ? 481 : STATUS_OF_ORDER[order];
      if (statusCode !== undefined) return transaction.reply(statusCode);
    }
    const read = readReferral(request);
    if (read.kind === "refused") {
      const { statusCode, problem } = read;
      const headers = statusCode === 489 ? [["Allow-Events", OMA_PUSH_PACKAGE] as const] : [];
      return this.#refuse({ transaction, origin, referral: undefined }, statusCode, problem, headers);
    }
    const { referral } = read;
    const each: Case = { transaction, origin, referral };
    const assertedIdentities = identities.map(({ uri }) => uri);
    const source = {
      from: request.from.uri,
      assertedIdentities,
      sourceAddress: origin.sourceAddress,
      peerNames: flow.peerNames,
    };
    if (trust?.knows(source) === false) return this.#refuse(each, 403, "sender not trusted");
    // A SUBSCRIBE tells whoever it goes to of this handset, so not everybody says where to. One we subscribed to may.
    const isStranger = trust === undefined && !within && !hops.trusts(flow);
    if (isStranger && this.#options.policy === "accept") return this.#refuse(each, 403, "not from a trusted hop");
    this.#ask(each, referral);
  }

  /** Lets the last reports go out for `timeoutMs`. Idempotent. */
  async close(timeoutMs: number): Promise<void> {
    this.#questions.close();
    await this.#reports.close(timeoutMs);
  }

  #ask(each: Case, referral: Referral): void {
    const { policy, maxReferrals } = this.#options;
    if (policy === "refuse") return this.#refuse(each, 403, "no references are followed");
    if (policy === "accept") return this.#accept(each, referral);
    if (this.#questions.size >= maxReferrals) return this.#refuse(each, 486, "busy", [BUSY_RETRY]);
    this.#questions.ask(
      () => policy(referral, each.origin),
      (verdict) => {
        // Its sender gave up meanwhile.
        if (!each.transaction.open) return;
        if (verdict === "failed") this.#refuse(each, 500, "the policy failed");
        else if (verdict) this.#accept(each, referral);
        else this.#refuse(each, 403, "not wanted");
      },
    );
  }

  #accept(each: Case, referral: Referral): void {
    const { transaction, origin } = each;
    const { subscriptions, maxReferrals, onEvent, contact } = this.#options;
    const applications = this.#wanted(referral);
    const { target, expiresSeconds } = referral;
    if (applications.length === 0) return this.#refuse(each, 488, "no such application here");
    const shares = !referral.withoutSubscription && transaction.request.to.params.has("tag");
    // RFC 6665 §4.5.2.
    if (shares) return this.#refuse(each, 403, "no reports within this dialog");
    const known = subscriptions.covering(target, applications);
    if (known === undefined && this.#entries.size >= maxReferrals) return this.#refuse(each, 486, "busy", [BUSY_RETRY]);
    let report: Report | undefined;
    if (referral.withoutSubscription) {
      transaction.reply(202, {
        headers: [
          ["Refer-Sub", "false"],
          ["Contact", contact()],
        ],
      });
    } else {
      report = this.#reports.accept(transaction);
      // Refused there: no Contact, or too many reports.
      if (report === undefined) return this.#tellRefused(each, transaction.statusCode ?? 500, "no report possible");
    }
    onEvent({ event: "referred", ...identityOf(origin), target, applications, sipStatus: 202, reason: null });
    const former = this.#former(referral);
    // 0 fetches once (RFC 6665 §4.4.3).
    const wish = { to: target, applications, ...(expiresSeconds === null ? {} : { expiresSeconds }) };
    const entry = known ?? this.#follow(wish);
    known?.renew();
    if (report !== undefined) void entry.result.then(report);
    if (former !== undefined && former !== entry) this.#replace(former, entry);
  }

  /** "Replaces if the old subscription must end": when the new one stands, which may take more than one try. */
  #replace(former: SubscriptionEntry, entry: SubscriptionEntry): void {
    const { result } = entry;
    void result.then(({ sipStatus }) => {
      if (former.isOver) return;
      if (sipStatus < 300) void former.stop();
      else if (!entry.isOver && entry.result !== result) this.#replace(former, entry);
    });
  }

  #follow(wish: Parameters<PushSubscriptions["subscribe"]>[0]): SubscriptionEntry {
    const entry = this.#options.subscriptions.subscribe(wish);
    this.#entries.add(entry);
    void entry.over.then(() => this.#entries.delete(entry));
    return entry;
  }

  /** Those of the applications that are here. */
  #wanted({ event }: Referral): readonly string[] {
    const own = this.#options.applications();
    return own.includes("*") ? event.applicationIds : event.applicationIds.filter((id) => own.includes(id));
  }

  /** One that is gone already needs no end. */
  #former({ replaces }: Referral): SubscriptionEntry | undefined {
    const named = replaces === null ? undefined : readReplaces(replaces);
    return named && this.#options.subscriptions.byTags(named.callId, named.tags);
  }

  #refuse(each: Case, statusCode: number, problem: string, headers: NonNullable<Answer["headers"]> = []): void {
    const { transaction } = each;
    transaction.reply(statusCode, { reason: explained(statusCode, problem), headers });
    this.#tellRefused(each, statusCode, problem);
  }

  #tellRefused({ origin, referral }: Case, statusCode: number, problem: string): void {
    this.#options.logger.info({ from: origin.from, sipStatus: statusCode, problem }, "reference refused");
    this.#options.onEvent({
      event: "referred",
      ...identityOf(origin),
      target: referral?.target ?? null,
      applications: referral?.event.applicationIds ?? [],
      sipStatus: statusCode,
      reason: problem,
    });
  }
}

function identityOf({ from, assertedIdentity }: ReferralOrigin): Pick<ReferralEvent, "from" | "assertedIdentity"> {
  return { from, assertedIdentity };
}
