export type { BackoffOptions } from "./backoff.ts";
export { parseListenAddress, serializeListenAddress } from "./listen-address.ts";
export { type OpenOptions, openTransport } from "./open.ts";
export type { TransportStats } from "./settings.ts";
export {
  type Address,
  type Flow,
  type FlowUser,
  type ListenAddress,
  SipTransportError,
  type SipTransportErrorCode,
  type Target,
  type TlsOptions,
  type Transport,
  type TransportName,
  type TransportOptions,
  transports,
} from "./transport.ts";
export { type OpenTransport, TransportLayer, type TransportUser } from "./transport-layer.ts";
