import type { PushStatus } from "../store/types.ts";
import type { AddressResolver } from "./address-resolver.ts";

/**
 * Finds the address that a push was submitted with for each that is asked about: the same text, or another spelling of the same
 * recipient. Undefined: the push does not go there.
 */
export function storedAddresses(
  asked: readonly string[],
  { deliveries }: Pick<PushStatus, "deliveries">,
  resolver: AddressResolver,
): ReadonlyMap<string, string | undefined> {
  const addresses = new Set(deliveries.map(({ address }) => address));
  const missing = asked.some((address) => !addresses.has(address));
  // A rejected address stands for its recipient only when nothing else does.
  const byRecipient = new Map<string, string>();
  if (missing) {
    for (const { recipient, address } of deliveries) {
      if (recipient !== "" && !byRecipient.has(recipient)) byRecipient.set(recipient, address);
    }
  }
  const find = (address: string): string | undefined => {
    if (addresses.has(address)) return address;
    const resolved = resolver.resolve(address);
    return "recipient" in resolved ? byRecipient.get(resolved.recipient.uri) : undefined;
  };
  return new Map(asked.map((address) => [address, find(address)]));
}
