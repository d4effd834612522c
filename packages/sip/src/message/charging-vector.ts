import { quote, TOKEN } from "./text.ts";
import { randomToken } from "./tokens.ts";

/** What the charging vectors of one network element have in common. RFC 7315 §5.6. */
export interface ChargingVectorInit {
  /** `icid-generated-at`: host name or address of who makes the charging identifiers. */
  readonly generatedAt?: string;
  /** `orig-ioi`: the network that the requests come from. */
  readonly originIoi?: string;
}

/**
 * A P-Charging-Vector with a charging identifier of its own (128 random bits): each dialog and each request outside a dialog
 * has another one, unlike any in the world. RFC 7315 §4.6.
 */
export function newChargingVector({ generatedAt, originIoi }: ChargingVectorInit = {}): string {
  return [
    `icid-value=${randomToken(16)}`,
    ...(generatedAt === undefined ? [] : [`icid-generated-at=${generatedAt}`]),
    ...(originIoi === undefined ? [] : [`orig-ioi=${TOKEN.test(originIoi) ? originIoi : quote(originIoi)}`]),
  ].join(";");
}
