import type { Timer } from "../clock.ts";
import { newCallId, newTag, parseRetryAfter, parseUri } from "../message/index.ts";
import { backoffDelayMs } from "../transport/backoff.ts";
import type { SendOutcome } from "../user-agent/request-sender.ts";
import {
  type PublicationAction,
  type PublicationState,
  type PublicationTrigger,
  publication,
} from "./publication.machine.ts";
import { judgeAnswer, type PublicationAnswer } from "./publication-answer.ts";
import type { PublicationEvent, PublicationOptions, PublishedState } from "./publication-options.ts";
import { checkEvent, checkState, createPublish, type Publish } from "./publish-request.ts";

/** What the compositor has of us. */
interface Held {
  readonly entityTag: string;
  readonly state: PublishedState;
  /** By the clock: when it is forgotten there. */
  readonly untilMs: number;
}

/**
 * Publishes one event state and keeps it published: refreshes, modifications, 412, 423, loss of the compositor, removal.
 * RFC 3903 §4, §5.
 */
export class Publication {
  readonly #options: PublicationOptions;
  readonly #callId = newCallId();
  readonly #fromTag = newTag();
  readonly #abort = new AbortController();
  #state: PublicationState = "idle";
  #wanted: PublishedState;
  #held: Held | undefined;
  #cseq = 0;
  #expiresSeconds: number;
  #failures = 0;
  /** 423 was answered once since the last other answer. */
  #raised = false;
  #publish: Publish | undefined;
  #outcome: SendOutcome | undefined;
  #answer: PublicationAnswer | undefined;
  #retryInMs = 0;
  #timer: Timer | undefined;
  #stopped: (() => void) | undefined;

  /** @throws {SipParseError | TypeError} for a Request-URI, event, media type or body that no PUBLISH may have. */
  constructor(options: PublicationOptions) {
    parseUri(options.requestUri, "Request-URI");
    checkEvent(options.event);
    checkState(options);
    this.#options = options;
    this.#wanted = { contentType: options.contentType, body: options.body };
    this.#expiresSeconds = options.expiresSeconds ?? 3600;
  }

  get state(): PublicationState {
    return this.#state;
  }

  /** The compositor's name for what it has of us; another one after every success. */
  get entityTag(): string | undefined {
    return this.#held?.entityTag;
  }

  /** Publishes; what comes of it is told by `onEvent`. */
  start(): void {
    this.#step("start");
  }

  /**
   * The whole new state instead of the one before. While a PUBLISH is under way it is sent after that, and of several only
   * the last; after a failure with the next attempt.
   *
   * @throws {SipParseError | TypeError} for a media type or body that no PUBLISH may have.
   */
  modify(state: PublishedState): void {
    checkState(state);
    this.#wanted = { contentType: state.contentType, body: state.body };
    this.#step("modify");
  }

  /** Publishes now when it waits to try again: a registration came back, say. Otherwise nothing happens. */
  retryNow(): void {
    if (this.#state !== "waiting") return;
    this.#timer?.cancel();
    this.#step("retryDue");
  }

  /** Removes the state and stops. Resolves when the compositor answered or after `timeoutMs`. Idempotent. */
  async stop(timeoutMs = 900): Promise<void> {
    if (this.#state === "ended") return;
    const timer = this.#options.endpoint.clock.schedule(timeoutMs, () => this.#abort.abort());
    // An answer under way is waited for; when the time is over, it and the removal are given up.
    await new Promise<void>((resolve) => {
      const before = this.#stopped;
      this.#stopped = () => {
        before?.();
        resolve();
      };
      this.#step("stop");
    });
    timer.cancel();
  }

  #step(trigger: PublicationTrigger): void {
    const row = publication[this.#state][trigger];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: PublicationAction): void {
    switch (action) {
      case "publish":
        void this.#request(this.#nextPublish());
        return;
      case "remove":
        void this.#remove();
        return;
      case "forgetTag":
        this.#held = undefined;
        return;
      case "raiseExpires":
        if (this.#answer?.trigger === "tooBrief") this.#expiresSeconds = this.#answer.minExpiresSeconds;
        return;
      case "startRefresh":
        this.#startTimer(this.#refreshInMs(), "refreshDue");
        return;
      case "startRetry":
        this.#retryInMs = this.#nextRetryMs();
        this.#startTimer(this.#retryInMs, "retryDue");
        return;
      case "stopTimer":
        this.#timer?.cancel();
        return;
      case "reportPublished":
        this.#failures = 0;
        this.#reportPublished();
        return;
      case "reportFailed":
        this.#reportFailed();
        return;
      case "reportEnded":
        this.#held = undefined;
        this.#report({ kind: "ended" });
        this.#stopped?.();
        return;
      default:
        action satisfies never;
    }
  }

  /** Initial, refresh or modify, by what the compositor has. RFC 3903 Table 1. */
  #nextPublish(): Publish {
    const state = this.#wanted;
    const held = this.#live();
    const operation = held === undefined ? "initial" : held.state === state ? "refresh" : "modify";
    return { operation, entityTag: held?.entityTag, state, expiresSeconds: this.#expiresSeconds };
  }

  /** What is expected to be there still: a condition on anything else could only fail (RFC 3903 §4.2). */
  #live(): Held | undefined {
    if (this.#held !== undefined && this.#options.endpoint.clock.now() >= this.#held.untilMs) this.#held = undefined;
    return this.#held;
  }

  async #request(publish: Publish): Promise<void> {
    const outcome = await this.#send(publish);
    this.#publish = publish;
    this.#outcome = outcome;
    this.#answer = judgeAnswer(publish, outcome);
    this.#step(this.#settle(publish, this.#answer));
  }

  async #remove(): Promise<void> {
    const held = this.#live();
    if (held !== undefined) {
      await this.#send({ operation: "remove", entityTag: held.entityTag, state: held.state, expiresSeconds: 0 });
    }
    this.#step("removed");
  }

