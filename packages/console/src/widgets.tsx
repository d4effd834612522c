import type { ComponentChildren, JSX } from "preact";
import type { DeliveryState } from "./api.d.ts";

const stateWords: Readonly<Record<DeliveryState, string>> = {
  pending: "pending",
  sending: "sending",
  "waiting-report": "waiting for report",
  "retry-wait": "waiting to retry",
  delivered: "delivered",
  undeliverable: "undeliverable",
  expired: "expired",
  aborted: "aborted",
  timeout: "timeout",
  cancelled: "cancelled",
  rejected: "rejected",
  unknown: "unknown",
};

/** All states, in the order of a delivery's life. */
export const states = Object.keys(stateWords) as DeliveryState[];
const liveStates: readonly DeliveryState[] = ["pending", "sending", "waiting-report", "retry-wait"];

export const isLive = (state: DeliveryState): boolean => liveStates.includes(state);
export const wordsOf = (state: DeliveryState): string => stateWords[state];

export function Pill({ state }: { readonly state: DeliveryState }): JSX.Element {
  return <span class={`pill ${state}`}>{stateWords[state]}</span>;
}

const sameDay = (a: Date, b: Date): boolean => a.toDateString() === b.toDateString();
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** A time in the reader's own zone; UTC on hover. */
export function Time({ atMs, withMs }: { readonly atMs: number; readonly withMs?: boolean }): JSX.Element {
  const date = new Date(atMs);
  const fraction = withMs === true ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "";
  const time = clock.format(date).replace(/(\d)(?!.*\d)/, `$1${fraction}`);
  const text = sameDay(date, new Date()) ? time : `${day.format(date)}, ${time}`;
  return (
    <time dateTime={date.toISOString()} title={`${date.toISOString().replace("T", " ").replace("Z", "")} UTC`}>
      {text}
    </time>
  );
}

/** PAP code with its words. */
export function PapCode({ code, text }: { readonly code: number; readonly text: string }): JSX.Element {
  return (
    <>
      <span class="number">{code}</span> {text}
    </>
  );
}

/** Something that went wrong, announced. */
export function Problem({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <p class="problem" role="alert">
      {children}
    </p>
  );
}

/** What ties an input to its label, its hint, and what is wrong with it. */
export interface FieldAttributes {
  readonly id: string;
  readonly name: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: boolean;
}

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
  /** What is wrong with it. */
  readonly problem?: string | undefined;
  readonly children: (attributes: FieldAttributes) => JSX.Element;
}

/** A form field with its label, and beside it what is wrong with it. */
export function Field({ label, name, hint, problem, children }: FieldProps): JSX.Element {
  const id = `field-${name.replaceAll(".", "-")}`;
  const described = [hint === undefined ? "" : `${id}-hint`, problem === undefined ? "" : `${id}-problem`];
  const describedBy = described.filter((each) => each !== "").join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        name,
        ...(describedBy === "" ? {} : { "aria-describedby": describedBy }),
        ...(problem === undefined ? {} : { "aria-invalid": true }),
      })}
      {hint !== undefined && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
      {problem !== undefined && (
        <small id={`${id}-problem`} class="problem" role="alert">
          {problem}
        </small>
      )}
    </div>
  );
}
