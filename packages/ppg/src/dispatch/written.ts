import { printable } from "../store/advance-rules.ts";
import type { DeliveryAdvance, TimelineEntry } from "../store/types.ts";

/** Whether a change of a delivery, the answer to which was lost, was committed: then the timeline has it. */
export function isWritten({ lease, to, atMs, reason }: DeliveryAdvance, timeline: readonly TimelineEntry[]): boolean {
  const entry = timeline.find(({ version }) => version === lease.version + 1);
  return (
    entry?.owner === lease.owner && entry.state === to && entry.atMs === atMs && entry.reason === printable(reason)
  );
}
