import type { ReceiverEvent } from "@sip-push/receiver";

type EventName = ReceiverEvent["event"];
type EventOf<Name extends EventName> = Extract<ReceiverEvent, { readonly event: Name }>;

/** How an event reads: as JSON, null for what the command line contract has not, and for people. */
type Forms<Name extends EventName> = readonly [
  toJson: ((event: EventOf<Name>) => object) | null,
  toText: (event: EventOf<Name>) => string,
];

const answer = ({ sipStatus, reason }: { readonly sipStatus: number | null; readonly reason: string }): string =>
  sipStatus === null ? reason : `${sipStatus} ${reason}`;

const retry = (retryInMs: number | null): string =>
  retryInMs === null ? "" : `; trying again in ${(retryInMs / 1000).toFixed(1)} s`;

const forms: { readonly [Name in EventName]: Forms<Name> } = {
  listening: [({ uri }) => ({ uri }), ({ uri }) => `listening as ${uri}; Ctrl-C ends it`],
  registered: [
    ({ aor, expiresSeconds }) => ({ aor, expiresSeconds }),
    ({ aor, expiresSeconds }) => `registered ${aor} for ${expiresSeconds} s`,
  ],
  "registration-failed": [
    ({ sipStatus, reason }) => ({ sipStatus, reason }),
    (event) => `could not register ${event.aor}: ${answer(event)}${retry(event.retryInMs)}`,
  ],
  unregistered: [null, ({ aor }) => `unregistered ${aor}`],
  subscribed: [
    ({ to, applicationId, expiresSeconds }) => ({ to, applicationId, expiresSeconds }),
    ({ to, applicationId, expiresSeconds }) => `subscribed to ${applicationId} of ${to} for ${expiresSeconds} s`,
  ],
  "subscription-ended": [
    ({ to, applications, reason, retryInMs }) => ({ to, applications, reason, retryInMs }),
    ({ to, reason, retryInMs }) => `the subscription to ${to} ended: ${reason ?? "no reason given"}${retry(retryInMs)}`,
  ],
  "subscription-failed": [
    ({ to, applications, sipStatus, reason, retryInMs }) => ({ to, applications, sipStatus, reason, retryInMs }),
    (event) => `could not subscribe to ${event.to}: ${answer(event)}${retry(event.retryInMs)}`,
  ],
  published: [
    ({ to, operation, expiresSeconds }) => ({ to, operation, expiresSeconds }),
    ({ to, operation, expiresSeconds }) => `published to ${to} (${operation}) for ${expiresSeconds} s`,
  ],
  "publication-failed": [
    ({ to, sipStatus, reason, retryInMs }) => ({ to, sipStatus, reason, retryInMs }),
    (event) => `could not publish to ${event.to}: ${answer(event)}${retry(event.retryInMs)}`,
  ],
  referred: [
    ({ from, assertedIdentity, target, applications, sipStatus, reason }) => ({
      ...{ from, assertedIdentity, target, applications, sipStatus, reason },
    }),
    ({ from, target, applications, sipStatus, reason }) =>
      `${from} refers to ${target ?? "nothing"} for ${applications.join(", ") || "no application"}: ${sipStatus} ${reason ?? "accepted"}`,
  ],
  "report-sent": [
    ({ to, messageId, disposition, outcome, sipStatus, reason }) => ({
      ...{ to, messageId, disposition, outcome, sipStatus, reason },
    }),
    (event) => `report of ${event.messageId} to ${event.to}, ${event.disposition}: ${event.outcome}, ${answer(event)}`,
  ],
  refused: [null, ({ from, sipStatus, reason }) => `refused a push from ${from}: ${sipStatus} ${reason}`],
};

/** What `receive --json` prints; undefined for what it does not. */
export function receiverEventToJson(event: ReceiverEvent): object | undefined {
  const [toJson] = forms[event.event] as Forms<EventName>;
  return toJson === null ? undefined : { event: event.event, ...toJson(event) };
}

/** One line for people; text of peers is as it came. */
export function receiverEventToText(event: ReceiverEvent): string {
  const [, toText] = forms[event.event] as Forms<EventName>;
  return toText(event);
}
