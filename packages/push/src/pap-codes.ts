/**
 * State of a push towards one recipient. PAP 2.x `message-state`, all nine.
 *
 * - `pending`: not delivered yet, not given up: a relay holds it, or its owner may try again.
 * - `delivered`: the handset answered for it. `unknown`: nobody can tell.
 * - `undeliverable`: refused on the way, or nobody there. `aborted`: it arrived and was refused.
 * - `timeout`: no answer in time. `expired`: its deliver-before passed.
 * - `cancelled`: taken back by its owner. `rejected`: not accepted by the gateway.
 */
export type MessageState =
  | "rejected"
  | "pending"
  | "delivered"
  | "undeliverable"
  | "expired"
  | "aborted"
  | "timeout"
  | "cancelled"
  | "unknown";

/** PAP 2.x result codes: 1xxx success, 2xxx client error, 3xxx server error, 4xxx service failure, 5xxx handset. */
export const papCodes = {
  ok: 1000,
  acceptedForProcessing: 1001,
  badRequest: 2000,
  forbidden: 2001,
  addressError: 2002,
  addressNotFound: 2003,
  pushIdNotFound: 2004,
  capabilitiesMismatch: 2005,
  requiredCapabilitiesNotSupported: 2006,
  duplicatePushId: 2007,
  cancellationNotPossible: 2008,
  internalServerError: 3000,
  notImplemented: 3001,
  versionNotSupported: 3002,
  notPossible: 3003,
  capabilityMatchingNotSupported: 3004,
  multipleAddressesNotSupported: 3005,
  transformationFailure: 3006,
  specifiedDeliveryMethodNotPossible: 3007,
  capabilitiesNotAvailable: 3008,
  requiredNetworkNotAvailable: 3009,
  requiredBearerNotAvailable: 3010,
  replacementNotSupported: 3011,
  serviceFailure: 4000,
  serviceUnavailable: 4001,
  clientAborted: 5000,
  userRequest: 5026,
  userRefused: 5027,
  cannotReachDestination: 5028,
  resourceShortage: 5029,
  contentTypeNotProcessed: 5030,
} as const;

/** A PAP 2.x result code. */
export type PapCode = (typeof papCodes)[keyof typeof papCodes];
