export { reportMediaTypes } from "./read-reports.ts";
export { ReportDesk, type ReportDeskOptions } from "./report-desk.ts";
export type {
  BookedReport,
  DeliveryReport,
  ExpectedReport,
  IgnoredReport,
  ProcessingStatus,
  ReportBook,
  ReportPolicy,
  ReportRequest,
  ReportResult,
  ReportStats,
} from "./types.ts";
