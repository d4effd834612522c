import type { PapCode } from "@sip-push/pap";
import type { DeliveryState } from "./delivery/delivery.machine.ts";

/** What an event of one push names. Wall times are milliseconds since 1970 (UTC). */
interface OfPush {
  /** Id of the push in the store. */
  readonly push: number;
  readonly pushId: string;
  readonly initiator: string;
  readonly atMs: number;
}

/** What happens in a gateway, as metrics, traces, logs and the console see it. Never content, never credentials. */
export type PpgEvent =
  /**
   * Committed, and answered 1001. `recipients`: without those rejected with that, of whom `state` tells. `elapsedMs`: from the last octet
   * of the request to the commit.
   */
  | (OfPush & { readonly event: "accepted"; readonly recipients: number; readonly elapsedMs: number })
  /** Any other answer to a PAP operation, and what was answered 1000 to one that submits nothing. */
  | {
      readonly event: "answered";
      /** The element of the request; `bad-message` when it could not be read. */
      readonly operation: string;
      readonly initiator: string;
      readonly pushId: string | null;
      readonly papCode: PapCode;
      readonly atMs: number;
      readonly elapsedMs: number;
    }
  /** One attempt ended. */
  | (OfPush & {
      readonly event: "attempt";
      readonly delivery: number;
      readonly recipient: string;
      readonly callId: string;
      readonly attempt: number;
      /** Null: no response. */
      readonly sipStatus: number | null;
      readonly papCode: number;
      readonly via: "message" | "notify" | null;
      readonly startedAtMs: number;
      /** Of the push's details, so that the attempt's span has its parent. */
      readonly traceparent?: string | null;
    })
  /** A delivery changed its state, and that is committed. `acceptedAtMs`: when the gateway took the push. */
  | (OfPush & {
      readonly event: "state";
      readonly delivery: number;
      readonly recipient: string;
      readonly from: DeliveryState;
      readonly to: DeliveryState;
      readonly papCode: number;
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly acceptedAtMs: number;
    })
  /** The initiator was told a result, or could not be. `httpStatus` null: no response. */
  | (OfPush & {
      readonly event: "notified";
      readonly sequence: number;
      readonly attempts: number;
      readonly verdict: "accepted" | "abandoned" | "retry";
      readonly httpStatus: number | null;
      readonly elapsedMs: number;
    })
  /** A destination's circuit breaker opened or closed. */
  | {
      readonly event: "breaker";
      readonly destination: string;
      readonly phase: "open" | "closed" | "half-open";
      readonly atMs: number;
    };

/** Hears what happens; must not throw, and must be quick. */
export type PpgObserver = (event: PpgEvent) => void;

/** What a log line says of an event. */
export function whichOf(event: PpgEvent): { readonly event: string; readonly pushId?: string | null } {
  return { event: event.event, ...("pushId" in event && { pushId: event.pushId }) };
}
