import type { Logger } from "@sip-push/sip";
import { isFinal } from "../delivery/delivery.machine.ts";
import type { PpgObserver } from "../events.ts";

/** One `info` line for each delivery that comes to an end; all else is told by those who do it. */
export function outcomeLog(logger: Logger): PpgObserver {
  return (event) => {
    if (event.event !== "state" || !isFinal(event.to)) return;
    const { pushId, initiator, recipient, to: messageState, papCode, sipStatus, reason, atMs, acceptedAtMs } = event;
    const elapsedMs = atMs - acceptedAtMs;
    logger.info({ pushId, initiator, recipient, messageState, papCode, sipStatus, reason, elapsedMs }, "push ended");
  };
}
