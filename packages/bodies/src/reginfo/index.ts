export {
  type AppliedReginfo,
  applyReginfo,
  emptyRegistrationView,
  type RegistrationView,
  type ViewLimits,
} from "./apply.ts";
export { decodeReginfo, encodeReginfo, REGINFO_TYPE } from "./reginfo.ts";
export type {
  ContactEvent,
  ContactState,
  Reginfo,
  RegisteredContact,
  RegistrationInfo,
  RegistrationState,
} from "./types.ts";
