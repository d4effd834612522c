import { papCodeClassOf } from "@sip-push/pap";
import { type Clock, systemClock } from "@sip-push/sip";
import { Registry } from "prom-client";
import { finalStates, isFinal } from "../delivery/delivery.machine.ts";
import type { PpgEvent, PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";
import { type GaugeSources, registerGauges } from "./gauges.ts";
import { type Meters, makeMeters } from "./meters.ts";
import { processMetrics } from "./process-metrics.ts";

export interface PpgMetricsOptions {
  readonly store: Pick<PpgStore, "countByState">;
  readonly sources: GaugeSources;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

/** What a scrape gets. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** The elements of PAP requests, which come in as text: a label must have few values. */
const operations: ReadonlySet<string> = new Set([
  "push-message",
  "cancel-message",
  "statusquery-message",
  "ccq-message",
  "resultnotification-message",
  "bad-message",
]);

/** The gateway's metrics in a registry of its own. All labels have few values: never a push-id, a recipient or a URL. */
export class PpgMetrics {
  readonly #registry = new Registry();
  readonly #meters: Meters;

  constructor({ store, sources, clock = systemClock }: PpgMetricsOptions) {
    this.#meters = makeMeters(this.#registry);
    // A rate sees a first event only where there was a 0 before.
    for (const state of finalStates) this.#meters.finished.add(0, state);
    for (const verdict of ["accepted", "retry", "abandoned"]) this.#meters.notifications.add(0, verdict);
    registerGauges(this.#registry, store, sources, clock);
  }

  /** Counts an event; bound, so that it can be given away. Costs half a microsecond. */
  readonly observe: PpgObserver = (event) => count(this.#meters, event);

  /** Everything in the text format of Prometheus, the process included. */
  async text(): Promise<MetricsText> {
    const texts = await Promise.all([this.#registry.metrics(), processMetrics().metrics()]);
    return { contentType: this.#registry.contentType, body: texts.join("\n") };
  }

  /** Names of all metrics. */
  names(): string[] {
    return [this.#registry, processMetrics()].flatMap((registry) =>
      registry.getMetricsAsArray().map(({ name }) => name),
    );
  }
}

function count(meters: Meters, event: PpgEvent): void {
  switch (event.event) {
    case "accepted":
      meters.operations.add(1, "push-message", "success");
      meters.accepted.add(1, event.initiator);
      meters.recipients.add(event.recipients);
      meters.acceptSeconds.observe(event.elapsedMs / 1_000);
      return;
    case "answered":
      meters.operations.add(
        1,
        operations.has(event.operation) ? event.operation : "other",
        (papCodeClassOf(event.papCode) ?? "other").replace(" ", "_"),
      );
      return;
    case "attempt":
      meters.attempts.add(1, statusLabel(event.sipStatus), event.via ?? "none");
      meters.attemptSeconds.observe(secondsBetween(event.startedAtMs, event.atMs));
      return;
    case "state":
      if (!isFinal(event.to)) return;
      meters.finished.add(1, event.to);
      if (event.to === "delivered") meters.deliverySeconds.observe(secondsBetween(event.acceptedAtMs, event.atMs));
      return;
    case "notified":
      meters.notifications.add(1, event.verdict);
      meters.notifySeconds.observe(event.elapsedMs / 1_000);
      return;
    case "breaker":
      meters.breakerChanges.add(1, event.phase);
  }
}

/** Of 600 possible values a core sends a dozen; what is none is one. */
function statusLabel(sipStatus: number | null): string {
  if (sipStatus === null) return "none";
  return sipStatus >= 100 && sipStatus < 700 ? String(sipStatus) : "other";
}

/** Clocks may be set back. */
function secondsBetween(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1_000;
}
