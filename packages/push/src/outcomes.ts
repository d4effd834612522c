import type { NotifyFailureCode } from "@sip-push/sip";
import { type MessageState, type PapCode, papCodes } from "./pap-codes.ts";

/**
 * What a Push Sender agent does about an outcome before it reports it; the state is what it reports when that led nowhere.
 *
 * - `finish`: nothing; `waitForReport`: a relay took it, a delivery report may come.
 * - `follow`: try the Contacts of a 3xx, five at most. `authenticate`: once, with credentials.
 * - `reOffer`: another representation that the Accept fields of the answer allow. `dropOption`: without the option tags that
 *   the answer calls unsupported. `raiseExpires`: again, with the Min-Expires asked for.
 * - `sendLarge`: over MSRP or by reference. `otherMethod`: by another method, once. `removeSubscription`, `fallBackToMessage`:
 *   for a NOTIFY.
 * - `retry`: later, after Retry-After or a back-off. `nextTarget`: the next target of RFC 3263 at once, then as `retry`.
 * - `reconnect`: once, on a new MSRP session.
 */
export type DeliveryAction =
  | "finish"
  | "waitForReport"
  | "follow"
  | "authenticate"
  | "reOffer"
  | "dropOption"
  | "raiseExpires"
  | "sendLarge"
  | "otherMethod"
  | "removeSubscription"
  | "fallBackToMessage"
  | "retry"
  | "nextTarget"
  | "reconnect";

/** Disposition of an IMDN. RFC 5438 §7.2. */
export type ImdnDisposition = "delivered" | "failed" | "forbidden" | "error";

/**
 * What ended an attempt: a SIP status code, a reason why there is no response, an IMDN or `missing` when the one asked for did
 * not come in time, or over MSRP (RFC 4975) a status code, `complete` when all chunks and the report are there, or `timeout`
 * when a chunk got no answer in 30 seconds.
 */
export type DeliveryResult =
  | number
  | NotifyFailureCode
  | `imdn ${ImdnDisposition | "missing"}`
  | `msrp ${number | "complete" | "timeout"}`;

/** What else the row depends on. */
export interface ResultFacts {
  /** The response refuses the Content-Type, and not something else about the request. */
  readonly contentTypeRefused?: boolean;
  /** The request required option tags (Require, Proxy-Require). */
  readonly optionRequired?: boolean;
  /** We asked for the end ourselves (CANCEL). */
  readonly cancelled?: boolean;
  /** The local failure says that a later try may do better. */
  readonly failureRetryable?: boolean;
}

/** One row of {@link outcomeTable}. */
export interface OutcomeRow {
  readonly on: readonly DeliveryResult[];
  /** The row counts only when this fact holds; rows with a condition stand before the one without. */
  readonly when?: keyof ResultFacts;
  readonly messageState: MessageState;
  readonly papCode: PapCode;
  readonly action: DeliveryAction;
}

const pap = papCodes;

/**
 * SIP result -> PAP message-state and code, and what the sender does first. OMA does not publish its own table; these rows
 * follow the meanings of RFC 3261 §21, RFC 3428 §4 and §7, RFC 6665, RFC 5438, RFC 4975 §10 and PAP 2.x. The answers of
 * our receiver are chosen to read well here.
 */
