import type { RefusedEvent } from "../events.ts";
import type { DeliveryReportEvent, ReportStats } from "../reports/index.ts";

/** What happens to a fleet besides pushes. */
export type FleetEvent =
  /** `addresses`: where it takes requests, `udp:127.0.0.1:5060`. */
  | { readonly event: "listening"; readonly addresses: readonly string[] }
  /** All handsets are registered; said again when some were not meanwhile. */
  | { readonly event: "registered"; readonly count: number }
  | {
      readonly event: "registration-failed";
      readonly aor: string;
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | { readonly event: "unregistered"; readonly count: number }
  /** `aor`: the handset that refused it, null when it was for none of the fleet. */
  | (RefusedEvent & { readonly aor: string | null })
  | DeliveryReportEvent;

/** What all handsets of a fleet have seen. */
export interface FleetStats {
  readonly count: number;
  /** Handsets that can be reached, as far as they know. */
  readonly registered: number;
  /** REGISTERs that were refused or not answered. */
  readonly registrationFailures: number;
  /** Pushes that were handed over and answered with success. */
  readonly pushes: number;
  /** By application; those without one are under `""`. */
  readonly byApplication: Readonly<Record<string, number>>;
  /** Requests that came again and were answered like the first, without being handed over. */
  readonly repeats: number;
  /** Pushes that the application of a handset got although it had got them before. */
  readonly duplicates: number;
  /** Pushes for nobody of the fleet (404), or which came to another handset than the one in their To. */
  readonly wrongRecipient: number;
  /** Pushes that a handset refused. */
  readonly rejected: number;
  readonly reports: ReportStats;
}
