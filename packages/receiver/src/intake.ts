import { hash } from "node:crypto";
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
import {
  type DigestState,
  type IncomingPush,
  incomingPush,
  type PushEvent,
  pushEvent,
  type RefusedEvent,
} from "./events.ts";
import { callHandler, closingAnswer, handlerFor, type PushHandlers } from "./handlers.ts";
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

  /** Pushes that handlers, or look-ups of digest credentials, work on. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Answers a MESSAGE, now or when its handler settled. */
  take(transaction: ServerTransaction): void {
    const { request } = transaction;
    const key = memoryKey(`${paramValue(request.from.params, "tag") ?? ""} ${request.cseq.seq} ${request.callId}`);
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
    if (notification === null || policy === undefined) {
      this.#checked(candidate, "unchecked", settle);
      return;
    }
    // The nonce that proved a notification may be spent when the same octets come again.
    if (this.#isRepeat(signatureKey(notification), settle) || this.#isBusy(request, settle)) return;
    const digest = digestStateOf(notification, request.body, policy);
    if (digest instanceof Promise) this.#whenKnown(digest, candidate, settle);
    else this.#checked(candidate, digest, settle);
  }

  /** A look-up counts and is limited in time as a handler is: who never gives an answer must not keep us from giving one. */
  #whenKnown(digest: Promise<DigestState>, candidate: Candidate, settle: Settle): void {
    const { clock, limits, closing } = this.#options;
    const { request } = candidate;
    let done = false;
    this.#inFlight++;
    const finish = (next: () => void): void => {
      if (done) return;
      done = true;
      this.#inFlight--;
      timeout.cancel();
      closing.removeEventListener("abort", close);
      try {
        next();
      } catch (error) {
        settle(this.#failed(error, request));
      }
    };
    const fail = (error: unknown): void => finish(() => settle(this.#failed(error, request)));
    const close = (): void => finish(() => settle(closingAnswer));
    const timeout = clock.schedule(limits.handlerTimeoutMs, () => fail(new Error("look-up of credentials timed out")));
    closing.addEventListener("abort", close, { once: true });
    digest.then((state) => finish(() => this.#checked(candidate, state, settle)), fail);
  }

  #checked(candidate: Candidate, digest: DigestState, settle: Settle): void {
    const { request, push } = candidate;
    const refusal = this.#digestRefusal(push.notification, digest);
    if (refusal !== undefined) {
      this.#refuse(request, refusal, settle);
      return;
    }
    const session = push.notification === null ? undefined : sessionKey(push.notification, digest);
    if (this.#isRepeat(session, settle) || this.#isBusy(request, settle)) return;
    const signature = digest === "valid" && push.notification !== null ? signatureKey(push.notification) : undefined;
    const keys = [session, signature].filter((key) => key !== undefined);
    this.#handOver(candidate, digest, keys, settle);
  }

  /** Answers like the first, once that has its answer. */
  #isRepeat(key: string | undefined, settle: Settle): boolean {
    const known = key === undefined ? undefined : this.#sessions.get(key);
    if (known === undefined) return false;
    this.stats.repeats++;
    known.give(settle);
    return true;
  }

  /** Past `maxInFlight` it refuses, and says so. */
  #isBusy(request: SipRequest, settle: Settle): boolean {
    const { maxInFlight, busyRetryAfterSeconds } = this.#options.limits;
    if (this.#inFlight < maxInFlight) return false;
    const headers = [["Retry-After", String(busyRetryAfterSeconds)]] as const;
    this.#refuse(request, { statusCode: 486, problem: "busy", headers }, settle);
    return true;
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

  /** @param sessions by which its repeats are known. */
  #handOver(candidate: Candidate, digest: DigestState, sessions: readonly string[], settle: Settle): void {
    const { handlers, clock, logger, limits, closing } = this.#options;
    const push = toIncomingPush(candidate, digest);
    const shared = new SharedAnswer();
    shared.give(settle);
    for (const session of sessions) this.#sessions.set(session, shared);
    this.stats.pushes++;
    this.#inFlight++;
    const finish = (answer: Answer): void => {
      this.#inFlight--;
      // A sender that is told to come back must find the session open.
      if (isRetryable(outcomeOf(answer.statusCode))) {
        for (const session of sessions) this.#sessions.delete(session, shared);
      }
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
    const { onPush } = this.#options;
    if (onPush !== undefined) this.#observe(callId, () => onPush(pushEvent(push, sipStatus)));
  }

  #refuse(request: SipRequest, refusal: Refusal, settle: Settle): void {
    this.stats.refused++;
    settle(refusal);
    const { callId, headers, body } = request;
    const { statusCode: sipStatus, problem: reason } = refusal;
    this.#options.logger.info({ callId, sipStatus, reason, length: body.length }, "push refused");
    const contentType = headers.has("Content-Type") ? decodeText(headers.get("Content-Type") ?? "") : null;
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

/** By digest too: one that is accepted although its digest is wrong must not hide the real one. */
function sessionKey({ format, serverId, sessionId }: Notification, digest: DigestState): string {
  return memoryKey(`${format} ${digest} ${sessionId} ${serverId}`);
}

/** A session, by the digest that it was proved with; undefined for a format without. */
function signatureKey(notification: Notification): string | undefined {
  if (!("digest" in notification)) return undefined;
  const { format, serverId, sessionId, digest } = notification;
  return `${format} ${Buffer.from(digest).toString("hex")} ${sessionId} ${serverId}`;
}

const MAX_KEY = 256;

/** Peers choose Call-IDs and session ids, of up to 64 KiB, and `maxRemembered` of them are kept. */
function memoryKey(text: string): string {
  return text.length <= MAX_KEY ? text : hash("sha256", text, "hex");
}

function toIncomingPush({ request, identities, push }: Candidate, digest: DigestState): IncomingPush {
  const { applicationId, contentType, notification, deliverBefore, expired } = push;
  const { body } = request;
  return incomingPush({
    from: decodeText(request.from.uriText),
    assertedIdentity: identities[0] === undefined ? null : decodeText(identities[0].text),
    applicationId,
    contentType,
    body,
    length: body.length,
    via: "message",
    callId: request.callId,
    notification,
    digest,
    deliverBefore,
    expired,
  });
}
