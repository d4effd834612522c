import type { Notification } from "@sip-push/notification";
import { isRetryable, outcomeOf } from "@sip-push/push";
import {
  type Clock,
  decodeText,
  type Logger,
  paramValue,
  type ServerTransaction,
  type SipRequest,
} from "@sip-push/sip";
import { type Answer, explained, type Refusal, reply, SharedAnswer } from "./answer.ts";
import { type DigestPolicy, digestStateOf } from "./digest-policy.ts";
import { type DigestState, type IncomingPush, type PushEvent, type RefusedEvent, sha256Of } from "./events.ts";
import { callHandler, handlerFor, type PushHandlers } from "./handlers.ts";
import type { AssertedIdentity, TrustedHops } from "./identity.ts";
import type { PushReceiverLimits } from "./options.ts";
import { RecentMap } from "./recent-map.ts";
import { type ScreenedPush, type ScreeningRules, screen } from "./screening.ts";

/** What an intake works with. */
export interface IntakeOptions {
  readonly rules: ScreeningRules;
  readonly hops: TrustedHops;
  readonly digest: DigestPolicy | undefined;
  readonly handlers: PushHandlers;
  readonly limits: Required<PushReceiverLimits>;
  readonly onPush: ((event: PushEvent) => void) | undefined;
  readonly onRefused: (event: RefusedEvent) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the receiver closes. */
  readonly closing: AbortSignal;
}

type Settle = (answer: Answer) => void;

/** A push on its way through the checks. */
interface Candidate {
  readonly request: SipRequest;
  readonly identities: readonly AssertedIdentity[];
  readonly push: ScreenedPush;
}

/**
 * Takes MESSAGE requests: answers each, and hands each push over once. A request is known again by Call-ID, CSeq and From tag,
 * whatever path it took; a notification also by server and session id, because repeats of a session id ask for one session
 * (OMA DM 1.2 Notification).
 */
export class PushIntake {
  readonly #options: IntakeOptions;
  readonly #requests: RecentMap<SharedAnswer>;
  readonly #sessions: RecentMap<SharedAnswer>;
  #inFlight = 0;
  /** Pushes handed over, repeats answered like the first, and pushes refused, for metrics and tests. */
  readonly stats = { pushes: 0, repeats: 0, refused: 0 };

  constructor(options: IntakeOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#requests = new RecentMap(clock, limits.repeatWindowMs, limits.maxRemembered);
    this.#sessions = new RecentMap(clock, limits.sessionWindowMs, limits.maxRemembered);
  }

