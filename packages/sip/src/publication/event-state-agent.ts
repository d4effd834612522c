import type { Clock } from "../clock.ts";
import { detached } from "../dialog/index.ts";
import { type Logger, silentLogger } from "../logger.ts";
import type { SipRequest } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { TimerWheel, type WheelTimer } from "../transaction/timer-wheel.ts";
import type {
  EventPublication,
  EventStateChange,
  EventStateLimits,
  EventStatePackage,
  PublishRefusal,
} from "./event-state.ts";
import { EventStateTable, newEntityTag } from "./event-state-table.ts";
import { bad, decidePublish, type PublishDecision, packageOf } from "./publish-decision.ts";

export interface EventStateAgentOptions<State = undefined> {
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly packages: ReadonlyArray<EventStatePackage<State>>;
  /**
   * The resource a request is about, in one spelling: its canonical address-of-record. Undefined: not one of ours, 404.
   * RFC 3903 §6 step 1.
   */
  readonly resourceOf: (request: SipRequest) => string | undefined;
  /** May this request publish for `resource`? Undefined: yes. RFC 3903 §14.1. Default: everybody may. */
  readonly authorize?: (request: SipRequest, resource: string) => PublishRefusal | undefined;
  /** Called after a change was stored, before the 200 leaves. */
  readonly onChange?: (change: EventStateChange<State>) => void;
  readonly limits?: EventStateLimits;
}

/** Publications live for seconds at least: a coarse wheel has few slots, and they end late rather than early. */
const TICK_MS = 1000;

/** Retry-After when all of the memory for publications is taken. RFC 3903 §9. */
const FULL_RETRY_AFTER_SECONDS = 60;

/**
 * Takes PUBLISH requests and keeps what they publish: the receiving half of an event state compositor. RFC 3903 §6. Each
 * request is decided and performed in one go, so they are atomic and in order.
 */
export class EventStateAgent<State = undefined> {
  readonly #options: EventStateAgentOptions<State>;
  readonly #logger: Logger;
  readonly #table: EventStateTable<State>;
  readonly #wheel: TimerWheel;
  /** By entity tag: there are no two alike. */
  readonly #timers = new Map<string, WheelTimer>();
  #refusedFull = 0;

