import type { PushStatus, SubmittedRecipient } from "../store/types.ts";
import type { AddressResolver } from "./address-resolver.ts";
import { recipientKey } from "./recipient-uri.ts";

type Deliveries = Pick<PushStatus, "deliveries">;

/**
 * Finds the address that a push was submitted with for each that is asked about: the same text, or another spelling of the same
 * recipient. Undefined: the push does not go there.
 */
export function storedAddresses(
  asked: readonly string[],
  { deliveries }: Deliveries,
  resolver: AddressResolver,
): ReadonlyMap<string, string | undefined> {
  const addresses = new Set(deliveries.map(({ address }) => address));
  const missing = asked.some((address) => !addresses.has(address));
  const byKey = missing ? deliveriesByKey({ deliveries }) : undefined;
  const find = (address: string): string | undefined => {
    if (addresses.has(address)) return address;
    const resolved = resolver.resolve(address);
    return "recipient" in resolved ? byKey?.get(recipientKey(resolved.recipient.requestUri))?.address : undefined;
  };
  return new Map(asked.map((address) => [address, find(address)]));
}

/** The recipients of a replacement, those of the push that it replaces spelled as there: by that the store finds them. */
export function spelledAsIn(replaced: Deliveries, recipients: readonly SubmittedRecipient[]): SubmittedRecipient[] {
  const byKey = deliveriesByKey(replaced);
  return recipients.map((each) => {
    const old = each.rejected === undefined ? byKey.get(recipientKey(each.recipient)) : undefined;
    return old === undefined ? each : { ...each, recipient: old.recipient };
  });
}

/** A rejected address stands for its recipient only when nothing else does. */
function deliveriesByKey({ deliveries }: Deliveries): ReadonlyMap<string, Deliveries["deliveries"][number]> {
  const byKey = new Map<string, Deliveries["deliveries"][number]>();
  const isRejected = ({ state }: Deliveries["deliveries"][number]): boolean => state === "rejected";
  for (const delivery of deliveries) {
    const key = recipientKey(delivery.recipient);
    const known = byKey.get(key);
    if (known === undefined || (isRejected(known) && !isRejected(delivery))) byKey.set(key, delivery);
  }
  return byKey;
}
