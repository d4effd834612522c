export type {
  HandsetContact,
  RegistrationListener,
  RegistrationNews,
  RegistrationSource,
} from "./registration-news.ts";
export type { RegistrationRequest, RegistrationResult } from "./registration-waits.ts";
export { RegistrationWatch, type RegistrationWatchOptions } from "./registration-watch.ts";
export { ThirdPartyRegistrar, type ThirdPartyRegistrarOptions } from "./third-party-registrar.ts";
