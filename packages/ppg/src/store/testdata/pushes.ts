import type { ClaimedDelivery, DeliveryAdvance, DeliveryLease, PushSubmission } from "../types.ts";

export const t0 = Date.UTC(2026, 0, 1);
export const LEASE_MS = 10_000;

/** A push to one recipient, or as `changes` say. */
export function submission(pushId: string, changes: Partial<PushSubmission> = {}): PushSubmission {
  return {
    initiator: "pi",
    pushId,
    priority: "medium",
    deliveryMethod: "notspecified",
    deliverAfterMs: null,
    deliverBeforeMs: null,
    notifyUrl: null,
    progressNotesRequested: false,
    contentType: "application/octet-stream",
    content: new Uint8Array([0, 1, 127, 128, 255]),
    capabilities: null,
    applicationData: null,
    recipients: to("alice"),
    replace: null,
    ...changes,
  };
}

export function to(...users: string[]): PushSubmission["recipients"] {
  return users.map((user) => ({
    address: `WAPPUSH=${user}/TYPE=USER@ppg.example.com`,
    recipient: `sip:${user}@example.com`,
  }));
}

export const address = (user: string): string => `WAPPUSH=${user}/TYPE=USER@ppg.example.com`;

export const claimAs = (owner: string, nowMs: number = t0, limit = 100) => ({ owner, limit, nowMs, leaseMs: LEASE_MS });

export const leaseOf = ({ id, version, owner }: DeliveryLease): DeliveryLease => ({ id, version, owner });

/** The end of an attempt as the dispatcher would write it. */
export function outcome(claimed: DeliveryLease, changes: Partial<DeliveryAdvance> = {}): DeliveryAdvance {
  return {
    lease: leaseOf(claimed),
    to: "delivered",
    atMs: t0 + 50,
    dueAtMs: null,
    sipStatus: 200,
    papCode: 1000,
    reason: "OK",
    attemptStartedAtMs: t0 + 10,
    ...changes,
  };
}

export const retryLater = (claimed: DeliveryLease, dueAtMs: number): DeliveryAdvance =>
  outcome(claimed, { to: "retry-wait", dueAtMs, sipStatus: 503, papCode: 4001, reason: "Service Unavailable" });

export const retryAbsent = (claimed: DeliveryLease, dueAtMs: number): DeliveryAdvance =>
  outcome(claimed, { to: "retry-wait", dueAtMs, sipStatus: 480, papCode: 5028, reason: "Temporarily Unavailable" });

export const pushIds = (claimed: readonly ClaimedDelivery[]): string[] => claimed.map(({ content }) => content.pushId);
