export { environmentVariables } from "./environment.ts";
export { readPpgConfig } from "./read-config.ts";
export { senderOptionsOf } from "./sender-options.ts";
export {
  ConfigError,
  type ConfigProblem,
  describeProblem,
  type HttpAddress,
  type HttpTls,
  type InitiatorConfig,
  type LogLevel,
  type NotifyAs,
  type PpgConfig,
  type SipConfig,
  type Verifier,
} from "./types.ts";
export { type ConfigWorld, folderProblem } from "./world.ts";
