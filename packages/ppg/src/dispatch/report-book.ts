import { papCodes } from "@sip-push/pap";
import { outcomeOf } from "@sip-push/push";
import type { BookedReport, IgnoredReport, ReportBook } from "@sip-push/sender";
import { type Clock, type Logger, silentLogger, systemClock } from "@sip-push/sip";
import { type DeliveryEvent, type DeliveryGuard, deliveryTransition, isFinal } from "../delivery/delivery.machine.ts";
import { reportEvents } from "../delivery/outcome-events.ts";
import { reportReason } from "../delivery/report-reasons.ts";
import type { PpgObserver } from "../events.ts";
import { StoreError } from "../store/errors.ts";
import type { PpgStore } from "../store/store.ts";
import type { DeliveryAdvance, DeliveryRecord, StoredPush } from "../store/types.ts";
import { isWritten } from "./commits.ts";
import { answerFacts } from "./decisions.ts";

export interface StoreReportBookOptions {
  readonly store: PpgStore;
  readonly clock?: Clock;
  readonly observe?: PpgObserver;
  readonly logger?: Logger;
}

/** Somebody else changed the delivery meanwhile: how often that is borne before the handset is told to come back. */
const MAX_TRIES = 5;

/**
 * Matches delivery reports with deliveries in the store, at whichever node they come in and whatever was restarted meanwhile: option
 * `reportBook` of the Push Sender agent. A report is the last word on its delivery, also when it comes before the response to the
 * push, or while the push waits to be tried again. It is answered once that is committed.
 */
export class StoreReportBook implements ReportBook {
  readonly #store: PpgStore;
  readonly #clock: Clock;
  readonly #observe: PpgObserver | undefined;
  readonly #logger: Logger;

  constructor({ store, clock = systemClock, observe, logger = silentLogger }: StoreReportBookOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#observe = observe;
    this.#logger = logger;
  }

  /** @throws {StoreError} when the database fails: the reporter is to come back. */
  async take(report: BookedReport): Promise<IgnoredReport | "taken"> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const delivery = await this.#store.deliveryOfCallId(report.messageId);
      if (delivery === undefined) return "unknown";
      if (!report.isFrom(delivery.recipient)) return "foreign";
      if (isFinal(delivery.state)) return delivery.state === "delivered" ? "duplicate" : "late";
      const content = await this.#store.push(delivery.push);
      if (content === undefined) return "unknown";
      const change = changeBy(report, delivery, content, this.#clock.date().getTime());
      if (change === undefined) return "unasked";
      if (await this.#advance(change)) {
        this.#told(delivery, content, change);
        return "taken";
      }
    }
    throw new StoreError("STORE_UNAVAILABLE", `the delivery of ${report.messageId} does not stand still`);
  }

  /** False: somebody else changed the delivery. An answer that got lost is looked for, lest nobody hear of the change. */
  async #advance(change: DeliveryAdvance): Promise<boolean> {
    try {
      const [result] = await this.#store.advance([change]);
      return result?.result === "done";
    } catch (error) {
      if (!(error instanceof StoreError && error.retryable)) throw error;
      const timeline = await this.#store.timeline(change.lease.id);
      if (!isWritten(change, timeline)) throw error;
      return true;
    }
  }

  #told(delivery: DeliveryRecord, { pushId, initiator, acceptedAtMs }: StoredPush, change: DeliveryAdvance): void {
    const { id, push, recipient, callId, state: from } = delivery;
    const { to, atMs, papCode, sipStatus, reason } = change;
    this.#logger.debug({ pushId, recipient, callId, from, to, reason }, "delivery report");
    const which = { push, pushId, initiator, delivery: id, recipient };
    try {
      this.#observe?.({ event: "state", ...which, atMs, from, to, papCode, sipStatus, reason, acceptedAtMs });
    } catch (error) {
      // What was reported is committed.
      this.#logger.warn({ err: error, pushId, callId }, "a delivery report was not told");
    }
  }
}

function changeBy(
  { disposition }: BookedReport,
  delivery: DeliveryRecord,
  content: StoredPush,
  atMs: number,
): DeliveryAdvance | undefined {
  const event: DeliveryEvent = reportEvents[disposition];
  const facts: Partial<Record<DeliveryGuard, boolean>> = answerFacts(delivery.sipStatus, content);
  const transition = deliveryTransition(delivery.state, event, (guard) => facts[guard] === true);
  if (transition === undefined) return undefined;
  const { id, version, owner, sipStatus } = delivery;
  return {
    lease: { id, version, owner },
    to: transition.next,
    atMs,
    dueAtMs: null,
    sipStatus,
    papCode: transition.next === "delivered" ? papCodes.ok : outcomeOf(`imdn ${disposition}`).papCode,
    reason: reportReason(disposition),
    attemptStartedAtMs: null,
  };
}
