import type { PapLeniency } from "@sip-push/pap";
import { BriefMap, type Clock, type Logger, silentLogger, systemClock, type Timer } from "@sip-push/sip";
import type { PpgObserver } from "../events.ts";
import type { NotificationVerdict, ResultNotification } from "../store/types.ts";
import { Claimer } from "./claimer.ts";
import { type HttpOutcome, HttpPost } from "./http-post.ts";
import { type ResultLimits, type ResultNotifierOptions, resultLimits } from "./options.ts";
import type { OriginLane } from "./origin-lane.ts";
import { encodeResult, type ResultSender } from "./result-message.ts";
import { Settler } from "./settler.ts";
import { type Target, Targets } from "./targets.ts";
import { judge, type NotifyVerdict, retryAfterMs } from "./verdicts.ts";

/** A result that this node has claimed. */
interface Held {
  readonly result: ResultNotification;
  readonly target: Target<Held>;
  /** Until then it may be begun: an attempt after that could outlast the lease. It is put off then, so nothing is to be renewed. */
  readonly beginBeforeMs: number;
}

type Lane = OriginLane<Held>;

interface UnderWay {
  readonly held: Held;
  /** When it began, its origin was slow, or had not answered yet. */
  readonly slow: boolean;
  readonly startedAtMs: number;
  post: HttpPost | null;
}

/** How often overdue requests, and origins that do not move, are looked at. */
const TICK_MS = 500;
/** How long a result that is claimed may wait for its turn: what an origin can take in two seconds, and a tick. */
const WAIT_MS = 3_000;
/** For the tick that ends an overdue request, and for committing its verdict. */
const MARGIN_MS = 2_000;
const DEFAULT_STOP_MS = 5_000;

export interface ResultNotifierStats {
  /** Requests under way, and results claimed in all. */
  readonly underWay: number;
  readonly held: number;
  readonly accepted: number;
  readonly abandoned: number;
  readonly retried: number;
  /** Put off without an attempt, because their origin was left alone or had no room. */
  readonly putOff: number;
  readonly pausedOrigins: readonly string[];
}

/**
 * Tells push initiators what became of their pushes (PAP 2.x resultnotification-message): at least once, the results of one push
 * in order, again with growing pauses until they are accepted, refused, or too old. An origin that is down or slow keeps no
 * other waiting.
 */
export class ResultNotifier {
  readonly #limits: Required<ResultLimits>;
  readonly #leaseMs: number;
  readonly #sender: ResultSender;
  readonly #leniency: PapLeniency;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #observe: PpgObserver;
  readonly #logger: Logger;
  readonly #targets: Targets<Held>;
  readonly #settler: Settler;
  readonly #claimer: Claimer;
  /** In the order of their beginning, and so of their deadlines. */
  readonly #underWay = new BriefMap<number, UnderWay>();
  readonly #lanesWaiting = new Set<Lane>();
  #begun = 0;
  #slowUnderWay = 0;
  readonly #counts = { accepted: 0, abandoned: 0, retried: 0, putOff: 0 };
  #held = 0;
  #tick: Timer | null = null;
  #stopping = false;
  #stopped: Promise<void> | undefined;
  #emptied: (() => void) | null = null;

  constructor(options: ResultNotifierOptions) {
    const {
      store,
      owner,
      admits,
      mayGoInward = () => false,
      identityOf = () => undefined,
      ca = null,
      clock = systemClock,
      logger = silentLogger,
    } = options;
    const limits = resultLimits(options.limits);
    this.#limits = limits;
    this.#leaseMs = WAIT_MS + limits.timeoutMs + MARGIN_MS;
    this.#sender = { senderAddress: options.senderAddress ?? null, senderName: options.senderName ?? null };
    this.#leniency = options.leniency ?? { bareResultResponse: true };
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#observe = options.observe ?? (() => {});
    this.#logger = logger;
    this.#targets = new Targets({ admits, mayGoInward, identityOf, ca, limits });
    this.#settler = new Settler(store, clock, logger, (count) => this.#released(count));
    this.#claimer = new Claimer(
      {
        store,
        owner,
        leaseMs: this.#leaseMs,
        clock,
        logger,
        room: () => (this.#stopping ? 0 : limits.maxHeld - this.#held),
        take: (results, atMs) => this.#take(results, atMs),
      },
      Math.ceil(limits.maxHeld / 8),
    );
  }

  get stats(): ResultNotifierStats {
    const pausedOrigins = this.#targets.pausedOrigins(this.#clock.now());
    return { underWay: this.#underWay.size, held: this.#held, ...this.#counts, pausedOrigins };
  }

  start(): void {
    this.#claimer.start();
  }

  /** `admits` and `identityOf` say other things from now on. */
  reload(): void {
    this.#targets.forget();
  }

  /**
   * Claims nothing more, hands back what was not begun, and waits for what is under way. Idempotent; a second call with less time
   * shortens the first.
   *
   * @param limitMs after that, requests are given up; they are made again by whoever claims their results next.
   */
  stop(limitMs: number = DEFAULT_STOP_MS): Promise<void> {
    this.#stopped ??= this.#stop();
    const cut = this.#clock.schedule(limitMs, () => {
      for (const { post } of this.#underWay.values()) post?.abort("STOPPED");
    });
    const cancel = (): void => cut.cancel();
    this.#stopped.then(cancel, cancel);
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    await this.#claimer.stop();
    for (const lane of this.#lanesWaiting) {
      for (const held of lane.waiting.splice(0)) this.#settle(held, "postponed", this.#clock.now(), null);
    }
    this.#lanesWaiting.clear();
    if (this.#underWay.size > 0) {
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
    }
    this.#tick?.cancel();
    await this.#settler.stop();
    await this.#targets.close();
  }

