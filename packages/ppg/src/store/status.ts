import type { DeliveryRecord, PushStatus } from "./types.ts";

/** The answer to a statusquery: all deliveries, or those to the addresses asked for, in that order. */
export function statusOf(
  push: PushStatus["push"],
  all: readonly DeliveryRecord[],
  addresses: readonly string[] | undefined,
): PushStatus {
  if (addresses === undefined) return { push, deliveries: all, unknownAddresses: [] };
  const byAddress = new Map(all.map((delivery) => [delivery.address, delivery]));
  const wanted = [...new Set(addresses)];
  return {
    push,
    deliveries: wanted.flatMap((address) => byAddress.get(address) ?? []),
    unknownAddresses: wanted.filter((address) => !byAddress.has(address)),
  };
}
