import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { DeliveryTimelineView, DeliveryView, NotificationView, TimelineView } from "./api.d.ts";
import { duration } from "./duration.ts";
import { useFetched } from "./fetched.ts";
import { useRepeated } from "./live.ts";
import { isLive, PapCode, Pill, Problem, Time } from "./widgets.tsx";

const POLL_MS = 4_000;

interface TimelineProps {
  readonly delivery: DeliveryView;
  readonly acceptedAtMs: number;
}

/** What happened to one delivery, oldest first, and what comes next. */
export function Timeline({ delivery, acceptedAtMs }: TimelineProps): JSX.Element {
  const timeline = useFetched<DeliveryTimelineView>(`deliveries/${delivery.id}/timeline`);
  const { refetch, data } = timeline;
  const notification = data?.notification ?? null;
  const settled = !isLive(delivery.state) && notification?.settledAtMs !== null;
  useEffect(() => void refetch(), [delivery.state, delivery.attempts, delivery.atMs, refetch]);
  useRepeated(!settled, POLL_MS, refetch);
  const entries = data?.entries ?? [];
  return (
    <>
      {timeline.problem !== undefined && <Problem>{timeline.problem}</Problem>}
      <ol class="timeline">
        <Step atMs={acceptedAtMs}>
          <strong>Accepted</strong>
        </Step>
        {entries.map((entry, index) => (
          <Entry key={entry.atMs + entry.state} entries={entries} index={index} acceptedAtMs={acceptedAtMs} />
        ))}
        {delivery.dueAtMs !== null && (
          <Step atMs={delivery.dueAtMs} isAhead>
            {nextWords[delivery.state] ?? "goes on"}
          </Step>
        )}
        {notification !== null && <Told notification={notification} acceptedAtMs={acceptedAtMs} />}
      </ol>
    </>
  );
}

interface StepProps {
  readonly atMs: number | null;
  readonly sinceMs?: number;
  /** It has not happened yet. */
  readonly isAhead?: boolean;
  readonly children: ComponentChildren;
}

function Step({ atMs, sinceMs, isAhead, children }: StepProps): JSX.Element {
  return (
    <li class={isAhead === true ? "ahead" : undefined}>
      <span class="when">
        {atMs !== null && <Time atMs={atMs} withMs={isAhead !== true} />}
        {sinceMs !== undefined && <small class="quiet"> +{duration(Math.max(0, sinceMs))}</small>}
      </span>
      <span>{children}</span>
    </li>
  );
}

const nextWords: Partial<Record<DeliveryView["state"], string>> = {
  pending: "first attempt",
  "retry-wait": "next attempt, or earlier when the handset registers",
  "waiting-report": "the delivery report is overdue then",
};

interface EntryProps {
  readonly entries: readonly TimelineView[];
  readonly index: number;
  readonly acceptedAtMs: number;
}

/** Of what neither an attempt nor a report did. */
const stateTitles: Partial<Record<DeliveryView["state"], string>> = { rejected: "Rejected", cancelled: "Taken back" };

/** What an entry is about, in words. */
function titleOf(entry: TimelineView, before: readonly TimelineView[]): string {
  if (entry.attemptMs !== null) return `Attempt ${before.filter(({ attemptMs }) => attemptMs !== null).length + 1}`;
  if (entry.report !== null) return entry.report === "came" ? "Delivery report" : "No delivery report";
  return stateTitles[entry.state] ?? "Gateway";
}

function Entry({ entries, index, acceptedAtMs }: EntryProps): JSX.Element | null {
  const entry = entries[index];
  if (entry === undefined) return null;
  return (
    <Step atMs={entry.atMs} sinceMs={entry.atMs - acceptedAtMs}>
      <strong>{titleOf(entry, entries.slice(0, index))}</strong> <Pill state={entry.state} />{" "}
      {entry.sipStatus !== null && entry.attemptMs !== null && <span class="number">SIP {entry.sipStatus} </span>}
      {entry.attemptMs !== null && <span class="quiet">in {duration(entry.attemptMs)} </span>}
      <br />
      <PapCode code={entry.papCode} text={entry.papText} />
      {entry.reason !== "" && entry.reason !== entry.papText && <span class="quiet">: {entry.reason}</span>}
      {entry.node !== null && <span class="quiet"> ({entry.node})</span>}
    </Step>
  );
}

const toldWords: Readonly<Record<NotificationView["state"], string>> = {
  queued: "Result waits to be told",
  retry: "Result not taken yet",
  accepted: "Result told to the initiator",
  abandoned: "Result not taken, given up",
};

interface ToldProps {
  readonly notification: NotificationView;
  readonly acceptedAtMs: number;
}

function Told({ notification, acceptedAtMs }: ToldProps): JSX.Element {
  const { state, attempts, nextAtMs, settledAtMs } = notification;
  const since = settledAtMs === null ? {} : { sinceMs: settledAtMs - acceptedAtMs };
  return (
    <Step atMs={settledAtMs ?? nextAtMs} isAhead={settledAtMs === null} {...since}>
      <strong>{toldWords[state]}</strong>
      {attempts > 0 && <span class="quiet">, {attempts === 1 ? "1 attempt" : `${attempts} attempts`}</span>}
    </Step>
  );
}
