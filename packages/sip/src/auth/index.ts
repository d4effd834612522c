export {
  AkaError,
  type AkaErrorCode,
  type AkaKeys,
  type AkaVersion,
  type AuthenticationVector,
  akaPassword,
  akaSessionKeys,
  fromAkaNonce,
  fromAuts,
  type SessionKeys,
  toAkaNonce,
} from "./aka.ts";
export { akaAlgorithms } from "./aka-algorithms.ts";
export {
  type AkaSubscriber,
  type AkaVectorSource,
  AuthenticationCentre,
  type AuthenticationCentreOptions,
  type SqnStore,
} from "./authentication-centre.ts";
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
  type PasswordAccount,
  type Qop,
  type UsimAccount,
} from "./digest.ts";
export { Milenage, type MilenageOutput, opcOf } from "./milenage.ts";
export {
  type AkaServerOptions,
  type DigestRefusal,
  type DigestSecret,
  DigestServer,
  type DigestServerOptions,
  type DigestVerdict,
  type UserLookup,
} from "./server.ts";
export { Usim, type UsimAnswer, type UsimOptions, type UsimStore } from "./usim.ts";
export { usimFile } from "./usim-store.ts";
