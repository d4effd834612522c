import { type DeliveryState, finalStates, liveStates } from "../../delivery/delivery.machine.ts";
import type { PpgEvent } from "../../events.ts";
import type { GaugeSources } from "../gauges.ts";

type EventOf<Name extends PpgEvent["event"]> = Extract<PpgEvent, { readonly event: Name }>;

const ofPush = { push: 1, pushId: "p1@pi.example.test", initiator: "calendar", atMs: 2_000 };
const ofDelivery = { ...ofPush, delivery: 1, recipient: "sip:alice@example.test", papCode: 1000 };

export function accepted(given: Partial<EventOf<"accepted">>): EventOf<"accepted"> {
  return { event: "accepted", ...ofPush, recipients: 1, elapsedMs: 1, ...given };
}

export function attempt(given: Partial<EventOf<"attempt">>): EventOf<"attempt"> {
  const sent = { callId: "c1", attempt: 1, sipStatus: 200, via: "message", startedAtMs: 1_990 } as const;
  return { event: "attempt", ...ofDelivery, ...sent, ...given };
}

export function state(given: Partial<EventOf<"state">>): EventOf<"state"> {
  const change = { from: "sending", to: "delivered", sipStatus: 200, reason: "OK", acceptedAtMs: 1_000 } as const;
  return { event: "state", ...ofDelivery, ...change, ...given };
}

export function notified(given: Partial<EventOf<"notified">>): EventOf<"notified"> {
  const told = { sequence: 1, attempts: 1, verdict: "accepted", httpStatus: 202, elapsedMs: 5 } as const;
  return { event: "notified", ...ofPush, ...told, ...given };
}

/** As many in each state. */
export function deliveryStates(count: number): Record<DeliveryState, number> {
  const entries = [...liveStates, ...finalStates].map((name) => [name, count] as const);
  return Object.fromEntries(entries) as Record<DeliveryState, number>;
}

/** A gateway that runs. */
export const sources: GaugeSources = {
  deliveries: () => Promise.resolve({ inFlight: 5, brokenDestinations: 1, watched: 2, subscriptions: 6 }),
  results: () => ({ underWay: 8, held: 32, pausedOrigins: ["https://pi.example.test"] }),
  front: () => ({ active: 3, bufferedBytes: 300, refused: { tooFast: 4 }, droppedConnections: 0 }),
  registered: () => true,
  ready: async () => true,
};
