/** Result codes. PAP 2.x §9.13 and §9.14; x500 to x999 are for implementations. */
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

export type PapCode = (typeof papCodes)[keyof typeof papCodes];

/** What a code says, in the words of the specification: a `desc` to send when there is nothing better. */
export const papCodeDescriptions: Readonly<Record<PapCode, string>> = {
  1000: "OK",
  1001: "Accepted for Processing",
  2000: "Bad Request",
  2001: "Forbidden",
  2002: "Address Error",
  2003: "Address Not Found",
  2004: "Push ID Not Found",
  2005: "Capabilities Mismatch",
  2006: "Required Capabilities Not Supported",
  2007: "Duplicate Push ID",
  2008: "Cancellation Not Possible",
  3000: "Internal Server Error",
  3001: "Not Implemented",
  3002: "Version Not Supported",
  3003: "Not Possible",
  3004: "Capability Matching Not Supported",
  3005: "Multiple Addresses Not Supported",
  3006: "Transformation Failure",
  3007: "Specified Delivery Method Not Possible",
  3008: "Capabilities Not Available",
  3009: "Required Network Not Available",
  3010: "Required Bearer Not Available",
  3011: "Replacement Not Supported",
  4000: "Service Failure",
  4001: "Service Unavailable",
  5000: "Mobile Client Aborted",
  5026: "Mobile Client Aborted: User Request",
  5027: "Mobile Client Aborted: Push Refused, Do Not Retry",
  5028: "Mobile Client Aborted: Cannot Reach Intended Destination",
  5029: "Mobile Client Aborted: Resource Shortage",
  5030: "Mobile Client Aborted: Content Type Cannot Be Processed",
};

/** Success, the client's error, the server's error, failure of the service, abort by the mobile client. */
export const papCodeClasses = {
  1: "success",
  2: "client error",
  3: "server error",
  4: "service failure",
  5: "client abort",
} as const;
export type PapCodeClass = (typeof papCodeClasses)[keyof typeof papCodeClasses];

/** The class of a code from 1000 to 5999; undefined for another number. */
export function papCodeClassOf(code: number): PapCodeClass | undefined {
  const digit = Math.floor(code / 1000);
  return Number.isInteger(code) && digit in papCodeClasses ? papCodeClasses[digit as 1] : undefined;
}

/**
 * The code itself when it is listed, otherwise x000 of its class, which is how a code that is not known is to be taken.
 *
 * @returns undefined for a number that is no code.
 */
export function knownPapCode(code: number): PapCode | undefined {
  if (papCodeClassOf(code) === undefined) return undefined;
  return code in papCodeDescriptions ? (code as PapCode) : ((Math.floor(code / 1000) * 1000) as PapCode);
}

/** What a code says; for one that is not listed what x000 of its class says, and "" for a number that is no code. */
export function describePapCode(code: number): string {
  const known = knownPapCode(code);
  return known === undefined ? "" : papCodeDescriptions[known];
}
