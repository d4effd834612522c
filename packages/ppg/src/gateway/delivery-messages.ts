import type { MessagePort } from "node:worker_threads";
import type { ListenAddress } from "@sip-push/sip";
import type { PpgConfig } from "../config/types.ts";
import type { ErrorForm } from "../error-form.ts";
import type { DeliverySide, RegistrationEvent } from "./delivery-side.ts";
import type { GatewayErrorCode } from "./gateway-error.ts";
import type { HeldForm } from "./held-forms.ts";
import type { LogLine } from "./log-lines.ts";

/* What goes between the thread that takes pushes and the one that delivers them. */

/** What the delivering thread is started with. */
export interface DeliverySettings {
  readonly config: PpgConfig;
  readonly owner: string;
  /** Of `Places`. */
  readonly places: SharedArrayBuffer;
}

/** What is answered, by name. */
export interface DeliveryCalls {
  readonly capabilitiesOf: DeliverySide["capabilitiesOf"];
  readonly stats: DeliverySide["stats"];
  readonly stop: (graceMs: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export type DeliveryCall = {
  [Name in keyof DeliveryCalls]: {
    readonly call: Name;
    readonly number: number;
    readonly args: Parameters<DeliveryCalls[Name]>;
  };
}[keyof DeliveryCalls];

/** `tell`: to be done without an answer; `submitted`: nothing more is handed over. `link`: to the thread that has the database. */
export type DeliveryRequest =
  | DeliveryCall
  | { readonly tell: "start" | "submitted" }
  | { readonly take: readonly HeldForm[] }
  | { readonly link: MessagePort }
  | { readonly link: null; readonly error: ErrorForm };

/**
 * `opened`, or `failed` with why not, comes once. `told`: what happened (`PpgEvent[]` as JSON: half the work of cloning) and what is
 * to be logged. `wantsLink`: to the thread that has the database, once for each.
 */
export type DeliveryReply =
  | { readonly reply: "opened"; readonly listening: readonly ListenAddress[] }
  | { readonly reply: "failed"; readonly error: OpenFailure }
  | { readonly reply: "answer"; readonly number: number; readonly value: unknown }
  | { readonly reply: "refusal"; readonly number: number; readonly error: ErrorForm }
  | { readonly reply: "told"; readonly events: string; readonly lines: readonly LogLine[] }
  | { readonly reply: "registration"; readonly event: RegistrationEvent }
  | { readonly reply: "wantsLink" };

/** `code`, with `retryable`, is of a `GatewayError`; null: a mistake of ours. */
export interface OpenFailure {
  readonly code: GatewayErrorCode | null;
  readonly retryable: boolean;
  readonly error: ErrorForm;
}
