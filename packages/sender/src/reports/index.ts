export { reportMediaTypes } from "./read-reports.ts";
export { ReportDesk, type ReportDeskOptions } from "./report-desk.ts";
export type {
  DeliveryReport,
  ExpectedReport,
  IgnoredReport,
  ProcessingStatus,
  ReportPolicy,
  ReportRequest,
  ReportResult,
  ReportStats,
} from "./types.ts";
