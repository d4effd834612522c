import type { Failed, PushResult, Refused } from "@sip-push/initiator";
import { describePapCode, type MessageState } from "@sip-push/pap";
import { type Io, printJson } from "./io.ts";
import { printable } from "./text.ts";

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

/** One line for what a gateway did not do, JSON or text. */
export function printRefusal(io: Io, json: boolean, pushId: string | null, outcome: Refused | Failed): void {
  if (json) {
    printJson(io, { event: outcome.kind, pushId, ...refusalJson(outcome) });
    return;
  }
  const { description } = outcome;
  if (outcome.kind === "failed") {
    io.stdout.write(`${printable(`no answer (${outcome.reason}): ${description}`)}\n`);
    return;
  }
  const { papCode, httpStatus, retryAfterSeconds, badMessageFragment } = outcome;
  const code = papCode === null ? `HTTP ${httpStatus}` : String(papCode);
  const wait = retryAfterSeconds === null ? "" : `; try again in ${retryAfterSeconds} s`;
  io.stdout.write(`${printable(`refused: ${code} ${description}${wait}`)}\n`);
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