  /** Takes the answer down. Not in the table: what depends on counts and on what was asked for meanwhile. */
  #settle(publish: Publish, answer: PublicationAnswer): PublicationTrigger {
    const raised = this.#raised;
    this.#raised = answer.trigger === "tooBrief";
    if (answer.trigger === "tooBrief") {
      // Once: a compositor that raises it again and again would be asked without end.
      return raised ? "failed" : "tooBrief";
    }
    const superseded = publish.state !== this.#wanted;
    if (answer.trigger === "accepted") {
      const { entityTag, expiresSeconds } = answer;
      const untilMs = this.#options.endpoint.clock.now() + expiresSeconds * 1000;
      this.#held = { entityTag, state: publish.state, untilMs };
      return superseded ? "superseded" : "accepted";
    }
    // A 2xx that names no tag leaves us without one; some presence servers answer 500 to a tag that they do not know.
    if (answer.sipStatus !== null && (answer.sipStatus < 300 || answer.sipStatus === 500)) this.#held = undefined;
    return superseded && answer.trigger === "bodyRefused" ? "superseded" : answer.trigger;
  }

  /** Sends a PUBLISH; never rejects. */
  async #send(publish: Publish): Promise<SendOutcome> {
    const { nextHop, flow, credentials, sender } = this.#options;
    try {
      const sequence = { callId: this.#callId, fromTag: this.#fromTag, cseq: ++this.#cseq };
      const onFlow = flow?.();
      const outcome = await sender.send(createPublish(this.#options, sequence, publish), {
        signal: this.#abort.signal,
        ...(nextHop === undefined ? {} : { nextHop }),
        ...(onFlow === undefined ? {} : { flow: onFlow }),
        ...(credentials === undefined ? {} : { credentials }),
      });
      // Each answer to a challenge raised it by one; failover did not, which leaves a harmless gap.
      this.#cseq += Math.max(outcome.attempts - 1, 0);
      return outcome;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "failure", code: "SIP_UNRESOLVED", reason, retryable: false, attempts: 0 };
    }
  }

  /** Half the time for short ones, ten minutes early for long ones: as registrations do (TS 24.229 §5.1.1.4). */
  #refreshInMs(): number {
    const seconds = this.#answer?.trigger === "accepted" ? this.#answer.expiresSeconds : this.#expiresSeconds;
    return (seconds > 1200 ? seconds - 600 : seconds / 2) * 1000;
  }

  #nextRetryMs(): number {
    const { retryBaseMs = 2000, retryMaxMs = 1_800_000, random = Math.random } = this.#options;
    const ours = backoffDelayMs(this.#failures++, { baseMs: retryBaseMs, maxMs: retryMaxMs }, random);
    const { headers } = this.#outcome?.kind === "response" ? this.#outcome.response : {};
    const asked = (parseRetryAfter(headers?.get("Retry-After")) ?? 0) * 1000;
    return Math.round(Math.max(ours, Math.min(asked, retryMaxMs)));
  }

  #startTimer(delayMs: number, trigger: PublicationTrigger): void {
    this.#timer?.cancel();
    this.#timer = this.#options.endpoint.clock.schedule(delayMs, () => this.#step(trigger));
  }

  #reportPublished(): void {
    if (this.#answer?.trigger !== "accepted" || this.#publish === undefined) return;
    const { entityTag, expiresSeconds } = this.#answer;
    this.#report({ kind: "published", operation: this.#publish.operation, entityTag, expiresSeconds });
  }

  #reportFailed(): void {
    const answer = this.#answer;
    if (answer === undefined || answer.trigger === "accepted") return;
    const { sipStatus, reason } =
      answer.trigger === "tooBrief" ? { sipStatus: 423, reason: "the least time was raised again" } : answer;
    const retryInMs = this.#state === "waiting" ? this.#retryInMs : null;
    this.#report({ kind: "failed", sipStatus, reason, retryInMs });
  }

  #report(event: PublicationEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#options.endpoint.logger.error({ err: error, event: event.kind }, "a listener for publication events threw");
    }
  }
}
