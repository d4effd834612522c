import { responseTo, type SipRequest, SipResponse } from "../../message/index.ts";
import type { ServerTransaction } from "../../transaction/index.ts";
import { createRequest } from "../../user-agent/request.ts";

export const ALICE = "sip:alice@example.test";
export const PIDF = "application/pidf+xml";

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** A PUBLISH of `body` for alice; `Event: presence` unless the fields name another. */
export function publish(fields: Fields = [], body?: string): SipRequest {
  const has = (name: string): boolean => fields.some(([each]) => each === name);
  return createRequest({
    method: "PUBLISH",
    requestUri: ALICE,
    from: ALICE,
    headers: [
      ...(has("Event") ? [] : [["Event", "presence"] as const]),
      ...(body === undefined || has("Content-Type") ? [] : [["Content-Type", PIDF] as const]),
      ...fields.filter(([name, value]) => name !== "Event" || value !== ""),
    ],
    ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }),
  });
}

/** What a transaction would send: for tests of the agent by itself. */
export function answerTo(request: SipRequest, handle: (transaction: ServerTransaction) => void): SipResponse {
  const answers: SipResponse[] = [];
  const transaction: Pick<ServerTransaction, "request" | "reply"> = {
    request,
    reply: (statusCode, init) => void answers.push(responseTo(request, statusCode, init)),
  };
  handle(transaction as ServerTransaction);
  if (answers.length !== 1) throw new Error(`${answers.length} answers`);
  return answers[0] as SipResponse;
}
