import { type PapOperation, papCodes, refusalReply } from "@sip-push/pap";
import { cancelPush } from "./cancel-operation.ts";
import { queryCapabilities } from "./capabilities-operation.ts";
import type { Answered, Handler, OperationContext, Received } from "./operation-context.ts";
import { submitPush } from "./push-operation.ts";
import { queryStatus } from "./status-operation.ts";

/** What a gateway sends, and does not take: the peer has mixed up the two sides. */
const isAnswer = ({ kind }: PapOperation, { request }: Received): Answered => ({
  operation: refusalReply(request.body, papCodes.badRequest, `${kind} is no request to a gateway`).operation,
  papCode: papCodes.badRequest,
});

const refuseResult: Handler<"resultnotification-message"> = ({ pushId, address }) => ({
  operation: {
    kind: "resultnotification-response",
    pushId,
    code: papCodes.badRequest,
    desc: "a gateway takes no results",
    address,
  },
  papCode: papCodes.badRequest,
});

const handlers: { readonly [K in PapOperation["kind"]]: Handler<K> } = {
  "push-message": submitPush,
  "cancel-message": cancelPush,
  "statusquery-message": queryStatus,
  "ccq-message": queryCapabilities,
  "resultnotification-message": refuseResult,
  "push-response": isAnswer,
  "cancel-response": isAnswer,
  "resultnotification-response": isAnswer,
  "statusquery-response": isAnswer,
  "ccq-response": isAnswer,
  "badmessage-response": isAnswer,
};

/** Does what an operation asks for. Rejects with `StoreError` when the store does not answer. */
export async function handleOperation<K extends PapOperation["kind"]>(
  operation: Extract<PapOperation, { kind: K }>,
  received: Received,
  context: OperationContext,
): Promise<Answered> {
  const handler: Handler<K> = handlers[operation.kind];
  return handler(operation, received, context);
}
