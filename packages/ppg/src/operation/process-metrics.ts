import { collectDefaultMetrics, Registry } from "prom-client";

let registry: Registry | undefined;

/** CPU, memory, event loop lag, garbage collection: of the process, so that gateways in one process share them. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry, prefix: "ppg_" });
  }
  return registry;
}
