import type { Notification } from "@sip-push/notification";
import { isRetryable, outcomeOf } from "@sip-push/push";
import {
  type Clock,
  decodeText,
  type Flow,
  type Logger,
  paramValue,
  type ServerTransaction,
  type SipRequest,
} from "@sip-push/sip";
import { type Answer, explained, OK, type Refusal, reply, SharedAnswer } from "./answer.ts";
import { answerBy, type Carrier, carriers } from "./carrier.ts";
import { type DigestPolicy, digestStateOf } from "./digest-policy.ts";
import { type DigestState, type IncomingPush, type PushEvent, pushEvent, type RefusedEvent } from "./events.ts";
import { asksUser, callHandler, closingAnswer, type HandlerResult, handlerFor, type PushHandlers } from "./handlers.ts";
import type { TrustedHops } from "./identity.ts";
import { type Candidate, toIncomingPush } from "./incoming-push.ts";
import type { PushReceiverLimits } from "./options.ts";
import { pushKey } from "./push-key.ts";
import { memoryKey, RecentMap } from "./recent-map.ts";
import type { OwedReport, Reporter } from "./reports/index.ts";
import { type Arrival, type ScreeningRules, screen } from "./screening.ts";
import { sessionKey, signatureKey } from "./session-keys.ts";

/** What an intake works with. */
export interface IntakeOptions {
  readonly rules: ScreeningRules;
  readonly hops: TrustedHops;
  readonly digest: DigestPolicy | undefined;
  readonly handlers: PushHandlers;
  readonly limits: Required<PushReceiverLimits>;
  readonly onPush: ((event: PushEvent, request: SipRequest) => void) | undefined;
  readonly onRefused: (event: RefusedEvent, request: SipRequest) => void;
  /**
   * URI of the handset that a request is for, where one intake stands for several: a repeat is one only to the same handset, and
   * it is that handset which reports.
   */
  readonly recipientOf?: (request: SipRequest) => string;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the receiver closes. */
  readonly closing: AbortSignal;
}

type Settle = (answer: Answer) => void;

/**
 * How long the same request may still be on some way: its transaction ends after 32 s, and each proxy may hold a fork for three
 * minutes (RFC 3261 §16.6, Timer C). What the application got is remembered as a push, for longer.
 */
const REQUEST_WINDOW_MS = 300_000;

/** A NOTIFY that its subscription has checked; what `onNotify` of the SIP stack's subscriber gets is one. */
export interface PushNotification {
  readonly request: SipRequest;
  /** The flow that brought it. */
  readonly flow: Flow;
  /**
   * URI that was subscribed to. Proxies assert no identities within dialogs, yet who answers there is whom the core led the
   * SUBSCRIBE to, so a NOTIFY that comes through a trusted hop is of this identity.
   */
  readonly subscribedTo?: string;
}

/**
 * Takes pushes, in MESSAGE and in NOTIFY: answers each request, and hands each push over once. A request is known again by
 * Call-ID, CSeq and From tag, whatever path it took; a push that a handler got also by {@link pushKey}; a notification also by server and session id, whatever carried it, because repeats of a session id ask
 * for one session (OMA DM 1.2 Notification).
 */
export class PushIntake {
  readonly #options: IntakeOptions;
  readonly #requests: RecentMap<SharedAnswer>;
  readonly #pushes: RecentMap<SharedAnswer>;
  readonly #sessions: RecentMap<SharedAnswer>;
  #inFlight = 0;
  /** Pushes handed over, repeats answered like the first, and pushes refused, for metrics and tests. */
  readonly stats = { pushes: 0, repeats: 0, refused: 0 };

  constructor(options: IntakeOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#requests = new RecentMap(clock, Math.min(limits.repeatWindowMs, REQUEST_WINDOW_MS), limits.maxRemembered);
    this.#pushes = new RecentMap(clock, limits.repeatWindowMs, limits.maxRemembered);
    this.#sessions = new RecentMap(clock, limits.sessionWindowMs, limits.maxRemembered);
  }

  /** Pushes that handlers, or look-ups of digest credentials, work on. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Answers a MESSAGE, now or when its handler settled. */
  take(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    this.#take({ request, flow }, carriers.message, (given) => reply(transaction, given));
  }