  #take(results: readonly ResultNotification[], claimedAtMs: number): void {
    this.#held += results.length;
    const nowMs = this.#clock.now();
    const beginBeforeMs = claimedAtMs + WAIT_MS;
    for (const result of results) {
      const target = this.#targets.of(result.initiator, result.notifyUrl);
      if (typeof target === "string") this.#abandonUnsaid(result, target);
      else this.#offer({ result, target, beginBeforeMs }, nowMs);
    }
    this.#keepTicking();
  }

  #offer(held: Held, nowMs: number): void {
    const { lane } = held.target;
    if (this.#stopping || held.beginBeforeMs <= nowMs) this.#settle(held, "postponed", nowMs, null);
    else if (lane.waiting.length === 0 && this.#hasPlaceFor(lane, nowMs) && lane.admits(nowMs)) {
      this.#begin(held, nowMs);
    } else if (lane.holds(nowMs)) {
      lane.waiting.push(held);
      this.#lanesWaiting.add(lane);
    } else this.#putOff(held, nowMs);
  }

  /**
   * Slow origins get half of the places, however many they are, and those that nothing is known of begin with one each, up to three
   * quarters together with these: who answers always has places.
   */
  #hasPlaceFor(lane: Lane, nowMs: number): boolean {
    const { concurrency } = this.#limits;
    if (this.#underWay.size >= concurrency) return false;
    const share = lane.isNew ? 0.75 : 0.5;
    return this.#slowUnderWay < Math.ceil(concurrency * share) || lane.isQuick(nowMs);
  }

  #putOff(held: Held, nowMs: number): void {
    this.#counts.putOff += 1;
    if (this.#isTooOld(held.result)) this.#settle(held, "abandoned", nowMs, null);
    else this.#settle(held, "postponed", held.target.lane.putOffUntilMs(nowMs, this.#random), null);
  }

  #begin(held: Held, nowMs: number): void {
    const { result, target } = held;
    const { lane, agent, origin, path, authorization } = target;
    let message: ReturnType<typeof encodeResult>;
    try {
      message = encodeResult(result, this.#sender);
    } catch (error) {
      this.#logger.error({ err: error, pushId: result.pushId }, "a result has no form in PAP");
      this.#settle(held, "abandoned", nowMs, null);
      return;
    }
    const headers = ["content-type", message.contentType];
    if (authorization !== null) headers.push("authorization", authorization);
    const slow = !lane.isQuick(nowMs);
    if (slow) this.#slowUnderWay += 1;
    lane.begin(nowMs);
    const number = ++this.#begun;
    const underWay: UnderWay = { held, slow, startedAtMs: this.#clock.now(), post: null };
    this.#underWay.set(number, underWay);
    underWay.post = new HttpPost(
      agent,
      { origin, path, headers, body: message.body },
      this.#limits.maxAnswerBytes,
      (outcome) => {
        this.#underWay.delete(number);
        this.#ended(underWay, outcome);
      },
    );
  }

  #ended(underWay: UnderWay, outcome: HttpOutcome): void {
    if (underWay.slow) this.#slowUnderWay -= 1;
    const { held } = underWay;
    const { lane } = held.target;
    const nowMs = this.#clock.now();
    const elapsedMs = this.#clock.now() - underWay.startedAtMs;
    const verdict = judge(outcome, held.result.pushId, this.#leniency);
    const askedMs = outcome.kind === "answer" ? retryAfterMs(outcome.retryAfter, this.#wallMs()) : 0;
    const withdrawn = outcome.kind === "none" && outcome.problem === "STOPPED";
    lane.end(
      withdrawn ? "withdrawn" : verdict.strains ? "failure" : "success",
      nowMs,
      elapsedMs,
      verdict.strains ? askedMs : 0,
    );
    const httpStatus = outcome.kind === "answer" ? outcome.httpStatus : null;
    this.#conclude(held, verdict, { nowMs, askedMs: withdrawn ? 0 : askedMs, withdrawn, httpStatus, elapsedMs });
    if (lane.pausedUntilMs(nowMs) !== null) this.#shed(lane, lane.waiting.length, nowMs);
    this.#advance(nowMs);
    if (this.#underWay.size === 0) this.#emptied?.();
  }

  #conclude(
    held: Held,
    { verdict, why }: NotifyVerdict,
    told: { nowMs: number; askedMs: number; withdrawn: boolean; httpStatus: number | null; elapsedMs: number },
  ): void {
    const { result } = held;
    const { nowMs, askedMs, withdrawn, ...attempt } = told;
    const tooOld = verdict === "later" && !withdrawn && this.#isTooOld(result);
    const abandoned = verdict === "refused" || tooOld;
    const { pushId, sequence, attempts } = result;
    if (abandoned) this.#logger.warn({ pushId, sequence, attempts, why }, "a result was given up");
    else if (verdict === "later") this.#logger.info({ pushId, sequence, attempts, why }, "a result was not accepted");
    else this.#logger.debug({ pushId, sequence, attempts }, "a result was accepted");
    if (verdict === "accepted") this.#settle(held, "accepted", nowMs, attempt);
    else if (abandoned) this.#settle(held, "abandoned", nowMs, attempt);
    else this.#settle(held, "retry", withdrawn ? nowMs : nowMs + Math.max(askedMs, this.#backOffMs(attempts)), attempt);
  }

  #backOffMs(attempts: number): number {
    const { initialMs, maxMs, jitter } = this.#limits.retry;
    const fullMs = Math.min(maxMs, initialMs * 2 ** Math.min(Math.max(attempts - 1, 0), 30));
    return Math.round(fullMs * (1 - jitter * this.#random()));
  }

  #isTooOld({ eventAtMs }: ResultNotification): boolean {
    return this.#wallMs() - eventAtMs > this.#limits.giveUpAfterMs;
  }

  /** Begins what waits, one of each origin in turn, until there is no place left. */
  #advance(nowMs: number): void {
    for (const lane of this.#lanesWaiting) {
      if (this.#underWay.size >= this.#limits.concurrency) return;
      if (!this.#hasPlaceFor(lane, nowMs) || !lane.admits(nowMs)) continue;
      const next = lane.waiting.shift();
      // To the end of the set, so that the others are next; the loop comes to it again.
      this.#lanesWaiting.delete(lane);
      if (lane.waiting.length > 0) this.#lanesWaiting.add(lane);
      if (next === undefined) continue;
      if (next.beginBeforeMs <= nowMs) this.#settle(next, "postponed", nowMs, null);
      else this.#begin(next, nowMs);
    }
  }

  /** Puts off the last ones that wait in a lane. */
  #shed(lane: Lane, count: number, nowMs: number): void {
    for (const held of lane.waiting.splice(Math.max(0, lane.waiting.length - count))) this.#putOff(held, nowMs);
    if (lane.waiting.length === 0) this.#lanesWaiting.delete(lane);
  }

  /** While anything is held: ends what is overdue, and frees the places of origins that do not move. */
  #keepTicking(): void {
    if (this.#tick !== null || this.#held === 0) return;
    this.#tick = this.#clock.schedule(TICK_MS, () => {
      this.#tick = null;
      const startedBeforeMs = this.#clock.now() - this.#limits.timeoutMs;
      for (const { startedAtMs, post } of this.#underWay.values()) {
        if (startedAtMs > startedBeforeMs) break;
        post?.abort("TIMEOUT");
      }
      const nowMs = this.#clock.now();
      for (const lane of this.#lanesWaiting) {
        const late = lane.waiting.findIndex(({ beginBeforeMs }) => beginBeforeMs > nowMs + TICK_MS);
        for (const held of lane.waiting.splice(0, late < 0 ? lane.waiting.length : late)) this.#putOff(held, nowMs);
        this.#shed(lane, Math.max(0, lane.excess(nowMs)), nowMs);
      }
      this.#keepTicking();
    });
  }

  #abandonUnsaid(result: ResultNotification, why: string): void {
    const { pushId, sequence } = result;
    this.#logger.warn({ pushId, sequence, why }, "a result was given up");
    const attempt = { httpStatus: null, elapsedMs: 0 };
    this.#settle({ result }, "abandoned", this.#clock.now(), attempt);
  }

  /**
   * @param atMs by the clock that nobody sets, as all times here but those of the store.
   * @param attempt null: there was none.
   */
  #settle(
    { result }: Pick<Held, "result">,
    verdict: NotificationVerdict["verdict"],
    atMs: number,
    attempt: { readonly httpStatus: number | null; readonly elapsedMs: number } | null,
  ): void {
    const { push, owner, sequence, pushId, initiator, attempts } = result;
    if (verdict === "retry") this.#counts.retried += 1;
    else if (verdict !== "postponed") this.#counts[verdict] += 1;
    const wallAtMs = Math.ceil(this.#wallMs() + atMs - this.#clock.now());
    this.#settler.add({
      verdict: { notification: { push, owner, sequence }, verdict, atMs: wallAtMs },
      committed: (held) => {
        if (!held) this.#logger.warn({ pushId, sequence }, "the lease of a result had ended; it may be told twice");
        if (verdict === "postponed") return;
        const { httpStatus = null, elapsedMs = 0 } = attempt ?? {};
        const told = { event: "notified", push, pushId, initiator, sequence, attempts, verdict } as const;
        this.#observe({ ...told, httpStatus, elapsedMs, atMs: this.#wallMs() });
      },
    });
  }

  #released(count: number): void {
    this.#held -= count;
    this.#claimer.roomMade();
  }

  #wallMs(): number {
    return this.#clock.date().getTime();
  }
}
