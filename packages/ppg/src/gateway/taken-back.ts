import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";

/** Tells of deliveries that a call of this node has ended because their initiator took them back. */
export function tellTakenBack(store: PpgStore, observe: PpgObserver): void {
  store.onTakenBack((taken) => {
    for (const each of taken) observe({ event: "state", to: "cancelled", ...each });
  });
}
