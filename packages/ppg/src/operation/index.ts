export { Health } from "./health.ts";
export { Housekeeping } from "./housekeeping.ts";
export { type MetricsText, PpgMetrics } from "./metrics.ts";
export { PpgTraces } from "./traces.ts";
