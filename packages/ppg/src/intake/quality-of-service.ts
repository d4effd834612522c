import {
  type Bearer,
  bearerOf,
  defaultQualityOfService,
  type Network,
  networkOf,
  type PushMessage,
  papCodes,
  type QualityOfService,
} from "@sip-push/pap";
import type { KeptQuality } from "../push-details.ts";
import type { Refusal } from "./refusal.ts";

/** What the gateway offers of what can be required. */
export interface Offered {
  readonly networks: ReadonlySet<Network>;
  readonly bearers: ReadonlySet<Bearer>;
}

/** @throws {RangeError} for a name that WDP does not list. */
export function offeredOf(networks: readonly string[], bearers: readonly string[]): Offered {
  const all = <T>(option: string, names: readonly string[], find: (name: string) => T | undefined): Set<T> =>
    new Set(
      names.map((name) => {
        const value = find(name);
        if (value === undefined) throw new RangeError(`${option}: ${JSON.stringify(name)} is none that WDP lists`);
        return value;
      }),
    );
  return { networks: all("networks", networks, networkOf), bearers: all("bearers", bearers, bearerOf) };
}

/** The quality of service of a push as it is kept with it. */
export function keptQuality(quality: QualityOfService | undefined): KeptQuality {
  const { network, networkRequired, bearer, bearerRequired } = quality ?? defaultQualityOfService;
  return {
    network: (network === undefined ? undefined : networkOf(network)) ?? null,
    networkRequired,
    bearer: (bearer === undefined ? undefined : bearerOf(bearer)) ?? null,
    bearerRequired,
    qualityOfService: quality !== undefined,
  };
}

/** PAP 3009, 3010: what is required and not offered. `Any` is always there; without a name nothing is required. */
export function refusedQuality(quality: QualityOfService | undefined, offered: Offered): Refusal | undefined {
  if (quality === undefined) return undefined;
  const { network, networkRequired, bearer, bearerRequired } = quality;
  if (networkRequired && network !== undefined && !isOffered(networkOf(network), offered.networks)) {
    return { papCode: papCodes.requiredNetworkNotAvailable, desc: `network ${network} is not offered` };
  }
  if (bearerRequired && bearer !== undefined && !isOffered(bearerOf(bearer), offered.bearers)) {
    return { papCode: papCodes.requiredBearerNotAvailable, desc: `bearer ${bearer} is not offered` };
  }
  return undefined;
}

function isOffered(name: string | undefined, offered: ReadonlySet<string>): boolean {
  return name === "Any" || (name !== undefined && offered.has(name));
}

/** When a push may be delivered. Milliseconds since 1970. */
export interface DeliveryWindow {
  readonly deliverAfterMs: number | null;
  readonly deliverBeforeMs: number;
}

/**
 * The window of a push, no longer than the gateway keeps one.
 *
 * PAP has no code for a deadline that has passed: it is refused 2001, as Kannel does, so that initiators need to know one
 * answer only. A window that can never open is the initiator's mistake: 2000.
 */
export function windowOf(
  { deliverAfterTimestamp, deliverBeforeTimestamp }: PushMessage,
  nowMs: number,
  maxLifetimeSeconds: number,
): DeliveryWindow | Refusal {
  const deliverAfterMs = deliverAfterTimestamp?.getTime() ?? null;
  const askedMs = deliverBeforeTimestamp?.getTime();
  const lastMs = nowMs + maxLifetimeSeconds * 1000;
  if (askedMs !== undefined && askedMs <= nowMs) {
    return { papCode: papCodes.forbidden, desc: "deliver-before-timestamp has passed" };
  }
  if (deliverAfterMs !== null && askedMs !== undefined && deliverAfterMs >= askedMs) {
    return { papCode: papCodes.badRequest, desc: "deliver-after-timestamp is not before deliver-before-timestamp" };
  }
  if (deliverAfterMs !== null && deliverAfterMs >= lastMs) {
    const desc = `deliver-after-timestamp is further ahead than the ${maxLifetimeSeconds} seconds that a push is kept`;
    return { papCode: papCodes.badRequest, desc };
  }
  return { deliverAfterMs, deliverBeforeMs: Math.min(askedMs ?? lastMs, lastMs) };
}
