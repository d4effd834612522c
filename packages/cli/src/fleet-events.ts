import type { FleetEvent, FleetStats } from "@sip-push/receiver";
import { type Io, printJson } from "./io.ts";
import { printable } from "./text.ts";

/** What a fleet tells besides its pushes, for people. */
function fleetEventToText(event: FleetEvent): string {
  switch (event.event) {
    case "listening":
      return `listening on ${event.addresses.join(", ")}`;
    case "registered":
      return `registered ${event.count} handsets`;
    case "registration-failed": {
      const { aor, sipStatus, reason, retryInMs } = event;
      return `could not register ${aor}: ${sipStatus ?? "no answer"} ${reason}; again in ${Math.round(retryInMs / 1000)} s`;
    }
    case "unregistered":
      return `unregistered ${event.count} handsets`;
    case "refused":
      return `${event.aor ?? "nobody"} refused a push from ${event.from}: ${event.sipStatus} ${event.reason}`;
    case "report-sent":
      return `report of ${event.messageId} to ${event.to}, ${event.disposition}: ${event.outcome}, ${event.reason}`;
    default:
      return event satisfies never;
  }
}

/** The counters of a fleet on one line. */
function fleetStatsToText(stats: FleetStats): string {
  const { count, registered, pushes, repeats, duplicates, wrongRecipient, rejected, reports, byApplication } = stats;
  const parts = [
    `${registered} of ${count} registered`,
    `${pushes} pushes${applicationsOf(byApplication)}`,
    `${repeats} repeats`,
    `${duplicates} duplicates`,
    `${wrongRecipient} for others`,
    `${rejected} rejected`,
    `${reports.sent} reports`,
  ];
  return parts.join(", ");
}

function applicationsOf(byApplication: FleetStats["byApplication"]): string {
  const named = Object.entries(byApplication).map(([id, pushes]) => `${id || "no application"} ${pushes}`);
  return named.length < 2 ? "" : ` (${named.join(", ")})`;
}

/** A line a second at most: a thousand handsets fail as one. */
const FAILURE_LINE_MS = 1000;

/** Prints what a fleet tells. */
export class FleetPrinter {
  readonly #io: Io;
  readonly #json: boolean;
  readonly #each: boolean;
  readonly #nowMs: () => number;
  #failureMs = Number.NEGATIVE_INFINITY;

  /** @param each whether what concerns one push is printed. */
  constructor(
    io: Io,
    { json, each }: { readonly json: boolean; readonly each: boolean },
    nowMs: () => number = () => performance.now(),
  ) {
    this.#io = io;
    this.#json = json;
    this.#each = each;
    this.#nowMs = nowMs;
  }

  event(event: FleetEvent): void {
    if ((event.event === "refused" || event.event === "report-sent") && !this.#each) return;
    if (event.event === "registration-failed" && !this.#isFailureDue()) return;
    if (event.event === "refused") this.#io.stderr.write(`${printable(fleetEventToText(event))}\n`);
    else this.#print(event, fleetEventToText(event));
  }

  stats(stats: FleetStats): void {
    this.#print({ event: "stats", ...stats }, fleetStatsToText(stats));
  }

  #print(json: object, text: string): void {
    if (this.#json) printJson(this.#io, json);
    else this.#io.stdout.write(`${printable(text)}\n`);
  }

  #isFailureDue(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs - this.#failureMs < FAILURE_LINE_MS) return false;
    this.#failureMs = nowMs;
    return true;
  }
}
