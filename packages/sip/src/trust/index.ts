export { AddressRanges, looksLikeRange, loopback } from "./address-ranges.ts";
export { TrustConfigError, type TrustConfigErrorCode, type TrustProblem } from "./errors.ts";
export { type Peer, TrustDomain } from "./trust-domain.ts";