  /** Pushes that handlers work on. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Answers a MESSAGE, now or when its handler settled. */
  take(transaction: ServerTransaction): void {
    const { request } = transaction;
    const key = `${paramValue(request.from.params, "tag") ?? ""} ${request.cseq.seq} ${request.callId}`;
    const known = this.#requests.get(key);
    if (known !== undefined) this.stats.repeats++;
    const answer = known ?? new SharedAnswer();
    answer.give((given) => reply(transaction, given));
    if (known !== undefined) return;
    this.#requests.set(key, answer);
    const settle: Settle = (given) => answer.settle(given);
    try {
      this.#screen(transaction, settle);
    } catch (error) {
      settle(this.#failed(error, request));
    }
  }

  #screen({ request, flow }: ServerTransaction, settle: Settle): void {
    const { rules, hops, clock, digest: policy } = this.#options;
    const identities = hops.assertedIdentities(request, flow);
    const origin = { assertedIdentities: identities.map(({ uri }) => uri), sourceAddress: flow.remote.address };
    const screened = screen(request, clock.date(), origin, rules);
    if ("refusal" in screened) {
      this.#refuse(request, screened.refusal, settle);
      return;
    }
    const candidate: Candidate = { request, identities, push: screened.push };
    const { notification } = screened.push;
    const digest = notification === null ? "unchecked" : digestStateOf(notification, request.body, policy);
    if (digest instanceof Promise) {
      digest
        .then((state) => this.#checked(candidate, state, settle))
        .catch((error: unknown) => settle(this.#failed(error, request)));
    } else this.#checked(candidate, digest, settle);
  }

  #checked(candidate: Candidate, digest: DigestState, settle: Settle): void {
    const { request, push } = candidate;
    const refusal = this.#digestRefusal(push.notification, digest);
    if (refusal !== undefined) {
      this.#refuse(request, refusal, settle);
      return;
    }
    const session = push.notification === null ? undefined : sessionKey(push.notification);
    const known = session === undefined ? undefined : this.#sessions.get(session);
    if (known !== undefined) {
      this.stats.repeats++;
      known.give(settle);
      return;
    }
    const { maxInFlight, busyRetryAfterSeconds } = this.#options.limits;
    if (this.#inFlight >= maxInFlight) {
      const headers = [["Retry-After", String(busyRetryAfterSeconds)]] as const;
      this.#refuse(request, { statusCode: 486, problem: "busy", headers }, settle);
      return;
    }
    this.#handOver(candidate, digest, session, settle);
  }

  #digestRefusal(notification: Notification | null, digest: DigestState): Refusal | undefined {
    const { onInvalid = "refuse", acceptUnchecked = true } = this.#options.digest ?? {};
    const wrong = digest === "invalid" || (digest === "unchecked" && notification !== null && !acceptUnchecked);
    if (!wrong || onInvalid === "accept") return undefined;
    const problem = digest === "invalid" ? "digest invalid" : "digest cannot be checked";
    // A forger that is told nothing learns nothing.
    return onInvalid === "drop"
      ? { statusCode: 200, problem }
      : { statusCode: 403, problem, reason: explained(403, problem) };
  }

  #handOver(candidate: Candidate, digest: DigestState, session: string | undefined, settle: Settle): void {
    const { handlers, clock, logger, limits, closing } = this.#options;
    const push = toIncomingPush(candidate, digest);
    const shared = new SharedAnswer();
    shared.give(settle);
    if (session !== undefined) this.#sessions.set(session, shared);
    this.stats.pushes++;
    this.#inFlight++;
    const finish = (answer: Answer): void => {
      this.#inFlight--;
      // A sender that is told to come back must find the session open.
      if (session !== undefined && isRetryable(outcomeOf(answer.statusCode))) this.#sessions.delete(session, shared);
      shared.settle(answer);
      this.#tell(push, answer);
    };
    const context = { clock, logger, timeoutMs: limits.handlerTimeoutMs, signal: closing };
    const answer = callHandler(handlerFor(push, handlers), push, context);
    if (answer instanceof Promise) void answer.then(finish);
    else finish(answer);
  }

  #tell(push: IncomingPush, { statusCode: sipStatus }: Answer): void {
    const { callId, from, applicationId, contentType, length, digest } = push;
    this.#options.logger.info({ callId, from, applicationId, contentType, length, digest, sipStatus }, "push received");
    this.#observe(callId, () => this.#options.onPush?.({ ...push, event: "push", sipStatus }));
  }

  #refuse(request: SipRequest, refusal: Refusal, settle: Settle): void {
    this.stats.refused++;
    settle(refusal);
    const { callId, headers, body } = request;
    const { statusCode: sipStatus, problem: reason } = refusal;
    this.#options.logger.info({ callId, sipStatus, reason, length: body.length }, "push refused");
    const contentType = headers.get("Content-Type") ?? null;
    const from = decodeText(request.from.uriText);
    const event = { event: "refused", from, callId, contentType, length: body.length, sipStatus, reason } as const;
    this.#observe(callId, () => this.#options.onRefused(event));
  }

  /** An observer's throw is its own affair: the push is answered already. */
  #observe(callId: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#options.logger.error({ err: error, callId }, "push observer threw");
    }
  }

  #failed(error: unknown, { callId }: SipRequest): Answer {
    this.#options.logger.error({ err: error, callId }, "push could not be checked");
    return { statusCode: 500 };
  }
}

function sessionKey({ format, serverId, sessionId }: Notification): string {
  return `${format} ${sessionId} ${serverId}`;
}

function toIncomingPush({ request, identities, push }: Candidate, digest: DigestState): IncomingPush {
  const { applicationId, contentType, notification, deliverBefore, expired } = push;
  const { body } = request;
  return {
    from: decodeText(request.from.uriText),
    assertedIdentity: identities[0] === undefined ? null : decodeText(identities[0].text),
    applicationId,
    contentType,
    body,
    length: body.length,
    sha256: sha256Of(body),
    via: "message",
    callId: request.callId,
    notification,
    digest,
    deliverBefore,
    expired,
  };
}
