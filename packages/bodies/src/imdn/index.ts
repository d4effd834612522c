export { decodeImdn, dispositionRequests, encodeImdn, IMDN_TYPE, imdnHeaders, imdnMessageId } from "./imdn.ts";
export { type DispositionRequest, type Imdn, type ImdnStatus, type NotificationKind, statusesOf } from "./types.ts";