  constructor(options: EventStateAgentOptions<State>) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#table = new EventStateTable(options.limits);
    this.#wheel = new TimerWheel(options.clock, TICK_MS);
  }

  /** For Allow-Events. RFC 3903 §7. */
  get events(): readonly string[] {
    return this.#options.packages.map(({ name }) => name);
  }

  get stats(): { readonly publications: number; readonly bytes: number; readonly refusedFull: number } {
    return { publications: this.#table.size, bytes: this.#table.bytes, refusedFull: this.#refusedFull };
  }

  /** Answers a PUBLISH; returns the status given. What a hook throws comes out, with nothing stored. */
  handle(transaction: ServerTransaction): number {
    const answer = this.#answer(transaction.request);
    if ("statusCode" in answer) {
      const { statusCode, ...init } = answer;
      transaction.reply(statusCode, init);
      return statusCode;
    }
    transaction.reply(200, {
      headers: [
        ["SIP-ETag", answer.entityTag],
        ["Expires", String(answer.expiresSeconds)],
      ],
    });
    return 200;
  }

  /** What stands, that which changed last at the end. */
  publications(resource: string, event: string): ReadonlyArray<EventPublication<State>> {
    return this.#table.publications(resource, event);
  }

  /** Forgets everything without telling anybody. Idempotent; no timer is left. */
  close(): void {
    this.#wheel.close();
    this.#timers.clear();
    this.#table.clear();
  }

  #answer(request: SipRequest): PublishRefusal | Success {
    const { packages, resourceOf, authorize } = this.#options;
    const resource = resourceOf(request);
    if (resource === undefined) return { statusCode: 404 };
    const refusal = authorize?.(request, resource);
    if (refusal !== undefined) return refusal;
    const found = packageOf(request, packages);
    if ("statusCode" in found) return found;
    const current = (entityTag: string): boolean => this.#table.get(resource, found.name, entityTag) !== undefined;
    return this.#perform(decidePublish(request, found, current), request, resource, found);
  }

  #perform(
    decision: PublishDecision,
    request: SipRequest,
    resource: string,
    { name: event, decode }: EventStatePackage<State>,
  ): PublishRefusal | Success {
    if (decision.operation === "refuse") return decision.refusal;
    const { entityTag } = "entityTag" in decision ? decision : { entityTag: undefined };
    const before = entityTag === undefined ? undefined : this.#table.get(resource, event, entityTag);
    if (decision.operation === "remove") {
      if (before !== undefined) this.#end(before, "removed");
      return { entityTag: newEntityTag(), expiresSeconds: 0 };
    }
    const { expiresSeconds } = decision;
    const expiresAtMs = this.#options.clock.now() + expiresSeconds * 1000;
    if (decision.operation === "refresh") {
      if (before === undefined) return { statusCode: 412 };
      this.#stopTimer(before);
      return this.#live(this.#table.renew(before, expiresAtMs), expiresSeconds);
    }
    const contentType = detached(decision.contentType);
    const full = this.#table.full(resource, event, request.body.length, before);
    if (full !== undefined) return this.#full(full, resource, event);
    // A view into a datagram would keep all of it.
    const body = request.body.slice();
    let state: State;
    try {
      state = decode?.(body, contentType) as State;
    } catch (error) {
      this.#logger.debug({ err: error, resource, event }, "a published state could not be read");
      return bad("malformed body");
    }
    if (before !== undefined) this.#stopTimer(before);
    const stored = this.#table.put({ resource, event, contentType, body, state, expiresAtMs }, before);
    const success = this.#live(stored, expiresSeconds);
    this.#tell(resource, event, before === undefined ? "published" : "modified");
    return success;
  }

  /** For one resource 500: 503 would turn senders away from the whole server (RFC 3263 §4.3). */
  #full(which: "resource" | "all", resource: string, event: string): PublishRefusal {
    this.#refusedFull++;
    if (which === "all") return { statusCode: 503, headers: [["Retry-After", String(FULL_RETRY_AFTER_SECONDS)]] };
    const ends = this.#table.publications(resource, event).map(({ expiresAtMs }) => expiresAtMs);
    const seconds = Math.ceil((Math.min(...ends) - this.#options.clock.now()) / 1000);
    return {
      statusCode: 500,
      reason: "Server Internal Error (too many publications)",
      headers: [["Retry-After", String(Math.max(seconds, 1))]],
    };
  }

  #live(publication: EventPublication<State>, expiresSeconds: number): Success {
    const timer = this.#wheel.timer(() => this.#end(publication, "expired"));
    this.#timers.set(publication.entityTag, timer);
    this.#wheel.start(timer, expiresSeconds * 1000);
    return { entityTag: publication.entityTag, expiresSeconds };
  }

  #end(publication: EventPublication<State>, cause: "removed" | "expired"): void {
    this.#stopTimer(publication);
    if (this.#table.remove(publication)) this.#tell(publication.resource, publication.event, cause);
  }

  #stopTimer({ entityTag }: EventPublication<State>): void {
    const timer = this.#timers.get(entityTag);
    if (timer === undefined) return;
    this.#timers.delete(entityTag);
    this.#wheel.stop(timer);
  }

  #tell(resource: string, event: string, cause: EventStateChange["cause"]): void {
    const publications = this.#table.publications(resource, event);
    try {
      this.#options.onChange?.({ resource, event, cause, publications });
    } catch (error) {
      this.#logger.error({ err: error, resource, event }, "a listener for event state threw");
    }
  }
}

interface Success {
  readonly entityTag: string;
  readonly expiresSeconds: number;
}
