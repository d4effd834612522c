import type { Failed, PushResult, Refused } from "@sip-push/initiator";
import { describePapCode, type MessageState } from "@sip-push/pap";
import { type Io, printJson } from "./io.ts";
import { printable } from "./text.ts";

/** As many recipients are named to people; of the others it is said how many. */
const MAX_NAMED = 3;

/** Recipients that all have the same to be said of: `a, b, c and 997 more`. None named: it is said of all. */
export function nameSome(addresses: readonly string[]): string {
  if (addresses.length === 0) return "all recipients";
  const named = addresses.slice(0, MAX_NAMED).join(", ");
  const others = addresses.length - MAX_NAMED;
  return others > 0 ? `${named} and ${others} more` : named;
}

/** What became of a push for one recipient, as it is printed. */
export interface ResultLine {
  readonly pushId: string;
  /** Null: the gateway says it of all recipients. */
  readonly address: string | null;
  readonly messageState: MessageState;
  readonly papCode: number;
  readonly description: string;
  readonly eventTime: Date | null;
}

/** A result notification as a line. */
export function resultLine({ pushId, address, messageState, code, desc, eventTime }: PushResult): ResultLine {
  const description = desc ?? describePapCode(code);
  return { pushId, address, messageState, papCode: code, description, eventTime: eventTime ?? null };
}

/** One line for a result, JSON or text. */
export function printResult(io: Io, json: boolean, line: ResultLine): void {
  const { pushId, address, messageState, papCode, description, eventTime } = line;
  if (json) {
    printJson(io, {
      event: "result",
      pushId,
      address,
      messageState,
      papCode,
      description,
      eventTime: timeOf(eventTime),
    });
    return;
  }
  const when = eventTime === null ? "" : `, ${timeOf(eventTime)}`;
  io.stdout.write(
    `${printable(`${address ?? "all recipients"}: ${messageState}, ${papCode} ${description}${when}`)}\n`,
  );
}

/** How it is said that a gateway refused what was asked, or gave no answer. */
interface Wording {
  /** Of the event's name. */
  readonly prefix: string;
  readonly refused: string;
  readonly failed: string;
}

type Operation = "push" | "status" | "cancel" | "capabilities";

/** What is asked about a push has words of its own: `refused` beside a push-id would say that the push was. */
const wordings: Readonly<Record<Operation, Wording>> = {
  push: { prefix: "", refused: "refused", failed: "no answer" },
  status: { prefix: "status-", refused: "status not told", failed: "status not told: no answer" },
  cancel: { prefix: "cancel-", refused: "not cancelled", failed: "no answer to the cancellation" },
  capabilities: { prefix: "", refused: "refused", failed: "no answer" },
};

/** What was asked, about which push. */
interface Asked {
  readonly operation: Operation;
  readonly pushId: string | null;
}

/** One line for what a gateway did not do, JSON or text. */
export function printRefusal(io: Io, json: boolean, { operation, pushId }: Asked, outcome: Refused | Failed): void {
  const wording = wordings[operation];
  if (json) {
    printJson(io, { event: `${wording.prefix}${outcome.kind}`, pushId, ...refusalJson(outcome) });
    return;
  }
  const { description } = outcome;
  if (outcome.kind === "failed") {
    io.stdout.write(`${printable(`${wording.failed} (${outcome.reason}): ${description}`)}\n`);
    return;
  }
  const { papCode, httpStatus, retryAfterSeconds, badMessageFragment } = outcome;
  const code = papCode === null ? `HTTP ${httpStatus}` : String(papCode);
  const wait = retryAfterSeconds === null ? "" : `; try again in ${retryAfterSeconds} s`;
  io.stdout.write(`${printable(`${wording.refused}: ${code} ${description}${wait}`)}\n`);
  if (badMessageFragment !== null) io.stdout.write(`  ${printable(badMessageFragment)}\n`);
}

function refusalJson(outcome: Refused | Failed): object {
  const refused = outcome.kind === "refused" ? outcome : null;
  return {
    papCode: refused?.papCode ?? null,
    httpStatus: outcome.httpStatus,
    reason: outcome.kind === "failed" ? outcome.reason : null,
    description: outcome.description,
    badMessageFragment: refused?.badMessageFragment ?? null,
    retryAfterSeconds: refused?.retryAfterSeconds ?? null,
    retryable: outcome.retryable,
  };
}

function timeOf(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