  /**
   * Takes a NOTIFY of `oma-push`, after its subscription has found it to be one of its own, and gives the answer to it: at once
   * when the user is to be asked (RFC 6665 §4.1.3), otherwise when the handler settled, within `handlerTimeoutMs`. An answer
   * never ends the subscription. One without a body has nothing to push and is answered 200. Never rejects.
   */
  takeNotify(notification: PushNotification): Promise<Answer> {
    return new Promise((resolve) => this.#take(notification, carriers.notify, resolve));
  }

  #take(bringer: PushNotification, carrier: Carrier, respond: Settle): void {
    const { request } = bringer;
    if (request.body.length === 0 && !carrier.emptyIsText) {
      respond(OK);
      return;
    }
    const tag = paramValue(request.from.params, "tag") ?? "";
    const key = this.#keyFor(request, `${tag} ${request.cseq.seq} ${request.callId}`);
    const known = this.#requests.get(key);
    if (known !== undefined) this.stats.repeats++;
    const answer = known ?? new SharedAnswer();
    answer.give(respond);
    if (known !== undefined) return;
    this.#requests.set(key, answer);
    const settle: Settle = (given) => answer.settle(answerBy(carrier, given));
    try {
      this.#screen(bringer, carrier, settle);
    } catch (error) {
      settle(this.#failed(error, request));
    }
  }

  #screen(bringer: PushNotification, carrier: Carrier, settle: Settle): void {
    const { rules, hops, clock, digest: policy } = this.#options;
    const { request, flow } = bringer;
    const identities = hops.assertedIdentities(request, flow, bringer.subscribedTo);
    const { remote, peerNames } = flow;
    const assertedIdentities = identities.map(({ uri }) => uri);
    const origin = { assertedIdentities, sourceAddress: remote.address, peerNames };
    const arrival: Arrival = { request, carrier, receivedAt: clock.date(), origin };
    const screened = screen(arrival, rules);
    if ("refusal" in screened) {
      this.#refuse(arrival, screened.refusal, settle);
      return;
    }
    const { receivedAt } = arrival;
    const { push } = screened;
    const repeatKey = pushKey(request, carrier, push, this.#options.recipientOf?.(request) ?? "");
    const candidate: Candidate = { request, carrier, receivedAt, origin, flow, identities, push, repeatKey };
    if (this.#isRepeat(this.#pushes, repeatKey, candidate, settle)) return;
    const { notification } = push;
    if (notification === null || policy === undefined) {
      this.#checked(candidate, "unchecked", settle);
      return;
    }
    // The nonce that proved a notification may be spent when the same octets come again.
    const proof = this.#sessionFor(request, signatureKey(notification));
    if (this.#isRepeat(this.#sessions, proof, candidate, settle) || this.#isBusy(candidate, settle)) return;
    const digest = digestStateOf(notification, push.body, policy);
    if (digest instanceof Promise) this.#whenKnown(digest, candidate, settle);
    else this.#checked(candidate, digest, settle);
  }

  /** A look-up counts and is limited in time as a handler is: who never gives an answer must not keep us from giving one. */
  #whenKnown(digest: Promise<DigestState>, candidate: Candidate, settle: Settle): void {
    const { clock, limits, closing } = this.#options;
    const { request } = candidate;
    const dueMs = clock.now() + limits.handlerTimeoutMs;
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
    digest.then((state) => {
      // Both together must be over before the sender is.
      const late = { ...candidate, timeLeftMs: dueMs - clock.now() };
      finish(() => this.#checked(late, state, settle));
    }, fail);
  }

  #checked(candidate: Candidate, digest: DigestState, settle: Settle): void {
    const { push } = candidate;
    const refusal = this.#digestRefusal(push.notification, digest);
    if (refusal !== undefined) {
      this.#refuse(candidate, refusal, settle);
      return;
    }
    const { request } = candidate;
    const { notification } = push;
    const session = notification === null ? undefined : this.#keyFor(request, sessionKey(notification, digest));
    if (this.#isRepeat(this.#sessions, session, candidate, settle) || this.#isBusy(candidate, settle)) return;
    const proof = digest === "valid" && notification !== null ? signatureKey(notification) : undefined;
    const signature = this.#sessionFor(request, proof);
    const keys = [session, signature].filter((key) => key !== undefined);
    this.#handOver(candidate, digest, keys, settle);
  }

  #keyFor(request: SipRequest, key: string): string {
    const { recipientOf } = this.#options;
    return memoryKey(recipientOf === undefined ? key : `${recipientOf(request)} ${key}`);
  }

  #sessionFor(request: SipRequest, key: string | undefined): string | undefined {
    return key === undefined ? undefined : this.#keyFor(request, key);
  }

  /** Answers like the first, once that has its answer; what is reported of the first is true of its repeat. */
  #isRepeat(among: RecentMap<SharedAnswer>, key: string | undefined, candidate: Candidate, settle: Settle): boolean {
    const known = key === undefined ? undefined : among.get(key);
    if (known === undefined) return false;
    this.stats.repeats++;
    const report = this.#expectReport(candidate);
    const early = answersEarly(candidate, settle);
    known.give((answer) => {
      settle(answer);
      if (report === undefined) return;
      const { delivered } = known;
      const given = early ? OK : answerBy(candidate.carrier, answer);
      settleReport(report, given, delivered === undefined ? answer : { ...answer, delivered });
    });
    return true;
  }

