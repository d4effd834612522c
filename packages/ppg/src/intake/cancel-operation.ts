import { type CancelResult, descOf, type PapCode, papCodeClassOf, papCodeDescriptions, papCodes } from "@sip-push/pap";
import type { CancelVerdict } from "../store/types.ts";
import type { Answered, Handler } from "./operation-context.ts";
import type { Refusal } from "./refusal.ts";
import { storedAddresses } from "./stored-addresses.ts";

/** What the initiator is told of each verdict. */
const verdicts: Readonly<Record<CancelVerdict, Refusal>> = {
  cancelled: { papCode: papCodes.ok, desc: papCodeDescriptions[papCodes.ok] },
  requested: {
    papCode: papCodes.acceptedForProcessing,
    desc: "an attempt is under way: cancelled if it fails, else delivered",
  },
  notPossible: {
    papCode: papCodes.cancellationNotPossible,
    desc: papCodeDescriptions[papCodes.cancellationNotPossible],
  },
  addressNotFound: { papCode: papCodes.addressError, desc: "the push does not go to this address" },
};

/**
 * Takes a push back, for all its recipients or for those named: 1000 where it waits, 1001 while an attempt is under way (the result
 * says how that ended), 2008 once it is final or the handset or a relay has it. PAP 2.x cancel-message.
 */
export const cancelPush: Handler<"cancel-message"> = async (
  operation,
  { request },
  { store, resolver, clock, logger },
) => {
  const { pushId, addresses } = operation;
  const initiator = request.initiator.name;
  const notFound = { code: papCodes.pushIdNotFound, desc: papCodeDescriptions[papCodes.pushIdNotFound], addresses };
  if (addresses.length === 0) {
    const all = await store.cancel({ initiator, pushId }, clock.date().getTime());
    return all === undefined ? response(pushId, [notFound]) : response(pushId, grouped(all));
  }
  const status = await store.status({ initiator, pushId });
  if (status === undefined) return response(pushId, [notFound]);
  const stored = storedAddresses(addresses, status, resolver);
  const known = [...new Set([...stored.values()].filter((address) => address !== undefined))];
  const cancelled =
    known.length === 0
      ? []
      : ((await store.cancel({ initiator, pushId, addresses: known }, clock.date().getTime())) ?? []);
  const byAddress = new Map(cancelled.map(({ address, verdict }) => [address, verdict]));
  logger.debug({ pushId, initiator, addresses: known.length }, "push cancelled");
  return response(
    pushId,
    grouped(
      [...stored].map(([address, found]) => {
        const verdict = found === undefined ? undefined : byAddress.get(found);
        return { address, verdict: verdict ?? "addressNotFound" };
      }),
    ),
  );
};

/** One result for all addresses with the same verdict, in the order in which verdicts first come. */
function grouped(all: readonly { readonly address: string; readonly verdict: CancelVerdict }[]): CancelResult[] {
  const groups = new Map<CancelVerdict, string[]>();
  for (const { address, verdict } of all) {
    const group = groups.get(verdict);
    if (group === undefined) groups.set(verdict, [address]);
    else group.push(address);
  }
  return [...groups].map(([verdict, addresses]) => {
    const { papCode, desc } = verdicts[verdict];
    return { code: papCode, desc: descOf(desc), addresses };
  });
}

function response(pushId: string, cancelResults: readonly CancelResult[]): Answered {
  const worst = cancelResults.find(({ code }) => papCodeClassOf(code) !== "success") ?? cancelResults[0];
  const papCode = (worst?.code ?? papCodes.ok) as PapCode;
  return { operation: { kind: "cancel-response", pushId, cancelResults }, papCode };
}
