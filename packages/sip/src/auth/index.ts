export {
  type AuthSide,
  authSides,
  type DigestChallenge,
  parseChallenges,
  serializeChallenge,
} from "./challenge.ts";
export { DigestClient, type DigestClientOptions } from "./client.ts";
export { type DigestCredentials, parseCredentials, serializeCredentials } from "./credentials.ts";
export {
  type DerivedSecret,
  type DigestAccount,
  type DigestAlgorithm,
  type DigestHash,
  type DigestInput,
  digestAlgorithms,
  digestHa1,
  digestHash,
  digestResponse,
  digestUserhash,
  findAlgorithm,
  type Qop,
} from "./digest.ts";
export {
  type DigestRefusal,
  type DigestSecret,
  DigestServer,
  type DigestServerOptions,
  type DigestVerdict,
  type UserLookup,
} from "./server.ts";
