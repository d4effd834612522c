import { type PapCode, type PapOperation, papCodeDescriptions } from "@sip-push/pap";
import type { Answered, OperationContext, Received } from "./operation-context.ts";
import { pushResponse } from "./push-operation.ts";

/** The push-id of an operation; null when it has none. */
export function pushIdIn(operation: PapOperation): string | null {
  return "pushId" in operation && operation.pushId !== "" ? operation.pushId : null;
}

/** The answer to an operation that could not be done, for no fault of its own. */
export function failureAnswer(
  operation: PapOperation,
  papCode: PapCode,
  received: Pick<Received, "receivedAt">,
  context: Pick<OperationContext, "clock" | "senderAddress" | "senderName">,
): Answered {
  const desc = papCodeDescriptions[papCode];
  switch (operation.kind) {
    case "push-message":
      return pushResponse(operation, received, context, { papCode, desc });
    case "cancel-message": {
      const { pushId, addresses } = operation;
      const cancelResults = [{ code: papCode, desc, addresses }];
      return { operation: { kind: "cancel-response", pushId, cancelResults }, papCode };
    }
    case "statusquery-message": {
      const { pushId, addresses } = operation;
      const statusQueryResults = [{ messageState: "unknown" as const, code: papCode, desc, addresses }];
      return { operation: { kind: "statusquery-response", pushId, statusQueryResults }, papCode };
    }
    case "ccq-message": {
      const { queryId, address } = operation;
      const query = queryId === undefined ? {} : { queryId };
      return { operation: { kind: "ccq-response", code: papCode, desc, address, ...query }, papCode };
    }
    default:
      return { operation: { kind: "badmessage-response", code: papCode, desc }, papCode };
  }
}