  /** Past `maxInFlight` it refuses, and says so. */
  #isBusy(arrival: Arrival, settle: Settle): boolean {
    const { maxInFlight, busyRetryAfterSeconds } = this.#options.limits;
    if (this.#inFlight < maxInFlight) return false;
    const headers = [["Retry-After", String(busyRetryAfterSeconds)]] as const;
    this.#refuse(arrival, { statusCode: 486, problem: "busy", headers }, settle);
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
    const report = this.#expectReport(candidate);
    const shared = new SharedAnswer();
    const early = answersEarly(candidate, settle);
    shared.give(settle);
    for (const session of sessions) this.#sessions.set(session, shared);
    const { repeatKey } = candidate;
    if (repeatKey !== undefined) this.#pushes.set(repeatKey, shared);
    this.stats.pushes++;
    this.#inFlight++;
    const finish = (result: HandlerResult): void => {
      const answer = result.delivered === undefined ? result : answerOf(result);
      shared.delivered = result.delivered;
      this.#inFlight--;
      // A sender that is told to come back must find the session open.
      if (isRetryable(outcomeOf(answer.statusCode))) {
        for (const session of sessions) this.#sessions.delete(session, shared);
        if (repeatKey !== undefined) this.#pushes.delete(repeatKey, shared);
      }
      shared.settle(answer);
      const given = early ? OK : answerBy(candidate.carrier, answer);
      if (report !== undefined) settleReport(report, given, result);
      this.#tell(push, given, candidate.request);
    };
    const { timeLeftMs: timeoutMs = limits.handlerTimeoutMs } = candidate;
    const context = { clock, logger, timeoutMs, signal: closing };
    const result = callHandler(handlerFor(push, handlers), push, context);
    if (result instanceof Promise) void result.then(finish);
    else finish(result);
  }

  /** Only those who are trusted hear what became of a push: the others learn who is there, or make us write to third parties. */
  #expectReport({ request, identities, push, flow, receivedAt }: Candidate): OwedReport | undefined {
    const { reporter, rules, hops, recipientOf } = this.#options;
    const reports = push.unwrapped?.reports ?? null;
    if (reports === null) return undefined;
    if (rules.trust === undefined && !hops.trusts(flow)) return undefined;
    return reporter.expect({ request, identities, reports, receivedAt, recipient: recipientOf?.(request) });
  }

  #tell(push: IncomingPush, { statusCode: sipStatus }: Answer, request: SipRequest): void {
    const { callId, from, applicationId, contentType, length, digest } = push;
    this.#options.logger.info({ callId, from, applicationId, contentType, length, digest, sipStatus }, "push received");
    const { onPush } = this.#options;
    if (onPush !== undefined) this.#observe(callId, () => onPush(pushEvent(push, sipStatus), request));
  }

  #refuse({ request, carrier }: Arrival, refusal: Refusal, settle: Settle): void {
    this.stats.refused++;
    settle(refusal);
    const { callId, headers, body } = request;
    const { statusCode: sipStatus, problem: reason } = answerBy(carrier, refusal);
    this.#options.logger.info({ callId, sipStatus, reason, length: body.length }, "push refused");
    const contentType = headers.has("Content-Type") ? decodeText(headers.get("Content-Type") ?? "") : null;
    const from = decodeText(request.from.uriText);
    const event = { event: "refused", from, callId, contentType, length: body.length, sipStatus, reason } as const;
    this.#observe(callId, () => this.#options.onRefused(event, request));
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

/** Answers at once where the user is asked and the carrier cannot wait for that. */
function answersEarly({ carrier, push }: Candidate, settle: Settle): boolean {
  if (carrier.waitsForUser || !asksUser(push)) return false;
  settle(OK);
  return true;
}

function isSuccess({ statusCode }: Answer): boolean {
  return statusCode < 300;
}

/** What is remembered of a result: the answer, for its repeats. */
function answerOf({ statusCode, reason, headers = [] }: HandlerResult): Answer {
  return reason === undefined ? { statusCode, headers } : { statusCode, headers, reason };
}

/**
 * RFC 5438 §12.1.3.1: after a 2xx what became of the push; after any other answer nothing, for the answer has said it.
 *
 * @param given the answer that left, which may have been before the handler's.
 */
function settleReport(report: OwedReport, given: Answer, result: HandlerResult): void {
  if (!isSuccess(given)) report.cancel();
  else if (!isSuccess(result)) report.settle("failed");
  else if (result.delivered === undefined) report.settle("delivered");
  else report.settleWhen(result.delivered);
}
