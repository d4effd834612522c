import { descOf, papCodeDescriptions, papCodes, type QualityOfService, type StatusQueryResult } from "@sip-push/pap";
import { type DeliveryState, messageStateOf } from "../delivery/delivery.machine.ts";
import { type PushDetails, qualityOf } from "../push-details.ts";
import type { DeliveryRecord, PushStatus } from "../store/types.ts";
import type { Handler } from "./operation-context.ts";
import { storedAddresses } from "./stored-addresses.ts";

/** What `pending` does not say; what waits says why by its last answer. */
const pendingDescs: Partial<Record<DeliveryState, string>> = {
  sending: "an attempt is under way",
  "waiting-report": "the handset or a relay has it; its delivery report is awaited",
};
/** Of a delivery that was taken back while an attempt was under way. */
const LAST_ATTEMPT = "the last attempt is under way: cancelled if it fails";

/**
 * Tells the state of a push for all its recipients, or for those named: `pending` until it is final, with how far it is as `desc`.
 * PAP 2.x statusquery-message.
 */
export const queryStatus: Handler<"statusquery-message"> = async (operation, { request }, { store, resolver }) => {
  const { pushId, addresses } = operation;
  const status = await store.status({ initiator: request.initiator.name, pushId });
  const statusQueryResults: StatusQueryResult[] =
    status === undefined ? [unknown(papCodes.pushIdNotFound, addresses)] : resultsOf(status, addresses, resolver);
  const papCode = status === undefined ? papCodes.pushIdNotFound : papCodes.ok;
  return { operation: { kind: "statusquery-response", pushId, statusQueryResults }, papCode };
};

type Resolver = Parameters<typeof storedAddresses>[2];

function resultsOf(status: PushStatus, asked: readonly string[], resolver: Resolver): StatusQueryResult[] {
  // The push was written by the intake, so its data are the details.
  const quality = qualityOf(status.push, status.push.applicationData as unknown as PushDetails);
  const byAddress = new Map(status.deliveries.map((delivery) => [delivery.address, delivery]));
  if (asked.length === 0) return grouped([...byAddress], quality);
  const stored = [...storedAddresses(asked, status, resolver)];
  const known = stored.flatMap(([address, found]) => {
    const delivery = found === undefined ? undefined : byAddress.get(found);
    return delivery === undefined ? [] : [[address, delivery] as const];
  });
  const missing = stored.filter(([, found]) => found === undefined).map(([address]) => address);
  const results = grouped(known, quality);
  return missing.length === 0 ? results : [...results, unknown(papCodes.addressError, missing)];
}

/** One result for all recipients of whom the same is to be said, to the second that PAP tells. */
function grouped(
  deliveries: Iterable<readonly [address: string, delivery: DeliveryRecord]>,
  quality: QualityOfService | undefined,
): StatusQueryResult[] {
  const groups = new Map<string, { readonly first: DeliveryRecord; readonly addresses: string[] }>();
  for (const [address, delivery] of deliveries) {
    const { state, papCode, eventAtMs } = delivery;
    const key = `${messageStateOf(state)} ${papCode} ${Math.floor(eventAtMs / 1000)} ${descriptionOf(delivery)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: delivery, addresses: [address] });
    else group.addresses.push(address);
  }
  return [...groups.values()].map(({ first, addresses }) => ({
    eventTime: new Date(first.eventAtMs),
    messageState: messageStateOf(first.state),
    code: first.papCode,
    ...(descriptionOf(first) !== "" && { desc: descOf(descriptionOf(first)) }),
    addresses,
    ...(quality !== undefined && { qualityOfService: quality }),
  }));
}

function descriptionOf({ state, reason, cancelRequested }: DeliveryRecord): string {
  if (state === "sending" && cancelRequested) return LAST_ATTEMPT;
  return pendingDescs[state] ?? reason;
}

/** PAP demands a state of everything, also of what there is not. */
function unknown(code: 2002 | 2004, addresses: readonly string[]): StatusQueryResult {
  return { messageState: "unknown", code, desc: papCodeDescriptions[code], addresses };
}
