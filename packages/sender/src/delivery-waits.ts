import type { DeliveryState } from "./delivery.machine.ts";
import { Absence } from "./delivery-absence.ts";
import type { DeliveryContext, DeliveryJob } from "./delivery-job.ts";
import type { DeliveryReport, ReportEnd } from "./delivery-report.ts";
import { pause } from "./pause.ts";
import type { Result } from "./result.ts";

/** States in which no request is under way, and something is waited for. */
export type WaitingState = Exclude<DeliveryState, "queued" | "sending" | "done">;

/** How a wait ended; of `reported` with what, of `overdue` perhaps why, for people. */
export type WaitEnd =
  | { readonly event: "due" | "abort" | "close" }
  | { readonly event: "overdue"; readonly reason: string }
  | { readonly event: "reported"; readonly as: Exclude<ReportEnd, "abort" | "close"> };

/** What a wait needs to know of the delivery. */
export interface WaitFacts {
  /** Of `waiting`. */
  readonly waitMs: number;
  /** Of `offline`. */
  readonly offlineMs: number;
  /** Clock at the last attempt. */
  readonly sinceMs: number;
  /** Number of the last subscription then. */
  readonly afterSubscription: number;
  /** Of what is offered. */
  readonly applicationId: string | null;
  readonly last: Result | undefined;
}

/** The waits of one push. Each leaves no timer and no listener. */
export class DeliveryWaits {
  readonly #context: DeliveryContext;
  readonly #job: DeliveryJob;
  readonly #report: DeliveryReport | undefined;
  readonly #absence: Absence;

  constructor(context: DeliveryContext, job: DeliveryJob, report: DeliveryReport | undefined) {
    this.#context = context;
    this.#job = job;
    this.#report = report;
    this.#absence = new Absence(context.services, job.via);
  }

  /** Whether the result says that the handset is not there. */
  isAbsent(result: Result): boolean {
    return this.#absence.explains(result);
  }

  async until(state: WaitingState, facts: WaitFacts): Promise<WaitEnd> {
    if (state === "reporting") return this.#reported(facts.last);
    // While it waits to be sent again, a report may say that it need not.
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    const { signal } = this.#job;
    signal?.addEventListener("abort", abort, { once: true });
    const stopListening = this.#report?.whenDelivered(abort);
    if (signal?.aborted) abort();
    const end = await this.#to(state, facts, stop.signal);
    signal?.removeEventListener("abort", abort);
    stopListening?.();
    return end.event === "abort" && signal?.aborted !== true ? { event: "reported", as: "delivered" } : end;
  }

  async #to(state: Exclude<WaitingState, "reporting">, facts: WaitFacts, signal: AbortSignal): Promise<WaitEnd> {
    const { clock, closing, services } = this.#context;
    const { recipient, push } = this.#job;
    switch (state) {
      case "asking": {
        const { questions } = services;
        if (questions === undefined) return { event: "due" };
        const until = questions.ask(recipient.requestUri, push.applicationId);
        return { event: await pause(clock, questions.waitMs, { signal, closing, until }) };
      }
      case "waiting":
        return { event: await pause(clock, facts.waitMs, { signal, closing }) };
      case "offline": {
        const { offlineMs: waitMs, ...rest } = facts;
        return this.#absence.end({ ...rest, recipient: recipient.requestUri, waitMs, signal });
      }
      default:
        return state satisfies never;
    }
  }

  async #reported(last: Result | undefined): Promise<WaitEnd> {
    const end = (await this.#report?.end()) ?? "missing";
    if (end === "abort") return { event: end };
    if (end !== "missing" && end !== "close") return { event: "reported", as: end };
    // A relay that took it said no more than that, and that stands; a handset that took it was asked for more.
    const stands = last?.response?.statusCode === 202 || this.#report?.tellsSuccess === false;
    if (!stands) return { event: "reported", as: "missing" };
    return end === "close" ? { event: end } : { event: "overdue", reason: "no delivery report came" };
  }
}
