export type { DeliveryReportEvent } from "./report-events.ts";
export { checkReportOptions, type ReportOptions, type ReportPolicy } from "./report-options.ts";
export type { OwnRequestInit, ReportStats } from "./report-queue.ts";
export { type OwedReport, Reporter } from "./reporter.ts";