export const outcomeTable: readonly OutcomeRow[] = [
  { on: [200], messageState: "delivered", papCode: pap.ok, action: "finish" },
  { on: [202], messageState: "pending", papCode: pap.acceptedForProcessing, action: "waitForReport" },
  { on: [300], messageState: "undeliverable", papCode: pap.addressNotFound, action: "follow" },
  { on: [400], messageState: "undeliverable", papCode: pap.internalServerError, action: "finish" },
  { on: [401, 407], messageState: "undeliverable", papCode: pap.internalServerError, action: "authenticate" },
  { on: [403], messageState: "undeliverable", papCode: pap.forbidden, action: "finish" },
  { on: [404, 410, 604], messageState: "undeliverable", papCode: pap.addressNotFound, action: "finish" },
  { on: [414, 416, 484, 485], messageState: "undeliverable", papCode: pap.addressError, action: "finish" },
  {
    on: [405, 501],
    messageState: "undeliverable",
    papCode: pap.specifiedDeliveryMethodNotPossible,
    action: "otherMethod",
  },
  {
    on: [415],
    when: "contentTypeRefused",
    messageState: "aborted",
    papCode: pap.contentTypeNotProcessed,
    action: "reOffer",
  },
  { on: [415], messageState: "undeliverable", papCode: pap.capabilitiesMismatch, action: "reOffer" },
  {
    on: [406, 488, 606],
    when: "contentTypeRefused",
    messageState: "aborted",
    papCode: pap.contentTypeNotProcessed,
    action: "finish",
  },
  { on: [406, 488, 606], messageState: "undeliverable", papCode: pap.capabilitiesMismatch, action: "finish" },
  { on: [413, 513], messageState: "undeliverable", papCode: pap.requiredCapabilitiesNotSupported, action: "sendLarge" },
  {
    on: [420],
    when: "optionRequired",
    messageState: "undeliverable",
    papCode: pap.requiredCapabilitiesNotSupported,
    action: "dropOption",
  },
  {
    on: [421, 494],
    when: "optionRequired",
    messageState: "undeliverable",
    papCode: pap.requiredCapabilitiesNotSupported,
    action: "finish",
  },
  { on: [420, 421, 494], messageState: "undeliverable", papCode: pap.internalServerError, action: "finish" },
  { on: [423], messageState: "undeliverable", papCode: pap.internalServerError, action: "raiseExpires" },
  // 477 is not registered: so Kamailio says that it found no way to the handset.
  { on: [430, 477, 480], messageState: "pending", papCode: pap.cannotReachDestination, action: "retry" },
  {
    on: [481, "SIP_NO_SUBSCRIPTION", "SIP_SUBSCRIPTION_ENDED"],
    messageState: "undeliverable",
    papCode: pap.cannotReachDestination,
    action: "removeSubscription",
  },
  { on: [482, 483, 502, 505], messageState: "undeliverable", papCode: pap.internalServerError, action: "finish" },
  { on: [486, 491, 500, 600], messageState: "pending", papCode: pap.resourceShortage, action: "retry" },
  { on: [487], when: "cancelled", messageState: "cancelled", papCode: pap.userRequest, action: "finish" },
  { on: [487], messageState: "aborted", papCode: pap.userRequest, action: "finish" },
  {
    on: [489],
    messageState: "undeliverable",
    papCode: pap.requiredCapabilitiesNotSupported,
    action: "fallBackToMessage",
  },
  { on: [503], messageState: "pending", papCode: pap.serviceUnavailable, action: "nextTarget" },
  // RFC 3428 §7: a 6xx was delivered and refused, so it is never tried again.
  { on: [603], messageState: "aborted", papCode: pap.userRefused, action: "finish" },
  { on: ["SIP_TIMEOUT", 408, 504], messageState: "timeout", papCode: pap.serviceFailure, action: "retry" },
  // RFC 3261 §8.1.3.1: a transport error is taken as a 503.
  { on: ["SIP_TRANSPORT"], messageState: "pending", papCode: pap.serviceUnavailable, action: "nextTarget" },
  {
    on: ["SIP_OVERLOADED", "SIP_QUEUE_FULL"],
    messageState: "pending",
    papCode: pap.serviceUnavailable,
    action: "retry",
  },
  {
    on: ["SIP_UNRESOLVED"],
    when: "failureRetryable",
    messageState: "pending",
    papCode: pap.serviceUnavailable,
    action: "retry",
  },
  { on: ["SIP_UNRESOLVED"], messageState: "undeliverable", papCode: pap.addressError, action: "finish" },
  { on: ["SIP_ABORTED"], messageState: "cancelled", papCode: pap.userRequest, action: "finish" },
  // deliver-before, as when nothing was tried.
  { on: ["SIP_EXPIRED"], messageState: "expired", papCode: pap.forbidden, action: "finish" },
  { on: ["SIP_CLOSED"], messageState: "unknown", papCode: pap.serviceFailure, action: "finish" },
  { on: ["imdn delivered"], messageState: "delivered", papCode: pap.ok, action: "finish" },
  { on: ["imdn failed"], messageState: "undeliverable", papCode: pap.clientAborted, action: "finish" },
  { on: ["imdn forbidden"], messageState: "unknown", papCode: pap.acceptedForProcessing, action: "finish" },
  { on: ["imdn error"], messageState: "unknown", papCode: pap.serviceFailure, action: "finish" },
  // The handset took the push, and whoever asked for a report asked for more than that.
  { on: ["imdn missing"], messageState: "unknown", papCode: pap.acceptedForProcessing, action: "finish" },
  { on: ["msrp complete"], messageState: "delivered", papCode: pap.ok, action: "finish" },
  { on: ["msrp timeout", "msrp 408"], messageState: "timeout", papCode: pap.serviceFailure, action: "finish" },
  { on: ["msrp 400", "msrp 423"], messageState: "undeliverable", papCode: pap.internalServerError, action: "finish" },
  { on: ["msrp 403"], messageState: "undeliverable", papCode: pap.forbidden, action: "finish" },
  { on: ["msrp 413"], messageState: "aborted", papCode: pap.resourceShortage, action: "finish" },
  { on: ["msrp 415"], messageState: "aborted", papCode: pap.contentTypeNotProcessed, action: "finish" },
  { on: ["msrp 481", "msrp 506"], messageState: "undeliverable", papCode: pap.serviceFailure, action: "reconnect" },
  {
    on: ["msrp 501"],
    messageState: "undeliverable",
    papCode: pap.specifiedDeliveryMethodNotPossible,
    action: "otherMethod",
  },
];

