export { CPIM_TYPE, decodeCpim, encodeCpim } from "./cpim.ts";
export {
  CPIM_NAMESPACE,
  cpimHeader,
  cpimValue,
  escapeCpim,
  IMDN_CPIM_NAMESPACE,
  parseCpimAddress,
  serializeCpimAddress,
  unescapeCpim,
} from "./header.ts";
export type { CpimAddress, CpimHeader, CpimMessage } from "./types.ts";
