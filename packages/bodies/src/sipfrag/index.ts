export { decodeSipfrag, encodeSipfrag, SIPFRAG_TYPE, type SipStatusLine } from "./sipfrag.ts";