/**
 * Codes without a row count as x00 of their class (RFC 3261 §8.1.3.2). Other 6xx count as 603 and not as 600: they say that
 * the push arrived and was refused (RFC 3428 §7), and 600 would be tried again.
 */
const classCodes: Readonly<Record<number, number>> = { 2: 200, 3: 300, 4: 400, 5: 500, 6: 603 };

const rowsByResult = new Map<DeliveryResult, OutcomeRow[]>();
for (const row of outcomeTable) {
  for (const result of row.on) rowsByResult.set(result, [...(rowsByResult.get(result) ?? []), row]);
}

const noFacts: ResultFacts = {};

/**
 * The row for a result. Every status code 200..699, failure code, IMDN disposition and MSRP code has one.
 *
 * @throws {RangeError} for a number that is no final status code.
 */
export function outcomeOf(result: DeliveryResult, facts: ResultFacts = noFacts): OutcomeRow {
  const rows = rowsByResult.get(result) ?? rowsByResult.get(classOf(result)) ?? [];
  for (const row of rows) if (row.when === undefined || facts[row.when] === true) return row;
  throw new RangeError(`${result} is no final result`);
}

function classOf(result: DeliveryResult): DeliveryResult {
  if (typeof result === "number") return classCodes[Math.floor(result / 100)] ?? result;
  // RFC 4975 §10: codes that are not understood end the session like 400.
  return /^msrp [2-9][0-9]{2}$/.test(result) ? (result.startsWith("msrp 2") ? "msrp complete" : "msrp 400") : result;
}

/** Actions after which trying later makes sense. */
const RETRYABLE: ReadonlySet<DeliveryAction> = new Set(["retry", "nextTarget"]);

/** Whether the same push may be delivered when it is tried later. */
export function isRetryable(row: OutcomeRow): boolean {
  return RETRYABLE.has(row.action);
}
