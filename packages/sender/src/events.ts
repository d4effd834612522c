import type { NotifierReport, RegistrationEventReport } from "@sip-push/sip";
import type { HandsetContact, RegistrationNews } from "./registrations/index.ts";

/** What happens at a sender besides deliveries. */
export type SenderEvent =
  /** A handset subscribed to pushes, refreshed that, or its subscription ended. `applications`: short names. */
  | {
      readonly event: "subscribed" | "subscription-ended";
      readonly subscriber: string;
      readonly applications: readonly string[];
      /** Of the end: of Subscription-State, or `failed` when a NOTIFY ended it; null for the beginning. */
      readonly reason: string | null;
    }
  /**
   * Handsets are registered, as the registrar says; `contacts` is null where it does not tell them. How a push notification service
   * reaches one (`pn`, RFC 8599) is a secret, never to be logged.
   */
  | {
      readonly event: "handset-registered";
      readonly aor: string;
      readonly contacts: readonly HandsetContact[] | null;
    }
  | { readonly event: "handset-unregistered"; readonly aor: string }
  /** The sender's own registration, with the option `register`. */
  | { readonly event: "registered"; readonly contact: string; readonly expiresSeconds: number }
  | { readonly event: "registration-failed"; readonly sipStatus: number | null; readonly reason: string };

/** Undefined for what is no news: a refresh, and NOTIFYs whose outcome is told elsewhere. */
export function subscriptionEvent(report: NotifierReport, applications: readonly string[]): SenderEvent | undefined {
  const { subscriber } = report.subscription;
  if (report.kind === "ended") return { event: "subscription-ended", subscriber, applications, reason: report.reason };
  if (report.kind !== "created" && report.kind !== "restored") return undefined;
  return { event: "subscribed", subscriber, applications, reason: null };
}

export function newsEvent(news: RegistrationNews): SenderEvent {
  const { kind, aor } = news;
  if (kind === "unregistered") return { event: "handset-unregistered", aor };
  return { event: "handset-registered", aor, contacts: news.contacts };
}

/** Undefined for the end, which was asked for. */
export function registrationEvent(report: RegistrationEventReport): SenderEvent | undefined {
  if (report.kind === "ended") return undefined;
  if (report.kind === "registered") {
    return { event: "registered", contact: report.contact, expiresSeconds: report.expiresSeconds };
  }
  const { sipStatus, reason } = report;
  return { event: "registration-failed", sipStatus, reason };
}
