export { ProxyConfigError, type ProxyConfigErrorCode } from "./errors.ts";
export type { ProxyEventMap } from "./events.ts";
export type { Binding, Reach, UnregisterReason } from "./location-store.ts";
export type { SipProxyOptions } from "./options.ts";
export type { ExpiresPolicy } from "./register-request.ts";
export { SipProxy } from "./sip-proxy.ts";
export { type User, UserDirectory } from "./users.ts";
export { parseUsers } from "./users-file.ts";
