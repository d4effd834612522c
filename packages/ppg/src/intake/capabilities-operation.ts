import { type CcqMessage, descOf, type PapCode, papCodeDescriptions, papCodes } from "@sip-push/pap";
import { parseApplicationId } from "@sip-push/push";
import { type Answered, type Handler, permittedRecipient } from "./operation-context.ts";
import { encodeUaProf } from "./ua-prof.ts";

/** Tells what a handset can take, as a UAProf document beside the answer. PAP 2.x ccq-message. */
export const queryCapabilities: Handler<"ccq-message"> = async (operation, { rights, request }, context) => {
  const { resolver, capabilitiesOf, logger } = context;
  const found = permittedRecipient(operation.address, resolver, rights);
  if ("reason" in found) return response(operation, found.papCode, found.reason);
  const { appId } = operation;
  const applicationId = appId === undefined || appId.trim() === "" ? null : parseApplicationId(appId);
  if (applicationId === undefined) return response(operation, papCodes.badRequest, "app-id is no application id");
  try {
    const known = await capabilitiesOf(found.requestUri, applicationId);
    if (known === null) return response(operation, papCodes.capabilitiesNotAvailable);
    if (typeof known === "number") return response(operation, known);
    const { applications } = known;
    if (applicationId !== null && applications != null && !applications.includes(applicationId)) {
      return response(operation, papCodes.notPossible, `the handset does not have ${applicationId}`);
    }
    const capabilities = { contentType: "application/xml", body: encodeUaProf(known) };
    return { ...response(operation, papCodes.ok), capabilities };
  } catch (error) {
    logger.warn({ err: error, initiator: request.initiator.name, recipient: found.uri }, "capabilities query failed");
    return response(operation, papCodes.internalServerError);
  }
};

function response({ queryId, address }: CcqMessage, code: PapCode, desc?: string): Answered {
  const operation = {
    kind: "ccq-response" as const,
    code,
    desc: descOf(desc ?? papCodeDescriptions[code]),
    address,
    ...(queryId !== undefined && { queryId }),
  };
  return { operation, papCode: code };
}
