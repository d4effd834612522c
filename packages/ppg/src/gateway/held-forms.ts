import { heldOf } from "../store/holding.ts";
import { packer } from "../store/packing.ts";
import type { ClaimedDelivery, StoredPush } from "../store/types.ts";

/** A delivery that was claimed as it was submitted, as it goes between threads: without the names of its members. */
export type HeldForm = readonly [
  id: number,
  owner: string,
  callId: string,
  dueAtMs: number | null,
  address: string,
  recipient: string,
  push: number,
  acceptedAtMs: number,
  initiator: string,
  pushId: string,
  priority: StoredPush["priority"],
  deliveryMethod: StoredPush["deliveryMethod"],
  deliverAfterMs: number | null,
  deliverBeforeMs: number | null,
  notifyUrl: string | null,
  progressNotesRequested: boolean,
  contentType: string,
  content: Uint8Array,
  capabilities: Uint8Array | null,
  applicationData: StoredPush["applicationData"],
];

export function heldForms(deliveries: readonly ClaimedDelivery[]): HeldForm[] {
  const pack = packer(deliveries.map(({ content }) => [content.content, content.capabilities]));
  return deliveries.map(({ id, owner, callId, dueAtMs, address, recipient, content: push }) => [
    ...([id, owner, callId, dueAtMs, address, recipient] as const),
    ...([push.id, push.acceptedAtMs, push.initiator, push.pushId, push.priority, push.deliveryMethod] as const),
    ...([push.deliverAfterMs, push.deliverBeforeMs, push.notifyUrl, push.progressNotesRequested] as const),
    ...([push.contentType, pack(push.content)] as const),
    push.capabilities === null ? null : pack(push.capabilities),
    push.applicationData,
  ]);
}

export function heldFrom(forms: readonly HeldForm[]): ClaimedDelivery[] {
  return forms.map((form) => {
    const [id, owner, callId, dueAtMs, address, recipient, push, acceptedAtMs, initiator, pushId] = form;
    const [, , , , , , , , , , priority, deliveryMethod, deliverAfterMs, deliverBeforeMs, notifyUrl] = form;
    const [, , , , , , , , , , , , , , , progressNotesRequested, contentType, content, capabilities, data] = form;
    const stored: StoredPush = {
      ...{ id: push, acceptedAtMs, initiator, pushId, priority, deliveryMethod, deliverAfterMs, deliverBeforeMs },
      ...{ notifyUrl, progressNotesRequested, contentType, content, capabilities, applicationData: data },
    };
    return heldOf({ id, owner, callId, dueAtMs, address, recipient }, stored);
  });
}
